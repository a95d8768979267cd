"""How many codes lie at each distance from each of many queries, by a loop that numba compiles.

The distances of a block of codes are measured as the scan does it, eight in one instruction, and
put into buckets while they are in the cache: less than a nanosecond a pair, on each core.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rsh.engines.scan import BLOCK, Words, in_threads, measure

Ints = NDArray[np.int64]


def tally(queries: Words, columns: Words, number: Ints, own: Ints, *, num_bits: int) -> list[Ints]:
    """Count what lies at each distance from each query, in all and of its own class.

    Args:
        queries: codes in words, (q, words).
        columns: codes in words, (words, n), those of a class side by side.
        number: how many items each column stands for, (n,).
        own: begin and end of the columns of each query's class, (q, 2).
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
    """Fill the buckets of some queries, block by block of the codes."""
    room = np.empty(BLOCK, np.uint16)
    for start in range(0, columns.shape[1], BLOCK):
        stop = min(start + BLOCK, columns.shape[1])
        distances = room[: stop - start]
        for query in range(len(queries)):
            measure(columns, queries[query], start, distances)
            first, last = max(own[query, 0], start), min(own[query, 1], stop)
            _pour(distances, number[start:stop], items[query])
            if first < last:
                _pour(distances[first - start : last - start], number[first:last], relevant[query])


@njit(nogil=True, cache=True)
def _pour(distances: NDArray[np.uint16], number: Ints, buckets: Ints) -> None:
    for row in range(len(distances)):
        buckets[distances[row]] += number[row]
