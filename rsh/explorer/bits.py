"""Two codes bit by bit, and the distances of all tiles: Hamming retrieval one can see."""

from typing import Any

import anywidget
import traitlets

from rsh.explorer.bundle import bundle
from rsh.explorer.state import Answer, ExplorerState
from rsh.explorer.tiles import describe


class Bits(anywidget.AnyWidget):
    """The query's code above that of the tile the pointer is on, differing bits marked.

    Attributes:
        page: name of the page's channel.
        view: num_bits, query and first hit as `describe` gives them, histogram with the
            lists same and other, and reach, the largest distance shown as a card.
    """

    _esm = bundle("bits.js")
    page = traitlets.Unicode().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)


def bits_view(state: ExplorerState, answer: Answer) -> dict[str, Any]:
    """Return the `Bits.view` of an answer."""
    same, other = state.histogram().tolist()
    first = None
    if answer.hits:
        first = describe(state.gallery, answer.hits[0].row) | {"rank": 1}
    in_radius = state.mode == "radius"
    return {
        "num_bits": state.gallery.num_bits,
        "query": describe(state.gallery, answer.query),
        "first": first,
        "histogram": {"same": same, "other": other},
        "reach": state.radius
        if in_radius
        else max((hit.distance for hit in answer.hits), default=-1),
    }
