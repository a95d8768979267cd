"""What a visitor labels: classes and sets, in the gallery, in the browser, or not at all."""

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsh.config import LabelsKept
from rsh.errors import InputError
from rsh.explorer.uploads.client import check_size
from rsh.gallery.annotations.events import ClassChange, GroupChange, Visitor
from rsh.gallery.annotations.history import describe_event
from rsh.gallery.annotations.names import tidy_name
from rsh.gallery.annotations.store import AnnotationStore
from rsh.gallery.gallery import Gallery
from rsh.labels import UNLABELED
from rsh.text import plural

ANYONE = Visitor("page")  # before the browser has said who it is
FORMS = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "geojson": "application/geo+json",
}
BEFORE_NAME = re.compile(r".*[/\\]", re.DOTALL)  # folders of a visitor's machine
MOST_SHOWN = 100  # characters of a file's name
KEYS = 9  # classes that have a digit


class Labeling:
    """The labels and sets of one visitor's page.

    Attributes:
        store: what all visitors recorded, or this one alone.
        kept: where it is kept: "gallery", "visitor", in the browser, or "none".
        why: why labels are not kept in the gallery, one sentence, or "".
        said: what was done last, in words.
    """

    def __init__(self, gallery: Gallery, kept: LabelsKept = "gallery") -> None:
        """Open the labels of a gallery.

        Args:
            gallery: an opened gallery.
            kept: where the owner of the page wants them; on read-only storage they are kept in the
                browser.
        """
        self._gallery, self._by = gallery, ANYONE
        self._shown: dict[str, None] = {}  # names of classes, which keep their keys
        self.why = self.said = ""
        self.kept: LabelsKept = kept
        if kept == "gallery":
            self.store = gallery.annotations
            self.why = self.store.why_read_only
        if kept != "gallery" or self.why:
            self.kept = "none" if kept == "none" else "visitor"
            self.store = self._in_memory()

    def _in_memory(self, dump: object = None) -> AnnotationStore:
        """Open a store that is this visitor's alone; filters and exports see it, too."""
        self._gallery.annotations = AnnotationStore.in_memory(self._gallery, dump)
        return self._gallery.annotations

    def meet(self, token: str, author: str, dump: object = None) -> None:
        """Learn who the visitor is, and what their browser has kept.

        Raises:
            InputError: token or author is none, or the browser has kept something else.
        """
        self._by = Visitor(token, author.strip())
        if self.kept == "visitor" and dump is not None and not self.store.state.events:
            self.store = self._in_memory(dump)

    def refresh(self) -> bool:
        """Read what other visitors recorded meanwhile; return whether there was anything."""
        return self.store.refresh()

    @property
    def classes(self) -> list[str]:
        """Names that tiles can be given: of the gallery, then of groups and others as they came.

        What is renamed keeps its place, and so its key. A name that no tile has any more keeps it
        until it is removed, or the page is opened again.
        """
        state = self.store.state
        groups = state.group_names
        now = {*groups.values(), *state.given.names, *self._shown}
        before: dict[str, str] = {}  # names of groups so far
        places: dict[tuple[str, str], None] = {}  # a group, or the name of a class
        for event in state.events:
            for change in event.changes:
                if isinstance(change, GroupChange):
                    before[change.group] = change.name
                    places["group", change.group] = None
                elif isinstance(change, ClassChange) and change.name not in before.values():
                    places["class", change.name] = None
        names = [groups.get(key, "") if kind == "group" else key for kind, key in places]
        found = dict.fromkeys([*self._shown, *names, *state.given.names])
        return list(
            dict.fromkeys([*self._gallery.classes, *(name for name in found if name in now)])
        )

    def give(self, rows: Sequence[int] | NDArray[np.int64], name: str) -> None:
        """Give tiles a class, or take it away with "".

        Raises:
            InputError: no tile is given, the name is none, or it cannot be saved.
        """
        if name:
            self.store.give_class(rows, name, by=self._by)
        else:
            self.store.take_class(rows, by=self._by)
        many = plural(len(rows), "tile")
        self.said = f"{many}: {name}" if name else f"{many}: no class"

    def give_number(self, rows: Sequence[int] | NDArray[np.int64], number: int) -> None:
        """Give tiles the class of a digit, 1 to 9.

        Raises:
            InputError: no class has this digit, or as for `give`.
        """
        classes = self.classes
        if not 1 <= number <= min(len(classes), KEYS):
            raise InputError(
                f"no class has the key {number}: select tiles, and type the name of a new class"
            )
        self.give(rows, classes[number - 1])

    def settle(self, rows: Sequence[int] | NDArray[np.int64], name: str) -> None:
        """Give tiles a class, and end the disagreements about them.

        Raises:
            InputError: as for `give`.
        """
        self.store.give_class(rows, name, by=self._by, settle=True)
        self.said = f"{plural(len(rows), 'tile')}: {name}, settled"

    def put(self, rows: Sequence[int] | NDArray[np.int64], name: str) -> None:
        """Put tiles into the set of a name, which is created if there is none.

        Raises:
            InputError: no tile is given, the name is none, or it cannot be saved.
        """
        name = tidy_name(name)
        names = {one.name: one.key for one in self.store.state.sets}
        if name in names:
            self.store.put(names[name], rows, by=self._by)
        else:
            self.store.create_set(name, rows, by=self._by)
        self.said = f"{plural(len(rows), 'tile')}: in the set {name}"

    def take(self, rows: Sequence[int] | NDArray[np.int64], name: str) -> None:
        """Take tiles out of a set.

        Raises:
            InputError: there is no such set, no tile is given, or it cannot be saved.
        """
        self.store.take(self.store.state.find_set(name).key, rows, by=self._by)
        self.said = f"{plural(len(rows), 'tile')}: no longer in the set {name}"

    def rename_set(self, name: str, new: str) -> None:
        """Give a set another name.

        Raises:
            InputError: there is no such set, or the new name is none.
        """
        self.store.rename_set(self.store.state.find_set(name).key, new, by=self._by)
        self.said = f"The set {name} is now called {tidy_name(new)}"

    def delete_set(self, name: str) -> None:
        """Delete a set; its tiles stay.

        Raises:
            InputError: there is no such set.
        """
        self.store.delete_set(self.store.state.find_set(name).key, by=self._by)
        self.said = f"Deleted the set {name}"

    def rename_class(self, name: str, new: str) -> None:
        """Give the tiles and the groups of a class another name.

        Raises:
            InputError: no tile and no group has the class, or the new name is none.
        """
        self.store.rename_class(name, new, by=self._by)
        self._rename_shown(name, new)
        self.said = f"The class {name} is now called {tidy_name(new)}"

    def remove_class(self, name: str) -> None:
        """Take a class away from its tiles, and its name from groups.

        Raises:
            InputError: it cannot be saved.
        """
        if name in self.store.state.given.names or name in self.store.state.group_names.values():
            self.store.remove_class(name, by=self._by)
        self._shown.pop(name, None)
        self.said = f"Removed the class {name}"

    def name_group(self, key: str, name: str) -> None:
        """Name a group of the hash space.

        Raises:
            InputError: the name is none.
        """
        before = self.store.state.group_names.get(key, "")
        self.store.name_group(key, name, by=self._by)
        self._rename_shown(before, name)
        named = f"Named a group {tidy_name(name)}, a class that tiles can be given now"
        self.said = named if name else "Took a group's name away"

    def _rename_shown(self, name: str, new: str) -> None:
        """Let the new name of a class have the key of the old one."""
        names = (tidy_name(new) if one == name else one for one in self._shown)
        self._shown = dict.fromkeys(filter(None, names))

    def undo(self) -> None:
        """Take back what this visitor did last."""
        event = self.store.undo(by=self._by)
        self._shown.clear()
        what = describe_event(event, self.store.state) if event else ""
        self.said = f"Undone: {what}" if event else "There is nothing to undo"

    def redo(self) -> None:
        """Bring back what this visitor has undone last."""
        event = self.store.redo(by=self._by)
        what = describe_event(event, self.store.state) if event else ""
        self.said = f"Redone: {what}" if event else "There is nothing to redo"

    def rows_of_class(self, name: str) -> NDArray[np.int64]:
        """Return the rows of the tiles that were given a class."""
        given = self.store.state.given
        if name not in given.names:
            return np.empty(0, np.int64)
        return np.flatnonzero(given.numbers == given.names.index(name))

    def rows_of_set(self, name: str) -> NDArray[np.int64]:
        """Return the rows of the tiles of a set.

        Raises:
            InputError: there is no such set.
        """
        return self.store.state.members(self.store.state.find_set(name).key)

    def given(self, rows: Sequence[int]) -> dict[str, str]:
        """Return the given class of those of some tiles that have one, by row as text."""
        names = self.store.state.given.of(rows)
        return {str(row): name for row, name in zip(rows, names, strict=True) if name}

    def write_file(self, form: str) -> tuple[str, str, bytes]:
        """Return all labels and sets as a file: its name, its type and its bytes.

        Raises:
            InputError: there is no such form, or nothing was given yet.
        """
        from rsh.search.formats.annotations import export_annotations

        if form not in FORMS:
            raise InputError(f"form {form!r}: choose one of {', '.join(FORMS)}")
        with TemporaryDirectory() as folder:
            file = Path(folder) / f"labels.{form}"
            export_annotations(self._gallery, file)
            return file.name, FORMS[form], file.read_bytes()

    def read_file(self, data: bytes, name: str) -> str:
        """Give the labels and sets of a file; return what was found in it, in words.

        Args:
            data: of the file.
            name: whose suffix tells what it is.

        Raises:
            InputError: it is no such file, or names tiles that the gallery lacks.
        """
        from rsh.search.formats.annotations import give_labels
        from rsh.search.formats.label_files import parse_labels

        name = BEFORE_NAME.sub("", name)[-MOST_SHOWN:]
        check_size(len(data), name)
        labels = parse_labels(data, name, num_tiles=len(self._gallery))
        found = give_labels(self._gallery, labels, name, by=self._by)
        tiles = plural(found.num_tiles, "tile")
        self.said = f"{name}: labels and sets of {tiles}"
        return f"{name}: labels and sets of {tiles}. Undo takes them back."

    def view(self) -> dict[str, Any]:
        """Return the `LabelsPanel.view`."""
        state = self.store.state
        counts = np.bincount(
            state.given.numbers[state.given.numbers != UNLABELED], minlength=len(state.given.names)
        )
        many = dict(zip(state.given.names, counts.tolist(), strict=True))
        classes = self.classes
        self._shown |= dict.fromkeys(classes)
        return {
            "classes": [[name, many.get(name, 0)] for name in classes],
            "num_encoded": len(self._gallery.classes),
            "sets": [[one.name, one.num_tiles] for one in state.sets],
            "num_given": state.given.num_tiles,
            "can_undo": state.undoable(self._by.token) is not None,
            "can_redo": state.redoable(self._by.token) is not None,
            "kept": self.kept,
            "why": self.why,
            "notes": self.store.notes,
            "conflicts": [
                [
                    conflict.row,
                    [[one.name, state.alias(one.event.visitor)] for one in conflict.statements],
                ]
                for conflict in state.conflicts[:MOST_CONFLICTS]
            ],
        }


MOST_CONFLICTS = 20  # that are shown
