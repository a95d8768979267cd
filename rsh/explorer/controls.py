"""The query and what one can do with it: back, forward, random, how to search."""

from typing import Any

import anywidget
import traitlets

from rsh.explorer.bundle import bundle
from rsh.explorer.state import ExplorerState, Order
from rsh.explorer.tiles import describe

ORDERS: dict[Order, str] = {
    "bits": "bits",
    "features": "bits, then features",
    "asymmetric": "weighted bits",
}


class Controls(anywidget.AnyWidget):
    """The query tile and the controls, all native elements of the browser.

    Sends {"kind": "back" | "forward" | "random"}.

    Attributes:
        page: name of the page's channel.
        view: query, can_go_back, can_go_forward, max_top_k, num_bits, num_classes, orders (pairs
            of a name and its words), and order_note, what a finer order does, or "".
        search: mode, top_k, radius, order; both sides set it.
    """

    _esm = bundle("controls.js")
    page = traitlets.Unicode().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)
    search = traitlets.Dict().tag(sync=True)


def controls_view(state: ExplorerState) -> dict[str, Any]:
    """Return the `Controls.view` of a state."""
    gallery = state.gallery
    query = describe(gallery, state.query)
    return {
        "query": query | {"unseen": gallery.items["split"].iloc[state.query] == "query"},
        "can_go_back": state.can_go_back,
        "can_go_forward": state.can_go_forward,
        "max_top_k": state.max_top_k,
        "num_bits": gallery.num_bits,
        "num_classes": len(gallery.classes),
        "orders": list(ORDERS.items()),
        "order_note": _order_note(state),
    }


def search_of(state: ExplorerState) -> dict[str, Any]:
    """Return the `Controls.search` of a state."""
    return {"mode": state.mode, "top_k": state.top_k, "radius": state.radius, "order": state.order}


def _order_note(state: ExplorerState) -> str:
    """Say what a finer order does; that of bits is explained beside the codes."""
    if state.order == "bits":
        return ""
    pool = (
        "all within the radius" if state.mode == "radius" else f"the {state.pool} nearest by bits"
    )
    if state.order == "features":
        return f"Of {pool}, those first that the network describes most alike, by their features."
    return f"Of {pool}, those first that agree in the bits of which the query is most sure."
