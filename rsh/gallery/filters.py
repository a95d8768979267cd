"""Which tiles a search may find, as a person writes it.

    class=forest            one value, or several: class=forest,desert
    split!=train            anything but these
    cloud=0..20             a range, both ends included; of texts in their alphabetical order,
                            so that dates work: date=2021-05..2021-08-31
    bbox=5,45,10,50         west, south, east, north in degrees, of a tile's center; a box whose
                            west is greater than its east crosses the 180th meridian

Several conditions must all hold. A tile whose value is not known fulfils none.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.errors import InputError

FORM = re.compile(r"(?P<column>[^=!]+)(?P<sign>!?=)(?P<values>.*)", re.DOTALL)
BOX = ("west", "south", "east", "north")
LEAST = "-1e308"
Mask = NDArray[np.bool_]


class Condition(NamedTuple):
    """One condition on one column.

    Attributes:
        column: of the items table, or "bbox".
        values: what was written, not yet read as numbers.
        between: whether the two values are the ends of a range.
        negated: whether the values are those that are not wanted.
    """

    column: str
    values: tuple[str, ...]
    between: bool = False
    negated: bool = False

    def __str__(self) -> str:
        values = (".." if self.between else ",").join(self.values)
        return f"{self.column}{'!=' if self.negated else '='}{values}"


@dataclass(frozen=True)
class Filter:
    """Conditions that all must hold; none lets every tile pass.

    Attributes:
        conditions: what must hold.
    """

    conditions: tuple[Condition, ...] = ()

    @classmethod
    def read(cls, texts: Sequence[str]) -> "Filter":
        """Read conditions as they are written, see above.

        Raises:
            InputError: one of them makes no sense.
        """
        return cls(tuple(map(_condition, texts)))

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def __str__(self) -> str:
        return " and ".join(map(str, self.conditions))

    def mask(self, items: pd.DataFrame) -> Mask:
        """Say of each tile whether all conditions hold.

        Args:
            items: the table, one row a tile.

        Returns:
            (n,) bool.

        Raises:
            InputError: there is no such column, or a value does not fit it.
        """
        masks = [_mask(test, items) for c in self.conditions for test in _tests(c, items)]
        holds: Mask = np.logical_and.reduce([np.ones(len(items), dtype=bool), *masks])
        return holds

    def expression(self, items: pd.DataFrame) -> str:
        """Write the conditions for Milvus, whose collection has most of the columns.

        Args:
            items: the table, which tells numbers from texts.

        Returns:
            The expression; nothing if a column is one that Milvus does not have as it is here.

        Raises:
            InputError: as for `mask`.
        """
        tests = [test for c in self.conditions for test in _tests(c, items)]
        if any(_only_here(items[test.column]) for test in tests):
            return ""
        return " and ".join(map(_expression, tests))


NO_FILTER = Filter()


class _Test(NamedTuple):
    """A condition whose values were read as the column's: some of them, or two ends."""

    column: str
    values: list[float] | list[str]
    between: bool
    negated: bool


def _condition(text: str) -> Condition:
    found = FORM.fullmatch(text)
    column, written = (found["column"].strip(), found["values"]) if found else ("", "")
    ends = written.split("..")
    between = len(ends) == 2
    values = tuple(value.strip() for value in (ends if between else written.split(",")))
    if not found or not column or not all(values):
        raise InputError(
            "write COLUMN=VALUE, such as class=forest,desert, or cloud=0..20, "
            "or bbox=WEST,SOUTH,EAST,NORTH",
            parameter="where",
            value=text,
        )
    negated = found["sign"] == "!="
    if column == "bbox" and (len(values) != 4 or negated):
        raise InputError(
            "a box is bbox=WEST,SOUTH,EAST,NORTH, in degrees", parameter="where", value=text
        )
    return Condition(column, values, between, negated)


def _tests(condition: Condition, items: pd.DataFrame) -> list[_Test]:
    """Read the values of a condition as the column has them."""
    if condition.column == "bbox":
        return _box(condition, items)
    if condition.column not in items:
        raise InputError(
            f"there is no column {condition.column}, choose one of {', '.join(items.columns)}",
            parameter="where",
            value=condition,
        )
    values: list[float] | list[str] = list(condition.values)
    if _is_number(items[condition.column]):
        values = [_number(value, condition) for value in condition.values]
    if condition.between and values[0] > values[1]:  # type: ignore[operator]
        raise InputError("the lower end comes first", parameter="where", value=condition)
    return [_Test(condition.column, values, condition.between, condition.negated)]


def _box(condition: Condition, items: pd.DataFrame) -> list[_Test]:
    if not {"longitude", "latitude"} <= set(items.columns):
        raise InputError("nobody knows where these tiles lie", parameter="where", value=condition)
    west, south, east, north = (_number(value, condition) for value in condition.values)
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise InputError(
            f"need {', '.join(BOX)} in degrees, the south below the north",
            parameter="where",
            value=condition,
        )
    latitude = _Test("latitude", [south, north], between=True, negated=False)
    if west <= east:
        return [_Test("longitude", [west, east], between=True, negated=False), latitude]
    gap = [np.nextafter(east, 180), np.nextafter(west, -180)]
    return [_Test("longitude", gap, between=True, negated=True), latitude]


def _number(value: str, condition: Condition) -> float:
    try:
        number = float(value)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"{value} is no number", parameter="where", value=condition)
    return number


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _only_here(column: pd.Series) -> bool:
    """Whether Milvus has no such column, or has it in another form."""
    return column.name in ("id", "code", "footprint") or pd.api.types.is_bool_dtype(column)


def _mask(test: _Test, items: pd.DataFrame) -> Mask:
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


def _expression(test: _Test) -> str:
    name = f"$meta[{json.dumps(test.column, ensure_ascii=False)}]"  # whatever it is called
    values = [json.dumps(value, ensure_ascii=False) for value in test.values]
    if test.between:
        form = "({0} < {1} or {0} > {2})" if test.negated else "({0} >= {1} and {0} <= {2})"
        return form.format(name, *values)
    if not test.negated:
        return f"{name} in [{', '.join(values)}]"
    least = '""' if isinstance(test.values[0], str) else LEAST
    return f"({name} not in [{', '.join(values)}] and {name} >= {least})"  # and it is known
