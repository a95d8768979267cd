"""Exhaustive search over distinct codes, each with the list of the items that share it."""

from collections.abc import Callable

import numpy as np

from rsh.codes.binary import Ids, Packed, check_packed
from rsh.codes.distinct import DistinctCodes, join_spans
from rsh.index.base import Hits, Index, check_top_k, sort_hits
from rsh.index.flat import FlatIndex
from rsh.index.in_memory import InMemoryIndex, StoredCodes


class DedupIndex(InMemoryIndex):
    """Holds each distinct code once, in memory, with the ids of its items: see `Index`.

    The ids of a code ascend, so a search reads at most top_k of them.
    """

    kind = "dedup"

    def __init__(
        self,
        packed: Packed,
        num_bits: int,
        ids: Ids | None = None,
        *,
        flat: Callable[[Packed, int], Index] = FlatIndex,
    ) -> None:
        """Index codes as `InMemoryIndex` does; `flat` searches the distinct ones."""
        self._flat = flat
        super().__init__(packed, num_bits, ids)

    def _index_all(self, codes: StoredCodes) -> None:
        distinct = DistinctCodes.fold(codes.packed)
        self._ids = codes.ids[distinct.rows]
        self._starts, self._packed = distinct.starts, distinct.packed
        self._codes = self._flat(self._packed, self.num_bits)

    @property
    def held(self) -> StoredCodes:
        """All codes and their ids, a code for each id."""
        order = np.argsort(self._ids)
        packed = np.repeat(self._packed, np.diff(self._starts), axis=0)
        return StoredCodes(packed[order], self._ids[order])

    @property
    def ids(self) -> Ids:
        """All ids, ascending."""
        return np.sort(self._ids)

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find the top_k nearest codes of each query: see `Index`."""
        check_top_k(top_k, len(self))
        query_packed = check_packed(query_packed, self.num_bits)
        found = self._codes.search(query_packed, top_k=min(top_k, len(self._codes)))
        return [
            self._nearest_items(query[None], codes, top_k)
            for query, codes in zip(query_packed, found, strict=True)
        ]

    def range_search(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find all codes at a distance of at most radius: see `Index`."""
        return [
            self._expand(codes, most=len(self))
            for codes in self._codes.range_search(query_packed, radius=radius)
        ]

    def _nearest_items(self, query_packed: Packed, codes: Hits, top_k: int) -> Hits:
        """Return the top_k items of the nearest codes."""
        sizes = np.cumsum(np.diff(self._starts)[codes.ids])
        last = codes.distances[np.searchsorted(sizes, top_k)]
        if last == codes.distances[-1]:  # other codes may tie with the last one
            (codes,) = self._codes.range_search(query_packed, radius=int(last))
        near = codes.distances <= last
        hits = self._expand(Hits(codes.ids[near], codes.distances[near]), most=top_k)
        return Hits(hits.ids[:top_k], hits.distances[:top_k])

    def _expand(self, codes: Hits, *, most: int) -> Hits:
        """Return the items of some codes, at most `most` of each, nearest first."""
        starts = self._starts[codes.ids]
        sizes = np.minimum(self._starts[codes.ids + 1] - starts, most)
        return sort_hits(self._ids[join_spans(starts, sizes)], np.repeat(codes.distances, sizes))
