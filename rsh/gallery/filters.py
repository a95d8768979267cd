"""Filters: conditions on the tiles that a search may find, and how they are written.

    class=forest            one value, or several: class=forest,desert
    split!=train            anything but these
    cloud=0..20             a range, both ends included; of texts in their alphabetical order,
                            so that dates work: date=2021-05..2021-08-31
    bbox=5,45,10,50         west, south, east, north in degrees, of a tile's center; a box whose
                            west is greater than its east crosses the 180th meridian; longitudes
                            are from -180 to 180 or from 0 to 360
    set=to check            tiles in a set that visitors made, or in one of several
    labels=coast            of several labels a tile, those with this one, or with one of several
    label=forest            the class that a visitor gave, or else that of the column class
    group=coast/17.jpg      tiles of the group that holds the tile of an id, or that visitors gave
                            this name: see `rsh groups`
    polygon=5,45,10,45,10,50
                            longitude and latitude of each corner, of a tile's center; holes and
                            further parts: see `rsh.data.regions`; polygon!= is outside of it
    overlaps=5,45,10,45,10,50
                            the same of a tile's footprint, or of its center if that is unknown

Several conditions must all hold. A tile whose value is unknown passes none, nor does one without a
class pass a condition on the class. A table may have a column set, label or group of its own; it is
then the one that conditions are on. Names of sets, labels and groups may hold commas and dots: a
name that there is, as a whole, comes before the names between the commas.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.data.places import wrap
from rsh.data.regions import Region, read_region
from rsh.errors import InputError
from rsh.index.base import ColumnTest
from rsh.labels import SEPARATOR, SEVERAL
from rsh.text import plural

FORM = re.compile(r"(?P<column>[^=!]+)(?P<sign>!?=)(?P<values>.*)", re.DOTALL)
DEGREES = ("longitude", "latitude")
DATE = re.compile(r"\d{4}(-|$)")
PART_OF_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
LAST = "~"  # comes after digits, signs and letters
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
ANNOTATIONS = ("set", "label")  # what visitors gave; not in the table
GROUP = "group"  # not in the table either
NAMED = (*ANNOTATIONS, GROUP)  # whose values may hold commas
POLYGON, OVERLAPS, BOX = "polygon", "overlaps", "bbox"
REGIONS = (POLYGON, OVERLAPS)
MAX_REGION = 4000  # characters of a polygon that is typed or drawn, so that it fits into a link
SHORT = 60  # characters of a condition in a message
Mask = NDArray[np.bool_]


class ColumnTable(Protocol):
    """A table by its columns: that of a gallery, or one of pandas."""

    def __len__(self) -> int: ...

    def __contains__(self, name: object, /) -> bool: ...

    def __getitem__(self, name: str, /) -> "pd.Series[Any]": ...

    @property
    def columns(self) -> Any:
        """Names of the columns."""


class Condition(NamedTuple):
    """One condition on one column.

    Attributes:
        column: of the items table, "bbox", "polygon" or "overlaps".
        values: as written, not yet read as numbers; on sets, labels and groups, whose names may
            hold commas and dots, with the spaces between them.
        between: whether the two values are the ends of a range.
        negated: whether tiles with these values are excluded.
    """

    column: str
    values: tuple[str, ...]
    between: bool = False
    negated: bool = False

    def __str__(self) -> str:
        return f"{self.column}{'!=' if self.negated else '='}{self.text}"

    @property
    def text(self) -> str:
        """The values as they are written."""
        return (".." if self.between else ",").join(self.values)

    @property
    def is_region(self) -> bool:
        """Whether it is about places in a polygon."""
        return self.column in REGIONS

    @property
    def words(self) -> str:
        """The condition as it is written, a long polygon in short."""
        text = str(self)
        if not self.is_region or len(text) <= SHORT:
            return text
        return f"{text[:SHORT].rpartition(',')[0]},... ({self._corners})"

    @property
    def title(self) -> str:
        """The condition for readers: a region in words, any other as it is written."""
        if not self.is_region:
            return str(self)
        if self.column == OVERLAPS:
            where = "no footprint over" if self.negated else "footprint over"
        else:
            where = "center outside" if self.negated else "center in"
        return f"{where} a region of {self._corners}"

    @property
    def _corners(self) -> str:
        return plural(sum(map(_count_corners, self.values)), "corner")

    @classmethod
    def of_region(
        cls, region: Region, *, overlaps: bool = False, negated: bool = False
    ) -> "Condition":
        """Return the condition that a tile's center lies in a region, or its footprint overlaps it.

        Unlike a condition that is read, it has any number of corners.
        """
        return cls(OVERLAPS if overlaps else POLYGON, (region.to_text(),), negated=negated)


@dataclass(frozen=True)
class Filter:
    """Conditions that must all hold; without any, every tile passes."""

    conditions: tuple[Condition, ...] = ()

    @classmethod
    def read(cls, texts: Sequence[str]) -> "Filter":
        """Read conditions from their texts, see the module.

        Raises:
            InputError: a text cannot be read.
        """
        return cls(tuple(map(_condition, texts)))

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def __str__(self) -> str:
        return " and ".join(condition.words for condition in self.conditions)

    @property
    def title(self) -> str:
        """The conditions for readers."""
        return " and ".join(condition.title for condition in self.conditions)

    def outlines(self) -> list[list[tuple[float, float]]]:
        """Return the rings of all boxes and regions, for a map: longitude and latitude, degrees.

        A box across the 180th meridian has two.

        Raises:
            InputError: a value of a box is no number.
        """
        rings: list[list[tuple[float, float]]] = []
        for condition in self.conditions:
            if condition.is_region:
                every = [ring for part in _region(condition).parts for ring in part]
                rings += [[(float(x), float(y)) for x, y in ring] for ring in every]
            elif condition.column == BOX:
                west, south, east, north = (_number(value, condition) for value in condition.values)
                west, east = _ends(west, east)
                spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
                for left, right in spans:
                    rings.append([(left, south), (right, south), (right, north), (left, north)])
        return rings

    def on_annotations(self, items: ColumnTable) -> list[Condition]:
        """Return the conditions on what visitors gave, see `Gallery.table_for`."""
        return self._beside(items, ANNOTATIONS)

    def on_groups(self, items: ColumnTable) -> list[Condition]:
        """Return the conditions on groups, see `Gallery.table_for`."""
        return self._beside(items, (GROUP,))

    def _beside(self, items: ColumnTable, names: Sequence[str]) -> list[Condition]:
        """Return the conditions with such names that are on no column of the table."""
        return [
            condition
            for condition in self.conditions
            if condition.column in names and condition.column not in items
        ]

    def mask(self, items: ColumnTable) -> Mask:
        """Return whether each tile meets all conditions.

        Args:
            items: the table, one row a tile; for conditions on groups and on what visitors gave,
                that of `Gallery.table_for`.

        Returns:
            (n,) bool.

        Raises:
            InputError: there is no such column, or a value does not fit it.
        """
        holds: Mask = np.ones(len(items), dtype=bool)
        for condition in self.conditions:
            if condition.is_region:
                holds &= _region_mask(condition, items)
            else:
                for test in _tests(condition, items):
                    holds &= _mask(test, items)
        return holds

    def tests(self, items: ColumnTable) -> list[ColumnTest]:
        """Return the conditions with their values read as the columns have them.

        None if one of them is a region, which is more than a test of columns.

        Raises:
            InputError: as for `mask`.
        """
        if any(condition.is_region for condition in self.conditions):
            return []
        return [test for condition in self.conditions for test in _tests(condition, items)]


NO_FILTER = Filter()


def _condition(text: str) -> Condition:
    found = FORM.fullmatch(text)
    column, written = (found["column"].strip(), found["values"]) if found else ("", "")
    ends = written.strip().split("..")
    between = len(ends) == 2
    values = tuple(ends if between else written.strip().split(","))
    if column not in NAMED:
        values = tuple(value.strip() for value in values)
    if not found or not column or not (any if column in NAMED else all)(values):
        raise malformed(text)
    negated = found["sign"] == "!="
    if column in REGIONS:
        return _read_region(Condition(column, (written.strip(),), negated=negated))
    if column == BOX and (len(values) != 4 or negated):
        raise InputError(
            "a box is bbox=WEST,SOUTH,EAST,NORTH, in degrees", parameter="filter", value=text
        )
    return Condition(column, values, between, negated)


def malformed(text: str) -> InputError:
    """Return the error of a condition that cannot be read."""
    return InputError(
        "write COLUMN=VALUE, such as class=forest,desert, or cloud=0..20, "
        "or bbox=WEST,SOUTH,EAST,NORTH",
        parameter="filter",
        value=text,
    )


def _read_region(condition: Condition) -> Condition:
    """Return a condition on a region, checked."""
    (text,) = condition.values
    if len(text) > MAX_REGION:
        raise InputError(
            f"the polygon has {len(text):,} characters, and at most {MAX_REGION:,} fit into a "
            "link: draw fewer corners, or name a file in `rsh search --filter polygon=FILE`",
            parameter="filter",
            value=condition.words,
        )
    _region(condition)
    return condition


def _region(condition: Condition) -> Region:
    try:
        return read_region(condition.values[0])
    except InputError as error:
        raise InputError(error.reason, parameter="filter", value=condition.words) from None


def _count_corners(text: str) -> int:
    return (len(re.findall("[,:/]", text)) + 1) // 2


def _region_mask(condition: Condition, items: ColumnTable) -> Mask:
    """Return whether each tile lies in a region; False where its place is unknown."""
    region = _region(condition)
    _check_places(condition, items)
    longitude, latitude = (items[name].to_numpy(np.float64) for name in DEGREES)
    known = np.isfinite(longitude) & np.isfinite(latitude)
    inside = region.contains(longitude, latitude)
    if condition.column == OVERLAPS:
        if "footprint" not in items:
            raise InputError(
                "these tiles have no footprints: use polygon= for their centers",
                parameter="filter",
                value=condition.words,
            )
        has_footprint = (items["footprint"].fillna("") != "").to_numpy(dtype=bool)
        inside = np.where(has_footprint, region.overlaps(items["footprint"]), inside)
        known |= has_footprint
    return known & ~inside if condition.negated else inside


def _check_places(condition: Condition, items: ColumnTable) -> None:
    if not set(DEGREES) <= set(items.columns):
        raise InputError(
            "these tiles have no coordinates: add longitude and latitude to items.csv and encode "
            "again",
            parameter="filter",
            value=condition.words,
        )


def _tests(condition: Condition, items: ColumnTable) -> list[ColumnTest]:
    """Convert the values of a condition to the type of its column."""
    if condition.column == BOX:
        return _box(condition, items)
    if condition.column in NAMED and str(condition) in items:
        return [ColumnTest(str(condition), ["True"], between=False, negated=False, is_bool=True)]
    if condition.column not in items:
        names = ", ".join(dict.fromkeys([*items.columns, *NAMED]))
        raise InputError(
            f"there is no column {condition.column}, choose one of {names}",
            parameter="filter",
            value=condition,
        )
    column = items[condition.column]
    if condition.column == "class" and (column == "").all():
        raise InputError(
            "these tiles have no classes: label= finds those that were given",
            parameter="filter",
            value=condition,
        )
    texts = _stripped(condition)
    values: list[float] | list[str] = texts
    if _is_number(column):
        values = [_number(value, condition) for value in texts]
    elif condition.between and all(map(NUMBER.fullmatch, texts)):
        other = next((text for text in column.dropna() if not DATE.match(str(text))), None)
        if other is not None:
            raise InputError(
                f"the column holds texts, such as {other!r}, so this is no range of numbers: give "
                "its values, or make all of them numbers in items.csv",
                parameter="filter",
                value=condition,
            )
    if condition.between and not _is_number(column) and PART_OF_DATE.fullmatch(texts[1]):
        values = [texts[0], texts[1] + LAST]  # a range to a month has all its days
    if condition.between and values[0] > values[1]:  # type: ignore[operator]
        raise InputError("the lower end comes first", parameter="filter", value=condition)
    return _column_tests(condition, column, values)


def _column_tests(
    condition: Condition, column: "pd.Series[Any]", values: list[float] | list[str]
) -> list[ColumnTest]:
    """Return the tests of a condition whose values have the type of the column."""
    is_bool = pd.api.types.is_bool_dtype(column)
    name, between, negated = condition.column, condition.between, condition.negated
    if name == SEVERAL and not between and not pd.api.types.is_numeric_dtype(column):
        values = _with_labels(column, [str(value) for value in values]) or values
    tests = [ColumnTest(name, values, between, negated, is_bool=is_bool)]
    if name in ("class", SEVERAL) and negated:  # an unknown class is not another one
        tests.append(ColumnTest(name, [""], between=False, negated=True))
    return tests


def _with_labels(column: "pd.Series[Any]", labels: Sequence[str]) -> list[str]:
    """Return the values of a column of several labels that hold one of these labels."""
    values = [str(value) for value in column.dropna().unique()]
    known = {value: {value, *value.split(SEPARATOR)} for value in values}
    wanted = _join_known(labels, set().union(*known.values()))
    return [value for value, names in known.items() if names & wanted]


def _join_known(parts: Sequence[str], known: set[str]) -> set[str]:
    """Return the names in a text that was split at commas, of which some hold commas themselves.

    The longest name comes first: "a, b" is one name if there is such a name, else "a" and "b".
    """
    names = {",".join(part.strip() for part in name.split(",")): name for name in known}
    found, start = set(), 0
    while start < len(parts):
        ends = range(len(parts), start, -1)
        end = next((end for end in ends if ",".join(parts[start:end]) in names), start + 1)
        text = ",".join(parts[start:end])
        found.add(names.get(text, text))
        start = end
    return found


def _stripped(condition: Condition) -> list[str]:
    """Return the values of a condition without spaces around them."""
    texts = [value.strip() for value in condition.values]
    if not all(texts):
        raise malformed(str(condition))
    return texts


def _ends(west: float, east: float) -> tuple[float, float]:
    """Return the ends of a range of longitudes, -180 to 180.

    The west is greater than the east where it crosses the 180th meridian.
    """
    if east - west >= 360:
        return -180.0, 180.0
    west, east = wrap([west, east]).tolist()
    return west, east


def _box(condition: Condition, items: ColumnTable) -> list[ColumnTest]:
    _check_places(condition, items)
    west, south, east, north = (_number(value, condition) for value in condition.values)
    if not (-360 <= west <= 360 and -360 <= east <= 360 and -90 <= south <= north <= 90):
        raise InputError(
            "need west, south, east, north in degrees, the south below the north",
            parameter="filter",
            value=condition,
        )
    latitude = ColumnTest("latitude", [south, north], between=True, negated=False)
    is_whole = east - west >= 360
    west, east = _ends(west, east)
    if not is_whole:  # -180 and 180 are the same meridian
        west, east = 180.0 if west == -180 else west, -180.0 if east == 180 else east
    if west <= east:
        return [ColumnTest("longitude", [west, east], between=True, negated=False), latitude]
    gap = [np.nextafter(east, 180), np.nextafter(west, -180)]
    return [ColumnTest("longitude", gap, between=True, negated=True), latitude]


def _number(value: str, condition: Condition) -> float:
    try:
        number = float(value)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"{value} is not a number", parameter="filter", value=condition)
    return number


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _mask(test: ColumnTest, items: ColumnTable) -> Mask:
    column = items[test.column]
    if not _is_number(column):
        column = column.astype("string")
    if test.between:
        low, high = test.values
        holds = (column >= low) & (column <= high)
    else:
        holds = column.isin(test.values)
    known = column.notna()
    return np.asarray((known & (~holds if test.negated else holds)).fillna(False), dtype=bool)
