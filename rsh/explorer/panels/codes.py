"""Two codes bit by bit, and the distances of all tiles: Hamming retrieval one can see."""

from typing import Any

import anywidget
import numpy as np
import traitlets

from rsh.codes.binary import unpack
from rsh.explorer.bundle import bundle
from rsh.explorer.panels.tiles import describe, describe_query
from rsh.explorer.ranking import Ranking
from rsh.explorer.state import ExplorerState
from rsh.metrics.ranking import precision_recall


class CodesPanel(anywidget.AnyWidget):
    """The query's code above that of the tile the pointer is on, differing bits marked.

    Attributes:
        page: name of the page's channel.
        view: num_bits, query and first hit as `describe` gives them, histogram with the
            lists same and other, reach, the largest distance that is searched, shown, how many
            tiles are, agreement, the share of them that have the query's value of each bit, and
            curve, recall and precision at each radius (none where the query has no class, or is
            the only one of it).
    """

    _esm = bundle("codes.js")
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
        "query": describe_query(state.gallery, ranking.question),
        "first": first,
        "histogram": {"same": same.tolist(), "other": (items - same).tolist()},
        "shown": len(ranking.hits),
        "agreement": _agreement(state, ranking),
        "curve": _curve(ranking),
        "reach": state.way.radius if state.way.mode == "radius" else ranking.farthest,
    }


def _agreement(state: ExplorerState, ranking: Ranking) -> list[float]:
    """Say of each bit how many of the tiles shown agree with the query in it, 0 to 1."""
    packed, num_bits = state.gallery.packed, state.gallery.num_bits
    rows = [hit.row for hit in ranking.hits]
    if not rows:
        return []
    shown = unpack(np.asarray(packed[rows]), num_bits)
    same = shown == unpack(ranking.question.packed(state.gallery), num_bits)
    return [round(float(share), 4) for share in same.mean(axis=0)]


def _curve(ranking: Ranking) -> list[tuple[float, float]]:
    """Return recall and precision of this query at each radius that holds any tile."""
    if ranking.question.row is None or not ranking.counts.relevant.any():
        return []
    precision, recall = precision_recall(ranking.counts)
    held = np.flatnonzero(ranking.counts.items[0])  # a radius that finds nothing new is no point
    points = zip(recall[held], precision[held], strict=True)
    return [(round(float(recall), 4), round(float(precision), 4)) for recall, precision in points]
