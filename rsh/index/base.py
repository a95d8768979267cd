"""The interface of all indexes, their hits and the order of these, pairs, and checks of input."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes.binary import Ids, Packed, check_packed
from rsh.errors import InputError


class Hits(NamedTuple):
    """The hits of one query, nearest first, equal distances by id.

    Attributes:
        ids: (k,) int64.
        distances: (k,) int32, bits.
    """

    ids: Ids
    distances: NDArray[np.int32]


class CodePairs(NamedTuple):
    """Some pairs of near codes, in no order: see `rsh.index.pairs`.

    Attributes:
        first: number of a code of the first set, (m,) int64.
        second: number of a code of the second set, (m,) int64; within one set, above `first`.
        distances: bits, (m,) uint16.
    """

    first: Ids
    second: Ids
    distances: NDArray[np.uint16]


class ColumnTest(NamedTuple):
    """A condition on one column of the items table, with values of the column's type.

    Attributes:
        column: its name.
        values: numbers or texts: some to choose from, or the two ends of a range.
        between: whether they are the ends of a range.
        negated: whether they are the values that are not wanted.
        is_bool: whether the column is boolean; the values are then its texts.
    """

    column: str
    values: list[float] | list[str]
    between: bool
    negated: bool
    is_bool: bool = False


@dataclass(frozen=True, eq=False)
class IDSelector:
    """The items that a search may find.

    Attributes:
        ids: of the items, ascending.
        tests: that select these items, for a server that knows the items' columns; may be empty.
    """

    ids: Ids
    tests: Sequence[ColumnTest] = ()


class Index(Protocol):
    """Finds the nearest codes. All exact indexes give the same hits in the same order.

    Attributes:
        num_bits: code length, bits.
        recall: measured recall@20, a fraction; None if the index is exact.
    """

    num_bits: int
    recall: float | None

    def __len__(self) -> int: ...

    @property
    def ids(self) -> Ids:
        """All ids, ascending."""

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find the top_k nearest codes of each query.

        Args:
            query_packed: (q, bytes) uint8.
            top_k: how many, 1 to the number of codes.

        Returns:
            One Hits a query, each of length top_k, or shorter if the index is approximate.

        Raises:
            InputError: wrong width or type, or top_k out of range.
        """

    def range_search(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find all codes at a distance of at most radius from each query.

        Args:
            query_packed: (q, bytes) uint8.
            radius: Hamming radius, bits, 0 to num_bits.

        Returns:
            One Hits a query, of any length, perhaps empty.

        Raises:
            InputError: wrong width or type, or radius out of range.
        """

    def subset(self, selector: IDSelector) -> "Index":
        """Return an index of the selected items only."""

    def add(self, packed: Packed, ids: Ids, items: pd.DataFrame | None = None) -> None:
        """Add codes.

        Args:
            packed: (n, bytes) uint8.
            ids: (n,) int64, from 0 on, in any order.
            items: columns that a server can filter by, one row a code.

        Raises:
            InputError: wrong width or type, or an id that is already in the index or comes twice.
        """

    def remove(self, ids: Ids) -> None:
        """Remove codes.

        Raises:
            InputError: the index holds no code of such an id.
        """

    def save(self, file: Path) -> None:
        """Write a file for `load_index`, whole or not at all.

        Raises:
            InputError: the file cannot be written, or a server holds the codes.
        """


def check_top_k(top_k: int, most: int) -> None:
    """Raise InputError unless top_k is 1 to `most`."""
    if not 1 <= top_k <= most:
        raise InputError(
            f"choose 1 to {most}, the items of the gallery", parameter="top_k", value=top_k
        )


def check_radius(radius: int, num_bits: int) -> None:
    """Raise InputError unless the radius is a whole number from 0 to num_bits."""
    whole = isinstance(radius, Integral) and not isinstance(radius, bool)
    if not (whole and 0 <= radius <= num_bits):
        reason = f"choose a whole number from 0 to {num_bits} bits"
        raise InputError(reason, parameter="radius", value=radius)


def check_ids(ids: Ids, packed: Packed, num_bits: int) -> Ids:
    """Return the ids, checked: one for each code, and none twice.

    Raises:
        InputError: they are not, or the codes have another width or type.
    """
    ids, packed = np.asarray(ids), check_packed(packed, num_bits)
    if ids.dtype != np.int64 or ids.shape != (len(packed),) or (ids < 0).any():
        raise InputError(
            f"ids are {ids.dtype} of shape {ids.shape}: {len(packed)} codes need int64 of shape "
            f"({len(packed)},), from 0 on"
        )
    ordered = np.sort(ids)
    refuse_duplicates(ordered[1:][ordered[1:] == ordered[:-1]])
    return ids


def refuse_duplicates(duplicates: Ids) -> None:
    """Raise InputError that names the first duplicate, if there is one."""
    if len(duplicates):
        raise InputError(f"id {duplicates[0]} is in the index: remove it first, or use another id")


def find_positions(wanted: Ids, ids: Ids) -> Ids:
    """Return the position of each wanted id in an ascending array of ids.

    Raises:
        InputError: the array lacks one of them.
    """
    positions = np.searchsorted(ids, wanted)
    missing = ids[np.minimum(positions, len(ids) - 1)] != wanted if len(ids) else wanted >= 0
    if missing.any():
        raise InputError(f"the index holds no id {wanted[missing][0]}: give one that was added")
    return np.asarray(positions, dtype=np.int64)


def sort_hits(ids: Ids, distances: NDArray[np.generic]) -> Hits:
    """Return hits in the order (distance, id)."""
    order = np.lexsort((ids, distances))
    return Hits(ids[order], distances[order].astype(np.int32))
