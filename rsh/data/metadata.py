"""Metadata of tiles: the optional items.csv, or items.parquet, beside the folders of images.

    path,longitude,latitude,block,footprint
    coast/1.png,-9.53,38.42,n30w010,"POLYGON ((-9.6 38.4, -9.5 38.4, -9.5 38.5, -9.6 38.4))"

Every tile needs a row, and every row of a tile a block if there is a column of blocks, since blocks
decide the split. A footprint is a ring of longitudes and latitudes (WKT), for GeoJSON. Longitude,
latitude and footprint may be empty, and every column but the path is optional. A column class gives
the classes in place of the folders; where it is empty, the class is unknown. Several labels a tile
are in the column labels, or in one column a label: see `rsh.data.label_sets`. A column split with
train, val or test for every tile is the given split. Other columns, such as date or cloud cover,
are kept for filters. A column of items.csv holds numbers if all its values are plain decimals that
64 bits keep, and different texts are different numbers; otherwise it holds texts, exactly as they
are written: 01, 1E5, NA, true, or 1.10 beside 1.1. Parquet has types, and GeoParquet geometries.
"""

import csv
import io
import json
import re
import warnings
from pathlib import Path

import pandas as pd
from pandas.errors import ParserWarning

from rsh.data.archive import member_names, open_zip, read_member
from rsh.data.geoparquet import read_parquet
from rsh.data.label_sets import has_label_sets
from rsh.data.listing import SCENE, TABLE, TABLES
from rsh.data.rendering import AS_IS, Rendering
from rsh.data.splits import split_parts
from rsh.data.table_places import read_places
from rsh.errors import InputError, RshWarning
from rsh.labels import SEVERAL
from rsh.text import first_sentence

MAX_COLUMNS = 1000
# pandas and the csv module raise these, also for bytes that are no text.
CSV_ERRORS = (ValueError, OverflowError, MemoryError, csv.Error)
CLASS_NAMES = ("class", "class_name", "label", "labels", "category")  # likewise
DECIMAL = re.compile(r"-?((0|[1-9]\d*)(\.\d+)?|\.\d+)")
WRITTEN = re.compile(r"-?\d+(\.\d+)?(e[+-]\d+)?")  # by Python, NumPy and pandas
EXACT_DIGITS = 15  # that a 64-bit number keeps
RESERVED = ("id", "class", "split", "given_split")  # columns of rsh's own
HINT = "fix it, or remove it"


def add_metadata(items: pd.DataFrame, source: Path, prefix: str, crs: str = "") -> pd.DataFrame:
    """Return a table of tiles with the columns of items.csv, if there is one.

    Args:
        items: one row a tile, with the column id.
        source: the folder or zip.
        prefix: folder inside a zip that holds all images, "" or ending in "/".
        crs: coordinate system of the table's geometries, or of its columns x and y and of its
            footprints; "" for what the table states.

    Raises:
        InputError: the table cannot be read, lacks a tile, or holds an invalid value.
    """
    contents = _contents(source, {start + name for name in TABLES for start in (prefix, "")})
    found = [name for name in TABLES if prefix + name in contents]
    if not found:
        if contents:
            raise InputError(f"{source} has its table outside of {prefix}: move it there")
        if crs:
            raise InputError(
                f"{source} has no table, such as {TABLE}, with places in it: leave it out",
                parameter="crs",
                value=crs,
            )
        return items
    if len(found) > 1:
        raise InputError(f"{source} holds {' and '.join(found)}: keep one of them")
    where = f"{found[0]} in {source}"
    content = contents[prefix + found[0]]
    if not content:
        raise InputError(f"{where} is empty (0 bytes): save it again, or remove it")
    if found[0] == TABLE:
        table = _read_csv(content, items["id"], where)
    else:
        flat, places = read_parquet(content, len(items), where, crs=crs)
        table, crs = pd.DataFrame(places | flat), "" if places else crs
    table = _of_tiles(table, items["id"], where)
    columns = check_metadata(table, where, crs)
    if "class" in table:
        columns["class"] = clean_classes(table["class"])
    elif (items["class"] == "").all():
        _tell_other_classes(table, where)
    return items.assign(**{name: column.set_axis(items.index) for name, column in columns.items()})


