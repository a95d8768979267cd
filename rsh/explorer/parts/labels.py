"""The part of the page that labels tiles and puts them into sets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsh.config import LabelsKept
from rsh.explorer.labeling import Labeling
from rsh.explorer.panels.cards import MAX_CARDS
from rsh.explorer.panels.labels import LabelsPanel, TrayPanel
from rsh.explorer.parts.part import Page, Part
from rsh.search.query import check_row


class LabelsPart(Part):
    """The bar below the results, and the tab with all classes and sets.

    Attributes:
        labeling: what is recorded.
        tray: the bar.
        list: the tab.
    """

    tab = "labels"

    def __init__(self, page: Page, channel: str, kept: LabelsKept) -> None:
        """Open the labels of the page's gallery.

        Args:
            page: the page.
            channel: its name, which all its panels share.
            kept: where its owner wants labels.
        """
        gallery = page.state.gallery
        self.labeling = Labeling(gallery, kept)
        self.tray = TrayPanel(page=channel)
        self.list = LabelsPanel(
            page=channel, fingerprint=gallery.manifest.data.fingerprint, map=gallery.has_map
        )
        super().__init__(page, [self.tray, self.list])

    def receive(self, panel: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Record what a visitor does with labels and sets."""
        labeling = self.labeling
        match content:
            case {"kind": "visitor", "token": str(token), "author": str(author)}:
                labeling.meet(token, author, content.get("dump"))
                self._show()
            case {"kind": "label", "do": str(what)}:
                labeling.said = ""
                self._label(what, content)
                self._arrange(what, content)
                self._exchange(what, content, buffers)

    def _label(self, what: str, content: dict[str, Any]) -> None:
        """Give classes, and put tiles into sets."""
        labeling, name = self.labeling, str(content.get("name", ""))
        match what:
            case "give":
                labeling.give(self._rows(content), name)
            case "number":
                labeling.give_number(self._rows(content), int(content["number"]))
            case "settle":
                labeling.settle(self._rows(content), name)
            case "put":
                labeling.put(self._rows(content), name)
            case "take":
                labeling.take(self._rows(content), name)
            case "undo":
                labeling.undo()
            case "redo":
                labeling.redo()
            case _:
                return
        self.show_saved()

    def _arrange(self, what: str, content: dict[str, Any]) -> None:
        """Rename, delete and select sets."""
        labeling, name = self.labeling, str(content.get("name", ""))
        match what:
            case "rename set":
                labeling.rename_set(name, str(content.get("new", "")))
            case "delete set":
                labeling.delete_set(name)
            case "select set":
                self.page.select(labeling.rows_of_set(name))
            case "select class":
                self.page.select(labeling.rows_of_class(name))
            case _:
                return
        self.show_saved()

    def _exchange(self, what: str, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Write labels and sets to a file, and read them from one."""
        if what == "export":
            name, kind, data = self.labeling.write_file(str(content.get("form", "")))
            self.list.send({"kind": "file", "name": name, "type": kind}, buffers=[data])
        if what == "import" and len(buffers) == 1:
            words = self.labeling.read_file(bytes(buffers[0]), str(content.get("name", "")))
            self.list.send({"kind": "imported", "words": words})
            self.show_saved()

    def _rows(self, content: dict[str, Any]) -> NDArray[np.int64]:
        """Return the tile that is meant, or those selected."""
        row = content.get("row")
        if row is None:
            return self.page.state.selection
        check_row(self.page.state.gallery, row)
        return np.array([row], dtype=np.int64)

    def show_saved(self) -> None:
        """Show what is recorded now; a filter on labels or sets may find other tiles."""
        if self.labeling.kept == "visitor":
            self.list.send({"kind": "keep", "dump": self.labeling.store.dump()})
        conditions = self.page.state.settings.filter.conditions
        if any(condition.column in ("set", "label") for condition in conditions):
            self.page.search_again()
        self._show()
        self.tray.said = ""
        self.tray.said = self.labeling.said

    def _show(self) -> None:
        self.refresh()  # first: this kernel may have been waiting since before they were given
        self.tray.view = self.list.view = self.labeling.view()
        self.page.show_given()

    def refresh(self) -> None:
        """Mark the shown tiles that have a given class."""
        self.labeling.refresh()
        shown = self.page.state.results().rows[:MAX_CARDS].tolist()
        self.tray.given = self.labeling.given(shown)

    def open(self) -> None:
        """Show labels that others gave meanwhile."""
        if self.labeling.refresh():
            self._show()
