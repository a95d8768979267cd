"""What a visitor takes away: files, a link, or the lines that ask again."""

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from rsh.errors import InputError
from rsh.explorer.bundle import bundle, stylesheet
from rsh.explorer.ranking import Ranking
from rsh.explorer.state import ExplorerState
from rsh.search.formats.contact_sheet import to_contact_sheet
from rsh.search.formats.snippets import to_command, to_python
from rsh.search.formats.tables import to_csv, to_geojson, to_json
from rsh.search.results import Question, Shown, View

FILES: dict[str, tuple[str, str, Callable[[View], bytes]]] = {
    "csv": ("answer.csv", "text/csv", to_csv),
    "json": ("answer.json", "application/json", to_json),
    "geojson": ("answer.geojson", "application/geo+json", to_geojson),
    "sheet": ("answer.png", "image/png", to_contact_sheet),
}
TEXTS: dict[str, Callable[..., str]] = {"python": to_python, "command": to_command}


class ExportPanel(anywidget.AnyWidget):
    """Buttons for what can be taken away.

    Sends {"kind": "take", "form", "what": "answer" | "selection"}; is sent {"kind": "file", "name",
    "type"} with the bytes, or {"kind": "text", "form", "text"}.

    Attributes:
        page: name of the page's channel.
        map: whether there are places to make a map of.
        selected: how many tiles are selected.
    """

    _esm = bundle("export.js")
    _css = stylesheet("export.css")
    page = traitlets.Unicode().tag(sync=True)
    map = traitlets.Bool().tag(sync=True)
    selected = traitlets.Int().tag(sync=True)

    def give(self, form: str, view: View) -> None:
        """Send what was asked for.

        Raises:
            InputError: there is no such form, or it cannot be made of this view.
        """
        if form in FILES:
            name, kind, make = FILES[form]
            self.send({"kind": "file", "name": name, "type": kind}, buffers=[make(view)])
        elif form in TEXTS:
            # Where this machine keeps the gallery is nobody's business.
            text = TEXTS[form](view, folder=f"galleries/{view.gallery.folder.resolve().name}")
            self.send({"kind": "text", "form": form, "text": text})
        else:
            raise InputError(f"form {form!r}: choose one of {', '.join([*FILES, *TEXTS])}")


def view_of(state: ExplorerState, ranking: Ranking) -> View:
    """Return the answer as it is shown, with the question that gives it again."""
    tiles: tuple[Shown, ...] = ranking.hits
    return View(state.gallery, question_of_state(state), tiles)


def question_of_state(state: ExplorerState) -> Question:
    """Return the question of a state as `rsh.search.retrieve.search` is asked it."""
    ids, way, asked = state.gallery.items["id"], state.way, state.question
    query = asked.name(state.gallery)
    common: dict[str, Any] = {"query": query, "where": way.where}
    if asked.marked:
        like, unlike = (tuple(ids.iloc[list(rows)]) for rows in (asked.like, asked.unlike))
        return Question(**common, top_k=way.top_k, like=like, unlike=unlike)
    finer = None if way.order == "bits" else way.order
    if way.mode == "radius":
        return Question(**common, radius=way.radius, rerank=finer)
    return Question(**common, top_k=way.top_k, rerank=finer)
