"""The tiles selected in a map, as cards and as a result to export."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import hamming
from rsh.explorer.panels.panel import Panel
from rsh.explorer.panels.tiles import describe, given_words, tile_card
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.index.base import Hits
from rsh.search.rerank import order_ties
from rsh.search.results import Hit, SearchResult
from rsh.text import humanize, plural

MAX_CARDS = 48  # shown before one asks for more; all selected tiles are exported


class SelectedPanel(Panel, script="selected.js"):
    """A grid of the selected tiles, nearest to the query first. Sends {"kind": "choose", "row"}.

    It sends {"kind": "more selected"} to see more of them.

    Attributes:
        view: heading, note, cards, each with `given`, the class that was given, or "", and more,
            how many more are shown next.
    """


def selected_view(state: ExplorerState, shown: int = MAX_CARDS) -> dict[str, Any]:
    """Return the `SelectedPanel.view` of a state, with at most `shown` cards."""
    result = selected_tiles(state)
    if not len(result):
        note = "Select tiles with Space or the box on a card, or draw around dots in a space."
        return {"heading": "No tile is selected", "note": note, "cards": [], "more": 0}
    gallery = state.gallery
    names = _count_labels(gallery, state.selection)
    words = [
        f"{count:,} {humanize(name) if name else f'without a {gallery.relevance.label}'}"
        for name, count in names.most_common(3)
    ]
    more = ["\u2026"] if len(names) > 3 else []
    classes = f"{', '.join(words + more)}; nearest" if gallery.label_names else "Nearest"
    part = f" The nearest {shown} are shown." if len(result) > shown else ""
    return {
        "heading": f"{plural(len(result), 'selected tile')}",
        "note": f"{classes} to the query first.{part}",
        "cards": [_card(result, hit) for hit in result.take(slice(shown))],
        "more": max(0, min(len(result) - shown, MAX_CARDS)),
    }


def _count_labels(gallery: Gallery, rows: NDArray[np.int64]) -> Counter[str]:
    """Count the labels of tiles, "" for none, in the order in which they come."""
    _, first, counts = np.unique(gallery.label_sets[rows], return_index=True, return_counts=True)
    names: Counter[str] = Counter()
    for place in np.argsort(first).tolist():  # a selection may hold most of a gallery
        for name in gallery.list_labels(int(rows[first[place]])) or [""]:
            names[name] += int(counts[place])
    return names


def selected_tiles(state: ExplorerState) -> SearchResult:
    """Return the selected tiles, ranked by distance from the query, equal ones by features."""
    gallery, rows = state.gallery, state.selection
    (distances,) = hamming(state.query.packed(gallery), gallery.packed[rows])
    hits = order_ties(state.query.encodings(gallery), Hits(rows, distances), gallery.features)
    return SearchResult.of_hits(gallery, state.query, state.options, hits)


def _card(result: SearchResult, hit: Hit) -> dict[str, Any]:
    gallery, far = result.gallery, plural(hit.distance, "bit")
    (given,) = gallery.annotations.state.given.of([hit.row])
    said = [f"{far} from the query", given_words(given)]
    return tile_card(describe(gallery, hit.row), *said, far=far, given=given)
