"""Browse by class or label: a page of tiles with one, or without, to choose a query from."""

from typing import Any

from rsh.explorer.panels.panel import Panel
from rsh.explorer.panels.tiles import describe, tile_card
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.text import humanize

SHOWN = 24  # four rows of six beside the results


class ClassBrowserPanel(Panel, script="class_browser.js"):
    """Classes, or labels, and tiles of one of them; the tiles without one follow as one more.

    Sends {"kind": "class", "number"}, {"kind": "others"} and {"kind": "choose", "row"}.

    Attributes:
        view: label, what they are, "class" or "label"; classes with name and count, none in a
            gallery without labels; chosen, total (tiles of that class), first (number of the first
            tile shown, from 1), and cards, a list of `describe` with alt and current.
    """


def class_browser_view(state: ExplorerState, chosen: int, part: int = 0) -> dict[str, Any]:
    """Return the `ClassBrowserPanel.view` of a class; `part` wraps around after the last page."""
    gallery = state.gallery
    kinds, label = list_kinds(gallery), gallery.relevance.label
    counts = gallery.count_labels().tolist()
    unknown = len(gallery) - gallery.num_labeled
    rows = state.list_tiles(kinds[chosen])
    start = part * SHOWN % (-(-len(rows) // SHOWN) * SHOWN)
    shown = list(enumerate(rows[start : start + SHOWN].tolist(), start=start + 1))
    return {
        "label": label,
        "classes": [
            {"name": humanize(name) if name else f"no {label}", "count": count}
            for name, count in zip(kinds, [*counts, unknown], strict=False)
            if gallery.label_names
        ],
        "chosen": chosen,
        "total": len(rows),
        "first": start + 1,
        "cards": [_card(state, number, row) for number, row in shown],
    }


def list_kinds(gallery: Gallery) -> list[str]:
    """Return the classes or labels, and "" after them if a tile has none."""
    rest = [""] if gallery.num_labeled < len(gallery) else []
    return [*gallery.label_names, *rest]


def _card(state: ExplorerState, number: int, row: int) -> dict[str, Any]:
    tile, current = describe(state.gallery, row), row == state.query.row
    words = (tile["place"], tile["split"], "the current query" if current else "")
    return tile_card(tile, *words, before=f"tile {number}", current=current)
