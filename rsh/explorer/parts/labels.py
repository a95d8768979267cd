"""The part of the page that labels tiles and puts them into sets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsh.config import LabelsKept
from rsh.explorer.labeling import FORMS, Labeling
from rsh.explorer.panels.cards import MAX_CARDS
from rsh.explorer.panels.labels import LabelsPanel, TrayPanel
from rsh.explorer.parts.part import Page, Part
from rsh.gallery.filters import NAMED
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
            page=channel,
            fingerprint=gallery.manifest.data.fingerprint,
            forms=[*FORMS],
            map=gallery.has_map,
        )
        super().__init__(page, [self.tray, self.list])

    def receive(self, panel: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Record what a visitor does with labels and sets."""
        labeling = self.labeling
        match content:
            case {"kind": "visitor", "token": str(token), "author": str(author)}:
                labeling.meet(token, author, content.get("dump"))
                self._show()
            case {"kind": "label"}:
                labeling.said = ""
                if self._label(content) or self._arrange(content):
                    self.page.alert("")
                    self.show_saved()
                self._exchange(content, buffers)

    def _label(self, content: dict[str, Any]) -> bool:
        """Give classes, and put tiles into sets; return whether this was asked for."""
        labeling = self.labeling
        match content:
            case {"do": "give", "name": str(name)}:
                labeling.give(self._rows(content), name)
            case {"do": "number", "number": int(number)} if not isinstance(number, bool):
                labeling.give_number(self._rows(content), number)
            case {"do": "settle", "name": str(name)}:
                labeling.settle(self._rows(content), name)
            case {"do": "put", "name": str(name)}:
                labeling.put(self._rows(content), name)
            case {"do": "take", "name": str(name)}:
                labeling.take(self._rows(content), name)
            case {"do": "undo"}:
                labeling.undo()
            case {"do": "redo"}:
                labeling.redo()
            case _:
                return False
        return True

    def _arrange(self, content: dict[str, Any]) -> bool:
        """Rename, remove and select classes and sets; return whether this was asked for."""
        labeling = self.labeling
        match content:
            case {"do": "rename class", "name": str(name), "new": str(new)}:
                labeling.rename_class(name, new)
            case {"do": "remove class", "name": str(name)}:
                labeling.remove_class(name)
            case {"do": "select class", "name": str(name)}:
                self.page.select(labeling.rows_of_class(name))
            case {"do": "rename set", "name": str(name), "new": str(new)}:
                labeling.rename_set(name, new)
            case {"do": "delete set", "name": str(name)}:
                labeling.delete_set(name)
            case {"do": "select set", "name": str(name)}:
                self.page.select(labeling.rows_of_set(name))
            case _:
                return False
        return True

    def _exchange(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Write labels and sets to a file, and read them from one."""
        match content:
            case {"do": "export", "form": str(form)}:
                name, kind, data = self.labeling.write_file(form)
                self.list.send({"kind": "file", "name": name, "type": kind}, buffers=[data])
            case {"do": "import", "name": str(name)} if len(buffers) == 1:
                words = self.labeling.read_file(bytes(buffers[0]), name)
                self.list.send({"kind": "imported", "words": words})
                self.page.alert("")
                self.show_saved()

    def _rows(self, content: dict[str, Any]) -> NDArray[np.int64]:
        """Return the tile that is meant, or those selected."""
        row = content.get("row")
        if row is None:
            return self.page.state.selection
        check_row(self.page.state.gallery, row)
        return np.array([row], dtype=np.int64)

    def show_saved(self) -> None:
        """Show what is recorded now; a filter on it may find other tiles."""
        if self.labeling.kept == "visitor":
            self.list.send({"kind": "keep", "dump": self.labeling.store.dump()})
        conditions = self.page.state.settings.filter.conditions
        if any(condition.column in NAMED for condition in conditions):
            self.page.search_again()
        self._show()
        self.tray.said = ""
        self.tray.said, self.labeling.said = self.labeling.said, ""

    def _show(self) -> None:
        self.refresh()  # first: this kernel may have been waiting since before they were given
        self.tray.view = self.list.view = self.labeling.view()
        self.page.show_given()

    def refresh(self) -> None:
        """Mark the shown tiles that have a given class."""
        self.labeling.refresh()
        state = self.page.state
        shown = state.results().rows[:MAX_CARDS].tolist()
        shown += [] if state.query.row is None else [state.query.row]
        self.tray.given = self.labeling.given(shown)

    def open(self) -> None:
        """Show labels that others gave meanwhile."""
        if self.labeling.refresh():
            self._show()
