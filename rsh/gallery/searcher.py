"""Searches a gallery with an index in memory, in a file, or on a server.

Without an entry in the manifest, the first search builds an exact index in memory. An entry names a
kept index, in a file of the gallery or on a server:

    {"name": "ivf", "file": "index-4.npz", "size": ..., "sha256": ...}
    {"name": "milvus", "uri": "http://host:19530", "collection": "rsh_1f0c2a7b_..."}

A kept index identifies a tile by a hash of its id (`order.id_hashes`), which does not change when
other tiles are added or removed. Hashes ascend with the rows of a gallery, so all indexes order
ties alike.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from secrets import token_hex
from typing import Protocol

import numpy as np

from rsh.codes.binary import Ids, Packed
from rsh.config import IndexName
from rsh.errors import InputError
from rsh.gallery.filters import Filter, Mask
from rsh.gallery.ids import TileIds
from rsh.gallery.items import ItemTable
from rsh.gallery.manifest import IndexInfo, IVFInfo, MilvusInfo
from rsh.index.base import ColumnTest, Hits, IDSelector, Index, check_top_k, sort_hits
from rsh.io.files import file_record


class TileTable(Protocol):
    """The part of a `Gallery` that an index is built from.

    Attributes:
        folder: of the gallery, with the file of a kept index.
        table: the columns of its tiles.
        ids: of the tiles.
        packed: codes, (n, bytes) uint8.
        num_bits: code length, bits.
    """

    folder: Path
    table: ItemTable
    ids: TileIds
    packed: Packed
    num_bits: int

    @property
    def searchable(self) -> Ids:
        """Rows that a search may return, ascending."""


class Searcher(Protocol):
    """Searches some rows of a gallery.

    Attributes:
        recall: measured recall@20, a fraction; None if the search is exact.
    """

    @property
    def recall(self) -> float | None:
        """See above."""

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Return the top_k nearest rows of each query, in the order (distance, row)."""

    def range_search(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Return all rows at most radius bits away from each query."""

    def subset(self, passes: Mask, tests: Sequence[ColumnTest]) -> "Searcher":
        """Return a searcher over some tiles.

        Args:
            passes: whether each tile of the gallery is one of them, (n,); one is searched, at
                least.
            tests: see `IDSelector`.
        """


class IndexSearcher:
    """An index, and the rows of the gallery that it searches: see `Searcher`.

    Attributes:
        index: finds ids.
        ids: ids of the rows in the index, (n,) int64, ascending.
        rows: of the gallery, (n,) int64, in the order of `ids`.
    """

    def __init__(self, index: Index, ids: Ids, rows: Ids) -> None:
        self.index, self.ids, self.rows = index, ids, rows

    @property
    def recall(self) -> float | None:
        """See `Searcher`."""
        return self.index.recall

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Return the nearest rows of each query: see `Searcher`."""
        return self._in_rows(self.index.search(query_packed, top_k=top_k))

    def range_search(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Return all rows within a radius: see `Searcher`."""
        return self._in_rows(self.index.range_search(query_packed, radius=radius))

    def subset(self, passes: Mask, tests: Sequence[ColumnTest]) -> "IndexSearcher":
        """Return a searcher over some tiles: see `Searcher`."""
        chosen = passes[self.rows]
        ids = self.ids[chosen]
        return IndexSearcher(self.index.subset(IDSelector(ids, tests)), ids, self.rows[chosen])

    def _in_rows(self, found: list[Hits]) -> list[Hits]:
        in_rows = []
        for ids, distances in found:
            positions = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
            known = self.ids[positions] == ids  # a server may hold tiles of a newer version
            in_rows.append(Hits(self.rows[positions[known]], distances[known]))
        return in_rows


class JoinedSearcher:
    """Searches the rows of several searchers, each row in one of them: see `Searcher`.

    Attributes:
        parts: the searchers.
    """

    def __init__(self, parts: Sequence[IndexSearcher]) -> None:
        self.parts = parts

    @property
    def recall(self) -> float | None:
        """See `Searcher`; that of the approximate part."""
        return next((part.recall for part in self.parts if part.recall is not None), None)

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Return the nearest rows of each query: see `Searcher`."""
        check_top_k(top_k, sum(len(part.rows) for part in self.parts))
        found = [part.search(query_packed, top_k=min(top_k, len(part.rows))) for part in self.parts]
        return [Hits(ids[:top_k], distances[:top_k]) for ids, distances in _join(found)]

    def range_search(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Return all rows within a radius: see `Searcher`."""
        return _join([part.range_search(query_packed, radius=radius) for part in self.parts])

    def subset(self, passes: Mask, tests: Sequence[ColumnTest]) -> Searcher:
        """Return a searcher over some tiles: see `Searcher`."""
        parts = [part for part in self.parts if passes[part.rows].any()]
        return JoinedSearcher([part.subset(passes, tests) for part in parts])


def _join(found: Sequence[list[Hits]]) -> list[Hits]:
    """Return the hits of several searchers for each query, in the order (distance, row)."""
    return [
        sort_hits(*map(np.concatenate, zip(*of_query, strict=True)))
        for of_query in zip(*found, strict=True)
    ]


def check_passing(passes: Mask, filter: Filter, can_find: Mask) -> None:
    """Raise InputError if no searched tile passes a filter.

    Args:
        passes: whether each tile of the gallery does, (n,).
        filter: the conditions.
        can_find: whether a search without the filter may find each tile, (n,).
    """
    if not (passes & can_find).any():
        reason = "no searchable tile meets this; relax it"
        if passes.any():
            reason = "only held-out tiles meet this; include them or relax it"
        raise InputError(reason, parameter="filter", value=filter)


def open_searcher(tiles: TileTable, entry: IndexInfo | None) -> IndexSearcher:
    """Return what a gallery is searched with, by the "index" of its manifest.

    Raises:
        InputError: the server of the index does not answer, or its file is damaged.
    """
    from rsh.index.factory import make_index  # FAISS

    rows = tiles.searchable
    if not entry:
        index = make_index(tiles.packed[rows], tiles.num_bits)
        return IndexSearcher(index, np.arange(len(rows)), rows)
    keys = _keys(tiles)
    order = np.argsort(keys)  # that of the rows, unless another program wrote the gallery
    return IndexSearcher(_open(tiles, entry), keys[order], rows[order])


def with_held_out(searcher: IndexSearcher, tiles: TileTable) -> Searcher:
    """Return a searcher over all tiles: the held-out ones by an exact index in memory."""
    from rsh.index.factory import make_index  # FAISS

    rows = np.setdiff1d(np.arange(len(tiles.packed)), tiles.searchable, assume_unique=True)
    if not len(rows):
        return searcher
    index = make_index(tiles.packed[rows], tiles.num_bits)
    held_out = IndexSearcher(index, np.arange(len(rows)), rows)
    return JoinedSearcher([searcher, held_out] if len(tiles.searchable) else [held_out])


def build_index(
    tiles: TileTable, name: IndexName, *, recall: float, uri: str, file: Path, prefix: str
) -> IndexInfo | None:
    """Index a gallery, and return the entry for its manifest.

    Args:
        tiles: of the gallery.
        name: "exact" keeps nothing.
        recall: of "ivf": target recall@20, a fraction.
        uri: of "milvus": the server, or a path that ends in .db.
        file: for an index of "ivf".
        prefix: of the collection's name on a server.

    Raises:
        InputError: the server does not answer, or an argument is missing or out of range.
    """
    if name == "milvus":
        from rsh.index.milvus import MilvusIndex  # imports pymilvus, which is optional

        if not uri:
            raise InputError(
                "needs a --uri, such as http://localhost:19530", parameter="type", value=name
            )
        uri = str(Path(uri).absolute()) if uri.endswith(".db") else uri
        entry = MilvusInfo(name, uri, f"{prefix}_{token_hex(4)}")
        MilvusIndex.build(uri, entry.collection, tiles.num_bits)
        return update_index(tiles, tiles, entry, file=file)
    if uri:
        raise InputError("only milvus uses a server", parameter="uri", value=uri)
    if name == "exact":
        return None
    from rsh.index.ivf import IVFIndex  # FAISS

    codes = tiles.packed[tiles.searchable]
    IVFIndex.build(codes, tiles.num_bits, _keys(tiles), recall=recall).save(file)
    return _ivf_info(file)


def update_index(old: TileTable, new: TileTable, entry: IndexInfo, *, file: Path) -> IndexInfo:
    """Bring a kept index up to date with a gallery, and return its new entry.

    A killed writer may have left tiles in an index on a server, with keys that other images have
    now. So every tile that the old version lacks is removed before any tile is added.

    Args:
        old: tiles of the old version.
        new: tiles of the new version.
        entry: the index of the old version.
        file: for an index in a file.

    Raises:
        InputError: the server does not answer.
    """
    index, keys, rows = _open(new, entry), _keys(new), new.searchable
    before = index.ids
    kept = np.intersect1d(before, keys[np.isin(keys, _keys(old))])
    index.remove(np.setdiff1d(before, kept))
    added = ~np.isin(keys, kept)
    index.add(new.packed[rows[added]], keys[added], new.table.take(rows[added]))
    if isinstance(entry, MilvusInfo):
        return entry
    index.save(file)
    return _ivf_info(file)


def drop_index(entry: IndexInfo | None) -> None:
    """Delete what a server keeps for an index that is no longer used, if the server answers."""
    if isinstance(entry, MilvusInfo):
        from rsh.index.milvus import MilvusIndex

        with suppress(InputError):
            MilvusIndex.drop(entry.uri, entry.collection)


def describe_index(entry: IndexInfo | None, searcher: Searcher) -> str:
    """Say what a gallery is searched with, by the "index" of its manifest and its searcher."""
    if isinstance(entry, MilvusInfo):
        return f"exact, by Milvus at {entry.uri}, collection {entry.collection}"
    from rsh.index.ivf import IVFIndex  # FAISS

    index = searcher.index if isinstance(searcher, IndexSearcher) else None
    if not isinstance(index, IVFIndex):
        return "exact, in memory"
    return (
        f"approximate: probes {index.nprobe} of {index.nlist} inverted lists, "
        f"recall@20 {index.recall:.1%}, lower beyond rank 20"
    )


def _ivf_info(file: Path) -> IVFInfo:
    return IVFInfo(**asdict(file_record(file)), name="ivf", file=file.name)


def _keys(tiles: TileTable) -> Ids:
    """Return the ids of the searchable tiles in a kept index, in the order of their rows."""
    return tiles.ids.hashes[tiles.searchable]


def _open(tiles: TileTable, entry: IndexInfo) -> Index:
    if isinstance(entry, IVFInfo):
        from rsh.index.factory import load_index  # FAISS

        return load_index(tiles.folder / entry.file)
    from rsh.index.milvus import MilvusIndex

    return MilvusIndex.open(entry.uri, entry.collection, tiles.num_bits)
