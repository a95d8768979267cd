"""What a person takes away from a view: a table, a record, a map, an image, or the way back to it.

Everything is made in memory. `to_contact_sheet` is in `contact_sheet`, `to_python` and `to_command`
in `snippets`; all take one `View`.
"""

import csv
import io
import json
import math
import re
from typing import Any

import numpy as np
import pandas as pd

from rsh.search.formats.contact_sheet import to_contact_sheet
from rsh.search.formats.geojson import feature_collection
from rsh.search.formats.snippets import to_command, to_python
from rsh.search.results import View

__all__ = ["to_command", "to_contact_sheet", "to_csv", "to_geojson", "to_json", "to_python"]

COLUMNS = (
    *("rank", "id", "class", "relevant", "distance", "score"),
    *("split", "longitude", "latitude"),
)
# Where a cell begins, or would begin for a spreadsheet that splits at semicolons, tabs or lines and
# heeds no quotes within a cell; and then what it takes for a formula.
FORMULA = re.compile(r"""(^|[;\t\r\n\0])(?=["'\s]*[=+\-@\t\r\n\0＝＋－＠])""")  # noqa: RUF001


def to_csv(view: View) -> bytes:
    """Return the tiles as a table, a row a tile, UTF-8 (RFC 4180).

    A text that a spreadsheet would take for a formula is defused with an apostrophe before it: one
    that begins with = + - @, a tab or a line break, or their full-width forms, or has one of these
    behind a semicolon, a tab or a line break, where some spreadsheets begin a new cell. Whoever
    reads the table with a program takes the apostrophe away again, or takes `to_json`. Numbers are
    written as numbers and never defused; what is not known is an empty cell.

    Args:
        view: what is taken away.

    Returns:
        A header, and the columns rank, id, class, relevant (true or false), distance (bits),
        score (-1 to 1), split, longitude and latitude (degrees).

    Source: OWASP, "CSV injection", https://owasp.org/www-community/attacks/CSV_Injection
    """
    stream = io.StringIO(newline="")
    table = csv.DictWriter(stream, COLUMNS, lineterminator="\r\n")
    table.writeheader()
    table.writerows({key: _cell(value) for key, value in row.items()} for row in _rows(view))
    return stream.getvalue().encode()


def escape_formula(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula, see `to_csv`."""
    return FORMULA.sub(r"\1'", text)


def to_json(view: View) -> bytes:
    """Return the tiles as JSON, with all that is needed to trace them, UTF-8.

    Args:
        view: what is taken away.

    Returns:
        An object with "query" (id or image, class, code), "asked" (the question without what is
        left at its default), "gallery" (name, how many tiles, generation, what searches it, and
        fingerprints of model and data), and "hits" with the columns of `to_csv` and null for what
        is not known. Texts are as they are.
    """
    gallery, row, info = view.gallery, view.row, view.gallery.info
    asked = view.question.arguments()
    if "where" in asked:
        asked["where"] = [condition._asdict() for condition in asked["where"].conditions]
    known: dict[str, Any] = {} if row is None else _known(gallery.items.iloc[row], "class")
    if row is not None:
        known["code"] = gallery.packed[row].tobytes().hex()
    record = {
        "query": {"id": view.question.query} | known,
        "asked": asked,
        "gallery": {
            "name": gallery.name,
            "num_items": len(gallery),
            "num_bits": gallery.num_bits,
            "version": info["version"],
            "index": (info["index"] or {"name": "exact"})["name"],
            "model": {key: info["model"].get(key) for key in ("backbone", "fingerprint")},
            "data": {key: info["data"].get(key) for key in ("name", "fingerprint")},
        },
        "hits": list(_rows(view)),
    }
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False).encode()


def to_geojson(view: View) -> bytes:
    """Return where the tiles lie, for a map program, UTF-8.

    Args:
        view: what is taken away.

    Returns:
        See `geojson.feature_collection`: tiles without a place are left out and counted.

    Raises:
        InputError: the gallery knows no places.
    """
    found = feature_collection(view.gallery, view)
    return json.dumps(found, ensure_ascii=False, allow_nan=False).encode()


def _rows(view: View) -> list[dict[str, Any]]:
    """Return what is known of each tile, under the names of COLUMNS."""
    rows = []
    for tile in view.tiles:
        item = _known(view.gallery.items.iloc[tile.row], *COLUMNS)
        found = {name: getattr(tile, name) for name in ("rank", "relevant", "distance", "score")}
        rows.append(dict.fromkeys(COLUMNS) | item | found)
    return rows


def _known(item: "pd.Series[Any]", *columns: str) -> dict[str, Any]:
    """Return some columns of a tile, those that the gallery has."""
    return {name: _plain(item[name]) for name in columns if name in item}


def _plain(value: Any) -> Any:
    """Return what JSON knows; None for what is not known."""
    if pd.isna(value) or value in ("", math.inf, -math.inf):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return escape_formula(value) if isinstance(value, str) else value
