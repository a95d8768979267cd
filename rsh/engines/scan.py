"""Every query against every code, by a loop of our own that keeps up with the memory.

FAISS's exact search spends four to seven times as long as it takes to read the codes. Here they lie
in columns of words, so that the compiler counts the bits of eight codes in one instruction;
a block of them stays in the cache for all queries of a batch; and a block is looked at closely only
if its smallest distance is below the worst that a query holds already. numba compiles the loop when
it is first needed and keeps the outcome on disk.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit
from numba.extending import intrinsic
from numpy.typing import NDArray

from rsh.codes import Packed, check_packed
from rsh.engines.base import Hits, Ids, check_radius, check_top_k, in_order
from rsh.engines.held import Held, InMemory

BLOCK = 4096  # codes; of one word they fill the first cache, 32 KiB
FEW_HITS = 200  # that are kept in order while the codes go by
Words = NDArray[np.unsignedinteger[Any]]  # of 32 bits or 64
Distances = NDArray[np.uint16]


class ScanEngine(InMemory):
    """All codes in memory, every query compared with every code: see `Engine`."""

    kind = "scan"

    def _index_all(self, codes: Held) -> None:
        self._ids, self._width = codes.ids, codes.packed.shape[1]
        self._columns: Words = np.ascontiguousarray(_words(codes.packed).T)  # (words, n)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> Ids:
        """All ids, ascending."""
        return self._ids

    @property
    def held(self) -> Held:
        """All codes and their ids; the codes are put together again."""
        packed = np.ascontiguousarray(self._columns.T).view(np.uint8)
        return Held(packed[:, : self._width], self._ids)

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
        return in_order(self._ids[places], distances[places])

    def _many(self, query: Words, top_k: int) -> Hits:
        """Find so many that to keep them in order all the time would take longer than the scan."""
        distances = self._distances(query)
        held = np.cumsum(np.bincount(distances))
        ball = self._ball(distances, int(np.searchsorted(held, top_k)))
        return Hits(ball.ids[:top_k], ball.distances[:top_k])


def _words(packed: Packed) -> Words:
    """Return codes as words, (n, words), short for short codes, the last filled up with zeros."""
    width = packed.shape[1]
    word = np.dtype(np.uint32 if width <= 4 else np.uint64)
    padded = np.zeros((len(packed), -(-width // word.itemsize) * word.itemsize), dtype=np.uint8)
    padded[:, :width] = packed
    return padded.view(word)


def in_threads(work: Callable[[slice], None], count: int) -> None:
    """Share rows out to as many threads as this process may use; one row takes one."""
    threads = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, count)
    if threads <= 1:
        work(slice(0, count))
        return
    ends = np.linspace(0, count, threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda i: work(slice(ends[i], ends[i + 1])), range(threads)))


@intrinsic
def _differ(context: Any, word: Any, other: Any) -> Any:
    """Count the bits in which two words differ, by the instruction that the processor has for it.

    In Python's terms numba would widen short words to 64 bits, and count half as many at a time.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(builder.xor(*arguments))

    return word(word, other), generate


@njit(nogil=True, cache=True)
def measure(columns: Words, query: Words, start: int, distances: Distances) -> None:
    """Fill in the distances of one query to the codes from `start` on, bits."""
    distances[:] = 0
    for number in range(len(columns)):
        column = columns[number][start : start + len(distances)]  # so that it is seen to be dense
        word = query[number]
        for row in range(len(distances)):
            distances[row] += _differ(column[row], word)  # type: ignore[call-arg]


@njit(nogil=True, cache=True)
def _smallest(distances: Distances) -> Any:
    least = distances[0]
    for row in range(len(distances)):
        least = min(least, distances[row])
    return least


@njit(nogil=True, cache=True)
def _insert(
    place: int, distance: int, count: int, places: Ids, distances: NDArray[np.int32]
) -> None:
    """Put one hit behind all that are as near among `count`; the last makes room."""
    slot = min(count, len(places) - 1)
    while slot > 0 and distances[slot - 1] > distance:
        places[slot], distances[slot] = places[slot - 1], distances[slot - 1]
        slot -= 1
    places[slot], distances[slot] = place, distance


@njit(nogil=True, cache=True)
def _nearest(columns: Words, queries: Words, places: Ids, distances: NDArray[np.int32]) -> None:
    """Fill in the nearest codes of each query, in the order (distance, place).

    Args:
        columns: codes, (words, n).
        queries: (q, words).
        places: (q, k), to be filled.
        distances: (q, k), to be filled, bits.
    """
    top_k = places.shape[1]
    room = np.empty(BLOCK, np.uint16)
    count = np.zeros(len(queries), np.int64)
    for start in range(0, columns.shape[1], BLOCK):
        stop = min(start + BLOCK, columns.shape[1])
        near = room[: stop - start]
        for query in range(len(queries)):
            measure(columns, queries[query], start, near)
            full = count[query] == top_k
            if full and _smallest(near) >= distances[query, top_k - 1]:
                continue  # a later code that is as far away comes behind the earlier one
            for row in range(len(near)):
                if count[query] < top_k or near[row] < distances[query, top_k - 1]:
                    _insert(start + row, near[row], count[query], places[query], distances[query])
                    count[query] = min(count[query] + 1, top_k)
