"""The tiles that were drawn around in a plane, as cards and as something to take away."""

from typing import Any

import anywidget
import numpy as np
import traitlets

from rsh.codes.binary import hamming
from rsh.explorer.bundle import bundle
from rsh.explorer.panels.export import question_of_state
from rsh.explorer.panels.tiles import describe
from rsh.explorer.state import ExplorerState
from rsh.search.results import Tile, View
from rsh.text import humanize, plural

MAX_PICKED = 48  # cards; what is taken away is all


class SelectedPanel(anywidget.AnyWidget):
    """A grid of the selected tiles, nearest to the query first. Sends {"kind": "choose", "row"}.

    Attributes:
        page: name of the page's channel.
        view: heading, note and cards; no heading while nothing is selected.
    """

    _esm = bundle("selected.js")
    page = traitlets.Unicode().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)


def picked_view(state: ExplorerState) -> dict[str, Any]:
    """Return the `Picked.view` of a state."""
    tiles = picked_tiles(state)
    if not tiles:
        return {"heading": "", "note": "", "cards": []}
    names = state.gallery.items["class"].iloc[state.selection.rows].value_counts()
    most = ", ".join(f"{count:,} {humanize(str(name))}" for name, count in names.head(3).items())
    more = ", \u2026" if len(names) > 3 else ""
    shown = f" The nearest {MAX_PICKED} are shown." if len(tiles) > MAX_PICKED else ""
    return {
        "heading": f"{plural(len(tiles), 'selected tile')}",
        "note": f"{most}{more}; nearest to the query first.{shown}",
        "cards": [_card(state, tile) for tile in tiles[:MAX_PICKED]],
    }


def picked_tiles(state: ExplorerState) -> list[Tile]:
    """Return the selected tiles, ranked by distance from the query, equal ones by row."""
    gallery, rows = state.gallery, state.selection.rows
    if not len(rows):
        return []
    (distances,) = hamming(state.question.packed(gallery), gallery.packed[rows])
    order = np.lexsort((rows, distances))
    labels = gallery.labels
    own = None if state.query is None else labels[state.query]
    return [
        Tile(
            row=int(rows[place]),
            rank=rank,
            distance=int(distances[place]),
            relevant=None if own is None else bool(labels[rows[place]] == own),
        )
        for rank, place in enumerate(order.tolist(), start=1)
    ]


def picked_as_view(state: ExplorerState) -> View:
    """Return the selected tiles as what can be taken away."""
    return View(state.gallery, question_of_state(state), picked_tiles(state))


def _card(state: ExplorerState, tile: Tile) -> dict[str, Any]:
    card, far = describe(state.gallery, tile.row), plural(tile.distance, "bit")
    return card | {"alt": f"{card['name']}, {far} from the query", "far": far}
