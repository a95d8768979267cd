"""The gallery: a searchable folder of codes, features, thumbnails and a table of items.

A search and the dashboard need this folder only: no torch, no network, no original images.
`rsh.gallery.manifest` lists its files, `rsh.gallery.segment` describes their content, and
`rsh.gallery.writer` changes them.
"""

import warnings
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes.binary import Codes, Packed, unpack
from rsh.codes.distinct import DistinctCodes
from rsh.codes.encodings import Encodings, HalfArray
from rsh.codes.order import hash_order
from rsh.codes.outliers import Outliers
from rsh.codes.parts import CodePart, code_parts
from rsh.data.backgrounds import Background, read_backgrounds
from rsh.errors import InputError, RshWarning
from rsh.gallery.annotations.overlay import meets
from rsh.gallery.annotations.store import AnnotationStore
from rsh.gallery.filters import NO_FILTER, Filter, Mask
from rsh.gallery.groups import AT_ONCE, Groups, find_groups, in_groups, restore_groups
from rsh.gallery.items import DEGREES, LANDMARKS, PLANES, read_groups, read_planes
from rsh.gallery.landmarks import MOST_FITTED, Landmarks, find_components, to_vectors
from rsh.gallery.learned import LearnedHead
from rsh.gallery.manifest import GroupsInfo, Manifest, check_files, read_manifest
from rsh.gallery.placeholder import draw_code
from rsh.gallery.searcher import (
    IndexSearcher,
    Searcher,
    check_passing,
    open_searcher,
    with_held_out,
)
from rsh.gallery.segment import GalleryTiles, Segment
from rsh.index.base import Hits
from rsh.io.arrays import take_rows
from rsh.io.files import recovery_hint
from rsh.labels import Labeled

CACHED_FILTERS = 8  # filters whose searchers are kept