def scene_rendering(source: Path, prefix: str) -> Rendering:
    """Return how a scene was rendered from which all tiles of a folder or zip were cut.

    Args:
        source: the folder or zip.
        prefix: as for `add_metadata`.

    Raises:
        InputError: scene.json cannot be read.
    """
    content = _contents(source, {prefix + SCENE}).get(prefix + SCENE)
    if not content:
        return AS_IS
    try:
        scene = json.loads(content)
        pairs = tuple((float(low), float(high)) for low, high in scene["stretch"])
        return Rendering(tuple(map(int, scene["bands"])), int(scene["count"]), pairs)
    except (ValueError, TypeError, KeyError, RecursionError, InputError):
        raise InputError(
            f"{SCENE} in {source} does not tell how a scene was rendered: {HINT}"
        ) from None


def check_metadata(
    table: pd.DataFrame, where: str, crs: str = "", *, placed: bool = False
) -> dict[str, pd.Series]:
    """Return the columns of a table by name, with longitude, latitude and the like checked.

    Args:
        table: one row per tile, with its id as the index.
        where: name of the table in error messages.
        crs: coordinate system of its columns x and y and of its footprints: see `read_places`.
        placed: whether geometries tell the places already.

    Raises:
        InputError: a value is invalid.
    """
    columns = read_places(table, where, crs, placed=placed)
    if "block" in table:
        columns["block"] = _blocks(table["block"], where)
    if "split" in table and table["split"].notna().any():
        columns |= _given_split(table["split"], where)
    others = [name for name in table.columns if name not in {*columns, *RESERVED}]
    return columns | {name: _for_parquet(table[name]) for name in others}


def _contents(source: Path, names: set[str]) -> dict[str, bytes]:
    """Return the contents of those of these files that a folder or zip holds, by path."""
    if source.is_dir():
        found = {name: _file_content(source / name, f"{name} in {source}") for name in names}
        return {name: content for name, content in found.items() if content is not None}
    with open_zip(source) as archive:  # once, since it may list many files
        members = member_names(archive)
        return {name: read_member(archive, members[name]) for name in names & members.keys()}


def _file_content(file: Path, where: str) -> bytes | None:
    if file.exists() and not file.is_file():  # reading a pipe or a device may never end
        raise InputError(f"{where} cannot be read (no file): {HINT}")
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{where} cannot be read ({error.strerror}): {HINT}") from None


def read_texts(content: bytes, where: str) -> pd.DataFrame:
    """Return a table in CSV, all values as they are written, empty ones missing.

    Args:
        content: of the file.
        where: name of the table in error messages.

    Raises:
        InputError: it is no table.
    """
    try:
        _check_width(content)
        with warnings.catch_warnings(action="error", category=ParserWarning):  # of lost cells
            table = pd.read_csv(
                io.BytesIO(content), index_col=False, dtype=str, keep_default_na=False, na_values=""
            )
    except (*CSV_ERRORS, ParserWarning) as error:
        raise InputError(f"{where} is no table ({first_sentence(error)}): {HINT}") from None
    table.columns = table.columns.str.strip()
    return table


def _read_csv(content: bytes, ids: pd.Series, where: str) -> pd.DataFrame:
    """Return all columns as numbers where that loses nothing, else as texts."""
    table = read_texts(content, where)
    others = table.columns.drop(["path", "class"], errors="ignore")  # which stay texts
    rest = table if "path" not in table else table[_paths(table).isin(ids)]
    rest = rest if len(rest) else table[:1]  # whose path a message names
    return rest[rest.columns.intersection(["path", "class"])].join(rest[others].apply(typed))


def _paths(table: pd.DataFrame) -> "pd.Series[str]":
    """Return the column path with slashes, without "./" before it."""
    return table["path"].str.replace("\\", "/").str.removeprefix("./")


