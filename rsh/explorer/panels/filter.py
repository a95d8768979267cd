"""Filters: conditions on the tiles that may be found."""

from typing import Any

import numpy as np
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
        view: texts, the conditions as they are; columns, each with name, words, values to choose
            from (or none: a free field), and hint, what may be written there; and found, how many
            tiles can be found, in words.
    """


def filter_view(state: ExplorerState, columns: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the `FilterPanel.view` of a state; `columns` as `list_columns` gives them."""
    filter, gallery = state.settings.filter, state.gallery
    included = state.settings.include_held_out
    many = np.count_nonzero(gallery.can_find(filter, include_held_out=included))
    return {
        "texts": [str(condition) for condition in filter.conditions],
        "columns": columns,
        "found": f"{many:,} of {state.num_searched:,} tiles match" if filter else "",
    }


def list_columns(state: ExplorerState) -> list[dict[str, Any]]:
    """Return the columns that conditions can be on, the usual ones first."""
    gallery, items = state.gallery, state.gallery.table
    kinds = len(gallery.classes) + (gallery.num_labeled < len(gallery))
    usual = ["class"] if gallery.classes and kinds > 1 else []
    splits = items.categories("split")[1][~gallery.is_held_out]
    usual += ["split"] if len(np.unique(splits)) > 1 else []
    others = [str(name) for name in items.columns if name not in ("class", "split", *HIDDEN)]
    columns = [_column(name, items[name]) for name in [*usual, *others]]
    if gallery.has_map:
        hint = "west, south, east, north"
        columns.append({"name": "bbox", "words": WORDS["bbox"], "values": [], "hint": hint})
    return columns


def _column(name: str, column: pd.Series) -> dict[str, Any]:
    known = column.dropna()
    entry: dict[str, Any] = {"name": name, "words": WORDS.get(name, humanize(name))}
    if pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known):
        low, high = (f"{end:g}" for end in (known.min(), known.max())) if len(known) else ("", "")
        return entry | {"values": [], "hint": f"from..to, such as {low}..{high}"}
    values = sorted(map(str, known.unique()))
    if len(values) > FEW:
        return entry | {"values": [], "hint": "one value, or several separated by commas"}
    # A comma or two dots in a value would be read as several values, so these are not offered.
    plain = [value for value in values if value and "," not in value and ".." not in value]
    return entry | {"values": plain, "hint": ""}
