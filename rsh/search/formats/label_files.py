"""Files of labels and sets: CSV, Parquet and GeoJSON, written and read.

    id,class,sets,longitude,latitude
    coast/1.png,coast,to check;burned,-9.53,38.42

A row is a tile. Sets are names with semicolons between them, in Parquet and GeoJSON a list of
names. What is written comes back exactly. In files by others the id may be called path, and the
class label or category. Where a file has both label and class, as saved results have, label counts:
it is what a visitor gave. Ids, classes and names of sets are texts or numbers.
"""

import csv
import io
import json
import math
import reprlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rsh.data.geoparquet import ROWS_PER_TILE, reading
from rsh.data.metadata import read_texts
from rsh.errors import InputError
from rsh.search.formats.geojson import geometry
from rsh.search.formats.tables import escape_formula, unescape_formula
from rsh.text import first_sentence

ID_NAMES = ("id", "path")
LABEL_NAMES = ("label", "labels", "class", "class_name", "category")  # the first there is counts
WANTED = (*ID_NAMES, *LABEL_NAMES, "sets")
OTHER_SUFFIXES = {".json": ".geojson", ".geoparquet": ".parquet"}
MAX_FILE = 1 << 30  # bytes of a file that is read
Columns = dict[str, list[Any]]  # None where a value is missing
T = TypeVar("T")


class Labels(NamedTuple):
    """A file of labels; all columns have one entry a row.

    Attributes:
        ids: of the tiles.
        classes: "" for none.
        sets: names of the sets of each tile.
    """

    ids: list[str]
    classes: list[str]
    sets: list[list[str]]


def write_labels(table: pd.DataFrame, items: pd.DataFrame, file: Path) -> bytes:
    """Return the content of a file of labels.

    Args:
        table: id, class ("" for none), sets (lists of names), and perhaps longitude and latitude.
        items: the same tiles in the gallery's table, for GeoJSON: a feature is the footprint of a
            tile, or its point, or has no geometry if neither is known.
        file: its suffix decides the format: .csv, .parquet or .geojson.

    Raises:
        InputError: the suffix is another.
    """
    return _choose(file, WRITERS)(table, items)


def read_labels(file: Path, *, num_tiles: int) -> Labels:
    """Read a file of labels, by its suffix.

    Args:
        file: .csv, .parquet or .geojson, with the columns id, and class or sets.
        num_tiles: of the gallery; the rows are at most a hundred for each.

    Raises:
        InputError: the suffix is another, or the file is no such table.
    """
    _choose(file, READERS)
    try:
        if file.stat().st_size > MAX_FILE:
            raise InputError(f"{file} is larger than {MAX_FILE >> 30} GB: keep the labels alone")
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}): give a file") from None
    return parse_labels(content, str(file), num_tiles=num_tiles)


def parse_labels(content: bytes, file: str, *, num_tiles: int) -> Labels:
    """Read the content of a file of labels, see `read_labels`.

    Args:
        content: of the file.
        file: its name, by whose suffix it is read, and which messages tell.
        num_tiles: of the gallery.

    Raises:
        InputError: the suffix is another, or the content is no such table.
    """
    read = _choose(Path(file), READERS)
    columns = read(content, file, ROWS_PER_TILE * max(num_tiles, 1000))
    ids, classes = _first(columns, ID_NAMES), _first(columns, LABEL_NAMES)
    sets = columns.get("sets")
    if ids is None or (classes is None and sets is None):
        named = ", ".join(map(str, columns)) or "none"
        hint = ": separate columns by commas" if set(";\t") & set(named) else ""
        raise InputError(f"{file} needs the columns id, and class or sets; it has {named}{hint}")
    if any(isinstance(one, list) for one in (*ids, *(classes or ()))):
        raise InputError(f"{file} has a list in place of an id or a class: give one text a row")
    if not all(ids):
        raise InputError(f"{file} has a row without an id: fill it in, or remove the row")
    none = [None] * len(ids)
    return Labels(ids, [one or "" for one in classes or none], [*map(_split, sets or none)])


def _choose(file: Path, choices: dict[str, T]) -> T:
    """Return the choice for a suffix."""
    suffix = file.suffix.lower()
    suffix = OTHER_SUFFIXES.get(suffix, suffix)
    if suffix not in choices:
        raise InputError(f"{file}: choose a name that ends in {', '.join(choices)}")
    return choices[suffix]


def _first(columns: Columns, names: Iterable[str]) -> list[Any] | None:
    """Return the first of these columns that there is."""
    return next((columns[name] for name in names if name in columns), None)


def _split(sets: Any) -> list[str]:
    names = sets if isinstance(sets, list) else (sets or "").split(";")
    return [name.strip() for name in names if name and name.strip()]


