"""Every query against every code, by a loop of our own that keeps up with the memory.

FAISS's exact search spends four to seven times as long as it takes to read the codes. Here they lie
in columns of words, so that the compiler counts the bits of eight codes in one instruction;
a block of them stays in the cache for all queries of a batch; and a block is looked at closely only
if its smallest distance is below the worst that a query holds already. numba compiles the loop when
it is first needed and keeps the outcome on disk.
"""

import numpy as np

from rsh.codes.binary import Ids, Packed, check_packed
from rsh.codes.kernels import Distances, Words, _nearest, _words, in_threads, measure
from rsh.index.base import Hits, check_radius, check_top_k, sort_hits
from rsh.index.in_memory import InMemoryIndex, StoredCodes

FEW_HITS = 200  # that are kept in order while the codes go by


class ScanIndex(InMemoryIndex):
    """All codes in memory, every query compared with every code: see `Engine`."""

    kind = "scan"

    def _index_all(self, codes: StoredCodes) -> None:
        self._ids, self._width = codes.ids, codes.packed.shape[1]
        self._columns: Words = np.ascontiguousarray(_words(codes.packed).T)  # (words, n)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> Ids:
        """All ids, ascending."""
        return self._ids

    @property
    def held(self) -> StoredCodes:
        """All codes and their ids; the codes are put together again."""
        packed = np.ascontiguousarray(self._columns.T).view(np.uint8)
        return StoredCodes(packed[:, : self._width], self._ids)

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find the top_k nearest codes of each query: see `Engine`."""
        check_top_k(top_k, len(self))
        queries = _words(check_packed(query_packed, self.num_bits))
        if top_k > FEW_HITS:
            return [self._many(query, top_k) for query in queries]
        places = np.empty((len(queries), top_k), dtype=np.int64)
        distances = np.empty((len(queries), top_k), dtype=np.int32)
        in_threads(
            lambda rows: _nearest(self._columns, queries[rows], places[rows], distances[rows]),
            len(queries),
        )
        return [Hits(*row) for row in zip(self._ids[places], distances, strict=True)]

    def within(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find all codes at a distance of at most radius: see `Engine`."""
        check_radius(radius, self.num_bits)
        queries = _words(check_packed(query_packed, self.num_bits))
        return [self._ball(self._distances(query), radius) for query in queries]

    def _distances(self, query: Words) -> Distances:
        distances = np.empty(len(self), dtype=np.uint16)
        measure(self._columns, query, 0, distances)
        return distances

    def _ball(self, distances: Distances, radius: int) -> Hits:
        places = np.flatnonzero(distances <= radius)
        return sort_hits(self._ids[places], distances[places])

    def _many(self, query: Words, top_k: int) -> Hits:
        """Find so many that to keep them in order all the time would take longer than the scan."""
        distances = self._distances(query)
        held = np.cumsum(np.bincount(distances))
        ball = self._ball(distances, int(np.searchsorted(held, top_k)))
        return Hits(ball.ids[:top_k], ball.distances[:top_k])
