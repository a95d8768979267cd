"""The page as a whole: opens a gallery and ties the state to the panels."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import ipywidgets

from rsh.explorer.alerts import explain, guarded
from rsh.explorer.bits import Bits, bits_view
from rsh.explorer.cards import Cards, answer_view
from rsh.explorer.chooser import Chooser, chooser_view
from rsh.explorer.colouring import ways_of
from rsh.explorer.controls import Controls, controls_view, search_of
from rsh.explorer.frame import Frame, facts_of, question_of
from rsh.explorer.legend import Legend
from rsh.explorer.plane import marks_of, planes_of
from rsh.explorer.selection import rows_sent
from rsh.explorer.state import ExplorerState
from rsh.explorer.tiles import describe
from rsh.gallery import Gallery

DEFAULT = Path("galleries/bluemarble-32")


def dashboard(gallery: str | Path | None = None) -> ipywidgets.Box:
    """Return the page over a gallery, for the last line of a notebook cell.

    Args:
        gallery: the folder; by default the environment variable RSH_GALLERY, else
            galleries/bluemarble-32 below the working folder or the repository. A gallery
            that cannot be opened gives a page with one alert that says why.
    """
    try:
        return Explorer(ExplorerState(Gallery.open(find_gallery(gallery)))).box
    except Exception as error:
        return _box("rsh-page", [Frame(message=explain(error))])


def find_gallery(gallery: str | Path | None = None) -> Path:
    """Return the folder to open: the argument, RSH_GALLERY, or the sample's."""
    named = gallery or os.environ.get("RSH_GALLERY")
    if named:
        return Path(named)
    here = [DEFAULT, Path(__file__).parents[2] / DEFAULT]
    return next((folder for folder in here if folder.exists()), DEFAULT)


class Explorer:
    """The panels of one visitor and what happens when something is pressed.

    Attributes:
        box: the widget to display.
    """

    def __init__(self, state: ExplorerState) -> None:
        """Make the panels for `state` and show its first answer."""
        gallery, page = state.gallery, uuid4().hex
        self.state = state
        self._class, self._part = int(gallery.labels[state.query]), 0
        self.frame = Frame(page=page, question=question_of(gallery), facts=facts_of(gallery))
        self.controls = Controls(page=page)
        self.chooser = Chooser(page=page)
        self.bits = Bits(page=page)
        self.cards = Cards(page=page)
        self.planes = planes_of(gallery, page)
        self.legend = Legend(page=page, **_legend_words(gallery, bool(self.planes)))
        self.refresh()
        panels = (self.frame, self.controls, self.chooser, self.cards, self.legend)
        for panel in (*panels, *self.planes):
            panel.on_msg(self.receive)
        self.controls.observe(self.search, names="search")
        self.box = self._layout()

    def alert(self, message: str) -> None:
        """Show a message to the visitor, or take it away; either way the work is done."""
        self.frame.alert(message)
        self.frame.send({"kind": "idle"})

    @guarded
    def receive(self, panel: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Do what a panel asks for; what is no message of ours is passed over."""
        gallery = self.state.gallery
        match content:
            case {"kind": "ping"}:
                panel.send({"kind": "pong"})
            case {"kind": "peek", "row": int(row)} if 0 <= row < len(gallery):
                self._peek(panel, row)
            case {"kind": "choose", "row": int(row)}:
                self._move(lambda: self.state.choose(row))
            case {"kind": "select"}:
                self.state.select(rows_sent(buffers))
            case {"kind": "colour", "by": str(by)}:
                self.legend.colour(self.state, self.state.ranking(), by)
            case {"kind": "class", "number": int(number)} if 0 <= number < len(gallery.classes):
                self._show_class(number, 0)
                self.alert("")
            case {"kind": "others"}:
                self._show_class(self._class, self._part + 1)
                self.alert("")
            case {"kind": "back"}:
                self._move(self.state.back)
            case {"kind": "forward"}:
                self._move(self.state.forward)
            case {"kind": "random"}:
                self._move(self.state.choose_random)

    @guarded
    def search(self, change: dict[str, Any]) -> None:
        """Search in another way."""
        wanted = change["new"]
        numbers = {name: wanted[name] for name in ("top_k", "radius")}
        self.state.search_by(wanted["mode"], **numbers, order=wanted["order"])
        self.refresh()

    def refresh(self) -> None:
        """Show the answer to the current query everywhere."""
        ranking = self.state.ranking()
        self.controls.search = search_of(self.state)
        self.controls.view = controls_view(self.state)
        self.cards.view = answer_view(self.state, ranking)
        self.bits.view = bits_view(self.state, ranking)
        marks = marks_of(self.state, ranking)
        for plane in self.planes:
            plane.marks = marks
        self.legend.colour(self.state, ranking)
        self._show_class(self._class, self._part)
        self.alert("")  # last: the same answer again changes no trait, but ends the wait

    def _move(self, act: Callable[[], None]) -> None:
        """Change the query; the list of tiles follows it to its class."""
        act()
        number = int(self.state.gallery.labels[self.state.query])
        if number != self._class:
            self._class, self._part = number, 0
        self.refresh()

    def _show_class(self, number: int, part: int) -> None:
        self._class, self._part = number, part
        self.chooser.view = chooser_view(self.state, number, part)

    def _peek(self, panel: Any, row: int) -> None:
        tile = describe(self.state.gallery, row)
        thumb = tile.pop("thumb")
        panel.send({"kind": "tile", **tile}, buffers=[thumb])

    def _layout(self) -> ipywidgets.Box:
        planes = [_box("rsh-planes", self.planes)] if self.planes else []
        rail = _box("rsh-rail", [self.controls, self.chooser])
        main = _box("rsh-main", [self.bits, self.cards, self.legend, *planes])
        return _box("rsh-page", [self.frame, _box("rsh-body", [rail, main])])


def _legend_words(gallery: Gallery, has_planes: bool) -> dict[str, Any]:
    if has_planes:
        note = "Every dot is a tile: choose one to search with it, or select many."
        return {"heading": "The whole gallery", "note": note, "ways": ways_of(gallery)}
    note = "This gallery has no projection yet: `rsh project` draws its feature and hash space."
    return {"heading": "The whole gallery", "note": note}


def _box(name: str, children: list[Any]) -> ipywidgets.Box:
    box = ipywidgets.Box(children)
    box.add_class(name)
    return box
