"""Exhaustive search with a compiled loop that is limited by memory bandwidth alone.

FAISS's exact search takes four to seven times as long as reading the codes. Here codes are stored
in columns of words, so that one instruction counts the bits of several codes: four with AVX2, eight
with AVX-512. A block of codes stays in the cache for all queries of a batch, and is searched only
if its smallest distance is below the worst hit of the query so far. numba compiles the loop on
first use and caches the machine code.
"""

import numpy as np

from rsh.codes.binary import Packed, Words, as_words, check_packed
from rsh.codes.hamming import Distances, _nearest, in_threads, measure
from rsh.index.base import Hits, check_radius, check_top_k, sort_hits
from rsh.index.in_memory import InMemoryIndex, StoredCodes

FEW_HITS = 200  # up to so many hits are kept sorted during the scan


class ScanIndex(InMemoryIndex):
    """Compares every query with every code, in memory: see `Index`."""

    kind = "scan"

    def _index_all(self, codes: StoredCodes) -> None:
        self._ids, self._width = codes.ids, codes.packed.shape[1]
        self._columns: Words = np.ascontiguousarray(as_words(codes.packed).T)  # (words, n)

    @property
    def held(self) -> StoredCodes:
        """All codes and their ids, copied out of the columns."""
        packed = np.ascontiguousarray(self._columns.T).view(np.uint8)
        return StoredCodes(packed[:, : self._width], self._ids)

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find the top_k nearest codes of each query: see `Index`."""
        check_top_k(top_k, len(self))
        queries = as_words(check_packed(query_packed, self.num_bits))
        if top_k > FEW_HITS:
            return [self._scan_then_sort(query, top_k) for query in queries]
        rows = np.empty((len(queries), top_k), dtype=np.int64)
        distances = np.empty((len(queries), top_k), dtype=np.int32)
        in_threads(
            lambda part: _nearest(self._columns, queries[part], rows[part], distances[part]),
            len(queries),
        )
        return [Hits(*hits) for hits in zip(self._ids[rows], distances, strict=True)]

    def range_search(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find all codes at a distance of at most radius: see `Index`."""
        check_radius(radius, self.num_bits)
        queries = as_words(check_packed(query_packed, self.num_bits))
        return [self._select(self._distances(query), radius) for query in queries]

    def _distances(self, query: Words) -> Distances:
        distances = np.empty(len(self), dtype=np.uint16)
        measure(self._columns, query, 0, distances)
        return distances

    def _select(self, distances: Distances, radius: int) -> Hits:
        """Return the hits within a radius."""
        rows = np.flatnonzero(distances <= radius)
        return sort_hits(self._ids[rows], distances[rows])

    def _scan_then_sort(self, query: Words, top_k: int) -> Hits:
        """Return the top_k hits; for a large top_k this beats keeping them sorted in the scan."""
        distances = self._distances(query)
        within = np.cumsum(np.bincount(distances))  # how many codes lie within each radius
        hits = self._select(distances, int(np.searchsorted(within, top_k)))
        return Hits(hits.ids[:top_k], hits.distances[:top_k])
