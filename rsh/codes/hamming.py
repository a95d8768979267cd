"""Kernels compiled by numba: Hamming distances, nearest codes and counts by distance.

Codes are compared in blocks that stay in the CPU cache, four words per instruction with AVX2 and
eight with AVX-512: less than a nanosecond per pair and core.
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

from rsh.codes.binary import Ids, Words

BLOCK = 4096  # codes; with one word each they fill the L1 cache, 32 KiB
SCAN_BLOCK = 1024  # codes; their words and as many numbers leave half of it free
Distances = NDArray[np.uint16]
Numbers = NDArray[np.unsignedinteger[Any]]
Ints = NDArray[np.int64]


def count_distances(
    queries: Words, columns: Words, number: Ints, own: Ints, *, num_bits: int
) -> list[Ints]:
    """Return the numbers of items at each distance from each query, in total and of its class.

    Args:
        queries: codes in words, (q, words).
        columns: codes in words, (words, n), sorted by class.
        number: number of items of each column, (n,).
        own: first and last + 1 of the columns of each query's class, (q, 2).
        num_bits: code length, bits.

    Returns:
        Two arrays (q, num_bits + 1): all items, and those of the query's class.
    """
    items, relevant = (np.zeros((len(queries), num_bits + 1), dtype=np.int64) for _ in range(2))
    in_threads(
        lambda rows: _fill(columns, queries[rows], number, own[rows], items[rows], relevant[rows]),
        len(queries),
    )
    return [items, relevant]


@njit(nogil=True, cache=True)
def _fill(
    columns: Words, queries: Words, number: Ints, own: Ints, items: Ints, relevant: Ints
) -> None:
    """Fill in the counts of some queries, block by block of the codes."""
    buffer = np.empty(BLOCK, np.uint16)
    for start in range(0, columns.shape[1], BLOCK):
        stop = min(start + BLOCK, columns.shape[1])
        distances = buffer[: stop - start]
        for query in range(len(queries)):
            measure(columns, queries[query], start, distances)
            first, last = max(own[query, 0], start), min(own[query, 1], stop)
            _add_to_histogram(distances, number[start:stop], items[query])
            if first < last:
                _add_to_histogram(
                    distances[first - start : last - start], number[first:last], relevant[query]
                )


@njit(nogil=True, cache=True)
def _add_to_histogram(distances: NDArray[np.uint16], number: Ints, buckets: Ints) -> None:
    for row in range(len(distances)):
        buckets[distances[row]] += number[row]


def num_threads() -> int:
    """Return how many threads this process may use; 1 where the system does not tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def in_threads(work: Callable[[slice], None], count: int) -> None:
    """Split rows between the threads that this process may use."""
    threads = min(num_threads(), count)
    if threads <= 1:
        work(slice(0, count))
        return
    ends = np.linspace(0, count, threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda i: work(slice(ends[i], ends[i + 1])), range(threads)))


@intrinsic
def _differ(context: Any, word: Any, other: Any) -> Any:
    """Return the number of differing bits of two words, by the processor's popcount instruction.

    Without it numba would widen short words to 64 bits and count half as many per instruction.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(builder.xor(*arguments))

    return word(word, other), generate


@njit(nogil=True, cache=True)
def measure(columns: Words, query: Words, start: int, distances: Numbers) -> None:
    """Fill in the distances of one query to the codes from `start` on, bits."""
    for number in range(len(columns)):
        # Two steps, so that numba knows the column to be contiguous.
        column = columns[number][start : start + len(distances)]
        word = query[number]
        if number == 0:  # half as long as zeros to which the first column is added
            for row in range(len(distances)):
                distances[row] = _differ(column[row], word)  # type: ignore[call-arg]
        else:
            for row in range(len(distances)):
                distances[row] += _differ(column[row], word)  # type: ignore[call-arg]


@njit(nogil=True, cache=True)
def _largest(values: Distances) -> Any:
    largest = values[0]
    for row in range(len(values)):
        largest = max(largest, values[row])
    return largest


@njit(nogil=True, cache=True)
def _insert(
    place: int, distance: np.int64, count: int, places: Ids, distances: NDArray[np.int32]
) -> None:
    """Insert one hit after all hits at most as far away; drop the last one if the list is full."""
    slot = min(count, len(places) - 1)
    while slot > 0 and distances[slot - 1] > distance:
        places[slot], distances[slot] = places[slot - 1], distances[slot - 1]
        slot -= 1
    places[slot], distances[slot] = place, distance


@njit(nogil=True, cache=True)
def _nearest(columns: Words, queries: Words, places: Ids, distances: NDArray[np.int32]) -> None:
    """Fill in the k nearest codes of each query, (q, k), in the order (distance, place).

    A block is searched for hits only if it holds a code with more equal bits than the worst hit
    so far. The largest number of equal bits is taken over parts of 16 bits, since processors
    without AVX-512 have no instruction for the larger of two words. All other parts are zero.
    """
    top_k, parts = places.shape[1], columns.itemsize // 2
    bits = 8 * columns.itemsize * len(columns)  # of the words; those beyond the code are equal
    opposites, buffer = np.invert(queries), np.empty(SCAN_BLOCK, columns.dtype)
    count = np.zeros(len(queries), np.int64)
    worst = np.full(len(queries), -1, np.int64)  # equal bits of the last hit of a full list
    for start in range(0, columns.shape[1], SCAN_BLOCK):
        stop = min(start + SCAN_BLOCK, columns.shape[1])
        equal = buffer[: stop - start]
        for query in range(len(queries)):
            measure(columns, opposites[query], start, equal)
            if np.int64(_largest(buffer.view(np.uint16)[: parts * len(equal)])) <= worst[query]:
                continue  # of two codes at one distance the earlier ranks first
            for row in range(len(equal)):
                if np.int64(equal[row]) > worst[query]:
                    distance = bits - np.int64(equal[row])
                    _insert(start + row, distance, count[query], places[query], distances[query])
                    count[query] = min(count[query] + 1, top_k)
                    if count[query] == top_k:
                        worst[query] = bits - distances[query, top_k - 1]
