"""What a visitor labels: classes and sets, in the gallery, in the browser, or not at all."""

import operator
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
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.annotations.history import describe_event
from rsh.gallery.annotations.names import tidy_name
from rsh.gallery.annotations.store import AnnotationStore
from rsh.gallery.gallery import Gallery
from rsh.labels import UNLABELED
from rsh.text import humanize, plural

ANYONE = Visitor("page")  # before the browser has said who it is
FORMS = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "geojson": "application/geo+json",
}
BEFORE_NAME = re.compile(r".*[/\\]", re.DOTALL)  # folders of a visitor's machine
MOST_SHOWN = 100  # characters of a file's name
TAKE_BACK = "Ctrl+Z takes it back"
KEYS = 9  # classes that have a digit
OWN_LABELS = (
    "Labels given in a learned gallery stay with it, and those given in the gallery that it was "
    "learned from stay there."
)


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
        """Names that tiles can be given: those of the gallery, then others as they came.

        Where one group holds several tiles with a name of their own, it shows the last one alone;
        the others are left out.
        """
        every = dict.fromkeys([*self._gallery.classes, *self.store.state.classes])
        hidden = self._hidden_names()
        return [name for name in every if name not in hidden]

    def _hidden_names(self) -> set[str]:
        """Return the names of groups that no group shows and no tile was given."""
        state = self.store.state
        if len(state.group_names) < 2 or not (groups := self._gallery.groups):
            return set()
        hidden = groups.overruled_names(state.last_group_names)
        return hidden - {*state.given.names, *self._gallery.classes}

    def give(self, rows: Sequence[int] | NDArray[np.int64], name: str) -> None:
        """Give tiles a class, or take it away with "".

        Raises:
            InputError: no tile is given, the name is none, or it cannot be saved.
        """
        given, classes = self.store.state.given, self.classes
        known = {one: number for number, one in enumerate(given.names)}
        before = given.numbers[np.asarray(rows, dtype=np.int64)]
        tidy = tidy_name(name) if name else ""
        mine = known.get(tidy, UNLABELED)
        if len(rows) and (before == mine).all() and (mine != UNLABELED or not name):
            disputed = {conflict.row for conflict in self.store.state.conflicts}
            if disputed.isdisjoint(np.asarray(rows).tolist()):  # the same again says nothing
                self.said = f"{plural(len(rows), 'tile')}: {_words(name)} already"
                return
        if name:
            self.store.give_class(rows, name, by=self._by)
        else:
            self.store.take_class(rows, by=self._by)
        self.said = f"{plural(len(rows), 'tile')}: {_words(name)}"
        others = np.count_nonzero((before != UNLABELED) & (before != mine))
        if len(rows) > 1 and others:
            self.said += f", {others} of another class before. {TAKE_BACK}"
        if alike := _alike(tidy, classes):
            self.said += f". There is {alike}, too: rename one to join them"

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
            InputError: there is no such class, or the new name is none.
        """
        known, new = self.classes, tidy_name(new)
        self.store.rename_class(name, new, by=self._by)
        self.said = f"The class {name} is now called {new}"
        if new in known and new != name:
            many = plural(len(self.rows_of_class(new)), "tile")
            self.said = f"The class {name} is now a part of {new}, {many}. {TAKE_BACK}"

    def remove_class(self, name: str) -> None:
        """Take a class away from its tiles, and its name from groups.

        Raises:
            InputError: there is no such class, or it cannot be saved.
        """
        many = plural(len(self.rows_of_class(name)), "tile")
        self.store.remove_class(name, by=self._by)
        self.said = f"Removed the class {name} of {many}. {TAKE_BACK}"

    def name_group(self, key: str, name: str) -> None:
        """Name a group of the hash space.

        Raises:
            InputError: the name is none.
        """
        self.store.name_group(key, name, by=self._by)
        named = f"Named a group {tidy_name(name)}, a class that tiles can be given now"
        self.said = named if name else "Took a group's name away"

    def undo(self) -> None:
        """Take back what this visitor did last."""
        event = self.store.undo(by=self._by)
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
        rows = np.flatnonzero(self.store.state.given.numbers != UNLABELED).tolist()
        before = self.store.state.given.of(rows)
        found = give_labels(self._gallery, labels, name, by=self._by)
        others = sum(map(operator.ne, before, self.store.state.given.of(rows)))
        self.said = f"{name}: labels and sets of {plural(found.num_tiles, 'tile')}"
        if others:
            self.said += f", {others:,} of another class before"
        return f"{self.said}. Undo takes them back."

    def view(self) -> dict[str, Any]:
        """Return the `LabelsPanel.view`."""
        state = self.store.state
        counts = np.bincount(
            state.given.numbers[state.given.numbers != UNLABELED], minlength=len(state.given.names)
        )
        many = dict(zip(state.given.names, counts.tolist(), strict=True))
        return {
            "classes": [[name, many.get(name, 0)] for name in self.classes],
            "num_encoded": len(self._gallery.classes),
            "sets": [[one.name, one.num_tiles] for one in state.sets],
            "num_given": state.given.num_tiles,
            "can_undo": state.undoable(self._by.token) is not None,
            "can_redo": state.redoable(self._by.token) is not None,
            "kept": self.kept,
            "why": self.why,
            "notes": self._notes(),
            "conflicts": [
                [
                    conflict.row,
                    [[one.name, state.alias(one.event.visitor)] for one in conflict.statements],
                ]
                for conflict in state.conflicts[:MOST_CONFLICTS]
            ],
        }

    def _notes(self) -> list[str]:
        """Return what a visitor should know of where labels are kept, in sentences."""
        own = self.kept == "gallery" and self._gallery.manifest.learned is not None
        return [*self.store.notes, *([OWN_LABELS] if own else [])]


MOST_CONFLICTS = 20  # that are shown


def _alike(name: str, classes: Sequence[str]) -> str:
    """Return a class whose name differs from a new one in capital letters alone, or ""."""
    if name in classes:
        return ""
    return next((one for one in classes if one.casefold() == name.casefold()), "")


def _words(name: str) -> str:
    """Return what was given, for readers: a class, or that the label was taken away."""
    return humanize(name) if name else "no label"
