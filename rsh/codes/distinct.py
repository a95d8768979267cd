"""Distinct codes: each code once, with the rows that share it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Ids, Packed, as_words


@dataclass(frozen=True, eq=False)
class DistinctCodes:
    """Each distinct code of an array once, in an order of the codes alone; `len` counts them.

    Attributes:
        packed: the distinct codes, (c, bytes) uint8.
        rows: of the array, code by code, ascending within each, (n,) int64.
        starts: rows[starts[i] : starts[i + 1]] have code i, (c + 1,) int64.
    """

    packed: Packed
    rows: Ids
    starts: Ids

    @classmethod
    def fold(cls, packed: Packed) -> Self:
        """Return the distinct rows of an array, (n, bytes) uint8, and who shares them."""
        words = as_words(packed)  # which sort faster than bytes
        order = np.lexsort(words.T)  # stable, so that the rows of equal codes ascend
        words = words[order]
        is_new = np.append(True, (words[1:] != words[:-1]).any(axis=1))[: len(words)]
        starts = np.append(np.flatnonzero(is_new), len(words))
        return cls(packed[order[is_new]], order, starts)

    def __len__(self) -> int:
        return len(self.packed)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """How many rows have each code, (c,)."""
        return np.diff(self.starts)

    @property
    def first(self) -> Ids:
        """The first row of each code, (c,)."""
        return self.rows[self.starts[:-1]]

    @cached_property
    def number(self) -> NDArray[np.int64]:
        """Number of the code of each row, 0 to c - 1, (n,)."""
        number = np.empty(len(self.rows), dtype=np.int64)
        number[self.rows] = np.repeat(np.arange(len(self)), self.sizes)
        return number

    @cached_property
    def rank(self) -> NDArray[np.int64]:
        """How many earlier rows have the same code, (n,)."""
        rank = np.empty(len(self.rows), dtype=np.int64)
        rank[self.rows] = np.arange(len(self.rows)) - np.repeat(self.starts[:-1], self.sizes)
        return rank

    def members(self, codes: NDArray[np.int64]) -> Ids:
        """Return the rows that have some codes, code by code, ascending within each."""
        return self.rows[join_spans(self.starts[codes], self.sizes[codes])]


def join_spans(starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of several spans, one span after the other.

    Args:
        starts: first number of each span, (k,).
        sizes: how many successive numbers each span has, (k,).
    """
    skipped = starts - np.cumsum(sizes) + sizes  # from a position here to a number
    return np.arange(sizes.sum()) + np.repeat(skipped, sizes)
