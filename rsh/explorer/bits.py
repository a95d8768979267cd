"""Two codes bit by bit, and the distances of all tiles: Hamming retrieval one can see."""

from typing import Any

import anywidget
import traitlets

from rsh.explorer.bundle import bundle
from rsh.explorer.state import ExplorerState, Ranking
from rsh.explorer.tiles import describe


class Bits(anywidget.AnyWidget):
    """The query's code above that of the tile the pointer is on, differing bits marked.

    Attributes:
        page: name of the page's channel.
        view: num_bits, query and first hit as `describe` gives them, histogram with the
            lists same and other, and reach, the largest distance that is searched.
    """

    _esm = bundle("bits.js")
    page = traitlets.Unicode().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)


def bits_view(state: ExplorerState, ranking: Ranking) -> dict[str, Any]:
    """Return the `Bits.view` of a ranking."""
    items, same = (part[0] for part in ranking.counts)
    first = None
    if ranking.hits:
        first = describe(state.gallery, ranking.hits[0].row) | {"rank": 1}
    return {
        "num_bits": state.gallery.num_bits,
        "query": describe(state.gallery, ranking.query),
        "first": first,
        "histogram": {"same": same.tolist(), "other": (items - same).tolist()},
        "reach": state.radius if state.mode == "radius" else ranking.farthest,
    }
