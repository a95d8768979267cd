"""Events: what a visitor did at once, as objects and as the content of a line of the log.

    {"time": "2026-08-19T12:34:56.789Z", "visitor": TOKEN, "author": NAME, "changes": [...],
     "id": ID}

    {"kind": "class", "class": NAME, ...tiles}   gives tiles a class, or takes it away: NAME is "";
                                                 with "settle": true it ends earlier conflicts
    {"kind": "put", "set": KEY, ...tiles}        puts tiles into a set
    {"kind": "take", "set": KEY, ...tiles}       takes them out of it
    {"kind": "set", "set": KEY, "name": NAME, "color": "#1f77b4", "deleted": true}
                                                 creates or changes a set; all but the key optional
    {"kind": "group", "group": KEY, "name": NAME}   names a group of the hash space; "" for no name
    {"kind": "undo", "event": ID}                takes back an event of this visitor; alone
    {"kind": "redo", "event": ID}                brings it back; alone
    {"kind": "final"}                            no earlier event can be undone; alone

Tiles are "ids": [...], or many of them "count": N, "packed": ... (`tile_ids.pack_ids`). A change of
another kind, by a later version of rsh, is kept and has no effect.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain, groupby
from secrets import token_hex
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from rsh.errors import InputError
from rsh.gallery.annotations.names import clean_color, clean_name, clean_set_name
from rsh.gallery.tile_ids import NO_ROWS, Rows, find_rows, pack_ids, take_ids, unpack_ids

HEADER = b'{"format": 1, "holds": "annotations of rsh"}'
FEW = 64  # tiles that are listed, so that people can read the log
MAX_TEXT = 1000  # characters of a class or of the key of a group
TOKEN = re.compile(r"[\w.@-]{1,64}", re.ASCII)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

Json = dict[str, Any]


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


class Wanted(NamedTuple):
    """Tiles whose rows are to be found by these ids."""

    tiles: Tiles
    ids: "list[str] | pa.Array"


Change = ClassChange | MemberChange | SetChange | GroupChange | Reversal | Final | UnknownChange
ALONE = (Reversal, Final)  # in their event


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


def write_event(event: Event, ids: pa.Array) -> bytes:
    """Return the content of the line of an event.

    Args:
        event: whose tiles are all in the gallery.
        ids: of all tiles of the gallery, (n,).
    """
    content = {
        "time": event.time,
        "visitor": event.visitor.token,
        "author": event.visitor.author,
        "changes": [_change_to_json(change, ids) for change in event.changes],
        "id": event.id,  # last: a reader knows by the end of a line whether it is still the same
    }
    return to_line({key: value for key, value in content.items() if value != ""})


def to_line(content: Json) -> bytes:
    """Return the content of the line of an event that is given as JSON."""
    return json.dumps(content, ensure_ascii=False).encode()


def read_events(contents: Sequence[bytes], ids: pa.Array) -> list[Event | None]:
    """Return the events of lines, None for one that cannot be read.

    Args:
        contents: of the lines; any bytes may be given.
        ids: of all tiles of the gallery, (n,).
    """
    wanted: list[Wanted] = []
    events = [_read_event(content, wanted) for content in contents]
    rows = np.split(find_rows(ids, _joined(wanted)), np.cumsum([len(one.ids) for one in wanted]))
    for one, found in zip(wanted, rows[:-1], strict=True):
        one.tiles.rows = found[found >= 0]
        one.tiles.absent = len(found) - len(one.tiles.rows)
    return events


def _joined(wanted: Sequence[Wanted]) -> pa.Array:
    """Return the ids of all wanted tiles in their order."""
    parts = []
    for is_packed, some in groupby(wanted, lambda one: isinstance(one.ids, pa.Array)):
        lists = [one.ids for one in some]
        parts += lists if is_packed else [pa.array([*chain.from_iterable(lists)], pa.string())]
    return pa.concat_arrays([pa.array([], pa.string()), *parts])


def read_ids(change: Json) -> pa.Array:
    """Return the ids of the tiles of a change that was read before."""
    if "packed" in change:
        return unpack_ids(change["packed"], change["count"])
    return pa.array(change["ids"], pa.string())


def read_json(content: bytes) -> Json:
    """Return the JSON object of a line.

    Raises:
        ValueError: it holds something else.
    """
    try:
        value = json.loads(content)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(value, dict):
        raise ValueError("no object")
    if b"\\u" in content:
        to_line(value)  # raises for lone surrogates: no UTF-8
    return value


def _read_event(content: bytes, wanted: list[Wanted]) -> Event | None:
    """Read an event; its tiles are filled in when the rows of those wanted were found."""
    mine: list[Wanted] = []
    try:
        value = read_json(content)
        changes = tuple(_read_change(change, mine) for change in value["changes"])
        visitor = _visitor(value["visitor"], value.get("author", ""))
        event = Event(_token(value["id"]), value["time"], visitor, changes)
        is_whole = TIME.fullmatch(event.time) and changes
        if not is_whole or (len(changes) > 1 and any(isinstance(c, ALONE) for c in changes)):
            return None
    except (AttributeError, LookupError, TypeError, ValueError):
        return None
    wanted += mine
    return event


@lru_cache(1024)
def _visitor(token: str, author: str) -> Visitor:
    return Visitor(token, author)


def _token(text: str) -> str:
    if not TOKEN.fullmatch(text):
        raise ValueError("no token")
    return text


def _text(text: str, least: int = 1) -> str:
    if not isinstance(text, str) or not least <= len(text) <= MAX_TEXT:
        raise ValueError("no text, or a long one")
    return text


def _read_change(change: Json, wanted: list[Wanted]) -> Change:
    kind = _text(change["kind"])
    read = READERS.get(kind)
    return read(change, lambda: _read_tiles(change, wanted)) if read else UnknownChange(kind)


def _read_tiles(change: Json, wanted: list[Wanted]) -> Tiles:
    """Read the ids of a change, and note them as wanted."""
    tiles = Tiles()
    if "packed" in change:
        wanted.append(Wanted(tiles, unpack_ids(change["packed"], change["count"])))
    elif isinstance(change["ids"], list) and all(isinstance(one, str) for one in change["ids"]):
        wanted.append(Wanted(tiles, change["ids"]))  # made into one array with others
    else:
        raise TypeError("no texts")
    return tiles


def _read_class(change: Json, tiles: Callable[[], Tiles]) -> Change:
    return ClassChange(_text(change["class"], 0), tiles(), change.get("settle") is True)


def _read_set(change: Json, tiles: Callable[[], Tiles]) -> Change:
    name, color = change.get("name"), change.get("color")
    if name is not None and clean_set_name(name) != name:
        raise ValueError("no name")
    if color is not None:
        color = clean_color(color)
    return SetChange(_token(change["set"]), name, color, change.get("deleted") is True)


def _read_group(change: Json, tiles: Callable[[], Tiles]) -> Change:
    name = change["name"]
    if name != "" and clean_name(name) != name:
        raise ValueError("no name")
    return GroupChange(_text(change["group"]), name)


READERS: dict[str, Callable[[Json, Callable[[], Tiles]], Change]] = {
    "class": _read_class,
    "put": lambda change, tiles: MemberChange(_token(change["set"]), tiles(), True),
    "take": lambda change, tiles: MemberChange(_token(change["set"]), tiles(), False),
    "set": _read_set,
    "group": _read_group,
    "undo": lambda change, tiles: Reversal(_token(change["event"]), False),
    "redo": lambda change, tiles: Reversal(_token(change["event"]), True),
    "final": lambda change, tiles: Final(),
}


def _change_to_json(change: Change, ids: pa.Array) -> Json:
    match change:
        case ClassChange():
            settle = {"settle": True} if change.settles else {}
            tiles = tiles_to_json(take_ids(ids, change.tiles.rows))
            return {"kind": "class", "class": change.name} | settle | tiles
        case MemberChange():
            kind = "put" if change.is_member else "take"
            return {"kind": kind, "set": change.set} | tiles_to_json(
                take_ids(ids, change.tiles.rows)
            )
        case SetChange():
            given = {"name": change.name, "color": change.color}
            given = {key: value for key, value in given.items() if value is not None}
            deleted = {"deleted": True} if change.is_deleted else {}
            return {"kind": "set", "set": change.set} | given | deleted
        case GroupChange():
            return {"kind": "group", "group": change.group, "name": change.name}
        case Reversal():
            return {"kind": "redo" if change.is_redo else "undo", "event": change.event}
        case Final():
            return {"kind": "final"}
        case UnknownChange():
            raise TypeError(f"{change.kind} is of a later version")


def tiles_to_json(ids: pa.Array) -> Json:
    """Return ids as an event has them."""
    if len(ids) <= FEW:
        return {"ids": ids.to_pylist()}
    return {"count": len(ids), "packed": pack_ids(ids)}
