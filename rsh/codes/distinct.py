"""Groups equal codes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed, as_words


class DistinctCodes(NamedTuple):
    """The distinct codes of n items, in the order in which they come first.

    Attributes:
        first: the first item of each code, (c,), ascending.
        number: of the code of each item, 0 to c - 1, (n,).
        rank: how many earlier items have the same code, (n,).
    """

    first: NDArray[np.int64]
    number: NDArray[np.int64]
    rank: NDArray[np.int64]


def group_codes(packed: Packed) -> DistinctCodes:
    """Group equal codes.

    Args:
        packed: (n, bytes) uint8.
    """
    words = as_words(packed)  # which sort faster than bytes
    order = np.lexsort(words.T)  # stable: the items of a code ascend
    words = words[order]
    is_new = np.append(True, (words[1:] != words[:-1]).any(axis=1))[: len(words)]
    starts = np.flatnonzero(is_new)
    group = np.cumsum(is_new) - 1  # of each item in the order of the codes
    by_first = np.argsort(order[starts])
    number, rank = np.empty((2, len(words)), dtype=np.int64)
    number[order] = np.argsort(by_first)[group]
    rank[order] = np.arange(len(words)) - starts[group]
    return DistinctCodes(order[starts][by_first], number, rank)