def _of_tiles(table: pd.DataFrame, ids: pd.Series, where: str) -> pd.DataFrame:
    """Return the rows of these tiles, in their order, with the path as the index."""
    if "path" not in table:
        names = ", ".join(map(repr, table.columns[:5]))
        raise InputError(
            f"{where} has no column path, but {names}: call that of the images path, and separate "
            "columns by commas"
        )
    if not ids.str.contains("\\", regex=False).any():  # as some programs of Windows write paths
        table = table.assign(path=_paths(table))
    first = table["path"].iloc[0] if len(table) else "no row"
    table = table[table["path"].isin(ids)].set_index("path")
    missing = set(ids) - set(table.index)
    if missing or table.index.has_duplicates:
        fault = "names a path twice"
        if missing:
            fault = f"has no row for {min(missing)}; its first path is {first}"
        raise InputError(f"{where} {fault}: {HINT}")
    return table.loc[ids]


def _check_width(content: bytes) -> None:
    """Raise ValueError for two columns of one name, or too many, which would take pandas hours."""
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", errors="replace", newline="")
    names = [name.strip() for name in next(csv.reader(text), [])]
    if len(names) > MAX_COLUMNS:
        raise ValueError(f"more than {MAX_COLUMNS} columns")
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        raise ValueError(f"two columns are called {twice}")


def clean_classes(column: pd.Series) -> pd.Series:
    """Return a column as names of classes, "" where there is none."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")  # whole numbers beside unknown ones
    return column.astype(str).str.strip().where(_known(column), "").astype(object)


def _blocks(column: pd.Series, where: str) -> pd.Series:
    if column.isna().any():
        path = column.index[column.isna()][0]
        raise InputError(f"{where} has no block for {path}: fill it in, or remove the column")
    return column.astype(str)


def _given_split(column: pd.Series, where: str) -> dict[str, pd.Series]:
    names = column.fillna("").astype(str)
    found = split_parts(names)
    if found.notna().all() and {"train"} < set(found):
        return {"given_split": names}
    why = f"it holds {names[found.isna()].iloc[0]!r}" if found.isna().any() else "it has one part"
    warnings.warn(
        f"{where}: the column split is not used, since {why}: write train, val or test for every "
        "tile",
        RshWarning,
        stacklevel=3,
    )
    return {}


def _for_parquet(column: pd.Series) -> pd.Series:
    """Return a numeric column unchanged and any other as texts, for parquet."""
    is_number = pd.api.types.is_numeric_dtype(column) and column.dtype != bool
    return column if is_number else column.astype("string")


def typed(column: pd.Series) -> pd.Series:
    """Return a column of texts as numbers if that loses nothing."""
    known = _known(column)
    texts = column[known].astype(str).str.strip()
    if texts.empty or not texts.map(_is_exact).all():
        return column
    numbers = pd.to_numeric(texts).reindex(column.index)
    return numbers if texts.nunique() == numbers.nunique() else column


def _is_exact(text: str) -> bool:
    """Whether 64 bits keep a text: a plain decimal, or one that Python has written."""
    if DECIMAL.fullmatch(text) and sum(map(str.isdigit, text)) <= EXACT_DIGITS:
        return True
    return bool(WRITTEN.fullmatch(text)) and repr(float(text)) == text


def _known(column: pd.Series) -> pd.Series:
    """Return which values are known: neither empty nor "nan", as NumPy writes it."""
    return column.notna() & (column.astype(str).str.lower() != "nan")


def _tell_other_classes(table: pd.DataFrame, where: str) -> None:
    """Warn of columns that may hold the classes, where no tile has one."""
    found = [name for name in table.columns if str(name).lower() in CLASS_NAMES]
    if found and not has_label_sets(table):
        warnings.warn(
            f"{where}: the column {found[0]} is kept for filters alone; rename it to class if it "
            f"holds the classes{', or add --labels multi' * (found[0] == SEVERAL)}",
            RshWarning,
            stacklevel=3,
        )
