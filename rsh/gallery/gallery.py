"""The gallery: a folder of codes, features, thumbnails and a table, that can be searched.

The folder is all that a search or the page needs: no torch, no network, no original images.
`rsh.gallery.manifest` says what it is made of, `rsh.gallery.segment` what each part holds,
`rsh.gallery.writer` how it changes.
"""

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes.binary import Codes, Packed, unpack
from rsh.codes.encodings import Encodings, HalfArray
from rsh.codes.order import hash_order
from rsh.errors import InputError
from rsh.gallery.filters import NO_FILTER, Filter
from rsh.gallery.items import read_planes
from rsh.gallery.manifest import Manifest, check_files, read_manifest
from rsh.gallery.searcher import Searcher, TileTable, open_searcher
from rsh.gallery.segment import GalleryTiles, Segment
from rsh.index.base import Hits
from rsh.io.files import recovery_hint

PARTS = 8  # indexes of parts of a gallery that are kept


class Gallery:
    """An opened gallery folder.

    Items that may be found are those outside the "query" split, so that a figure taken from
    the gallery keeps to the disjoint protocol. Row numbers of `items` are the ids in `Hits`.

    Attributes:
        folder: where it lies.
        info: the contents of gallery.json.
        places: segment, and row in it, of each item, (n, 2) int64.
        items: one row an item: id, class, split (train, val, query, or empty) and, where known,
            longitude and latitude in degrees, block and footprint.
        num_bits: code length, bits.
        packed: (n, ceil(num_bits / 8)) uint8.
        relaxed: hash layer output, of which the codes are the signs, (n, num_bits) float16.
        features: (n, d) float16, length 1.
    """

    def __init__(self, folder: Path, info: Manifest) -> None:
        """Use `Gallery.open`."""
        self.folder = folder
        self.info = info
        self.num_bits: int = info["num_bits"]
        self._segments = [
            Segment(folder / s["folder"], num_items=s["items"], num_bits=self.num_bits)
            for s in info["segments"]
        ]
        self.places = _places(self._segments, [s["removed"] for s in info["segments"]])
        starts = np.cumsum([0, *map(len, self._segments)])
        rows = starts[self.places[:, 0]] + self.places[:, 1]
        every = pd.concat([segment.items for segment in self._segments], ignore_index=True)
        self._check_ids(every["id"])
        self.items: pd.DataFrame = every.iloc[rows].reset_index(drop=True)
        whole = len(self._segments) == 1 and len(rows) == len(every)
        self.packed: Packed = self._part("packed", rows, whole)
        self.relaxed: HalfArray = self._part("relaxed", rows, whole)
        self.features: HalfArray = self._part("features", rows, whole)
        # The last few parts are kept, as pages ask again, from several threads at once.
        self._part_of = lru_cache(PARTS)(self._make_part)

    @classmethod
    def open(cls, folder: str | Path) -> "Gallery":
        """Open a gallery and check that each file is as it was written.

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
                if read_manifest(folder)["version"] == manifest["version"]:
                    raise
                continue  # two changes came between head and files: take the newer head
            gallery._check_size()
            return gallery

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"Gallery({str(self.folder)!r}, {len(self)} items, {self.num_bits} bits)"

    @property
    def name(self) -> str:
        """What to call it on a page."""
        return str(self.info["name"])

    @cached_property
    def codes(self) -> Codes:
        """All codes, (n, num_bits) int8, only -1 and +1."""
        return unpack(self.packed, self.num_bits)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class numbers in alphabetical order of the class names, (n,) int64."""
        return np.asarray(pd.factorize(self.items["class"], sort=True)[0], dtype=np.int64)

    @cached_property
    def classes(self) -> list[str]:
        """Class names in alphabetical order."""
        return sorted(self.items["class"].unique())

    @cached_property
    def ids(self) -> "pd.Index[str]":
        """All ids as an index, which finds the row of one in constant time."""
        return cast("pd.Index[str]", pd.Index(self.items["id"]))

    def row_of(self, tile: str, *, parameter: str = "query") -> int:
        """Return the row of the tile of an id.

        Args:
            tile: the id.
            parameter: the argument that an error names.

        Raises:
            InputError: no tile has this id.
        """
        if tile not in self.ids:
            known = self.items["id"].iloc[0]
            raise InputError(
                f"no tile of {self.folder} has this id; one is {known}",
                parameter=parameter,
                value=tile,
            )
        return cast(int, self.ids.get_loc(tile))

    @cached_property
    def searchable(self) -> NDArray[np.int64]:
        """Rows that a search may find: all that are not in the query split, ascending."""
        return np.flatnonzero(self.items["split"] != "query")

    @cached_property
    def projection(self) -> pd.DataFrame | None:
        """Columns feature_x, feature_y, code_x, code_y; None until `rsh project` has run.

        After tiles were added it has to run again.
        """
        if not self.info["projection"]:
            return None
        table = read_planes(self.folder / self.info["projection"]["file"])
        ids = table.pop("id")
        if ids.equals(self.items["id"]):  # to look a million of them up would take 400 MB
            return table
        if not self.items["id"].isin(ids).all():
            return None
        rows: pd.DataFrame = table.set_index(ids).loc[self.items["id"]]
        return rows.reset_index(drop=True)

    @property
    def has_map(self) -> bool:
        """Whether the items have a longitude and a latitude."""
        return {"longitude", "latitude"} <= set(self.items.columns)

    def thumbnail(self, row: int) -> bytes:
        """Return the JPEG bytes of one thumbnail."""
        segment, place = map(int, self.places[row])
        return self._segments[segment].thumbnail(place)

    def tiles(self) -> GalleryTiles:
        """Return all that the gallery holds, so that it can be written elsewhere."""
        thumbnails = (self.thumbnail(row) for row in range(len(self)))
        return GalleryTiles(self.items, self.packed, self.relaxed, self.features, thumbnails)

    def encoded(self, row: int) -> Encodings:
        """Return what the network said of one item."""
        rows = slice(row, row + 1)
        codes = unpack(self.packed[rows], self.num_bits)  # of one item, not of all
        return Encodings(codes, self.relaxed[rows], self.features[rows])

    def search(self, query_packed: Packed, *, top_k: int, filter: Filter = NO_FILTER) -> list[Hits]:
        """Find the top_k nearest items of each query, in the order (distance, row).

        Args:
            query_packed: (q, bytes) uint8, codes of the same model.
            top_k: how many, 1 to the number of searchable items.
            filter: conditions on the items that may be found.

        Returns:
            One Hits a query; ids are rows of `items`.

        Raises:
            InputError: wrong width or type, top_k out of range, or a condition that no item meets.
        """
        return self._part_of(filter).search(query_packed, top_k=top_k)

    def within(
        self, query_packed: Packed, *, radius: int, filter: Filter = NO_FILTER
    ) -> list[Hits]:
        """Find all items at most radius bits away from each query, in the order (distance, row).

        Raises:
            InputError: wrong width or type, radius outside 0 to num_bits, or a condition that no
                item meets.
        """
        return self._part_of(filter).within(query_packed, radius=radius)

    def searchable_rows(self, filter: Filter) -> NDArray[np.int64]:
        """Return the rows that a search under some conditions may find, ascending.

        Raises:
            InputError: a condition makes no sense, or no item meets it.
        """
        return np.sort(self._part_of(filter).rows) if filter else self.searchable

    def _check_size(self) -> None:
        """Refuse a head that contradicts itself."""
        noted, bits = self.info["num_items"], self.info["model"].get("num_bits", self.num_bits)
        if len(self) != noted or bits != self.num_bits:
            raise InputError(
                f"{self.folder}/gallery.json says {noted} tiles of {self.num_bits} bits, "
                f"its files hold others: {recovery_hint('gallery')}"
            )

    def _check_ids(self, ids: "pd.Series[str]") -> None:
        """Refuse two tiles of one id."""
        twice = ids[ids.duplicated()]
        if len(twice):
            raise InputError(
                f"{self.folder} holds {twice.iloc[0]} twice: {recovery_hint('gallery')}"
            )

    def _part(self, name: str, rows: NDArray[np.int64], whole: bool) -> Any:
        """Return one part of all segments, from disk where nothing has to be moved."""
        parts = [getattr(segment, name) for segment in self._segments]
        return parts[0] if whole else np.concatenate(parts)[rows]

    @cached_property
    def searcher(self) -> Searcher:
        """What it is searched with; made or opened when it is first needed.

        Raises:
            InputError: it is kept on a server that does not answer.
        """
        return open_searcher(self.table, self.info["index"])

    @property
    def table(self) -> TileTable:
        """What an index needs to know of the gallery."""
        return TileTable(self.folder, self.items, self.packed, self.num_bits, self.searchable)

    def _make_part(self, filter: Filter) -> Searcher:
        """Index what may be found."""
        return self.searcher.subset(self.items, filter) if filter else self.searcher


def _places(segments: list[Segment], removed: list[list[int]]) -> NDArray[np.int64]:
    """Return segment and row of each item that was not removed.

    A segment is in the order of `hash_order`; several are brought into it together.
    """
    kept = [
        np.setdiff1d(np.arange(len(segment)), gone)
        for segment, gone in zip(segments, removed, strict=True)
    ]
    numbers = np.repeat(np.arange(len(kept)), [len(rows) for rows in kept])
    places = np.stack([numbers, np.concatenate(kept)], axis=1).astype(np.int64)
    if len(segments) == 1:
        return places
    ids = pd.concat([s.items["id"].iloc[rows] for s, rows in zip(segments, kept, strict=True)])
    return places[hash_order(ids)]