class Gallery(Labeled):
    """An opened gallery folder.

    A search returns no items of the "query" split, which are held out, unless it is told to include
    them; so results follow the disjoint protocol. The ids in `Hits` are row numbers of `items`.

    Attributes:
        folder: the gallery folder.
        manifest: the contents of gallery.json.
        segments: opened, in the order of the manifest.
        segment_rows: segment of each item, and its row in that segment, (n, 2) int64.
        items: one row per item: id, class ("" where it is unknown), split (train, val, query, or
            empty) and, if known, longitude and latitude in degrees, block and footprint.
        num_bits: code length, bits.
        packed: (n, ceil(num_bits / 8)) uint8.
        relaxed: hash layer output, whose signs are the codes, (n, num_bits) float16.
        features: (n, d) float16, length 1.
        network: hash layer output of the network, (n, num_bits) float16: relaxed, unless labels
            have changed the codes.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Use `Gallery.open`."""
        self.folder = folder
        self.manifest = manifest
        self.num_bits = manifest.num_bits
        self.segments = [
            Segment(folder / segment.folder, num_items=segment.items, num_bits=self.num_bits)
            for segment in manifest.segments
        ]
        all_items = pd.concat([segment.items for segment in self.segments], ignore_index=True)
        self._check_ids(all_items["id"])
        starts = np.cumsum([0, *map(len, self.segments)])
        removed = [
            start + row
            for start, segment in zip(starts[:-1], manifest.segments, strict=True)
            for row in segment.removed
        ]
        rows = np.setdiff1d(np.arange(len(all_items)), removed)
        if len(self.segments) > 1:  # a single one is stored in this order
            rows = rows[hash_order(all_items["id"].iloc[rows])]
        segments = np.searchsorted(starts, rows, side="right") - 1
        self.segment_rows = np.stack([segments, rows - starts[segments]], axis=1)
        self.items: pd.DataFrame = all_items.iloc[rows].reset_index(drop=True)
        unchanged = len(self.segments) == 1 and len(rows) == len(all_items)
        self.packed: Packed = self._collect("packed", rows, unchanged)
        self.relaxed: HalfArray = self._collect("relaxed", rows, unchanged)
        self.features: HalfArray = self._collect("features", rows, unchanged)
        self.network: HalfArray = self.relaxed
        if manifest.learned:
            self.network = self._collect("network", rows, unchanged)
        # Dashboards search with the same filters again, from several threads.
        self._kept_searcher = lru_cache(CACHED_FILTERS)(self._filter_searcher)
        self._kept_mask = lru_cache(CACHED_FILTERS)(self._filter_mask)

    @classmethod
    def open(cls, folder: str | Path) -> "Gallery":
        """Open a gallery and check that its files are intact.

        Raises:
            InputError: no gallery, another format, or a file that is missing, cut or altered.
        """
        folder = Path(folder)
        while True:
            manifest = read_manifest(folder)
            try:
                check_files(folder, manifest)
                gallery = cls(folder, manifest)
            except (InputError, OSError):
                if read_manifest(folder).version == manifest.version:
                    raise
                continue  # two changes happened meanwhile: read the newer manifest
            gallery._check_size()
            return gallery

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"Gallery({str(self.folder)!r}, {len(self)} items, {self.num_bits} bits)"

    @property
    def name(self) -> str:
        """Name of the gallery on the dashboard."""
        return self.manifest.name

    def provenance(self) -> dict[str, Any]:
        """Return what identifies the gallery in an export, ready for JSON."""
        model, data, index = self.manifest.model, self.manifest.data, self.manifest.index
        return {
            "name": self.name,
            "num_items": len(self),
            "num_bits": self.num_bits,
            "version": self.manifest.version,
            "index": index.name if index else "exact",
            "model": {key: getattr(model, key) or None for key in ("backbone", "fingerprint")},
            "data": {key: getattr(data, key) or None for key in ("name", "fingerprint")},
        }

    @cached_property
    def codes(self) -> Codes:
        """All codes, (n, num_bits) int8, only -1 and +1."""
        return unpack(self.packed, self.num_bits)

    @cached_property
    def ids(self) -> "pd.Index[str]":
        """All ids as an index, which finds the row of one in constant time."""
        return cast("pd.Index[str]", pd.Index(self.items["id"]))

    def find_row(self, tile: str, *, parameter: str = "query") -> int:
        """Return the row of the tile of an id.

        Raises:
            InputError: no tile has this id; it names `parameter`.
        """
        if tile not in self.ids:
            message = f"no tile of {self.folder} has this id; one is {self.ids[0]}"
            raise InputError(message, parameter=parameter, value=tile)
        return cast(int, self.ids.get_loc(tile))

    @cached_property
    def searchable(self) -> NDArray[np.int64]:
        """Rows that a search may return, ascending: all outside the query split."""
        return np.flatnonzero(self.items["split"] != "query")

    @property
    def projection(self) -> pd.DataFrame | None:
        """Columns feature_x, feature_y, code_x, code_y; None until `rsh project` has run."""
        table = self.projection_table
        return None if table is None else table[list(PLANES)]

    @cached_property
    def projection_table(self) -> pd.DataFrame | None:
        """The projection, and the columns feature_landmark and code_landmark.

        They say which tiles UMAP was fitted to; of each code only the first tile.
        """
        if not self.manifest.projection:
            return None
        table = read_planes(self.folder / self.manifest.projection.file)
        ids = table.pop("id")
        if not ids.equals(self.items["id"]):  # looking up a million ids would take 400 MB
            if not self.items["id"].isin(ids).all():
                return None
            table = table.set_index(ids).loc[self.items["id"]].reset_index(drop=True)
        if not {*LANDMARKS} <= {*table.columns}:
            rows = np.arange(len(table))
            codes = DistinctCodes.fold(self.packed[:MOST_FITTED]).first
            for name, marked in zip(LANDMARKS, (rows[:MOST_FITTED], codes), strict=True):
                table[name] = np.isin(rows, marked)
        return table

    @cached_property
    def landmarks(self) -> Landmarks | None:
        """What a query is placed by in the projection; None if there is no projection."""
        table = self.projection_table
        if table is None:
            return None
        features, codes = (
            np.flatnonzero(table[name] if table[name].any() else table[name] | True)[:MOST_FITTED]
            for name in LANDMARKS
        )
        components = find_components(self.features, num_landmarks=len(features))
        vectors = to_vectors(take_rows(self.features, features), components)
        xy = table[list(PLANES)].to_numpy()
        return Landmarks(vectors, components, xy[features, :2], self.packed[codes], xy[codes, 2:])

    @cached_property
    def groups(self) -> Groups | None:
        """Groups of the tiles: those that `rsh groups` has stored, or found on first use.

        None in a large gallery, of more than `rsh.gallery.groups.AT_ONCE` tiles, until `rsh groups`
        has run.
        """
        if info := self.manifest.groups:
            table = read_groups(self.folder / info.file)
            if groups := restore_groups(self, table, info.prominence):
                return groups
        return find_groups(self) if len(self) <= AT_ONCE else None

    def use_groups(self, info: GroupsInfo) -> None:
        """Take groups that have just been stored."""
        self.manifest.groups = info
        self.__dict__.pop("groups", None)  # which are cached, like the tiles that pass filters
        self._kept_searcher.cache_clear()
        self._kept_mask.cache_clear()

    @cached_property
    def outliers(self) -> Outliers:
        """Measures how unlike all others a tile or a query is."""
        return Outliers(self.relaxed)

    @cached_property
    def backgrounds(self) -> list[Background]:
        """Overviews of the scenes that tiles were cut from, in longitude and latitude.

        Raises:
            InputError: their file was altered.
        """
        if not self.manifest.backgrounds:
            return []
        file = self.folder / self.manifest.backgrounds.file
        try:
            return read_backgrounds(file, str(file))
        except InputError as error:
            raise InputError(f"{error}: {recovery_hint('gallery')}") from None

    @cached_property
    def positions(self) -> NDArray[np.float64] | None:
        """Longitude and latitude of each tile in degrees, (n, 2); None if items have none."""
        known = {*DEGREES} <= {*self.items.columns}
        return self.items[list(DEGREES)].to_numpy() if known else None

    @property
    def has_map(self) -> bool:
        """Whether items have a longitude and a latitude."""
        return self.positions is not None

    def thumbnail(self, row: int) -> bytes:
        """Return the JPEG bytes of one thumbnail; an image of the code if there is no other."""
        return self._stored_thumbnail(row) or draw_code(self.packed[row], self.num_bits)

    @property
    def has_images(self) -> bool:
        """Whether any tile has an image; tiles of embeddings may have none."""
        return any(segment.has_images for segment in self.segments)

    @cached_property
    def with_image(self) -> NDArray[np.bool_]:
        """Whether each tile has an image, (n,) bool."""
        has = np.empty(len(self), bool)
        for number, segment in enumerate(self.segments):
            segments, rows = self.segment_rows.T
            has[segments == number] = segment.with_image[rows[segments == number]]
        return has

    def _stored_thumbnail(self, row: int) -> bytes:
        segment, segment_row = map(int, self.segment_rows[row])
        return self.segments[segment].thumbnail(segment_row)

    def tiles(self) -> GalleryTiles:
        """Return the content of the gallery, to write it into another one."""
        thumbnails = (self._stored_thumbnail(row) for row in range(len(self)))
        network = self.network if self.manifest.learned else None
        return GalleryTiles(
            self.items, self.packed, self.relaxed, self.features, thumbnails, network
        )

    def encoded(self, row: int) -> Encodings:
        """Return code, hash layer output and feature of one item."""
        rows = slice(row, row + 1)
        codes = unpack(self.packed[rows], self.num_bits)  # `self.codes` would unpack all items
        return Encodings(codes, self.relaxed[rows], self.features[rows])

    def search(
        self,
        query_packed: Packed,
        *,
        top_k: int,
        filter: Filter = NO_FILTER,
        include_held_out: bool = False,
    ) -> list[Hits]:
        """Find the top_k nearest items of each query, in the order (distance, row).

        Args:
            query_packed: (q, bytes) uint8, codes of the same model.
            top_k: number of results, 1 to the number of searchable items.
            filter: conditions that the results must meet.
            include_held_out: whether items of the query split may be found.

        Returns:
            One Hits a query; ids are rows of `items`.

        Raises:
            InputError: wrong width or type, top_k out of range, or a condition that no item meets.
        """
        return self._searcher_for(filter, include_held_out).search(query_packed, top_k=top_k)

    def range_search(
        self,
        query_packed: Packed,
        *,
        radius: int,
        filter: Filter = NO_FILTER,
        include_held_out: bool = False,
    ) -> list[Hits]:
        """Find all items at most radius bits away from each query, in the order (distance, row).

        Raises:
            InputError: wrong width or type, radius outside 0 to num_bits, or a condition that no
                item meets.
        """
        searcher = self._searcher_for(filter, include_held_out)
        return searcher.range_search(query_packed, radius=radius)

    def searchable_rows(
        self, filter: Filter = NO_FILTER, *, include_held_out: bool = False
    ) -> NDArray[np.int64]:
        """Return the rows that a search may return, ascending.

        Raises:
            InputError: a condition is invalid, or no item meets it.
        """
        if filter:
            return np.sort(self._searcher_for(filter, include_held_out).rows)
        return np.arange(len(self)) if include_held_out else self.searchable

    def passes(self, filter: Filter) -> Mask:
        """Return whether each tile, searchable or not, meets the conditions of a filter, (n,).

        Raises:
            InputError: a condition is invalid.
        """
        return self._kept_mask(filter, self._version_for(filter))

    @property
    def look_bits(self) -> int:
        """How many bits of a code, the last ones, keep what a tile looks like; often 0."""
        return self.manifest.model.look_bits

    @property
    def parts(self) -> list[CodePart]:
        """Class bits and look bits; none if the codes are not divided."""
        return code_parts(self.num_bits, self.look_bits)

    @property
    def class_bits(self) -> int:
        """How many bits of a code, the first ones, are no look bits."""
        return self.num_bits - self.look_bits

    @cached_property
    def learned_head(self) -> LearnedHead | None:
        """What labels have taught; None if the codes are the network's.

        Raises:
            InputError: its file was altered.
        """
        if not (learned := self.manifest.learned):
            return None
        return LearnedHead.read(
            self.folder / learned.file,
            feature_dim=self.features.shape[1],
            class_bits=self.class_bits,
        )

    @property
    def num_held_out(self) -> int:
        """How many items are of the query split."""
        return len(self) - len(self.searchable)

    def _check_size(self) -> None:
        """Raise InputError if the manifest contradicts the files."""
        num_items = self.manifest.num_items
        bits = self.manifest.model.num_bits or self.num_bits
        if len(self) != num_items or bits != self.num_bits:
            raise InputError(
                f"{self.folder}/gallery.json says {num_items} tiles of {self.num_bits} bits, "
                f"its files hold others: {recovery_hint('gallery')}"
            )

    def _check_ids(self, ids: "pd.Series[str]") -> None:
        """Raise InputError if two tiles have the same id."""
        duplicates = ids[ids.duplicated()]
        if len(duplicates):
            raise InputError(
                f"{self.folder} holds {duplicates.iloc[0]} twice: {recovery_hint('gallery')}"
            )

    def _collect(self, name: str, rows: NDArray[np.int64], unchanged: bool) -> Any:
        """Return an array over all segments; a memory map if it equals that of one segment."""
        arrays = [getattr(segment, name) for segment in self.segments]
        return arrays[0] if unchanged else np.concatenate(arrays)[rows]

    @cached_property
    def annotations(self) -> AnnotationStore:
        """What visitors gave to tiles: classes, and sets; a page may put another store here.

        Raises:
            InputError: its log is of another version, too large, or cannot be read.
        """
        store = AnnotationStore.open(self)
        for note in store.notes:
            warnings.warn(note, RshWarning, stacklevel=2)
        return store

    def table_for(self, filter: Filter) -> pd.DataFrame:
        """Return the items, with a column for each condition on groups or on what visitors gave.

        Raises:
            InputError: there is no such set, no group holds such a tile, or annotations cannot be
                read.
        """
        columns = {
            str(condition): in_groups(condition, self.groups, self.ids)
            for condition in filter.on_groups(self.items)
        }
        if conditions := filter.on_annotations(self.items):
            state = self.annotations.state
            columns |= {str(condition): meets(condition, self, state) for condition in conditions}
        return self.items.assign(**columns) if columns else self.items

    @cached_property
    def searcher(self) -> IndexSearcher:
        """Searches all but the held-out items; opened or built on first use.

        Raises:
            InputError: its index is on a server that does not answer.
        """
        return open_searcher(self, self.manifest.index)

    @cached_property
    def _whole_searcher(self) -> Searcher:
        return with_held_out(self.searcher, self)

    def _searcher_for(self, filter: Filter, include_held_out: bool) -> Searcher:
        """Return what finds the tiles that pass a filter, by what visitors have given so far."""
        return self._kept_searcher(filter, include_held_out, self._version_for(filter))

    def _version_for(self, filter: Filter) -> int:
        """Return the version of the annotations if a filter depends on them, else 0."""
        if not filter.on_annotations(self.items):
            return 0
        self.annotations.refresh()
        return self.annotations.version

    def _filter_searcher(self, filter: Filter, include_held_out: bool, version: int) -> Searcher:
        """Return what finds the tiles that pass a filter, by a version of the annotations."""
        searcher = self._whole_searcher if include_held_out else self.searcher
        if not filter:
            return searcher
        passes = self._kept_mask(filter, version)
        check_passing(passes, filter, searcher.rows)
        return searcher.subset(passes, filter.tests(self.table_for(filter)))

    def _filter_mask(self, filter: Filter, version: int) -> Mask:
        """Return whether each tile passes a filter, by a version of the annotations."""
        return filter.mask(self.table_for(filter))
