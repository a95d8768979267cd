"""What the events of a log add up to: the class given to each tile, sets, names and conflicts.

The events that are in effect count in the order of the log: of two classes given to one tile the
later one holds, and so for each tile of each set, and for each name and color. An undone event is
not in effect, as if it had never happened, so what others did before and since holds. A redone
event counts at its own place again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from rsh.errors import InputError
from rsh.gallery.annotations.conflicts import Said, find_conflicts
from rsh.gallery.annotations.events import (
    Change,
    ClassChange,
    ClassOrder,
    Event,
    Final,
    GroupChange,
    MemberChange,
    Reversal,
    SetChange,
    UnknownChange,
    Visitor,
)
from rsh.gallery.annotations.names import tidy_name
from rsh.gallery.tile_ids import NO_ROWS
from rsh.labels import UNLABELED

NO_STATEMENT = -1
T = TypeVar("T")


class TileSet(NamedTuple):
    """A named set of tiles.

    Attributes:
        key: which stays when the set is renamed.
        name: no other set has it.
        color: such as #1f77b4, "" for none.
        num_tiles: how many of its tiles the gallery holds.
    """

    key: str
    name: str
    color: str
    num_tiles: int


class GivenClasses(NamedTuple):
    """The class that was given to each tile.

    Attributes:
        names: in alphabetical order, each of at least one tile.
        numbers: of the name of each tile, (n,) int32; -1 for a tile that was given none.
    """

    names: list[str]
    numbers: NDArray[np.int32]

    @property
    def num_tiles(self) -> int:
        """How many tiles have a given class."""
        return int(np.count_nonzero(self.numbers != UNLABELED))

    def of(self, rows: Iterable[int]) -> list[str]:
        """Return the given class of each of some tiles, "" for none."""
        names = [*self.names, ""]
        return [names[self.numbers[row]] for row in rows]

    def changed(self, before: "GivenClasses") -> NDArray[np.int64]:
        """Return the rows of the tiles whose given class was another one before."""
        known = {name: number for number, name in enumerate(self.names)}
        now = np.array([known.get(name, len(known)) for name in before.names] + [UNLABELED])
        return np.flatnonzero(now[before.numbers] != self.numbers)


class Statement(NamedTuple):
    """Who gave a class when.

    Attributes:
        name: of the class.
        event: with visitor and time.
    """

    name: str
    event: Event


class Conflict(NamedTuple):
    """Persons who gave one tile different classes.

    Attributes:
        row: of the tile.
        statements: the last of each person, in the order of the log.
    """

    row: int
    statements: list[Statement]


@dataclass
class Line:
    """The events of one visitor, by number, of which the last can be undone or redone."""

    done: dict[int, None] = field(default_factory=dict)  # in their order
    undone: dict[int, None] = field(default_factory=dict)
    left: dict[int, None] = field(default_factory=dict)  # undone before they did something else


class AnnotationState:
    """What the events of a log add up to; see the module.

    Attributes:
        events: all of them, in the order of the log.
        num_statements: how many tiles all events name together.
        num_unknown: changes by a later version of rsh, which have no effect.
    """

    def __init__(self, num_tiles: int) -> None:
        """Begin without any event.

        Args:
            num_tiles: of the gallery.
        """
        self.events: list[Event] = []
        self.num_statements = self.num_unknown = 0
        self._num_tiles = num_tiles
        self._in_effect: list[bool] = []
        self._numbers: dict[str, int] = {}  # of events, by id
        self._lines: dict[str, Line] = {}  # by token
        self._given: list[tuple[int, ClassChange]] = []  # event number and change
        self._latest_given: NDArray[np.int32] | None = None  # computed when it is first needed
        self._sets: dict[str, list[tuple[int, SetChange | MemberChange]]] = {}
        self._members: dict[str, NDArray[np.int64]] = {}  # kept until a set changes
        self._groups: list[tuple[int, GroupChange]] = []
        self._kept: dict[str, Any] = {}  # what was computed since the last event

    def add(self, event: Event) -> None:
        """Add the next event of the log; one that is there already counts once."""
        if event.id in self._numbers:
            return
        number = self._numbers[event.id] = len(self.events)
        self.events.append(event)
        self.num_statements += event.num_statements
        self._kept.clear()
        line = self._lines.setdefault(event.visitor.token, Line())
        first = event.changes[0]
        self._in_effect.append(not isinstance(first, Reversal | Final))
        if isinstance(first, Reversal):
            self._reverse(line, first)
        elif isinstance(first, Final):
            self._lines.clear()
        else:
            line.done[number] = None
            line.left |= line.undone
            line.undone.clear()
            for change in event.changes:
                self._add(number, change)

    @property
    def num_keys(self) -> int:
        """How many sets there have been."""
        return len(self._sets)

    def find_event(self, event_id: str) -> Event | None:
        """Return the event of an id, None if there is none."""
        return self.events[self._numbers[event_id]] if event_id in self._numbers else None

    def undoable(self, token: str) -> Event | None:
        """Return the event that this visitor would undo next."""
        return self._last(self._lines.get(token, Line()).done)

    def redoable(self, token: str) -> Event | None:
        """Return the event that this visitor would redo next."""
        return self._last(self._lines.get(token, Line()).undone)

    def is_in_effect(self, event: Event) -> bool:
        """Whether an event counts: it is neither undone, nor an undo or redo itself."""
        return self._in_effect[self._numbers[event.id]]

    def alias(self, visitor: Visitor) -> str:
        """Return what a visitor is called: the author, or else "unknown".

        Where there are several without a name, "unknown 1" and so on, in the order of the log. A
        token is shown to no one: who has it can undo what its visitor did.
        """
        if visitor.author:
            return visitor.author
        unknown = self._once("unknown", self._number_unknown)
        return f"unknown {unknown[visitor.token]}" if len(unknown) > 1 else "unknown"

    @property
    def given(self) -> GivenClasses:
        """The class that was given to each tile."""
        return self._once("given", self._collect_given)

    def statement(self, row: int) -> Statement | None:
        """Return who gave a tile its class when, None for a tile without a given class."""
        if self._latest[row] == NO_STATEMENT:
            return None
        number, change = self._given[self._latest[row]]
        return Statement(change.name, self.events[number]) if change.name else None

    @property
    def conflicts(self) -> list[Conflict]:
        """The tiles to which persons gave different classes, in the order of rows."""
        return self._once("conflicts", self._find_conflicts)

    @property
    def sets(self) -> list[TileSet]:
        """The sets that there are, in the order in which they were created."""
        return self._once("sets", self._list_sets)

    def find_set(self, name: str) -> TileSet:
        """Return the set of a name, see `tidy_name`.

        Raises:
            InputError: there is none.
        """
        found = {one.name: one for one in self.sets}
        name = tidy_name(name)
        if name not in found:
            hint = f"choose one of {', '.join(found)}" if found else "create it first"
            raise InputError(f"there is no set {name}: {hint}")
        return found[name]

    def check_set(self, key: str) -> None:
        """Check that there is a set of this key.

        Raises:
            InputError: there is none.
        """
        if all(one.key != key for one in self.sets):
            raise InputError("this set is gone: choose another, or create one")

    def set_name(self, key: str) -> str:
        """Return the name of a set; of a deleted one the last that it had."""
        current = [one.name for one in self.sets if one.key == key]
        given = [c.name for _, c in self._sets.get(key, ()) if isinstance(c, SetChange) and c.name]
        return [key, *given, *current][-1]

    def is_creation(self, change: SetChange) -> bool:
        """Whether a change created its set."""
        about = (one for _, one in self._sets[change.set] if isinstance(one, SetChange))
        return next(about) is change

    def find_sets(self, row: int) -> list[TileSet]:
        """Return the sets that a tile is in."""
        return [one for one in self.sets if (self.members(one.key) == row).any()]

    def members(self, key: str) -> NDArray[np.int64]:
        """Return the rows of a set, ascending; none of a set that there is not."""
        if key not in self._members:
            changes = [
                change
                for number, change in self._sets.get(key, ())
                if isinstance(change, MemberChange) and self._in_effect[number]
            ]
            self._members[key] = last_members(changes)[0].astype(np.int64)
        return self._members[key]

    @property
    def group_names(self) -> dict[str, str]:
        """The names that groups of the hash space were given, by the key of the group."""
        return {group: name for group, name in self.last_group_names.items() if name}

    @property
    def last_group_names(self) -> dict[str, str]:
        """The same with "" where a name was taken away, in the order of these last changes."""
        names: dict[str, str] = {}
        for number, change in self._groups:
            if self._in_effect[number]:
                names.pop(change.group, None)
                names[change.group] = change.name
        return names

    @property
    def classes(self) -> list[str]:
        """The names that tiles can be given, in the order in which they came.

        A renamed class keeps its place, and one that no tile has any more until it is removed: the
        place decides the key of a class, which is the same for everybody.
        """
        return self._once("classes", self._order_classes)

    @property
    def _latest(self) -> NDArray[np.int32]:
        """Place in `_given` of the last change in effect of each tile's class, (n,)."""
        if self._latest_given is None:
            self._latest_given = np.full(self._num_tiles, NO_STATEMENT, np.int32)
            for place, (number, change) in enumerate(self._given):
                if self._in_effect[number]:
                    self._latest_given[change.tiles.rows] = place
        return self._latest_given

    def _last(self, numbers: dict[int, None]) -> Event | None:
        return self.events[next(reversed(numbers))] if numbers else None

    def _add(self, number: int, change: Change) -> None:
        match change:
            case ClassChange():
                if self._latest_given is not None:
                    self._latest_given[change.tiles.rows] = len(self._given)
                self._given.append((number, change))
            case MemberChange():
                self._sets.setdefault(change.set, []).append((number, change))
                self._members.pop(change.set, None)
            case SetChange():
                self._sets.setdefault(change.set, []).append((number, change))
            case GroupChange():
                self._groups.append((number, change))
            case UnknownChange():
                self.num_unknown += 1

    def _reverse(self, line: Line, reversal: Reversal) -> None:
        """Undo or redo an event of a visitor."""
        before, after = (line.undone, line.done) if reversal.is_redo else (line.done, line.undone)
        number = self._numbers.get(reversal.event, -1)
        if reversal.is_redo and number in line.left:  # they did something else in another log
            before = line.left
        if number not in before:
            return  # another visitor's, or undone already: no rsh writes this
        del before[number]
        after[number] = None
        self._in_effect[number] = reversal.is_redo
        for change in self.events[number].changes:
            if isinstance(change, ClassChange):
                self._latest_given = None
            elif isinstance(change, MemberChange):
                self._members.pop(change.set, None)

    def _once(self, name: str, make: Callable[[], T]) -> T:
        """Return what the events add up to, computed when it is first needed after an event."""
        if name not in self._kept:
            self._kept[name] = make()
        found: T = self._kept[name]
        return found

    def _number_unknown(self) -> dict[str, int]:
        """Return a number, from 1, for each visitor without a name, by token."""
        visitors = (event.visitor for event in self.events)
        tokens = dict.fromkeys(one.token for one in visitors if not one.author)
        return {token: number for number, token in enumerate(tokens, start=1)}

    def _collect_given(self) -> GivenClasses:
        names = sorted({change.name for _, change in self._given} - {""})
        codes = {name: number for number, name in enumerate(names)} | {"": UNLABELED}
        of_changes = [codes[change.name] for _, change in self._given]
        of_changes.append(UNLABELED)  # last, where NO_STATEMENT points to
        numbers = np.array(of_changes, np.int32)[self._latest]
        used = np.flatnonzero(np.bincount(numbers[numbers != UNLABELED], minlength=len(names)))
        if len(used) < len(names):
            new_numbers = np.full(len(names) + 1, UNLABELED, np.int32)  # the last is UNLABELED's
            new_numbers[used] = np.arange(len(used))
            numbers = new_numbers[numbers]
        return GivenClasses([names[code] for code in used], numbers)

    def _order_classes(self) -> list[str]:
        order: dict[str, None] = {}
        for event, counts in zip(self.events, self._in_effect, strict=True):
            for change in event.changes if counts else ():
                match change:
                    case ClassOrder(names=names):
                        order = dict.fromkeys(names)
                    case ClassChange(name=name) | GroupChange(name=name) if name:
                        order.setdefault(name)
        return list(dict.fromkeys([*order, *self.group_names.values(), *self.given.names]))

    def _find_conflicts(self) -> list[Conflict]:
        counted = [(number, change) for number, change in self._given if self._in_effect[number]]
        said = [
            Said(self.events[number].visitor.person, change.name, change.tiles.rows, change.settles)
            for number, change in counted
        ]
        return [
            Conflict(
                row,
                [Statement(counted[at][1].name, self.events[counted[at][0]]) for at in places],
            )
            for row, places in find_conflicts(said, self._num_tiles)
        ]

    def _list_sets(self) -> list[TileSet]:
        found: list[TileSet] = []
        taken: dict[str, int] = {}
        for key, changes in self._sets.items():
            known = [change for number, change in changes if self._in_effect[number]]
            about = [change for change in known if isinstance(change, SetChange)]
            if not any(map(_keeps, known)) or any(change.is_deleted for change in about):
                continue
            names = [change.name for change in about if change.name is not None]
            colors = [change.color for change in about if change.color is not None]
            name = _distinct(names[-1] if names else self._first_name(key), taken)
            found.append(TileSet(key, name, colors[-1] if colors else "", len(self.members(key))))
        return found

    def _first_name(self, key: str) -> str:
        """Return the first name that a set was given, which may be undone."""
        changes = (change for _, change in self._sets[key] if isinstance(change, SetChange))
        return next((change.name for change in changes if change.name), f"set {key}")


def _keeps(change: SetChange | MemberChange) -> bool:
    """Whether a set is there because of a change."""
    return change.is_member if isinstance(change, MemberChange) else not change.is_deleted


def _distinct(name: str, taken: dict[str, int]) -> str:
    """Return a name that no set has: undo can bring one back that another set has by now.

    Args:
        name: of the set.
        taken: the names so far, with the next number of each; it is changed.
    """
    number, found = taken.get(name, 1), name
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    taken[name] = number
    taken.setdefault(found, 1)
    return found


def last_members(
    changes: Sequence[MemberChange],
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the tiles that are in a set after changes, and the change that put each there last.

    Args:
        changes: of one set, in their order.

    Returns:
        Rows, ascending, and the place in `changes` for each, (m,) both.
    """
    rows = np.concatenate([NO_ROWS, *(change.tiles.rows for change in changes)])
    sizes = [len(change.tiles.rows) for change in changes]
    places = np.repeat(np.arange(len(changes)), sizes)[::-1]
    found, last = np.unique(rows[::-1], return_index=True)
    is_member = np.array([change.is_member for change in changes], bool)[places[last]]
    return found[is_member], places[last][is_member]
