"""Filters: conditions on the tiles that may be found."""

from typing import Any

import numpy as np
import pandas as pd

from rsh.explorer.panels.panel import Panel
from rsh.explorer.state import ExplorerState
from rsh.gallery.filters import OVERLAPS, POLYGON
from rsh.gallery.gallery import Gallery
from rsh.labels import SEPARATOR, SEVERAL
from rsh.text import humanize

FEW = 60  # different values of a column that fit into a list
WORDS = {"class": "class", "split": "split"}
PLACES = {  # conditions on places: their words, and what may be written there
    "bbox": ("bounding box (degrees)", "west, south, east, north"),
    POLYGON: ("polygon (degrees)", "longitude, latitude of each corner in turn"),
    OVERLAPS: ("footprint overlaps polygon", "longitude, latitude of each corner in turn"),
}
HIDDEN = ("id", "longitude", "latitude", "footprint", "block")


class FilterPanel(Panel, script="filter.js"):
    """The conditions as chips, and a form to add one.

    Sends {"kind": "where", "texts"}, the conditions as `Filter.read` takes them.

    Attributes:
        view: texts, the conditions as they are; words, the same with regions in words;
            columns, each with name, words, kind ("number", "text", "box" or "region"), values to
            choose from (or none: a free field), and hint, what may be written there; and found, how
            many tiles can be found, in words.
    """


def filter_view(state: ExplorerState, columns: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the `FilterPanel.view` of a state; `columns` as `list_columns` gives them."""
    filter, gallery = state.settings.filter, state.gallery
    included = state.settings.include_held_out
    many = np.count_nonzero(gallery.can_find(filter, include_held_out=included))
    return {
        "texts": [str(condition) for condition in filter.conditions],
        "words": [condition.title for condition in filter.conditions],
        "columns": [*columns, *_given(gallery)],
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
        known = [name for name in PLACES if name != OVERLAPS or "footprint" in items]
        columns += [
            {
                "name": name,
                "words": PLACES[name][0],
                "kind": "box" if name == "bbox" else "region",
                "values": [],
                "hint": PLACES[name][1],
            }
            for name in known
        ]
    return columns


def _given(gallery: Gallery) -> list[dict[str, Any]]:
    """Return the conditions on what visitors gave, as far as they gave anything."""
    state = gallery.annotations.state
    given = {"set": [one.name for one in state.sets], "label": state.given.names}
    words = {"set": "set", "label": "given label"}
    return [
        {"name": name, "words": words[name], "kind": "text", "values": plain, "hint": ""}
        for name, values in given.items()
        if name not in gallery.table and (plain := [each for each in values if _is_plain(each)])
    ]


def _is_plain(value: str) -> bool:
    """Whether a value is read as one: a comma or two dots would make it several."""
    return bool(value) and "," not in value and ".." not in value


def _is_label(value: str) -> bool:
    """Whether a label is read as one: it may hold commas."""
    return bool(value) and ".." not in value


def _column(name: str, column: pd.Series) -> dict[str, Any]:
    known = column.dropna()
    entry: dict[str, Any] = {"name": name, "words": WORDS.get(name, humanize(name)), "kind": "text"}
    if pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known):
        low, high = (f"{end:g}" for end in (known.min(), known.max())) if len(known) else ("", "")
        return entry | {"kind": "number", "values": [], "hint": f"from..to, such as {low}..{high}"}
    values = sorted(map(str, known.unique()))
    is_plain = _is_plain
    if name == SEVERAL:
        values = sorted({label for value in values for label in value.split(SEPARATOR)})
        is_plain = _is_label
    if len(values) > FEW:
        return entry | {"values": [], "hint": "one value, or several separated by commas"}
    return entry | {"values": [*filter(is_plain, values)], "hint": ""}
