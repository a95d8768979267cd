"""The query tile, its feedback, and the ways back and forward."""

from typing import Any

from rsh.explorer.address import SIGNS
from rsh.explorer.panels.panel import Panel
from rsh.explorer.panels.tiles import describe, describe_query
from rsh.explorer.state import ExplorerState
from rsh.search.novelty import measure_novelty


class QueryPanel(Panel, script="query.js"):
    """The query tile as an image with its id, and buttons for the history.

    Sends {"kind": "back" | "forward" | "random" | "clear"} and {"kind": "mark", "row", "sign"}.

    Attributes:
        view: query, words, whether it is words and no image, novelty, a sentence if the query is
            unlike all tiles, or "", can_go_back, can_go_forward, num_classes, and marks, the
            feedback: tiles as `describe` gives them, with their sign, "like" or "unlike".
    """


def query_view(state: ExplorerState) -> dict[str, Any]:
    """Return the `QueryPanel.view` of a state."""
    gallery, query = state.gallery, state.query
    marked = [(word, row) for word, sign in SIGNS.items() for row in getattr(query, sign)]
    return {
        "query": describe_query(gallery, query),
        "words": query.is_text,
        "novelty": _novelty(state),
        "can_go_back": state.can_go_back,
        "can_go_forward": state.can_go_forward,
        "num_classes": len(gallery.classes),
        "marks": [describe(gallery, row) | {"sign": word} for word, row in marked],
    }


def _novelty(state: ExplorerState) -> str:
    """Say that the query is unlike everything in the gallery, if it is."""
    if state.query.has_feedback or state.query.is_text:  # images tell what is usual for images
        return ""
    found = measure_novelty(state.gallery, state.query)
    if not found or not found.unlike_everything:
        return ""
    return (
        f"Unlike everything here: {found.factor:.1f} times as far from its nearest tiles as these "
        "are from theirs. The results may mean little."
    )
