"""Events: what visitors did, each at once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_hex

from rsh.errors import InputError
from rsh.gallery.annotations.names import clean_name
from rsh.gallery.tile_ids import NO_ROWS, Rows

MAX_TEXT = 1000  # characters of a class or of the key of a group
TOKEN = re.compile(r"[\w.@-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class Visitor:
    """Who does something: undo and redo are by token, and conflicts are between persons.

    Attributes:
        token: of a browser or a session; letters, digits and . @ _ -, at most 64.
        author: name of the person, "" if it is unknown.
    """

    token: str
    author: str = ""

    def __post_init__(self) -> None:
        """Check both.

        Raises:
            InputError: the token has other characters, or the author is no name.
        """
        if not TOKEN.fullmatch(self.token):
            raise InputError(
                "a token has 1 to 64 letters, digits and . @ _ -",
                parameter="visitor",
                value=self.token,
            )
        if self.author and clean_name(self.author, parameter="author") != self.author:
            raise InputError("has spaces around it", parameter="author", value=self.author)

    @property
    def person(self) -> str:
        """The author, or the token where no author is known."""
        return self.author or self.token


@dataclass(eq=False, slots=True)
class Tiles:
    """Tiles of a change.

    Attributes:
        rows: in the gallery that was opened.
        absent: how many more there are that this gallery does not hold.
    """

    rows: Rows = field(default_factory=lambda: NO_ROWS)
    absent: int = 0

    def __len__(self) -> int:
        return len(self.rows) + self.absent


@dataclass(frozen=True, eq=False, slots=True)
class ClassChange:
    """Tiles get a class, or lose it if the name is ""."""

    name: str
    tiles: Tiles
    settles: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class MemberChange:
    """Tiles go into a set, or out of it."""

    set: str
    tiles: Tiles
    is_member: bool


@dataclass(frozen=True, eq=False, slots=True)
class SetChange:
    """A set gets a name or a color, or is deleted; the first such change creates it."""

    set: str
    name: str | None = None
    color: str | None = None
    is_deleted: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class GroupChange:
    """A group of the hash space gets a name, or loses it if the name is ""."""

    group: str
    name: str


@dataclass(frozen=True, eq=False, slots=True)
class ClassOrder:
    """The classes that can be given from here on, in their order, which decides their keys."""

    names: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Reversal:
    """An event of the same visitor is undone or redone."""

    event: str
    is_redo: bool


@dataclass(frozen=True, eq=False, slots=True)
class Final:
    """No earlier event can be undone."""


@dataclass(frozen=True, eq=False, slots=True)
class UnknownChange:
    """A change by a later version of rsh."""

    kind: str


Change = (
    ClassChange
    | MemberChange
    | SetChange
    | GroupChange
    | ClassOrder
    | Reversal
    | Final
    | UnknownChange
)


@dataclass(frozen=True, eq=False, slots=True)
class Event:
    """What a visitor did at once: all its changes hold, or none.

    Attributes:
        id: unique.
        time: UTC, ISO 8601, to the millisecond.
        visitor: who did it.
        changes: what was done, in this order.
    """

    id: str
    time: str
    visitor: Visitor
    changes: tuple[Change, ...]

    @property
    def num_statements(self) -> int:
        """How many tiles its changes name, together."""
        named = (c for c in self.changes if isinstance(c, ClassChange | MemberChange))
        return sum(len(change.tiles) for change in named)


def new_event(visitor: Visitor, changes: Iterable[Change]) -> Event:
    """Return an event of this moment."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Event(token_hex(8), now, visitor, tuple(changes))
