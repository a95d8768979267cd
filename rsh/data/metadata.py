"""Where tiles lie: the optional items.csv beside the class folders.

    path,longitude,latitude,block,footprint
    coast/1.png,-9.53,38.42,n30w010,"POLYGON ((-9.6 38.4, -9.5 38.4, -9.5 38.5, -9.6 38.4))"

Every tile needs a row and every row of a tile a block, if there are blocks: they decide the split.
A footprint is a ring of longitudes and latitudes (WKT), for GeoJSON. A longitude, a latitude or a
footprint may be left empty, and any column but the path be left out. Others, such as a date or a
cloud cover, are kept as they are, for conditions on what a search may find.
"""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd

from rsh.data.archive import open_zip, read_member
from rsh.errors import InputError
from rsh.text import first_sentence

TABLE = "items.csv"
MOST_COLUMNS = 1000
# What pandas and the csv module raise, also for bytes that are no text.
CANNOT_READ = (ValueError, OverflowError, MemoryError, csv.Error)
DEGREES = {"longitude": 180, "latitude": 90}  # and the same below zero
POINT = r"-?\d+(\.\d+)? -?\d+(\.\d+)?"
RING = re.compile(rf"POLYGON \(\({POINT}(, {POINT}){{3,}}\)\)")
OWN = ("id", "class", "split")  # what folders and rsh itself say
WAY_OUT = "mend it, or take it away"


def add_metadata(items: pd.DataFrame, source: Path, prefix: str) -> pd.DataFrame:
    """Add the columns of items.csv to a table of tiles, where there is one.

    Args:
        items: one row a tile, with the column id.
        source: the folder or zip.
        prefix: folder inside a zip that holds the class folders, "" or ending in "/".

    Raises:
        InputError: the table cannot be read, misses a tile, or holds a value that cannot be.
    """
    where = f"{TABLE} in {source}"
    content = _content(source, prefix)
    if not content:
        return items
    columns = check_metadata(_table(content, items["id"], where), where)
    return items.assign(**{name: column.set_axis(items.index) for name, column in columns.items()})


def check_metadata(table: pd.DataFrame, where: str) -> dict[str, pd.Series]:
    """Return longitude, latitude, block and footprint, those that a table has, and all others.

    Args:
        table: one row a tile, with its id as the index.
        where: what the table is called in a message.

    Raises:
        InputError: a value that cannot be.
    """
    columns = {
        name: _degrees(table[name], limit, where)
        for name, limit in DEGREES.items()
        if name in table
    }
    if "block" in table:
        columns["block"] = _blocks(table["block"], where)
    if "footprint" in table:
        columns["footprint"] = _footprints(table["footprint"], where)
    others = [name for name in table.columns if name not in {*columns, *OWN}]
    return columns | {name: _kept(table[name]) for name in others}


def _content(source: Path, prefix: str) -> bytes:
    """Read the table, or return nothing where there is none."""
    if source.is_dir():
        table = source / TABLE
        if table.exists() and not table.is_file():  # a pipe or a device never ends
            raise InputError(f"{TABLE} in {source} cannot be read (no file): {WAY_OUT}")
        try:
            return table.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise InputError(
                f"{TABLE} in {source} cannot be read ({error.strerror}): {WAY_OUT}"
            ) from None
    with open_zip(source) as archive:
        name = prefix + TABLE
        return read_member(archive, name) if name in archive.namelist() else b""


def _table(content: bytes, ids: pd.Series, where: str) -> pd.DataFrame:
    """Return the rows of these tiles in their order, with the path as the index."""
    try:
        _check_width(content)
        table = pd.read_csv(io.BytesIO(content), index_col=False)
    except CANNOT_READ as error:
        raise InputError(f"{where} is no table ({first_sentence(error)}): {WAY_OUT}") from None
    if "path" not in table:
        raise InputError(f"{where} has no column path: {WAY_OUT}")
    table = table[table["path"].isin(ids)].set_index("path")
    lost = set(ids) - set(table.index)
    if lost or table.index.has_duplicates:
        what = f"has no row for {min(lost)}" if lost else "names a path twice"
        raise InputError(f"{where} {what}: {WAY_OUT}")
    return table.loc[ids]


def _check_width(content: bytes) -> None:
    """Refuse more columns than anybody fills in: pandas would take hours and gigabytes."""
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8", errors="replace", newline="")
    if len(next(csv.reader(text), [])) > MOST_COLUMNS:
        raise ValueError(f"more than {MOST_COLUMNS} columns")


def _degrees(column: pd.Series, limit: int, where: str) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce").astype(np.float64)
    wrong = ~numbers.between(-limit, limit) & column.notna()
    if wrong.any():
        path = column.index[wrong][0]
        raise InputError(
            f"{where} gives {path} the {column.name} {column[path]}: "
            f"write a number from -{limit} to {limit}, or nothing"
        )
    return numbers


def _blocks(column: pd.Series, where: str) -> pd.Series:
    if column.isna().any():
        path = column.index[column.isna()][0]
        raise InputError(f"{where} has no block for {path}: fill it in, or take the column away")
    return column.astype(str)


def _kept(column: pd.Series) -> pd.Series:
    """Return a column of numbers as it is, any other as texts, so that parquet can hold it."""
    is_number = pd.api.types.is_numeric_dtype(column) and column.dtype != bool
    return column if is_number else column.astype("string")


def _footprints(column: pd.Series, where: str) -> pd.Series:
    texts = column.fillna("").astype(str)
    wrong = ~texts.map(lambda text: not text or bool(RING.fullmatch(text)))
    if wrong.any():
        path = column.index[wrong][0]
        raise InputError(
            f"{where} gives {path} the footprint {texts[path][:40]}: "
            "write POLYGON ((longitude latitude, ...)) with at least four points, or nothing"
        )
    return texts
