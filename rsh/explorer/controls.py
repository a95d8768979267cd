"""The query and what one can do with it: back, forward, random, how to search."""

from typing import Any

import anywidget
import traitlets

from rsh.explorer.bundle import bundle
from rsh.explorer.state import ExplorerState
from rsh.explorer.tiles import describe


class Controls(anywidget.AnyWidget):
    """The query tile and the controls, all native elements of the browser.

    Sends {"kind": "back" | "forward" | "random"}.

    Attributes:
        page: name of the page's channel.
        view: query, can_go_back, can_go_forward, max_top_k, num_bits, num_classes.
        search: mode, top_k, radius; both sides set it.
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
    }


def search_of(state: ExplorerState) -> dict[str, Any]:
    """Return the `Controls.search` of a state."""
    return {"mode": state.mode, "top_k": state.top_k, "radius": state.radius}
