"""Exact Hamming search by FAISS, in the order (distance, id).

Two engines give the same answers. `ExactEngine` compares a query with every code; `FoldedEngine`
with every different code, and looks up which items have it: short codes of many tiles repeat.
`make_engine` takes the faster one.
"""

import statistics
import time
from itertools import pairwise
from typing import NamedTuple, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from rsh.codes import Packed, check_packed
from rsh.errors import InputError

FAST_WIDTHS = (4, 8, 16, 32)  # bytes for which FAISS has an unrolled kernel
FEW = 10_000  # items below which any engine answers in the blink of an eye
TRIALS = 8  # queries by which engines are told apart


class Hits(NamedTuple):
    """What a search found for one query, nearest first, equal distances by id.

    Attributes:
        ids: (k,) int64, positions in the indexed array.
        distances: (k,) int32, bits.
    """

    ids: NDArray[np.int64]
    distances: NDArray[np.int32]


class Engine(Protocol):
    """What finds the nearest codes; all engines give the same hits in the same order.

    Attributes:
        num_bits: code length, bits.
    """

    num_bits: int

    def __len__(self) -> int: ...

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find the top_k nearest codes of each query.

        Args:
            query_packed: (q, bytes) uint8.
            top_k: how many, 1 to the number of codes.

        Returns:
            One Hits a query, each of length top_k.

        Raises:
            InputError: wrong width or type, or top_k out of range.
        """

    def within(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find all codes at a distance of at most radius from each query.

        Args:
            query_packed: (q, bytes) uint8.
            radius: Hamming radius, bits, 0 to num_bits.

        Returns:
            One Hits a query, each as long as its ball is full, perhaps empty.

        Raises:
            InputError: wrong width or type, or radius out of range.
        """


def make_engine(packed: Packed, num_bits: int) -> Engine:
    """Index codes in the engine that answers faster, tried on some of them.

    Args:
        packed: (n, ceil(num_bits / 8)) uint8; row numbers become ids.
        num_bits: code length, bits.

    Raises:
        InputError: wrong width or type.
    """
    exact = ExactEngine(packed, num_bits)
    if len(exact) < FEW:
        return exact
    both: list[Engine] = [exact, FoldedEngine(packed, num_bits)]
    queries = packed[:: len(packed) // TRIALS][:TRIALS]
    return min(both, key=lambda engine: _seconds(engine, queries))


class ExactEngine:
    """All codes in memory, every query compared with every code.

    Codes are padded with zero bytes to a width FAISS has a fast kernel for; zeros on both
    sides add no distance, and 16-bit codes are searched four times faster.
    """

    def __init__(self, packed: Packed, num_bits: int) -> None:
        """Index `packed`, (n, ceil(num_bits / 8)) uint8; row numbers become ids."""
        self.num_bits = num_bits
        padded = _pad(check_packed(packed, num_bits))
        self._index = faiss.IndexBinaryFlat(padded.shape[1] * 8)
        self._index.add(padded)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find the top_k nearest codes of each query: see `Engine`."""
        _check_top_k(top_k, len(self))
        padded = _pad(check_packed(query_packed, self.num_bits))
        distances, ids = self._index.search(padded, top_k)
        return [Hits(*row) for row in zip(ids, distances, strict=True)]

    def within(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find all codes at a distance of at most radius: see `Engine`."""
        if not 0 <= radius <= self.num_bits:
            raise InputError(f"radius={radius}: choose 0 to {self.num_bits} bits")
        padded = _pad(check_packed(query_packed, self.num_bits))
        limits, distances, ids = self._index.range_search(padded, radius + 1)  # FAISS means <
        return [
            _in_order(ids[start:stop], distances[start:stop])
            for start, stop in pairwise(limits.tolist())
        ]


class FoldedEngine:
    """Each different code in memory once, with the list of the items that have it.

    An item list is sorted, so that of a code at the last distance no more than the first top_k are
    looked at, however many there are.
    """

    def __init__(self, packed: Packed, num_bits: int) -> None:
        """Index `packed`, (n, ceil(num_bits / 8)) uint8; row numbers become ids."""
        self.num_bits = num_bits
        words = _words(_pad(check_packed(packed, num_bits)))
        self._rows = np.lexsort(words.T)  # stable, so that rows of equal codes ascend
        words = words[self._rows]
        new = np.append(True, (words[1:] != words[:-1]).any(axis=1))[: len(packed)]
        self._starts = np.append(np.flatnonzero(new), len(packed))
        self._codes = ExactEngine(packed[self._rows[new]], num_bits)

    def __len__(self) -> int:
        return len(self._rows)

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find the top_k nearest codes of each query: see `Engine`."""
        _check_top_k(top_k, len(self))
        found = self._codes.search(query_packed, top_k=min(top_k, len(self._codes)))
        return [
            self._nearest(query[None], codes, top_k)
            for query, codes in zip(query_packed, found, strict=True)
        ]

    def within(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find all codes at a distance of at most radius: see `Engine`."""
        return [
            self._items(codes, most=len(self))
            for codes in self._codes.within(query_packed, radius=radius)
        ]

    def _nearest(self, query_packed: Packed, codes: Hits, top_k: int) -> Hits:
        """Return the top_k items of the nearest codes."""
        held = np.cumsum(np.diff(self._starts)[codes.ids])
        last = codes.distances[np.searchsorted(held, top_k)]
        if last == codes.distances[-1]:  # there may be more codes as far away as the last
            (codes,) = self._codes.within(query_packed, radius=int(last))
        near = codes.distances <= last
        hits = self._items(Hits(codes.ids[near], codes.distances[near]), most=top_k)
        return Hits(hits.ids[:top_k], hits.distances[:top_k])

    def _items(self, codes: Hits, *, most: int) -> Hits:
        """Return the items of some codes, of each the first so many, nearest first."""
        starts = self._starts[codes.ids]
        sizes = np.minimum(self._starts[codes.ids + 1] - starts, most)
        skipped = starts - np.cumsum(sizes) + sizes  # from a place among all to a place in _rows
        rows = self._rows[np.arange(sizes.sum()) + np.repeat(skipped, sizes)]
        return _in_order(rows, np.repeat(codes.distances, sizes))


def _check_top_k(top_k: int, most: int) -> None:
    if not 1 <= top_k <= most:
        raise InputError(f"top_k={top_k}: choose 1 to {most}, the items of the gallery")


def _seconds(engine: Engine, query_packed: Packed) -> float:
    """Return how long an engine takes for one query, the median: a busy neighbour passes."""
    seconds = []
    for query in query_packed:
        start = time.perf_counter()
        engine.search(query[None], top_k=min(20, len(engine)))
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _words(padded: Packed) -> NDArray[np.unsignedinteger]:
    """Return codes as few wide numbers, (n, words), which sort faster than bytes."""
    return padded.view(np.uint32 if padded.shape[1] == 4 else np.uint64)


def _in_order(ids: NDArray[np.int64], distances: NDArray[np.generic]) -> Hits:
    order = np.lexsort((ids, distances))
    return Hits(ids[order], distances[order].astype(np.int32))


def _pad(packed: Packed) -> Packed:
    """Append zero bytes up to the next width with a fast kernel."""
    width = packed.shape[1]
    fast = next(fast for fast in FAST_WIDTHS if fast >= width)
    return np.ascontiguousarray(np.pad(packed, ((0, 0), (0, fast - width))))
