"""The legend of all maps: what their dots are colored by, and the selection."""

from typing import Any

import anywidget
import traitlets

from rsh.explorer.bundle import bundle, stylesheet
from rsh.explorer.panels.coloring import WITH_QUERY, coloring_of
from rsh.search.query import Query
from rsh.search.results import SearchResult


class LegendPanel(anywidget.AnyWidget):
    """Colors the dots of all maps, and explains the colors.

    Sends {"kind": "color", "by"}, and {"kind": "select"} with the selected rows as a buffer of
    int32, ascending.

    Attributes:
        page: name of the page's channel.
        heading: title of the part of the page that follows.
        note: one sentence below it.
        judged: whether the results are relevant or not; for an image it is unknown.
        ways: what the dots can be colored by, see `ways_of`; none hides the choice.
        coloring: `rsh.explorer.panels.coloring.Coloring`, or empty before the first.
    """

    _esm = bundle("legend.js")
    _css = stylesheet("scatter.css")
    page = traitlets.Unicode().tag(sync=True)
    heading = traitlets.Unicode("The whole gallery").tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    judged = traitlets.Bool(True).tag(sync=True)
    ways: traitlets.List[Any] = traitlets.List().tag(sync=True)
    coloring = traitlets.Dict().tag(sync=True)

    def color(self, result: SearchResult, by: str | None = None) -> None:
        """Color the dots, again after each query if the colors depend on it.

        Args:
            result: of the current query.
            by: one of `ways_of`; None for the present one.

        Raises:
            InputError: there is no such way.
        """
        now = str(self.coloring.get("by", ""))
        if by is None and now and now not in WITH_QUERY:
            return
        self.coloring = dict(coloring_of(result, by or now or "class"))


def note_of(query: Query, has_planes: bool) -> str:
    """Return what the dots are, and where an uploaded image, which has none, would lie."""
    if not has_planes:
        return "This gallery has no projection yet: `rsh project` draws its feature and hash space."
    dots = "Every dot is a tile: choose one to search with it, or select many."
    if query.row is not None:
        return dots
    return f"{dots} Your image has none: the star stands amid the tiles nearest to it."
