"""What the planes share: what their dots are colored by, its legend, and what is selected."""

from typing import Any

import anywidget
import traitlets

from rsh.explorer.bundle import bundle, stylesheet
from rsh.explorer.panels.coloring import WITH_QUERY, coloring_of
from rsh.explorer.ranking import Ranking
from rsh.explorer.state import ExplorerState


class LegendPanel(anywidget.AnyWidget):
    """Colors the dots of all planes of the page, and says what the colors mean.

    Sends {"kind": "color", "by"}, and {"kind": "select"} with the selected rows as a buffer of
    int32, ascending.

    Attributes:
        page: name of the page's channel.
        heading: title of the part of the page that follows.
        note: one sentence below it.
        judged: whether hits are of the query's class or of another; an image has none.
        ways: what the dots can be colored by, pairs of a way and its words; none hides the choice.
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

    def color(self, state: ExplorerState, ranking: Ranking, by: str | None = None) -> None:
        """Color the dots another way, or anew after another query.

        What another query does not change is sent once.

        Args:
            state: what the page shows.
            ranking: its answer.
            by: the way, one of `ways_of`; None for the present one.

        Raises:
            InputError: the gallery cannot be colored so.
        """
        now = str(self.coloring.get("by", ""))
        if by is None and now and now not in WITH_QUERY:
            return
        self.coloring = dict(coloring_of(state.gallery, ranking, by or now or "class"))


def note_of(state: ExplorerState, has_planes: bool) -> str:
    """Say what the dots are, and where a query is that has none."""
    if not has_planes:
        return "This gallery has no projection yet: `rsh project` draws its feature and hash space."
    dots = "Every dot is a tile: choose one to search with it, or select many."
    if state.query is not None:
        return dots
    return f"{dots} Your image has none: the star stands amid the tiles nearest to it."
