"""Search results as CSV, JSON and GeoJSON, made in memory.

`to_contact_sheet` is in `contact_sheet`, `to_python` and `to_command` in `snippets`; all take a
`SearchResult` or a selection of one.
"""

import csv
import io
import json
import math
import re
from typing import Any

import numpy as np
import pandas as pd

from rsh.labels import SEVERAL
from rsh.search.formats.contact_sheet import to_contact_sheet
from rsh.search.formats.geojson import feature_collection
from rsh.search.formats.labels import OF_LABELS, label_columns
from rsh.search.formats.snippets import to_command, to_python
from rsh.search.results import SearchResult

__all__ = ["to_command", "to_contact_sheet", "to_csv", "to_geojson", "to_json", "to_python"]

COLUMNS = (
    *("rank", "id", "class", SEVERAL, "label", "predicted", "confidence", "relevant"),
    *("distance", "score", "split", "longitude", "latitude"),
)
# Where a cell begins, or would begin for a spreadsheet that splits at semicolons, tabs or lines and
# ignores quotes; followed by what it reads as a formula.
BEGIN, READ_AS_FORMULA = r"(^|[;\t\r\n\0])", r"""(?=["'\s]*[=+\-@\t\r\n\0＝＋－＠])"""  # noqa: RUF001
FORMULA = re.compile(BEGIN + READ_AS_FORMULA)
ESCAPED = re.compile(f"{BEGIN}'{READ_AS_FORMULA}")


def to_csv(result: SearchResult) -> bytes:
    """Return the tiles as a table, one row per tile, UTF-8 (RFC 4180).

    A text that a spreadsheet would read as a formula gets an apostrophe in front: one that begins
    with = + - @, a tab or a line break, or their full-width forms, or has one of these after a
    semicolon, a tab or a line break, where some spreadsheets begin a new cell. Programs that read
    the table should remove the apostrophe, or read `to_json`. Numbers are written as numbers;
    unknown values are empty cells.

    Returns:
        A header, and the columns rank, id, class, labels (several, separated by semicolons), label
        (the class that a visitor gave), predicted (the class that is likeliest by all labels),
        confidence (in it, 0 to 1), relevant (true or false, empty where one of both tiles has no
        label), distance (bits), score (-1 to 1), split, longitude and latitude (degrees); without
        class, labels or relevant if the gallery has none, and without label, predicted and
        confidence if no tile was given a label.

    Source: OWASP, "CSV injection", https://owasp.org/www-community/attacks/CSV_Injection
    """
    stream = io.StringIO(newline="")
    table = csv.DictWriter(stream, _columns(result), lineterminator="\r\n")
    table.writeheader()
    table.writerows({key: csv_cell(value) for key, value in row.items()} for row in _rows(result))
    return stream.getvalue().encode()


def escape_formula(text: str) -> str:
    """Put an apostrophe in front of what a spreadsheet would read as a formula, see `to_csv`."""
    return FORMULA.sub(r"\1'", text)


def unescape_formula(text: str) -> str:
    """Return the text of which `escape_formula` made another."""
    return ESCAPED.sub(r"\1", text)


def to_json(result: SearchResult) -> bytes:
    """Return the tiles as JSON, with the provenance of the search, UTF-8.

    Returns:
        An object with "query" (id, image or text, class, code), "options" (without those left at
        their defaults), "gallery" (name, number of tiles, version, index, and fingerprints of model
        and data), and "hits" with the columns of `to_csv` and null for unknown values. Texts are
        unchanged.
    """
    gallery, row = result.gallery, result.query.row
    options = result.options.given()
    options |= {name: ids for name, ids in result.feedback().items() if ids}
    if "filter" in options:
        options["filter"] = [condition._asdict() for condition in options["filter"].conditions]
    known = {"text" if result.query.is_text else "id": result.name}
    if row is not None:
        names = [name for name in ("class", SEVERAL) if name in _columns(result)]
        known |= _known(gallery.table.take([row], ["class", *names]).iloc[0], *names)
        known["code"] = result.code
    record = {
        "query": known,
        "options": options,
        "gallery": gallery.provenance(),
        "hits": list(_rows(result)),
    }
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False).encode()


def to_geojson(result: SearchResult) -> bytes:
    """Return the tiles as GeoJSON, UTF-8, see `geojson.feature_collection`.

    Raises:
        InputError: the gallery has no coordinates.
    """
    return json.dumps(feature_collection(result), ensure_ascii=False, allow_nan=False).encode()


def _columns(result: SearchResult) -> list[str]:
    left_out = [
        *(() if result.gallery.classes else ["class"]),
        *(() if result.gallery.has_several else [SEVERAL]),
        *(() if result.gallery.label_names else ["relevant"]),
        *(() if result.has_labels else OF_LABELS),
    ]
    return [name for name in COLUMNS if name not in left_out]


def _rows(result: SearchResult) -> list[dict[str, Any]]:
    """Return what is known of each tile, by the names of the columns."""
    columns, rows = _columns(result), []
    items = result.gallery.table.take(result.rows, columns)
    labels = label_columns(result.gallery, result.rows)
    for place, hit in enumerate(result):
        item = _known(items.iloc[place], *columns)
        found = {name: getattr(hit, name) for name in ("rank", "relevant", "distance", "score")}
        found |= {name: values[place] for name, values in labels.items()}
        known = dict.fromkeys(columns) | item | found
        rows.append({name: known[name] for name in columns})
    return rows


def _known(item: "pd.Series[Any]", *columns: str) -> dict[str, Any]:
    """Return some columns of a tile, as far as the gallery has them."""
    return {name: _plain(item[name]) for name in columns if name in item}


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold; None for an unknown one."""
    if pd.isna(value) or value in ("", math.inf, -math.inf):
        return None
    return value.item() if isinstance(value, np.generic) else value


def csv_cell(value: object) -> object:
    """Return a value as `to_csv` writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return escape_formula(value) if isinstance(value, str) else value
