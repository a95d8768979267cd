"""The query tile, its feedback, and the ways back and forward."""

from typing import Any

from rsh.explorer.address import SIGNS
from rsh.explorer.panels.panel import Panel
from rsh.explorer.panels.tiles import describe, describe_query
from rsh.explorer.state import ExplorerState


class QueryPanel(Panel, script="query.js"):
    """The query tile as an image with its id, and buttons for the history.

    Sends {"kind": "back" | "forward" | "random" | "clear"} and {"kind": "mark", "row", "sign"}.

    Attributes:
        view: query, can_go_back, can_go_forward, num_classes, and marks, the feedback: tiles as
            `describe` gives them, with their sign, "like" or "unlike".
    """


def query_view(state: ExplorerState) -> dict[str, Any]:
    """Return the `QueryPanel.view` of a state."""
    gallery, query = state.gallery, state.query
    marked = [(word, row) for word, sign in SIGNS.items() for row in getattr(query, sign)]
    return {
        "query": describe_query(gallery, query),
        "can_go_back": state.can_go_back,
        "can_go_forward": state.can_go_forward,
        "num_classes": len(gallery.classes),
        "marks": [describe(gallery, row) | {"sign": word} for word, row in marked],
    }
