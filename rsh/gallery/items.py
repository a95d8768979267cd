"""Reads untrusted tables of a gallery, and checks the columns that readers rely on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rsh.errors import InputError
from rsh.text import first_sentence

TEXTS = ("id", "class", "split")
DEGREES = ("longitude", "latitude")
MIN_ROW_BYTES = 4  # a row of four coordinates does not compress further
PLANES = ("feature_x", "feature_y", "code_x", "code_y")
WHOLE = {"row": 0, "group": -1, "rank": 0}  # columns of groups, and the least number in each
MEASURES = ["sparsity", "outlier_factor"]
LANDMARKS = ("feature_landmark", "code_landmark")
# Column types that filters, colors and tables support; others are converted to texts.
SUPPORTED = (
    *("string", "integer", "floating", "mixed-integer-float"),
    *("boolean", "datetime64", "empty"),
)


def read_items(file: Path, num_items: int) -> pd.DataFrame:
    """Read the table of a segment.

    Args:
        file: parquet.
        num_items: required number of rows; a small file can claim any number.

    Returns:
        One row per item. Id, class and split are texts, longitude and latitude numbers. Other
        columns hold numbers, texts, booleans or times; other types are converted to texts.

    Raises:
        InputError: no table, of another length, or a column is missing or of another type.
    """
    table = read_table(file, num_items)
    degrees = [name for name in DEGREES if name in table]
    _check_columns(table, file, texts=TEXTS, numbers=degrees)
    for name in table.columns.difference([*TEXTS, *DEGREES]):
        if pd.api.types.infer_dtype(table[name], skipna=True) not in SUPPORTED:
            table[name] = table[name].map(str, na_action="ignore")
    return table


def read_planes(file: Path) -> pd.DataFrame:
    """Read a projection: the id of each item, its coordinates, and whether it is a landmark.

    Returns:
        id, `PLANES` as float32, and `LANDMARKS` as booleans, unless the file lacks them.

    Raises:
        InputError: no table, or a column is missing or invalid.
    """
    try:
        table = read_table(file)
        _check_columns(table, file, texts=["id"], numbers=PLANES)
        marks = [name for name in LANDMARKS if name in table]
        if any(table[name].dtype != np.bool_ for name in marks):
            raise InputError(f"{file} has a landmark that is neither true nor false")
        table = table[["id", *PLANES, *marks]].astype(dict.fromkeys(PLANES, np.float32))
        if not table["id"].is_unique or not np.isfinite(table[list(PLANES)]).all(axis=None):
            raise InputError(f"{file} lacks finite coordinates for each tile")
    except InputError as error:
        raise InputError(f"{error}: compute it again with `rsh project`") from None
    return table


def read_groups(file: Path) -> pd.DataFrame:
    """Read the groups of a gallery: see `rsh.gallery.groups`.

    Raises:
        InputError: no table, or a column is missing or invalid.
    """
    try:
        table = read_table(file)
        _check_columns(table, file, texts=[], numbers=[*WHOLE, *MEASURES])
        _check_segments(table, file)
        for name, least in WHOLE.items():
            whole = table[name].dtype.kind in "iu"
            if not whole or not table[name].between(least, np.iinfo(np.int32).max).all():
                raise InputError(f"{file} has a value of {name} that is out of range")
        if (table["group"] >= len(table)).any() or not np.isfinite(table[MEASURES]).all(axis=None):
            raise InputError(f"{file} has a value of group or a measure that is out of range")
    except InputError as error:
        raise InputError(f"{error}: find them again with `rsh groups`") from None
    return table


def read_table(file: Path, num_rows: int | None = None) -> pd.DataFrame:
    """Read a parquet table whose column names are distinct texts.

    Args:
        file: the table.
        num_rows: required number of rows; by default any number that fits the file's size.

    Raises:
        InputError: the file is no such table.
    """
    try:
        rows = pq.read_metadata(file).num_rows
        if num_rows is None and MIN_ROW_BYTES * rows > file.stat().st_size:
            raise ValueError(f"{rows} rows in {file.stat().st_size} bytes")
        if num_rows is not None and rows != num_rows:
            raise ValueError(f"{rows} rows and not {num_rows}")
        table = pd.read_parquet(file)
        for _, column in table.items():  # Arrow does not check that texts are UTF-8
            if isinstance(column.dtype, pd.StringDtype):
                pa.array(column).validate(full=True)
    except Exception as error:  # pyarrow and pandas raise errors of many kinds
        raise InputError(f"{file} holds no table ({first_sentence(error)})") from None
    if not all(isinstance(name, str) for name in table.columns) or not table.columns.is_unique:
        raise InputError(f"{file} has two columns of one name, or a name that is no text")
    return table


def _check_segments(table: pd.DataFrame, file: Path) -> None:
    """Check the names of segments, which a dictionary holds: a million texts would take 60 MB."""
    kind = table["segment"].dtype if "segment" in table else None
    if not isinstance(kind, pd.CategoricalDtype):
        raise InputError(f"{file} has no column segment of a few texts")
    names = pd.api.types.infer_dtype(kind.categories, skipna=False)
    if names not in ("string", "empty") or table["segment"].isna().any():
        raise InputError(f"{file} has a value of segment that is no text")


def _check_columns(
    table: pd.DataFrame, file: Path, *, texts: Sequence[str], numbers: Sequence[str]
) -> None:
    for name in (*texts, *numbers):
        if name not in table:
            raise InputError(f"{file} has no column {name}")
        kind = pd.api.types.infer_dtype(table[name], skipna=False)
        if name in texts and (kind not in ("string", "empty") or table[name].isna().any()):
            raise InputError(f"{file} has a value of {name} that is no text")
        if name in numbers and table[name].dtype.kind not in "fiu":
            raise InputError(f"{file} has a value of {name} that is no number")
