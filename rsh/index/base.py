"""What all engines share: the interface, hits and their order, and how wrong input is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes.binary import Ids, Packed, check_packed
from rsh.errors import InputError


class Hits(NamedTuple):
    """What a search found for one query, nearest first, equal distances by id.

    Attributes:
        ids: (k,) int64.
        distances: (k,) int32, bits.
    """

    ids: Ids
    distances: NDArray[np.int32]


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
    """What finds the nearest codes; all exact engines give the same hits in the same order.

    Attributes:
        num_bits: code length, bits.
        recall: share of the nearest 20 that a search finds, measured; None if the engine is exact.
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
            One Hits a query, each of length top_k; shorter if an engine that is not exact did not
            find so many.

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

    def among(self, selection: IDSelector) -> "Index":
        """Return an engine that finds these items alone."""

    def add(self, packed: Packed, ids: Ids, items: pd.DataFrame | None = None) -> None:
        """Add codes.

        Args:
            packed: (n, bytes) uint8.
            ids: (n,) int64, from 0 on, in any order.
            items: columns that a server may filter by, one row a code.

        Raises:
            InputError: wrong width or type, or an id that is there already or comes twice.
        """

    def remove(self, ids: Ids) -> None:
        """Remove codes.

        Raises:
            InputError: there is no code of such an id.
        """

    def save(self, file: Path) -> None:
        """Write to a file what `load_engine` reads, whole or not at all.

        Raises:
            InputError: it cannot be written, or the codes do not lie in this process.
        """


def check_top_k(top_k: int, most: int) -> None:
    """Refuse a number of hits that cannot be had."""
    if not 1 <= top_k <= most:
        raise InputError(
            f"choose 1 to {most}, the items of the gallery", parameter="top_k", value=top_k
        )


def check_radius(radius: int, num_bits: int) -> None:
    """Refuse a radius that no two codes are apart."""
    if not 0 <= radius <= num_bits:
        raise InputError(f"choose 0 to {num_bits} bits", parameter="radius", value=radius)


def check_ids(ids: Ids, packed: Packed, num_bits: int) -> Ids:
    """Return ids if there is one for each code, and none twice.

    Raises:
        InputError: there is not, or the codes are of another width or type.
    """
    ids, packed = np.asarray(ids), check_packed(packed, num_bits)
    if ids.dtype != np.int64 or ids.shape != (len(packed),) or (ids < 0).any():
        raise InputError(
            f"ids are {ids.dtype} of shape {ids.shape}: {len(packed)} codes need int64 of shape "
            f"({len(packed)},), from 0 on"
        )
    ordered = np.sort(ids)
    check_new(ordered[1:][ordered[1:] == ordered[:-1]])
    return ids


def check_new(twice: Ids) -> None:
    """Refuse ids that are there already."""
    if len(twice):
        raise InputError(f"id {twice[0]} is there already: remove it first, or take another")


def positions_of(wanted: Ids, ids: Ids) -> Ids:
    """Return where ids stand in an ascending row of them.

    Raises:
        InputError: one of them does not.
    """
    places = np.searchsorted(ids, wanted)
    missing = ids[np.minimum(places, len(ids) - 1)] != wanted if len(ids) else wanted >= 0
    if missing.any():
        raise InputError(f"there is no item of id {wanted[missing][0]}: give one that was added")
    return np.asarray(places, dtype=np.int64)


def sort_hits(ids: Ids, distances: NDArray[np.generic]) -> Hits:
    """Return hits in the order (distance, id)."""
    order = np.lexsort((ids, distances))
    return Hits(ids[order], distances[order].astype(np.int32))
