"""Searches the codes of a gallery where they lie, without an index in memory.

An index answers in a fifth of the time, or less, but every process that opens one copies all codes.
The dashboard has a process for each visitor, who waits for the network much longer.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Ids, Packed, check_packed
from rsh.codes.scan import CodeScan, Distances, count_distances
from rsh.index.base import ColumnTest, Hits, check_radius, check_top_k, sort_hits


class ScanSearcher:
    """Compares a query with all codes, and keeps those that may be found: see `Searcher`.

    Attributes:
        recall: None, since the search is exact.
    """

    recall: float | None = None

    def __init__(self, scan: CodeScan, can_find: NDArray[np.bool_]) -> None:
        """Search the rows for which `can_find`, (n,), is true."""
        self._scan, self._can_find = scan, can_find
        self._count = int(np.count_nonzero(can_find))

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Return the nearest rows of each query: see `Searcher`."""
        check_top_k(top_k, self._count)
        num_bits, found = self._scan.num_bits, []
        for query in check_packed(query_packed, num_bits):
            distances = self._scan.distances(query)
            within = np.cumsum(count_distances(distances, self._can_find, num_bits))
            hits = self._within(distances, int(np.searchsorted(within, top_k)))
            found.append(Hits(hits.ids[:top_k], hits.distances[:top_k]))
        return found

    def range_search(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Return all rows within a radius: see `Searcher`."""
        num_bits = self._scan.num_bits
        check_radius(radius, num_bits)
        queries = check_packed(query_packed, num_bits)
        return [self._within(self._scan.distances(query), radius) for query in queries]

    def subset(self, passes: NDArray[np.bool_], tests: Sequence[ColumnTest]) -> "ScanSearcher":
        """Return a searcher over some of the rows: see `Searcher`."""
        return ScanSearcher(self._scan, passes & self._can_find)

    def _within(self, distances: Distances, radius: int) -> Hits:
        rows: Ids = np.flatnonzero((distances <= radius) & self._can_find)
        return sort_hits(rows, distances[rows])
