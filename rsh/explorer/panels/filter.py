"""Filters: conditions on the tiles that may be found."""

from typing import Any

import pandas as pd

from rsh.explorer.panels.panel import Panel
from rsh.explorer.state import ExplorerState
from rsh.text import humanize

FEW = 60  # different values of a column that fit into a list
WORDS = {"class": "class", "split": "split", "bbox": "bounding box (degrees)"}
HIDDEN = ("id", "longitude", "latitude", "footprint", "block")


class FilterPanel(Panel, script="filter.js"):
    """The conditions as chips, and a form to add one.

    Sends {"kind": "where", "texts"}, the conditions as `Filter.read` takes them.

    Attributes:
        view: texts, the conditions as they are; columns, each with name, words, kind ("number",
            "text" or "box"), values to choose from (or none: a free field), and hint, what may be
            written there; and found, how many tiles can be found, in words.
    """


def filter_view(state: ExplorerState, columns: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the `FilterPanel.view` of a state; `columns` as `list_columns` gives them."""
    filter, gallery = state.settings.filter, state.gallery
    included = state.settings.include_held_out
    many = len(gallery.searchable_rows(filter, include_held_out=included))
    return {
        "texts": [str(condition) for condition in filter.conditions],
        "columns": columns,
        "found": f"{many:,} of {state.num_searched:,} tiles match" if filter else "",
    }


def list_columns(state: ExplorerState) -> list[dict[str, Any]]:
    """Return the columns that conditions can be on, the usual ones first."""
    items = state.gallery.items
    usual = ["class"] if state.gallery.classes and items["class"].nunique() > 1 else []
    usual += ["split"] if items["split"].iloc[state.gallery.searchable].nunique() > 1 else []
    others = [str(name) for name in items.columns if name not in ("class", "split", *HIDDEN)]
    columns = [_column(name, items[name]) for name in [*usual, *others]]
    if state.gallery.has_map:
        hint = "west, south, east, north"
        box = {"name": "bbox", "words": WORDS["bbox"], "kind": "box", "values": [], "hint": hint}
        columns.append(box)
    return columns


def _column(name: str, column: pd.Series) -> dict[str, Any]:
    known = column.dropna()
    entry: dict[str, Any] = {"name": name, "words": WORDS.get(name, humanize(name)), "kind": "text"}
    if pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known):
        low, high = (f"{end:g}" for end in (known.min(), known.max())) if len(known) else ("", "")
        return entry | {"kind": "number", "values": [], "hint": f"from..to, such as {low}..{high}"}
    values = sorted(map(str, known.unique()))
    if len(values) > FEW:
        return entry | {"values": [], "hint": "one value, or several separated by commas"}
    # A comma or two dots in a value would be read as several values, so these are not offered.
    plain = [value for value in values if value and "," not in value and ".." not in value]
    return entry | {"values": plain, "hint": ""}
