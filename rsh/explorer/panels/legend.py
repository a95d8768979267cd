"""The head of the spaces: which of them is shown, what their dots are colored by, the selection."""

from typing import Any

import traitlets

from rsh.explorer.panels.coloring import WITH_QUERY, list_ways, make_coloring
from rsh.explorer.panels.panel import Panel
from rsh.search.query import Query
from rsh.search.results import SearchResult


class LegendPanel(Panel, script="legend.js", style="scatter.css"):
    """Colors the dots of all maps, and explains the colors.

    Sends {"kind": "color", "by"}, and {"kind": "select"} with the selected rows as a buffer of
    int32, ascending.

    Attributes:
        spaces: name and heading of each space.
        note: one sentence below them.
        verdicts: how results are marked: "right", "wrong", or "unknown" where a label is.
        relevance: words from `RelevanceWords`.
        ways: what the dots can be colored by, see `list_ways`; none hides the choice.
        coloring: from `make_coloring`, or empty before the first.
    """

    spaces: traitlets.List[Any] = traitlets.List().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    verdicts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    relevance = traitlets.Dict().tag(sync=True)
    ways: traitlets.List[Any] = traitlets.List().tag(sync=True)
    coloring = traitlets.Dict().tag(sync=True)

    def color(self, result: SearchResult, by: str | None = None) -> None:
        """Color the dots, again after each query if the colors depend on it.

        Args:
            result: of the current query.
            by: one of `list_ways`; None for the present one.

        Raises:
            InputError: there is no such way.
        """
        now = str(self.coloring.get("by", ""))
        if by is None and now and now not in WITH_QUERY:
            return
        self.coloring = make_coloring(result, by or now or list_ways(result.gallery)[0][0])


def list_verdicts(result: SearchResult) -> list[str]:
    """Return how the tiles of a result can be marked."""
    gallery = result.gallery
    if not result.has_verdicts:
        return ["unknown"]
    return ["right", "wrong", *(["unknown"] if gallery.num_labeled < len(gallery) else [])]


def legend_note(query: Query, has_planes: bool) -> str:
    """Return what the dots are, and where an uploaded image, which has none, would lie."""
    if not has_planes:
        return "This gallery has no feature and hash map yet: run `rsh project`."
    dots = "Each dot is a tile: click one to search with it, or select many."
    if query.row is not None:
        return dots
    if query.is_text:
        return f"{dots} Your words have no dot: the star stands where they belong."
    return f"{dots} Your image has no dot: the star stands where it belongs."
