"""The query and what one can do with it: back, forward, random, how to search."""

from typing import Any

import anywidget
import traitlets

from rsh.explorer.bundle import bundle
from rsh.explorer.panels.tiles import describe, describe_query
from rsh.explorer.question import Order
from rsh.explorer.state import ExplorerState

ORDERS: dict[Order, str] = {
    "bits": "bits",
    "features": "bits, then features",
    "asymmetric": "weighted bits",
}


class ControlsPanel(anywidget.AnyWidget):
    """The query tile and the controls, all native elements of the browser.

    Sends {"kind": "back" | "forward" | "random" | "clear"} and {"kind": "mark", "row", "sign"}.

    Attributes:
        page: name of the page's channel.
        view: query, can_go_back, can_go_forward, max_top_k, num_bits, num_classes, orders (pairs
            of a name and its words), order_note, what a finer order does, or "", and marks, the
            tiles that are marked as `describe` gives them, with their sign.
        search: mode, top_k, radius, order; both sides set it.
    """

    _esm = bundle("controls.js")
    page = traitlets.Unicode().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)
    search = traitlets.Dict().tag(sync=True)


def controls_view(state: ExplorerState) -> dict[str, Any]:
    """Return the `Controls.view` of a state."""
    gallery, question = state.gallery, state.question
    marked = [("like", row) for row in question.like] + [("unlike", row) for row in question.unlike]
    unseen = state.query is not None and gallery.items["split"].iloc[state.query] == "query"
    return {
        "query": describe_query(gallery, question) | {"unseen": bool(unseen)},
        "can_go_back": state.can_go_back,
        "can_go_forward": state.can_go_forward,
        "max_top_k": state.max_top_k,
        "num_bits": gallery.num_bits,
        "num_classes": len(gallery.classes),
        "orders": list(ORDERS.items()),
        "order_note": _order_note(state),
        "marks": [describe(gallery, row) | {"sign": sign} for sign, row in marked],
    }


def search_of(state: ExplorerState) -> dict[str, Any]:
    """Return the `Controls.search` of a state."""
    way = state.way
    return {"mode": way.mode, "top_k": way.top_k, "radius": way.radius, "order": way.order}


def _order_note(state: ExplorerState) -> str:
    """Say what a finer order does; that of bits is explained beside the codes."""
    way = state.way
    if state.question.marked:
        return (
            "While tiles are marked, all tiles are ordered by how much they are like the query and "
            "what you marked +, and unlike what you marked \N{MINUS SIGN} "
            "(Rocchio's relevance feedback)."
        )
    if way.order == "bits":
        return ""
    pool = "all within the radius" if way.mode == "radius" else f"the {state.pool} nearest by bits"
    if way.order == "features":
        return f"Of {pool}, those first that the network describes most alike, by their features."
    return f"Of {pool}, those first that agree in the bits of which the query is most sure."
