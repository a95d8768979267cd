"""Events as the contents of the lines of a log.

    {"time": "2026-08-19T12:34:56.789Z", "visitor": TOKEN, "author": NAME, "changes": [...],
     "id": ID}

    {"kind": "class", "class": NAME, ...tiles}   gives tiles a class, or takes it away: NAME is "";
                                                 with "settle": true it ends earlier conflicts
    {"kind": "put", "set": KEY, ...tiles}        puts tiles into a set
    {"kind": "take", "set": KEY, ...tiles}       takes them out of it
    {"kind": "set", "set": KEY, "name": NAME, "color": "#1f77b4", "deleted": true}
                                                 creates or changes a set; all but the key optional
    {"kind": "group", "group": KEY, "name": NAME}   names a group of the hash space; "" for no name
    {"kind": "classes", "names": [...]}          the classes that can be given from here on, in
                                                 their order
    {"kind": "undo", "event": ID}                takes back an event of this visitor; alone
    {"kind": "redo", "event": ID}                brings it back; alone
    {"kind": "final"}                            no earlier event can be undone; alone

Tiles are "ids": [...], or many of them "count": N, "packed": ... (`tile_ids.pack_ids`). A change of
another kind, by a later version of rsh, is kept and has no effect.
"""

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain, groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from rsh.gallery.annotations.events import (
    MAX_TEXT,
    TOKEN,
    Change,
    ClassChange,
    ClassOrder,
    Event,
    Final,
    GroupChange,
    MemberChange,
    Reversal,
    SetChange,
    Tiles,
    UnknownChange,
    Visitor,
)
from rsh.gallery.annotations.names import clean_color, clean_name, clean_set_name
from rsh.gallery.tile_ids import find_rows, pack_ids, take_ids, unpack_ids

HEADER = b'{"format": 1, "holds": "annotations of rsh"}'
FEW = 64  # tiles that are listed, so that people can read the log
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ALONE = (Reversal, Final)  # in their event

Json = dict[str, Any]


class Wanted(NamedTuple):
    """Tiles whose rows are to be found by these ids."""

    tiles: Tiles
    ids: "list[str] | pa.Array"


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


def _read_order(change: Json, tiles: Callable[[], Tiles]) -> Change:
    if not isinstance(change["names"], list):
        raise TypeError("no list")
    return ClassOrder(tuple(_text(name) for name in change["names"]))


READERS: dict[str, Callable[[Json, Callable[[], Tiles]], Change]] = {
    "class": _read_class,
    "put": lambda change, tiles: MemberChange(_token(change["set"]), tiles(), True),
    "take": lambda change, tiles: MemberChange(_token(change["set"]), tiles(), False),
    "set": _read_set,
    "group": _read_group,
    "classes": _read_order,
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
        case ClassOrder():
            return {"kind": "classes", "names": list(change.names)}
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
