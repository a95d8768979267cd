"""Groups of a gallery's tiles: dense regions of the hash space, found without any label.

`rsh.codes.groups` says how. Codes with look bits are grouped by their class bits alone, which say
what a tile is.

`rsh groups` stores the groups in the gallery, so that they need not be found again:

    groups-4.arrow        segment, row, group (-1: none), rank (from 0, the most typical first),
                          sparsity (bits), outlier_factor; one row a tile

Tiles that were added since then belong to the group of the tile with the nearest code.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes.binary import Packed, count_on
from rsh.codes.density import Ints, measure_density, sample_rows
from rsh.codes.distinct import DistinctCodes
from rsh.codes.encodings import HalfRows
from rsh.codes.groups import (
    NO_GROUP,
    REACH,
    Grouping,
    group_codes,
    majority_code,
    number_by_size,
    rows_of_groups,
)
from rsh.codes.outliers import Outliers
from rsh.codes.parts import CodePart, meaning_part, part_mask
from rsh.config import DEFAULT_PROMINENCE, PROMINENCES, check_number
from rsh.errors import InputError
from rsh.gallery.annotations.names import tidy_name
from rsh.gallery.annotations.overlay import read_names
from rsh.gallery.columns import Columns, is_number, is_text, map_columns
from rsh.gallery.filters import Condition, Mask
from rsh.gallery.ids import NO_ROW, TileIds
from rsh.gallery.items import to_column, to_pandas
from rsh.gallery.manifest import Manifest
from rsh.gallery.typical import typical_first
from rsh.labels import UNLABELED

AT_ONCE = 20_000  # tiles whose groups are found when they are needed, in less than two seconds
UNKNOWN = -2  # group of a tile that a stored table lacks
LEAST = {"row": 0, "group": -1, "rank": 0}  # number in a column of whole numbers
MEASURES = ["sparsity", "outlier_factor"]
COLUMNS = ("segment", *LEAST, *MEASURES)


class GroupedTiles(Protocol):
    """The part of a `Gallery` whose tiles are grouped; see there."""

    folder: Path
    ids: TileIds
    packed: Packed
    features: HalfRows
    num_bits: int
    manifest: Manifest

    @property
    def segment_rows(self) -> Ints:
        """Segment and row in it of each tile, (n, 2)."""

    def __len__(self) -> int: ...

    @property
    def outliers(self) -> Outliers:
        """Measures how unlike all others a tile is."""

    @property
    def look_bits(self) -> int:
        """Number of look bits."""

    @property
    def classes(self) -> list[str]:
        """Names of the known classes."""

    @property
    def labels(self) -> Ints:
        """Number of the class of each tile."""


@dataclass(frozen=True, eq=False)
class Group:
    """A group of tiles.

    Attributes:
        number: from 0, the largest group first; another one once tiles were added or removed.
        key: id of its most typical tile. Keep a name with this: `Groups.find` tells the group that
            holds the tile, also after groups were found again.
        rows: of its tiles in the gallery, the most typical first; the first nine show the group.
        center: its majority code, (bytes,) uint8.
        shared: whether all its tiles have the same value of a bit, (num_bits,) bool.
        spread: mean distance of its tiles to the center in the bits that tiles are grouped by,
            bits.
        class_name: the most frequent known class; "" without labels.
        class_share: of its labeled tiles, how many are of this class, 0 to 1; None without labels.
    """

    number: int
    key: str
    rows: Ints
    center: Packed
    shared: NDArray[np.bool_]
    spread: float
    class_name: str
    class_share: float | None

    def __len__(self) -> int:
        return len(self.rows)


class Groups:
    """The groups of a gallery, the largest first.

    Attributes:
        number: of the group of each tile, NO_GROUP, -1, for one in none, (n,) int32.
        sparsity: of each tile: its mean distance to the nearest hundredth of the tiles, see
            `rsh.codes.density`, (n,) float32, bits.
        prominence: with which they were found, bits.
    """

    def __init__(
        self,
        tiles: GroupedTiles,
        grouping: Grouping,
        rank: NDArray[np.integer],
        prominence: float,
        factors: NDArray[np.float32] | None = None,
    ) -> None:
        """Use `Gallery.groups` or `find_groups`.

        Args:
            tiles: the gallery.
            grouping: number and sparsity of each tile.
            rank: order of the tiles of each group, (n,).
            prominence: with which they were found, bits.
            factors: outlier factors that are known, (n,), NaN for others.
        """
        self._tiles, self._known = tiles, factors
        self.number, self.sparsity = grouping
        self.prominence = prominence
        by_rank = np.argsort(rank, kind="stable")
        self._rows = [by_rank[rows] for rows in rows_of_groups(self.number[by_rank])]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Group]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, number: int) -> Group:
        if not 0 <= number < len(self):
            raise IndexError(f"group {number} of {len(self)}")
        tiles, rows = self._tiles, self._rows[number]
        packed = tiles.packed[rows]
        center, on = majority_code(packed), count_on(packed, tiles.num_bits)
        differing = (packed ^ center) & part_mask(self.part, tiles.num_bits)
        name, share = self._majority_class(rows)
        return Group(
            number=number,
            key=self.keys[number],
            rows=rows,
            center=center,
            shared=(on == 0) | (on == len(rows)),
            spread=float(np.bitwise_count(differing).sum(axis=1).mean()),
            class_name=name,
            class_share=share,
        )

    @property
    def part(self) -> CodePart:
        """The bits that tiles are grouped by."""
        return meaning_part(self._tiles.num_bits, self._tiles.look_bits)

    @cached_property
    def keys(self) -> list[str]:
        """Key of each group, see `Group`."""
        first = [rows[0] for rows in self._rows]
        return [self._tiles.ids[row] for row in first]

    @cached_property
    def outlier_factors(self) -> NDArray[np.float32]:
        """How unlike all others each tile is, (n,) float32: see `rsh.codes.outliers`."""
        known = self._known
        factors = np.full(len(self.number), np.nan, np.float32) if known is None else known.copy()
        rows = np.flatnonzero(np.isnan(factors))
        if len(rows):
            factors[rows] = self._tiles.outliers.of_tiles(rows)
        return factors

    @property
    def ungrouped(self) -> Ints:
        """Rows of the tiles in no group, the sparsest first."""
        rows = np.flatnonzero(self.number == NO_GROUP)
        return rows[np.argsort(-self.sparsity[rows], kind="stable")]

    def find(self, tile: str) -> Group | None:
        """Return the group that holds the tile of an id; None if no group does."""
        (row,) = self._tiles.ids.rows([tile])
        number = NO_GROUP if row == NO_ROW else int(self.number[row])
        return None if number == NO_GROUP else self[number]

    def names(self, given: Mapping[str, str]) -> dict[int, str]:
        """Return the names of groups, by their numbers.

        A name belongs to the group that holds the tile it was recorded with. Where one group holds
        several such tiles, the last change counts.

        Args:
            given: names by the key of the group that they were recorded with, "" where one was
                taken away, in the order of these changes; see `AnnotationState.last_group_names`.
        """
        names = dict(zip(self._find_numbers(given), given.values(), strict=True))
        return {number: name for number, name in names.items() if name and number != NO_GROUP}

    def overruled_names(self, given: Mapping[str, str]) -> set[str]:
        """Return the names that no group has, since a later change named the same group.

        Args:
            given: as for `names`.
        """
        names, numbers = self.names(given), self._find_numbers(given)
        known = {
            name
            for name, number in zip(given.values(), numbers, strict=True)
            if number != NO_GROUP and name
        }
        return known - {*names.values()}

    def _find_numbers(self, tiles: Iterable[str]) -> list[int]:
        """Return the number of the group of each tile, NO_GROUP for an unknown id."""
        rows = self._tiles.ids.rows(list(tiles))
        numbers: list[int] = np.where(rows == NO_ROW, NO_GROUP, self.number[rows]).tolist()
        return numbers

    def column(self) -> "pd.Series[str]":
        """Return the key of the group of each tile, "" for one in none, (n,)."""
        return pd.Series(np.array([*self.keys, ""], dtype=object)[self.number], dtype="str")

    def table(self) -> pd.DataFrame:
        """Return what the gallery stores, see the module."""
        rank = np.zeros(len(self.number), np.int32)
        for rows in self._rows:
            rank[rows] = np.arange(len(rows))
        segment, row = self._tiles.segment_rows.T
        names = pd.Series([each.folder for each in self._tiles.manifest.segments], dtype="str")
        place = names.take(segment).to_numpy(), row.astype(np.int32)
        columns = (*place, self.number, rank, self.sparsity, self.outlier_factors)
        return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))

    def _majority_class(self, rows: Ints) -> tuple[str, float | None]:
        labels = self._tiles.labels[rows] if self._tiles.classes else np.empty(0, np.int64)
        counts = np.bincount(labels[labels != UNLABELED])
        if not len(counts):
            return "", None
        return self._tiles.classes[counts.argmax()], float(counts.max() / counts.sum())


def find_groups(tiles: GroupedTiles, *, prominence: float = DEFAULT_PROMINENCE) -> Groups:
    """Find the groups of a gallery; the same each time.

    Args:
        tiles: an opened gallery.
        prominence: how many bits sparser the codes between two dense regions must be than in the
            sparser region for these to be two groups, 0 or more: a larger one makes fewer groups.

    Raises:
        InputError: the prominence is out of range.
    """
    check_number("prominence", prominence, *PROMINENCES)
    packed, part = _grouped_codes(tiles)
    grouping = group_codes(packed, part.num_bits, prominence=prominence)
    rank = np.zeros(len(packed), np.int64)
    for rows in rows_of_groups(grouping.number):
        ordered = typical_first(packed, tiles.features, grouping.sparsity, rows)
        rank[ordered] = np.arange(len(ordered))
    return Groups(tiles, grouping, rank, prominence)


def restore_groups(tiles: GroupedTiles, table: pd.DataFrame, prominence: float) -> Groups | None:
    """Return groups that were stored, with the tiles that were added since.

    Args:
        tiles: the gallery.
        table: see the module; tiles that it names and the gallery lacks are left out.
        prominence: with which they were found.

    Returns:
        None if the gallery holds none of the tiles.

    Raises:
        InputError: the table names a tile twice, or a row that its segment does not have.
    """
    starts = _segment_starts(tiles)
    kept = table[table["segment"].isin(starts.index[:-1])]
    first, ends = (kept["segment"].map(each).to_numpy(float) for each in (starts, starts.shift(-1)))
    places = first.astype(np.int64) + kept["row"].to_numpy(np.int64)
    if (places >= ends).any() or len(np.unique(places)) < len(places):
        raise InputError(
            f"the groups of {tiles.folder} name a tile twice, or one that there is not: find them "
            "again with `rsh groups`"
        )
    number = np.full(starts.iloc[-1], UNKNOWN, np.int32)
    rank = np.full(len(number), np.iinfo(np.int32).max, np.int32)
    sparsity, factors = np.full((2, len(number)), np.nan, np.float32)
    number[places], rank[places] = kept["group"], kept["rank"]
    sparsity[places], factors[places] = kept["sparsity"], kept["outlier_factor"]
    segment, row = tiles.segment_rows.T
    own = starts.to_numpy()[segment] + row
    grouping = Grouping(number[own], sparsity[own])
    is_new = grouping.number == UNKNOWN
    if is_new.all():
        return None
    if is_new.any():
        _group_new(tiles, grouping, is_new)
    ordered = Grouping(number_by_size(grouping.number), grouping.sparsity)
    return Groups(tiles, ordered, rank[own], prominence, factors[own])


def store_groups(table: pd.DataFrame) -> Columns:
    """Return `Groups.table` as a gallery stores it."""
    return Columns({name: to_column(name, table[name]) for name in COLUMNS})


def read_groups(file: Path) -> pd.DataFrame:
    """Map a table that `store_groups` made.

    Raises:
        InputError: no table, or a column is missing or invalid.
    """
    try:
        columns = map_columns(file)
        for name in COLUMNS:
            if name not in columns:
                raise InputError(f"{file} has no column {name}")
            fits = is_text if name == "segment" else is_number
            if not fits(columns[name].type) or columns[name].null_count:
                raise InputError(f"{file} has a value of {name} that is of another type")
        table = pd.DataFrame({name: to_pandas(columns[name], name) for name in COLUMNS})
        for name, least in LEAST.items():
            whole = table[name].dtype.kind in "iu"
            if not whole or not table[name].between(least, np.iinfo(np.int32).max).all():
                raise InputError(f"{file} has a value of {name} that is out of range")
        if (table["group"] >= len(table)).any() or not np.isfinite(table[MEASURES]).all(axis=None):
            raise InputError(f"{file} has a value of group or a measure that is out of range")
    except InputError as error:
        raise InputError(f"{error}: find them again with `rsh groups`") from None
    return table


def in_groups(
    condition: Condition, groups: Groups | None, ids: TileIds, names: Mapping[int, str]
) -> Mask:
    """Return whether each tile is in one of some groups, (n,).

    Args:
        condition: on ids of tiles, or names of groups; both may hold commas, see `read_names`.
        groups: of the gallery.
        ids: of all tiles.
        names: of groups, by their numbers.

    Raises:
        InputError: there are no groups yet, or a value is neither a tile in a group nor a name.
    """
    if groups is None:
        reason = "the groups of this gallery are not known yet: run `rsh groups`"
        raise InputError(reason, parameter="filter", value=condition)
    (whole,) = ids.rows([condition.text.strip()])
    known = map(tidy_name, names.values())
    values = [condition.text.strip()] if whole != NO_ROW else read_names(condition, known)
    numbers: list[int] = []
    for value, row in zip(values, ids.rows(values).tolist(), strict=True):
        holding = [int(groups.number[row])] if row != NO_ROW else []
        found = [number for number in holding if number != NO_GROUP]
        found = found or [
            number for number, name in names.items() if tidy_name(name) == tidy_name(value)
        ]
        if not found:
            reason = f"no group holds a tile {value}, nor has this name: give one of these"
            raise InputError(reason, parameter="filter", value=condition)
        numbers += found
    return np.isin(groups.number, numbers, invert=condition.negated)


def _segment_starts(tiles: GroupedTiles) -> "pd.Series[int]":
    """Return where the rows of each segment begin if all are counted, and where the last end."""
    segments = tiles.manifest.segments
    ends = np.cumsum([0, *(segment.items for segment in segments)])
    return pd.Series(ends, index=[*(segment.folder for segment in segments), ""])


def _group_new(tiles: GroupedTiles, grouping: Grouping, is_new: NDArray[np.bool_]) -> None:
    """Put new tiles into the group of the nearest known code, unless they are out of its reach."""
    packed, part = _grouped_codes(tiles)
    rows, known = np.flatnonzero(is_new), np.flatnonzero(~is_new)
    known = known[sample_rows(len(known))]
    new, compared = DistinctCodes.fold(packed[rows]), DistinctCodes.fold(packed[known])
    density = measure_density(new.packed, compared, neighbors=0)
    number = grouping.number[known[compared.first]][density.nearest[:, 0]][new.number]
    for group in np.unique(number[number != NO_GROUP]):
        center = majority_code(packed[grouping.number == group])
        distances = np.bitwise_count(packed[rows] ^ center).sum(axis=1)
        number[(number == group) & (distances > REACH * part.num_bits)] = NO_GROUP
    grouping.number[rows] = number
    grouping.sparsity[rows] = density.sparsity[new.number]


def _grouped_codes(tiles: GroupedTiles) -> tuple[Packed, CodePart]:
    """Return the codes of all tiles with no bit on but those that they are grouped by."""
    part = meaning_part(tiles.num_bits, tiles.look_bits)
    return tiles.packed & part_mask(part, tiles.num_bits), part
