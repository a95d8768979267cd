"""Every query against every different code; which items have it is looked up."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Ids, Packed, check_packed
from rsh.index.base import Hits, Index, check_top_k, sort_hits
from rsh.index.flat import FlatIndex, pad
from rsh.index.in_memory import InMemoryIndex, StoredCodes


class DedupIndex(InMemoryIndex):
    """Each different code in memory once, with the list of the items that have it: see `Index`.

    An item list is sorted, so that of a code at the last distance no more than the first top_k are
    looked at, however many there are.
    """

    kind = "folded"

    def __init__(
        self,
        packed: Packed,
        num_bits: int,
        ids: Ids | None = None,
        *,
        flat: Callable[[Packed, int], Index] = FlatIndex,
    ) -> None:
        """Index codes.

        Args:
            packed: (n, ceil(num_bits / 8)) uint8.
            num_bits: code length, bits.
            ids: (n,) int64; row numbers by default.
            flat: what compares a query with the different codes.

        Raises:
            InputError: wrong width or type, or an id that comes twice.
        """
        self._flat = flat
        super().__init__(packed, num_bits, ids)

    def _index_all(self, codes: StoredCodes) -> None:
        words = _words(pad(codes.packed))
        order = np.lexsort(words.T)  # stable, so that the ids of equal codes ascend
        words = words[order]
        new = np.append(True, (words[1:] != words[:-1]).any(axis=1))[: len(words)]
        self._ids = codes.ids[order]
        self._starts = np.append(np.flatnonzero(new), len(words))
        self._packed = codes.packed[order[new]]
        self._codes = self._flat(self._packed, self.num_bits)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def num_codes(self) -> int:
        """How many different codes there are."""
        return len(self._codes)

    @property
    def held(self) -> StoredCodes:
        """All codes and their ids, unfolded."""
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
            self._nearest(query[None], codes, top_k)
            for query, codes in zip(query_packed, found, strict=True)
        ]

    def within(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find all codes at a distance of at most radius: see `Index`."""
        return [
            self._items(codes, most=len(self))
            for codes in self._codes.within(query_packed, radius=radius)
        ]

    def _nearest(self, query_packed: Packed, codes: Hits, top_k: int) -> Hits:
        """Return the top_k items of the nearest codes."""
        sizes = np.cumsum(np.diff(self._starts)[codes.ids])
        last = codes.distances[np.searchsorted(sizes, top_k)]
        if last == codes.distances[-1]:  # there may be more codes as far away as the last
            (codes,) = self._codes.within(query_packed, radius=int(last))
        near = codes.distances <= last
        hits = self._items(Hits(codes.ids[near], codes.distances[near]), most=top_k)
        return Hits(hits.ids[:top_k], hits.distances[:top_k])

    def _items(self, codes: Hits, *, most: int) -> Hits:
        """Return the items of some codes, of each the first so many, nearest first."""
        starts = self._starts[codes.ids]
        sizes = np.minimum(self._starts[codes.ids + 1] - starts, most)
        skipped = starts - np.cumsum(sizes) + sizes  # from a place among all to a place in _ids
        ids = self._ids[np.arange(sizes.sum()) + np.repeat(skipped, sizes)]
        return sort_hits(ids, np.repeat(codes.distances, sizes))


def _words(padded: Packed) -> NDArray[np.unsignedinteger]:
    """Return codes as few wide numbers, (n, words), which sort faster than bytes."""
    return padded.view(np.uint32 if padded.shape[1] == 4 else np.uint64)
