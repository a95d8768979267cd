"""The gallery: a searchable folder of codes, features, thumbnails and a table of items.

A search and the dashboard need this folder only: no torch, no network, no original images.
`rsh.gallery.manifest` lists its files, `rsh.gallery.segment` describes their content, and
`rsh.gallery.writer` changes them.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes.binary import Codes, Packed, unpack
from rsh.codes.distinct import DistinctCodes
from rsh.codes.encodings import Encodings, HalfRows
from rsh.codes.outliers import Outliers
from rsh.codes.parts import CodePart, code_parts
from rsh.codes.scan import CodeScan, Distances
from rsh.data.backgrounds import Background, read_backgrounds
from rsh.data.bands import NO_BANDS, BandOptions, plain_name
from rsh.data.rendering import Composite, Rendering
from rsh.errors import InputError, RshWarning
from rsh.gallery.annotations.overlay import meets
from rsh.gallery.annotations.store import AnnotationStore
from rsh.gallery.filters import NO_FILTER, Filter, Mask
from rsh.gallery.groups import (
    AT_ONCE,
    Groups,
    find_groups,
    in_groups,
    read_groups,
    restore_groups,
)
from rsh.gallery.ids import NO_ROW, TileIds
from rsh.gallery.items import ItemTable
from rsh.gallery.landmarks import MOST_FITTED, Landmarks, find_components, to_vectors
from rsh.gallery.learned import LearnedHead
from rsh.gallery.manifest import GroupsInfo, Manifest, check_files, read_manifest, without_harmed
from rsh.gallery.placeholder import draw_code
from rsh.gallery.planes import COORDINATES, LANDMARKS, Planes, read_planes
from rsh.gallery.row_order import RowOrder, ScatteredRows
from rsh.gallery.scan_searcher import ScanSearcher
from rsh.gallery.searcher import (
    IndexSearcher,
    Searcher,
    check_passing,
    open_searcher,
    with_held_out,
)
from rsh.gallery.segment import GalleryTiles, Segment, split_images
from rsh.index.base import Hits
from rsh.io.arrays import take_rows
from rsh.io.files import recovery_hint
from rsh.labels import SEVERAL, UNLABELED, Labeled, LabelSets, number_label_sets

if TYPE_CHECKING:
    from rsh.data.originals import Original, Originals

CACHED_FILTERS = 8  # filters whose searchers are kept


class Gallery(Labeled):
    """An opened gallery folder.

    A search returns no items of the "query" split, which are held out, unless it is told to include
    them; so results follow the disjoint protocol. The ids in `Hits` are row numbers of `items`.

    Its files are mapped, so that several processes share their memory, as long as it has one
    segment and no removed tile: `rsh gallery merge` makes it so. Otherwise codes are copied, and
    columns, features and relaxed codes when they are used.

    Attributes:
        folder: the gallery folder.
        manifest: the contents of gallery.json.
        segments: opened, in the order of the manifest.
        table: the columns of the items, each read when it is used: id, class ("" where it is
            unknown), split (train, val, query, or empty) and, if known, longitude and latitude in
            degrees, block and footprint.
        ids: the id of each row, and the row of each id.
        num_bits: code length, bits.
        packed: (n, ceil(num_bits / 8)) uint8.
        relaxed: hash layer output, whose signs are the codes, (n, num_bits) float16.
        features: (n, d) float16, length 1.
        network: hash layer output of the network, (n, num_bits) float16: relaxed, unless labels
            have changed the codes.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, in_place: bool = False) -> None:
        """Use `Gallery.open`."""
        self.folder, self._in_place, self._shown = folder, in_place, 0
        self.manifest = manifest
        self.num_bits = manifest.num_bits
        self.segments = [
            Segment(
                folder / segment.folder,
                num_items=segment.items,
                num_bits=self.num_bits,
                names=segment.files,
            )
            for segment in manifest.segments
        ]
        self._order = self._find_order()
        self.table = ItemTable([segment.items for segment in self.segments], self._order)
        self.ids = TileIds(self.table.array("id"), self._join("hashes"))
        if duplicate := self.ids.find_duplicate():
            raise InputError(f"{folder} holds {duplicate} twice: {recovery_hint('gallery')}")
        self.packed: Packed = self._join("packed")
        self.relaxed = self._scattered("relaxed")
        self.features = self._scattered("features")
        self.network = self._scattered("network") if manifest.learned else self.relaxed
        # Dashboards search with the same filters again, from several threads.
        self._kept_searcher = lru_cache(CACHED_FILTERS)(self._filter_searcher)
        self._kept_mask = lru_cache(CACHED_FILTERS)(self._filter_mask)

    @classmethod
    def open(cls, folder: str | Path, *, in_place: bool = False, mend: bool = False) -> "Gallery":
        """Open a gallery and check that its files are intact.

        Args:
            folder: of the gallery.
            in_place: search the codes where they lie, unless the gallery keeps an index: in memory
                that processes share, but in some milliseconds more a million tiles.
            mend: if the file of its projection, groups or index is missing or altered, open it
                without this, so that it can be made again.

        Raises:
            InputError: no gallery, another format, or a file that is missing, cut or altered.
        """
        folder = Path(folder)
        while True:
            manifest = read_manifest(folder)
            try:
                manifest = without_harmed(folder, manifest) if mend else manifest
                check_files(folder, manifest)
                gallery = cls(folder, manifest, in_place=in_place)
            except (InputError, OSError):
                if read_manifest(folder).version == manifest.version:
                    raise
                continue  # two changes happened meanwhile: read the newer manifest
            gallery._check_size()
            return gallery

    def __len__(self) -> int:
        return len(self.packed)

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
    def items(self) -> pd.DataFrame:
        """The table as a whole, one row per item; `table` takes less memory."""
        return self.table.frame()

    @property
    def segment_rows(self) -> NDArray[np.int64]:
        """Segment of each item, and its row in that segment, (n, 2)."""
        if self._order is None:
            return np.stack([np.zeros(len(self), np.int64), np.arange(len(self))], axis=1)
        segments, starts = self._order.segments(), self._order.starts
        return np.stack([segments, self._order.positions - starts[segments]], axis=1)

    def find_row(self, tile: str, *, parameter: str = "query") -> int:
        """Return the row of the tile of an id.

        Raises:
            InputError: no tile has this id; it names `parameter`.
        """
        (row,) = self.ids.rows([tile])
        if row == NO_ROW:
            message = f"no tile of {self.folder} has this id; one is {self.ids[0]}"
            raise InputError(message, parameter=parameter, value=tile)
        return int(row)

    def class_name(self, row: int) -> str:
        """Class of an item; "" if it is unknown."""
        label = int(self.labels[row])
        return "" if label == UNLABELED else self.classes[label]

    def split_name(self, row: int) -> str:
        """Split of an item: train, val, query, or ""."""
        names, numbers = self.table.categories("split")
        return names[int(numbers[row])]

    @cached_property
    def is_held_out(self) -> NDArray[np.bool_]:
        """Whether each item is of the query split, (n,)."""
        names, numbers = self.table.categories("split")
        of_query = [number for number, name in enumerate(names) if name == "query"]
        return np.isin(numbers, of_query)

    @property
    def searchable(self) -> NDArray[np.int64]:
        """Rows that a search may return, ascending: all outside the query split."""
        return np.flatnonzero(~self.is_held_out)

    @cached_property
    def planes(self) -> Planes | None:
        """The projections of features and codes; None until `rsh project` has run."""
        info = self.manifest.projection
        return read_planes(self.folder / info.file, self.ids.hashes) if info else None

    @property
    def projection(self) -> pd.DataFrame | None:
        """The same as columns feature_x, feature_y, code_x and code_y, one row per item."""
        if self.planes is None:
            return None
        columns = zip(COORDINATES, (*self.planes.feature.T, *self.planes.code.T), strict=True)
        return pd.DataFrame(dict(columns), copy=False)

    @property
    def projection_table(self) -> pd.DataFrame | None:
        """The projection, and the columns feature_landmark and code_landmark.

        They say which tiles UMAP was fitted to; of each code only the first tile.
        """
        table = self.projection
        if table is None or self.planes is None:
            return None
        marks = self.planes.landmarks
        if marks is None:
            rows = np.arange(len(self))
            codes = DistinctCodes.fold(self.packed[:MOST_FITTED]).first
            marks = rows < MOST_FITTED, np.isin(rows, codes)
        return table.assign(**dict(zip(LANDMARKS, marks, strict=True)))

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
        xy = table[list(COORDINATES)].to_numpy()
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
        found = Outliers(self.relaxed)  # it copies tiles from all parts of the file
        self.forget_pages()
        return found

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
        return self.table.positions()

    @property
    def has_map(self) -> bool:
        """Whether items have a longitude and a latitude."""
        return self.positions is not None

    def thumbnail(self, row: int) -> bytes:
        """Return the JPEG bytes of one thumbnail; an image of the code if there is no other."""
        return self.stored_thumbnail(row) or draw_code(self.packed[row], self.num_bits)

    def preview(self, row: int) -> bytes | None:
        """Return the JPEG bytes of one preview, a larger image than the thumbnail; None without.

        Previews are of the first composite alone.
        """
        if self._shown:
            return None
        segment, inside = self._place(row)
        return self.segments[segment].preview(inside) or None

    def original(self, row: int, *, side: int | None = None) -> "Original | None":
        """Load the original image of a tile, as it was rendered for the network.

        Args:
            row: of the tile.
            side: longest side of the JPEG, pixels; by default `originals.LONGEST_SIDE`. It is never
                larger than the image.

        Returns:
            None if the gallery does not know where it is, or if it is gone, cannot be read, or has
            been changed since it was encoded.
        """
        thumbnail = self.stored_thumbnail(row)
        if not thumbnail or not self.manifest.data.sources:
            return None
        return self._originals.load(
            *(self.ids[row], thumbnail), image=self.image_name(row), side=side
        )

    def image_name(self, row: int) -> str:
        """Path of the image of an embedding, as its table gives it; "" without one."""
        for column in {source.column for source in self.manifest.data.sources} & {
            *self.table.columns
        }:
            value = self.table.take([row], [column])[column].iloc[0]
            if isinstance(value, str) and value:
                return value
        return ""

    @cached_property
    def _originals(self) -> "Originals":
        from rsh.data.originals import Originals  # decoders, which a page leaves to a worker

        data = self.manifest.data
        rendering = self.composite.rendering if self.composite else data.rendering
        return Originals(data.sources_showing(rendering))

    @property
    def has_previews(self) -> bool:
        """Whether any tile has a preview: `rsh encode --preview` stores them."""
        return any(segment.has_previews for segment in self.segments)

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

    @property
    def composites(self) -> list[str]:
        """Ways to show the bands of its tiles, such as "true color"; none of images."""
        return [composite.name for composite in self.manifest.data.composites]

    @property
    def composite(self) -> Composite | None:
        """The one that thumbnails and originals show; None of images."""
        found = self.manifest.data.composites
        return found[self._shown] if found else None

    @property
    def composite_name(self) -> str:
        """Name of the composite that is shown; "" of images."""
        return self.composite.name if self.composite else ""

    def describe_composites(self) -> list[dict[str, Any]]:
        """Return name, bands, and which values are black and white, as the network has values.

        With each come the `unit` of these values, "" if it is unknown or not that of all bands,
        and as `unseen` the bands that the network does not see.
        """
        data, model = self.manifest.data, self.manifest.model
        change = data.bands.convert_to(NO_BANDS)
        units = dict(zip(map(plain_name, model.bands), model.units, strict=True))
        every = []
        for composite in data.composites:
            each = composite.rescaled(*change).described()
            numbers = composite.rendering.bands or (0,) * len(each["bands"])
            found = [  # a band whose name is twice in a file is known by its number
                units.get(plain_name(name), units.get(str(number)))
                for name, number in zip(each["bands"], numbers, strict=True)
            ]
            unit = found[0] if len(set(found)) == 1 else None
            each["unit"] = unit if unit and unit != "unknown" else ""
            pairs = zip(each["bands"], found, strict=True)
            each["unseen"] = [name for name, its in pairs if its is None]
            every.append(each)
        return every

    def show_composite(self, name: str) -> None:
        """Show thumbnails and originals in another composite from now on.

        Raises:
            InputError: the gallery has no such composite.
        """
        if name not in self.composites:
            choices = ", ".join(self.composites) or "none, since its tiles are images"
            raise InputError(f"choose one of {choices}", parameter="composite", value=name)
        self._shown = self.composites.index(name)
        vars(self).pop("_originals", None)

    @contextmanager
    def in_composite(self, number: int) -> Iterator[None]:
        """Show thumbnails in a composite by its place in `composites`, 0 of images, meanwhile."""
        before, self._shown = self._shown, number
        try:
            yield
        finally:
            self._shown = before

    def stored_thumbnail(self, row: int) -> bytes:
        """Return the JPEG bytes of one thumbnail; empty if the gallery holds no image of it."""
        segment, inside = self._place(row)
        others = split_images(self.segments[segment].composites(inside)) if self._shown else []
        if len(others) >= self._shown > 0:
            return others[self._shown - 1]
        return self.segments[segment].thumbnail(inside)

    def _place(self, row: int) -> tuple[int, int]:
        """Return the segment of an item, and its row there."""
        return (0, row) if self._order is None else self._order.find(row)

    def tiles(self) -> GalleryTiles:
        """Return the content of the gallery, to write it into another one."""
        places = [self._place(row) for row in range(len(self))]
        thumbnails = (self.segments[segment].thumbnail(inside) for segment, inside in places)
        previews = (self.segments[segment].preview(inside) for segment, inside in places)
        others = (self.segments[segment].composites(inside) for segment, inside in places)
        return GalleryTiles(
            *(self.items, self.packed, self.relaxed, self.features, thumbnails),
            previews=previews if self.has_previews else None,
            composites=others if len(self.composites) > 1 else None,
            network=self.network if self.manifest.learned else None,
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

    def distances(self, query_packed: Packed) -> Distances:
        """Return the distance of every item from one query, (n,), bits; read-only.

        Args:
            query_packed: (1, bytes) uint8, a code of the same model.

        Raises:
            InputError: wrong width or type.
        """
        return self._scan.distances(query_packed)

    def can_find(self, filter: Filter = NO_FILTER, *, include_held_out: bool = False) -> Mask:
        """Return whether a search may return each item, (n,) bool.

        Raises:
            InputError: a condition is invalid, or no item meets it.
        """
        if not filter:
            return np.ones(len(self), dtype=bool) if include_held_out else ~self.is_held_out
        return self._among(self.passes(filter), filter, include_held_out)

    def searchable_rows(
        self, filter: Filter = NO_FILTER, *, include_held_out: bool = False
    ) -> NDArray[np.int64]:
        """Return the rows that a search may return, ascending.

        Raises:
            InputError: a condition is invalid, or no item meets it.
        """
        return np.flatnonzero(self.can_find(filter, include_held_out=include_held_out))

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
        return int(np.count_nonzero(self.is_held_out))

    def forget_pages(self) -> None:
        """Stop counting what was read of large files as memory of this process.

        To be called after all tiles were read to draw them, such as on a map.
        """
        self.table.forget_pages()
        for columns in [self.planes.columns] if self.planes else []:
            columns.forget_pages()
        for segment in self.segments:
            segment.forget_pages()

    def check_hashes(self) -> None:
        """Check that the stored hashes are those of the ids; a search does not wait for it.

        Raises:
            InputError: one is not.
        """
        for segment in self.segments:
            segment.check_hashes(np.arange(len(segment)))

    def _check_size(self) -> None:
        """Raise InputError if the manifest contradicts the files."""
        num_items = self.manifest.num_items
        bits = self.manifest.model.num_bits or self.num_bits
        if len(self) != num_items or bits != self.num_bits:
            raise InputError(
                f"{self.folder}/gallery.json says {num_items} tiles of {self.num_bits} bits, "
                f"its files hold others: {recovery_hint('gallery')}"
            )

    def rendering_for(self, options: BandOptions) -> Rendering:
        """Return how rasters are shown like its tiles that are read with other options."""
        data = self.manifest.data
        return data.convert_rendering(options, data.rendering)

    @property
    def has_several(self) -> bool:
        """Whether tiles have several labels each: see `DataInfo`."""
        return self.manifest.data.several_labels

    @cached_property
    def _numbered_sets(self) -> LabelSets:
        return number_label_sets(*self.table.categories(SEVERAL))

    @cached_property
    def _class_numbers(self) -> tuple[list[str], NDArray[np.int64]]:
        names, numbers = self.table.categories("class")
        used = np.bincount(numbers, minlength=len(names)) > 0
        classes = sorted(
            {name for name, is_used in zip(names, used, strict=True) if is_used} - {""}
        )
        place = {name: number for number, name in enumerate(classes)}
        return classes, np.array([place.get(name, UNLABELED) for name in names])[numbers]

    def _find_order(self) -> RowOrder | None:
        """Return where each row lies; None if they are those of the only segment.

        One segment is stored in the order of a gallery, see `rsh.codes.order`.
        """
        starts = np.cumsum([0, *map(len, self.segments)])
        removed = [
            start + row
            for start, segment in zip(starts[:-1].tolist(), self.manifest.segments, strict=True)
            for row in segment.removed
        ]
        if len(self.segments) == 1 and not removed:
            return None
        kept = np.setdiff1d(np.arange(starts[-1]), removed, assume_unique=True)
        if len(self.segments) > 1:
            hashes = np.concatenate([segment.hashes for segment in self.segments])
            kept = kept[np.argsort(hashes[kept], kind="stable")]
        return RowOrder(kept, starts)

    def _join(self, name: str) -> NDArray[Any]:
        """Return an array over all segments; a memory map if it equals that of the only one."""
        arrays = [getattr(segment, name) for segment in self.segments]
        return arrays[0] if self._order is None else np.concatenate(arrays)[self._order.positions]

    def _scattered(self, name: str) -> HalfRows:
        """Return a large array over all segments, of which rows are read when they are used."""
        arrays = [getattr(segment, name) for segment in self.segments]
        return arrays[0] if self._order is None else ScatteredRows(arrays, self._order)

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

    @property
    def group_names(self) -> dict[int, str]:
        """The names that visitors gave to groups, by their numbers.

        Raises:
            InputError: annotations cannot be read.
        """
        given = self.annotations.state.last_group_names
        return self.groups.names(given) if self.groups and given else {}

    def table_for(self, filter: Filter) -> ItemTable:
        """Return the table, with a column for each condition on groups or on what visitors gave.

        Raises:
            InputError: there is no such set, no group holds such a tile, or annotations cannot be
                read.
        """
        columns = {
            str(condition): in_groups(condition, self.groups, self.ids, self.group_names)
            for condition in filter.on_groups(self.table)
        }
        if conditions := filter.on_annotations(self.table):
            state = self.annotations.state
            columns |= {str(condition): meets(condition, self, state) for condition in conditions}
        return self.table.with_columns(columns) if columns else self.table

    @cached_property
    def searcher(self) -> Searcher:
        """Searches all but the held-out items; opened or built on first use.

        Raises:
            InputError: its index is on a server that does not answer.
        """
        if self._in_place and not self.manifest.index:
            return ScanSearcher(self._scan, self.can_find())
        return open_searcher(self, self.manifest.index)

    @cached_property
    def _whole_searcher(self) -> Searcher:
        if isinstance(self.searcher, IndexSearcher):
            return with_held_out(self.searcher, self)
        return ScanSearcher(self._scan, self.can_find(include_held_out=True))

    @cached_property
    def _scan(self) -> CodeScan:
        return CodeScan(self.packed, self.num_bits)

    def _searcher_for(self, filter: Filter, include_held_out: bool) -> Searcher:
        """Return what finds the tiles that pass a filter, by what visitors have given so far."""
        return self._kept_searcher(filter, include_held_out, self._version_for(filter))

    def _version_for(self, filter: Filter) -> int:
        """Return the version of the annotations if a filter depends on them, else 0."""
        if not (filter.on_annotations(self.table) or filter.on_groups(self.table)):
            return 0
        self.annotations.refresh()
        return self.annotations.version

    def _filter_searcher(self, filter: Filter, include_held_out: bool, version: int) -> Searcher:
        """Return what finds the tiles that pass a filter, by a version of the annotations."""
        searcher = self._whole_searcher if include_held_out else self.searcher
        if not filter:
            return searcher
        can_find = self._among(self._kept_mask(filter, version), filter, include_held_out)
        return searcher.subset(can_find, filter.tests(self.table_for(filter)))

    def _filter_mask(self, filter: Filter, version: int) -> Mask:
        """Return whether each tile passes a filter, by a version of the annotations."""
        return filter.mask(self.table_for(filter))

    def _among(self, passes: Mask, filter: Filter, include_held_out: bool) -> Mask:
        """Return which of the tiles that pass a filter a search may return, if there are any."""
        every = np.ones(len(self), dtype=bool) if include_held_out else ~self.is_held_out
        check_passing(passes, filter, every)
        return passes & every