def _to_csv(table: pd.DataFrame, items: pd.DataFrame) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(table.columns)
    texts = table.assign(
        **{
            "id": table["id"].map(escape_formula),
            "class": table["class"].map(escape_formula),
            "sets": table["sets"].map(";".join).map(escape_formula),
        }
    )
    writer.writerows(texts.astype(object).where(texts.notna(), "").to_numpy().tolist())
    return stream.getvalue().encode()


def _to_parquet(table: pd.DataFrame, items: pd.DataFrame) -> bytes:
    texts = {
        "id": pa.array(table["id"].tolist(), pa.string()),
        "class": pa.array([name or None for name in table["class"]], pa.string()),
        "sets": pa.array(table["sets"].tolist(), pa.list_(pa.string())),
    }
    others = {name: pa.array(table[name]) for name in table.columns.difference([*texts])}
    stream = io.BytesIO()
    pq.write_table(pa.table(texts | others), stream)
    return stream.getvalue()


def _to_geojson(table: pd.DataFrame, items: pd.DataFrame) -> bytes:
    features = [
        {
            "type": "Feature",
            "geometry": geometry(item),
            "properties": {"id": tile, "class": name or None, "sets": sets},
        }
        for tile, name, sets, (_, item) in zip(
            table["id"], table["class"], table["sets"], items.iterrows(), strict=True
        )
    ]
    collection = {"type": "FeatureCollection", "features": features}
    return json.dumps(collection, ensure_ascii=False, allow_nan=False).encode()


def _read_csv(content: bytes, where: str, max_rows: int) -> Columns:
    table = read_texts(content, where)
    _check_rows(len(table), max_rows, where)
    table = table.astype(object).where(table.notna(), None)
    return {
        name: [text if text is None else unescape_formula(text) for text in table[name]]
        for name in table.columns
    }


def _read_parquet(content: bytes, where: str, max_rows: int) -> Columns:
    with reading(where):
        file = pq.ParquetFile(io.BytesIO(content))
        _check_rows(file.metadata.num_rows, max_rows, where)
        names = [name for name in file.schema_arrow.names if name in WANTED]
        table = file.read(columns=names)
        return {name: _texts(table[name], name, where) for name in table.column_names}


def _texts(column: pa.ChunkedArray, name: str, where: str) -> list[Any]:
    """Return values as texts, and lists as lists of texts."""
    kind = column.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if pa.types.is_boolean(kind.value_type if is_list else kind):
        raise _no_text(f"a column {name} of {kind}", where)
    texts = column.cast(pa.list_(pa.string()) if is_list else pa.string())
    texts.validate(full=True)  # Arrow does not check by itself that texts are UTF-8
    values = list(texts.to_pylist())
    for value in values if is_list else ():
        if value and None in value:
            raise _no_text(f"null in a list of {name}", where)
    return values


def _read_geojson(content: bytes, where: str, max_rows: int) -> Columns:
    try:
        collection = json.loads(content)
        json.dumps(collection, ensure_ascii=False).encode()  # raises for what is no UTF-8
        features = collection["features"]
        _check_rows(len(features), max_rows, where)
        rows = [{"id": feature.get("id")} | (feature["properties"] or {}) for feature in features]
        names = dict.fromkeys(name for row in rows for name in row)
        return {
            name: [_text(row.get(name), name, where) for row in rows] if name in WANTED else []
            for name in names
        }
    except InputError:
        raise
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        reason = first_sentence(error)
        raise InputError(f"{where} is no FeatureCollection ({reason}): save it again") from None


def _text(value: Any, name: str, where: str) -> Any:
    """Return a value of JSON as a text, or as a list of texts."""
    for one in value if isinstance(value, list) else [value] if value is not None else []:
        is_text = isinstance(one, str | int | float) and not isinstance(one, bool)
        if not is_text or (isinstance(one, float) and not math.isfinite(one)):
            raise _no_text(f"{reprlib.repr(json.dumps(one))[1:-1]} as {name}", where)
    if isinstance(value, list):
        return [str(one) for one in value]
    return None if value is None else str(value)


def _no_text(what: str, where: str) -> InputError:
    return InputError(f"{where} has {what}: give texts or numbers")


def _check_rows(count: int, most: int, where: str) -> None:
    if count > most:
        raise InputError(f"{where} has more than {most:,} rows: keep those of the tiles")


WRITERS: dict[str, Callable[[pd.DataFrame, pd.DataFrame], bytes]] = {
    ".csv": _to_csv,
    ".parquet": _to_parquet,
    ".geojson": _to_geojson,
}
READERS: dict[str, Callable[[bytes, str, int], Columns]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".geojson": _read_geojson,
}
