"""The store of annotations: records what visitors do, and what they did together.

    store = gallery.annotations
    store.give_class([3, 17], "forest", by=Visitor("k2x9", "Ana"))
    store.refresh()                                  reads what others have recorded since
    store.state.given, store.state.sets, store.state.conflicts

It is a log in the gallery's folder that names tiles by their ids, so that it outlives every change
of the gallery; or it is in memory, for a page that keeps nothing. Rows are of the opened gallery.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import count
from pathlib import Path
from secrets import token_hex
from threading import RLock
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from rsh.errors import InputError
from rsh.gallery.annotations.compaction import compact_lines
from rsh.gallery.annotations.event_lines import HEADER, read_events, read_json, to_line, write_event
from rsh.gallery.annotations.events import (
    MAX_TEXT,
    Change,
    ClassChange,
    ClassOrder,
    Event,
    GroupChange,
    MemberChange,
    Reversal,
    SetChange,
    Tiles,
    Visitor,
    new_event,
)
from rsh.gallery.annotations.names import clean_color, clean_name, clean_set_name
from rsh.gallery.annotations.state import AnnotationState, TileSet
from rsh.gallery.ids import TileIds
from rsh.io.append_log import RESTORE, AppendLog
from rsh.io.files import check_writable
from rsh.io.memory_log import MemoryLog
from rsh.text import plural

ANNOTATIONS = "annotations.log"
MAX_BYTES = 1 << 28  # of the log
MAX_MEMORY_BYTES = 1 << 22  # of a store in memory: browsers keep 5 MB for a site
MAX_EVENTS = 500_000
MAX_STATEMENTS = 20_000_000  # tiles that all events name, together
MAX_SETS = 1000
MAX_KEYS = 10 * MAX_SETS  # of sets, deleted ones included
BATCH = 1 << 24  # bytes of events whose tiles are looked up together
SAVE_REST = (
    "restore it from a backup, or export the labels, move it away, and import them without what is "
    "lost"
)
COMPACT = "make room with `rsh labels compact`"
VERSIONS = count(1)  # of all stores of this process

Changes = Callable[[], Sequence[Change]]


class GalleryTable(Protocol):
    """The part of a `Gallery` that a store needs."""

    folder: Path
    ids: TileIds

    @property
    def classes(self) -> list[str]:
        """Names of the classes that tiles were encoded with."""


class AnnotationStore:
    """Classes and sets that visitors gave to the tiles of a gallery; see the module.

    Attributes:
        state: what all events add up to; another object when the log was replaced.
        version: another number, which no other store has, whenever the state may have changed.
        is_kept: whether annotations are in the gallery's folder; if not, they are in memory alone.
    """

    def __init__(self, gallery: GalleryTable, log: AppendLog | MemoryLog) -> None:
        """Use `open` or `in_memory`."""
        self._gallery, self._log = gallery, log
        self._ids = gallery.ids.texts
        self._guard = RLock()  # several threads of one page
        self._begin()
        self.version = next(VERSIONS)
        self.is_kept = isinstance(log, AppendLog)
        self.refresh()

    @classmethod
    def open(cls, gallery: GalleryTable) -> "AnnotationStore":
        """Open the store in a gallery's folder; its file is created when something is recorded.

        Raises:
            InputError: the log is of another version, too large, or cannot be read.
        """
        return cls(gallery, open_log(gallery.folder))

    @classmethod
    def in_memory(cls, gallery: GalleryTable, dump: object = None) -> "AnnotationStore":
        """Open a store that writes nothing, such as for one visitor of a public page.

        Args:
            gallery: the gallery.
            dump: what `dump` returned earlier; it may come from a browser.

        Raises:
            InputError: it is no such object, or too large.
        """
        contents = [] if dump is None else _read_dump(dump)
        full_hint = "export them, then begin again"
        return cls(gallery, MemoryLog(contents, max_bytes=MAX_MEMORY_BYTES, full_hint=full_hint))

    def dump(self) -> dict[str, Any]:
        """Return all events as JSON, for `in_memory`."""
        events = []
        for line in self._log.contents():
            with suppress(ValueError):  # a line that no rsh wrote
                events.append(read_json(line))
        return {"format": 1, "events": events}

    def refresh(self) -> bool:
        """Read what others have recorded since; return whether there was anything.

        Raises:
            InputError: as for `open`.
        """
        with self._guard:
            news = self._log.read()
            if news is None:
                return False
            if news.from_start:
                self._begin()
            self.version = next(VERSIONS)
            try:
                self._read(news.lines)
            except BaseException:
                self._log.rewind()  # so that the next call reads all of it
                raise
            return True

    @cached_property
    def why_read_only(self) -> str:
        """Why nothing can be recorded, one sentence; "" if it can."""
        if isinstance(self._log, MemoryLog):
            return ""
        try:
            check_writable(self._log.file.parent)
        except InputError as error:
            return str(error)
        if self._log.file.exists() and not os.access(self._log.file, os.W_OK):
            return f"cannot write {self._log.file}: fix its permissions"
        return ""

    @property
    def writable(self) -> bool:
        """Whether annotations can be recorded."""
        return not self.why_read_only

    @property
    def notes(self) -> list[str]:
        """What could not be read, in sentences."""
        counts = (
            (self._num_damaged, "damaged line", "restore it from a backup"),
            (self._num_unread, "line", "no event of rsh is like these"),
            (self.state.num_unknown, "change", "a later version of rsh made them"),
        )
        return [
            f"{self._name}: left out {plural(count, noun)}: {why}"
            for count, noun, why in counts
            if count
        ]

    @property
    def _name(self) -> str:
        """What the log is called in sentences."""
        return str(self._log.file) if isinstance(self._log, AppendLog) else "what the browser kept"

    def class_name(self, name: str) -> str:
        """Return the name of a class; one that tiles were encoded with may be any text.

        Raises:
            InputError: the name is none.
        """
        try:
            cleaned = clean_name(name, parameter="class")
        except InputError:
            if name in self._gallery.classes:
                return name
            raise
        is_known = cleaned != name and name in self._gallery.classes
        return name if is_known else cleaned

    def give_class(self, rows: ArrayLike, name: str, *, by: Visitor, settle: bool = False) -> Event:
        """Give tiles a class.

        Args:
            rows: of the tiles.
            name: of the class, one of the gallery's or a new one.
            by: who does it.
            settle: end the conflicts that there are about these tiles.

        Raises:
            InputError: no tile or no such row is given, the name is none, or it cannot be saved.
        """
        change = ClassChange(self.class_name(name), self._tiles(rows), settle)
        return self._record(by, lambda: [change])

    def take_class(self, rows: ArrayLike, *, by: Visitor) -> Event:
        """Take the given class away from tiles, which ends conflicts about them.

        Raises:
            InputError: no tile is given, or no such row, or it cannot be saved.
        """
        change = ClassChange("", self._tiles(rows))
        return self._record(by, lambda: [change])

    def create_set(
        self, name: str, rows: ArrayLike = (), *, by: Visitor, color: str = ""
    ) -> TileSet:
        """Create a set, with tiles in it or none.

        Args:
            name: no other set has it.
            rows: of the tiles.
            by: who does it.
            color: such as #1f77b4.

        Raises:
            InputError: the name or the color is none, there is a set of this name, there are too
                many sets, or it cannot be saved.
        """
        name, key = clean_set_name(name), token_hex(8)
        changes: list[Change] = [SetChange(key, name, clean_color(color) or None)]
        if np.size(rows):
            changes.append(MemberChange(key, self._tiles(rows), True))

        def create() -> Sequence[Change]:
            self._check_free(name)
            self._check_number(1)
            return changes

        self._record(by, create)
        return self.state.find_set(name)

    def put(self, key: str, rows: ArrayLike, *, by: Visitor) -> Event:
        """Put tiles into a set.

        Raises:
            InputError: there is no such set, no tile is given, or it cannot be saved.
        """
        return self._of_set(key, by, MemberChange(key, self._tiles(rows), True))

    def take(self, key: str, rows: ArrayLike, *, by: Visitor) -> Event:
        """Take tiles out of a set.

        Raises:
            InputError: as for `put`.
        """
        return self._of_set(key, by, MemberChange(key, self._tiles(rows), False))

    def rename_set(self, key: str, name: str, *, by: Visitor) -> Event:
        """Give a set another name.

        Raises:
            InputError: there is no such set, or the name is none or that of another set.
        """
        change = SetChange(key, clean_set_name(name))
        return self._of_set(key, by, change, lambda: self._check_free(str(change.name), key))

    def color_set(self, key: str, color: str, *, by: Visitor) -> Event:
        """Give a set a color, such as #1f77b4, or none.

        Raises:
            InputError: there is no such set, or no such color.
        """
        return self._of_set(key, by, SetChange(key, color=clean_color(color)))

    def delete_set(self, key: str, *, by: Visitor) -> Event:
        """Delete a set; its tiles keep everything else.

        Raises:
            InputError: there is no such set.
        """
        return self._of_set(key, by, SetChange(key, is_deleted=True))

    def name_group(self, group: str, name: str, *, by: Visitor) -> Event:
        """Name a group of the hash space, or take its name away with "".

        Args:
            group: what tells the group from others, 1 to 1,000 characters.
            name: of the group.
            by: who does it.

        Raises:
            InputError: the name is none, or it cannot be saved.
        """
        if not 1 <= len(group) <= MAX_TEXT or not group.isprintable():
            raise InputError(f"needs 1 to {MAX_TEXT} letters", parameter="group", value=group)
        new = clean_name(name) if name else ""

        def collect() -> Sequence[Change]:
            names = self.state.group_names
            before = names.pop(group, "")
            change = GroupChange(group, new)
            if not before or before in names.values() or before in self.state.given.names:
                return [change]
            return [change, self._reordered(before, new)]

        return self._record(by, collect)

    def rename_class(self, name: str, new: str, *, by: Visitor) -> Event:
        """Give the tiles that were given a class another one, and the groups of its name likewise.

        Raises:
            InputError: there is no such class, the new name is none, or it cannot be saved.
        """
        return self._replace_class(name, self.class_name(new), by)

    def remove_class(self, name: str, *, by: Visitor) -> Event:
        """Take a class away from all tiles that were given it, and its name from groups.

        Raises:
            InputError: there is no such class, or it cannot be saved.
        """
        return self._replace_class(name, "", by)

    def _replace_class(self, name: str, new: str, visitor: Visitor) -> Event:
        """Replace a class by another or none, which ends conflicts about its tiles."""

        def collect() -> Sequence[Change]:
            state = self.state
            keys = [key for key, of_group in state.group_names.items() if of_group == name]
            changes: list[Change] = [GroupChange(key, new) for key in keys]
            if name in state.given.names:
                rows = np.flatnonzero(state.given.numbers == state.given.names.index(name))
                changes.append(ClassChange(new, self._tiles(rows), settles=bool(new)))
            if name not in state.classes:
                raise InputError(f"there is no class {name}: choose another")
            return [*changes, self._reordered(name, new)]

        return self._record(visitor, collect)

    def _reordered(self, name: str, new: str) -> ClassOrder:
        """Return the order of classes in which one has the place of another, or is gone."""
        names = (new if one == name else one for one in self.state.classes)
        return ClassOrder(tuple(dict.fromkeys(filter(None, names))))

    def give_all(
        self,
        classes: Mapping[str, ArrayLike],
        sets: Mapping[str, ArrayLike],
        *,
        by: Visitor,
        settle: bool = False,
    ) -> Event:
        """Give classes and put tiles into sets in one event; sets that are missing are created.

        Args:
            classes: rows by the name of the class.
            sets: rows by the name of the set.
            by: who does it.
            settle: end the conflicts that there are about these tiles.

        Raises:
            InputError: as for `give_class` and `create_set`.
        """
        changes: list[Change] = [
            ClassChange(self.class_name(name), self._tiles(rows), settle)
            for name, rows in classes.items()
        ]
        rows_by_name: dict[str, list[ArrayLike]] = {}
        for name, rows in sets.items():
            rows_by_name.setdefault(clean_set_name(name, parameter="set"), []).append(rows)
        members = {name: self._tiles(np.concatenate(some)) for name, some in rows_by_name.items()}

        def collect() -> Sequence[Change]:
            keys = {one.name: one.key for one in self.state.sets}
            new = {name: token_hex(8) for name in members if name not in keys}
            self._check_number(len(new))
            created = [SetChange(key, name) for name, key in new.items()]
            put = [MemberChange((keys | new)[name], tiles, True) for name, tiles in members.items()]
            return [*changes, *created, *put]

        return self._record(by, collect)

    def undo(self, *, by: Visitor) -> Event | None:
        """Take back this visitor's last event that is in effect, and nothing that others did.

        Returns:
            The event that was undone, None if there is none.

        Raises:
            InputError: it cannot be saved.
        """
        return self._reverse(by, is_redo=False)

    def redo(self, *, by: Visitor) -> Event | None:
        """Bring back what this visitor has undone last, unless they did something else since.

        Returns:
            The event that was redone, None if there is none.

        Raises:
            InputError: it cannot be saved.
        """
        return self._reverse(by, is_redo=True)

    def compact(self, *, by: Visitor) -> None:
        """Leave out what no longer decides anything, see `compact_lines`, in one step.

        Nothing that was done before can be undone afterwards.

        Raises:
            InputError: the log has lines that cannot be read, which would be lost; or it cannot be
                saved.
        """
        with self._guard, self._log.exclusive():
            self._log.rewind()  # a line may have been damaged after it was read
            self.refresh()
            if lost := self._num_damaged + self._num_unread:
                raise InputError(
                    f"{self._name} has {plural(lost, 'line')} that cannot be read, and compacting "
                    f"would delete {'it' if lost == 1 else 'them'}: {SAVE_REST}"
                )
            self._log.replace(compact_lines(self._log.contents(), self._ids, by))
            self.refresh()

    def _begin(self) -> None:
        self.state = AnnotationState(len(self._ids))
        self._num_damaged = self._num_unread = 0

    def _read(self, lines: Iterable[bytes | None]) -> None:
        """Read lines of the log, None for a damaged one."""
        batch: list[bytes] = []
        size = 0
        for line in lines:
            if line is None:
                self._num_damaged += 1
                continue
            batch.append(line)
            size += len(line)
            if size > BATCH:
                self._add(batch)
                batch, size = [], 0
        self._add(batch)

    def _add(self, lines: Sequence[bytes]) -> None:
        """Add the events of lines to the state."""
        for event in read_events(lines, self._ids):
            if event is None:
                self._num_unread += 1
            else:
                self.state.add(event)
        if self._is_over_limit():
            name = self._log.file if isinstance(self._log, AppendLog) else "the dump"
            raise InputError(f"{name} holds more annotations than rsh reads: {RESTORE}")

    def _is_over_limit(self, events: int = 0, statements: int = 0) -> bool:
        return (
            len(self.state.events) + events > MAX_EVENTS
            or self.state.num_statements + statements > MAX_STATEMENTS
            or self.state.num_keys > MAX_KEYS
        )

    def _record(self, visitor: Visitor, changes: Changes) -> Event:
        """Record an event; what it changes is decided when all others have been read."""
        with self._guard, self._log.exclusive():
            self.refresh()
            return self._append(new_event(visitor, changes()))

    def _append(self, event: Event) -> Event:
        if self._is_over_limit(1, event.num_statements):
            raise InputError(f"there are too many annotations: {COMPACT}")
        self._log.append(write_event(event, self._ids))
        self.state.add(event)
        self.version = next(VERSIONS)
        return event

    def _of_set(
        self, key: str, visitor: Visitor, change: Change, check: Callable[[], None] | None = None
    ) -> Event:
        def collect() -> Sequence[Change]:
            self.state.check_set(key)
            if check:
                check()
            return [change]

        return self._record(visitor, collect)

    def _reverse(self, visitor: Visitor, *, is_redo: bool) -> Event | None:
        with self._guard, self._log.exclusive():
            self.refresh()
            find = self.state.redoable if is_redo else self.state.undoable
            event = find(visitor.token)
            if event:
                self._append(new_event(visitor, [Reversal(event.id, is_redo)]))
            return event

    def _tiles(self, rows: ArrayLike) -> Tiles:
        found = np.unique(np.asarray(rows))
        if not len(found):
            raise InputError("no tile was given: choose at least one")
        if found.dtype.kind not in "iu" or found[0] < 0 or found[-1] >= len(self._ids):
            raise InputError(f"tiles are given by their rows, 0 to {len(self._ids) - 1}")
        return Tiles(found.astype(np.int32))

    def _check_free(self, name: str, key: str = "") -> None:
        """Refuse the name of another set."""
        if any(one.name == name and one.key != key for one in self.state.sets):
            raise InputError("another set has it, choose another", parameter="name", value=name)

    def _check_number(self, more: int) -> None:
        if len(self.state.sets) + more > MAX_SETS:
            raise InputError(f"there can be {MAX_SETS:,} sets: delete some first")
        if self.state.num_keys + more > MAX_KEYS:
            raise InputError(f"there were {MAX_KEYS:,} sets, of which the log tells: {COMPACT}")


def open_log(folder: Path) -> AppendLog:
    """Return the log in a gallery's folder."""
    return AppendLog(folder / ANNOTATIONS, header=HEADER, max_bytes=MAX_BYTES, full_hint=COMPACT)


def _read_dump(dump: object) -> list[bytes]:
    """Return the lines of a dump, which may have been made by anyone."""
    try:
        if not isinstance(dump, dict) or dump["format"] != 1:
            raise ValueError("another format")
        return [to_line(event) for event in dump["events"]]
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        reason = type(error).__name__
        raise InputError(
            f"the labels that the browser kept cannot be read ({reason}): delete them there"
        ) from None
