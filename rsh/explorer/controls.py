"""The query and what one can do with it: back, forward, random, how to search, by class."""

from typing import Any

import anywidget
import traitlets

from rsh.explorer.bundle import bundle
from rsh.explorer.state import ExplorerState
from rsh.explorer.tiles import describe, readable


class Controls(anywidget.AnyWidget):
    """The query tile and the controls, all native elements of the browser.

    Sends {"kind": "back" | "forward" | "random"} and {"kind": "class", "number": number}.

    Attributes:
        page: name of the page's channel.
        view: query, can_go_back, can_go_forward, max_top_k, num_bits, classes, chosen.
        search: mode, top_k, radius; both sides set it.
    """

    _esm = bundle("controls.js")
    page = traitlets.Unicode().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)
    search = traitlets.Dict().tag(sync=True)


def controls_view(state: ExplorerState, chosen: int) -> dict[str, Any]:
    """Return the `Controls.view`; `chosen` is the number of the class in the list."""
    gallery = state.gallery
    counts = gallery.items["class"].value_counts()
    query = describe(gallery, state.query)
    return {
        "query": query | {"unseen": gallery.items["split"].iloc[state.query] == "query"},
        "can_go_back": state.can_go_back,
        "can_go_forward": state.can_go_forward,
        "max_top_k": state.max_top_k,
        "num_bits": gallery.num_bits,
        "classes": [{"name": readable(n), "count": int(counts[n])} for n in gallery.classes],
        "chosen": chosen,
    }


def search_of(state: ExplorerState) -> dict[str, Any]:
    """Return the `Controls.search` of a state."""
    return {"mode": state.mode, "top_k": state.top_k, "radius": state.radius}
