"""Compacts a log of annotations: what no longer decides anything is left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rsh.gallery.annotations.conflicts import Said, last_statements
from rsh.gallery.annotations.event_lines import (
    Json,
    read_events,
    read_ids,
    read_json,
    tiles_to_json,
    to_line,
    write_event,
)
from rsh.gallery.annotations.events import (
    Change,
    ClassChange,
    ClassOrder,
    Event,
    Final,
    GroupChange,
    MemberChange,
    SetChange,
    UnknownChange,
    Visitor,
    new_event,
)
from rsh.gallery.annotations.state import AnnotationState, last_members
from rsh.gallery.tile_ids import NO_ROWS, Rows, find_rows, take_ids

TILES = ("ids", "count", "packed")  # how a change names them


def no_ids() -> pa.Array:
    """Return no ids; as a constant they would make Arrow map a gigabyte when rsh is imported."""
    return pa.array([], pa.string())


@dataclass
class Entry:
    """A change that is in effect, and what is kept of it.

    Attributes:
        event: that it is a part of.
        change: as it was read.
        raw: as it is in the log.
        rows: of the tiles for which it decides something.
        absent: ids of its tiles that the gallery lacks.
    """

    event: Event
    change: Change
    raw: Json
    rows: Rows = field(default_factory=lambda: NO_ROWS)
    absent: pa.Array = field(default_factory=no_ids)


def compact_lines(lines: Sequence[bytes], ids: pa.Array, by: Visitor) -> list[bytes]:
    """Return fewer lines of the same meaning, after which nothing earlier can be undone.

    Left out are undone events, what later ones replaced, and sets that were deleted. What is left
    keeps its event, visitor and time. Of tiles that the gallery lacks, all that is in effect is
    kept, and so is what a later version of rsh wrote.

    Args:
        lines: contents of the lines of a log.
        ids: of all tiles of the gallery, (n,).
        by: who compacts.
    """
    events = read_events(lines, ids)
    state = AnnotationState(len(ids))
    for event in events:
        if event:
            state.add(event)
    contents = {
        event.id: read_json(line)
        for event, line in zip(events, lines, strict=True)
        if event and state.find_event(event.id) is event and state.is_in_effect(event)
    }
    entries = [
        Entry(event, change, raw)
        for event in state.events
        if event.id in contents
        for change, raw in zip(event.changes, contents[event.id]["changes"], strict=True)
    ]
    _keep_tiles(entries, len(ids))
    _keep_absent(entries, ids)
    created: list[Change] = [SetChange(one.key, one.name, one.color or None) for one in state.sets]
    if state.classes:
        created.append(ClassOrder(tuple(state.classes)))
    compacted = [write_event(new_event(by, created), ids)] if created else []
    for key, some in groupby(entries, lambda entry: entry.event.id):
        changes = [raw for entry in some for raw in _remaining(entry, state, ids)]
        if changes:
            compacted.append(to_line(contents[key] | {"changes": changes}))
    return [*compacted, write_event(new_event(by, [Final()]), ids)]


def _keep_tiles(entries: Sequence[Entry], num_tiles: int) -> None:
    """Note the tiles for which each entry decides something."""
    given = [(entry, entry.change) for entry in entries if isinstance(entry.change, ClassChange)]
    said = [
        Said(entry.event.visitor.person, change.name, change.tiles.rows, change.settles)
        for entry, change in given
    ]
    _note([entry for entry, _ in given], *last_statements(said, num_tiles))
    members: dict[str, list[tuple[Entry, MemberChange]]] = {}
    for entry in entries:
        if isinstance(entry.change, MemberChange):
            members.setdefault(entry.change.set, []).append((entry, entry.change))
    for some in members.values():
        _note([entry for entry, _ in some], *last_members([change for _, change in some]))


def _note(entries: Sequence[Entry], rows: NDArray[np.int32], places: NDArray[np.int64]) -> None:
    """Note tiles with the entries that their places tell."""
    order = np.argsort(places, kind="stable")
    found, starts = np.unique(places[order], return_index=True)
    for place, some in zip(found, np.split(rows[order], starts[1:]), strict=False):
        entries[place].rows = some


def _keep_absent(entries: Sequence[Entry], ids: pa.Array) -> None:
    """Note the ids of tiles that the gallery lacks."""
    lacking = [
        entry
        for entry in entries
        if isinstance(entry.change, ClassChange | MemberChange) and entry.change.tiles.absent
    ]
    texts = [read_ids(entry.raw) for entry in lacking]
    rows = find_rows(ids, pa.concat_arrays([no_ids(), *texts]))
    ends = np.cumsum([len(some) for some in texts])
    for entry, some, found in zip(lacking, texts, np.split(rows, ends), strict=False):
        entry.absent = some.filter(pa.array(found < 0))


def _remaining(entry: Entry, state: AnnotationState, ids: pa.Array) -> list[Json]:
    """Return what is left of a change: itself, or nothing."""
    match entry.change:
        case UnknownChange():
            return [entry.raw]
        case GroupChange(group, name):
            return [entry.raw] if state.last_group_names.get(group) == name else []
        case MemberChange(key) if all(one.key != key for one in state.sets):
            return []
        case ClassChange() | MemberChange():
            left = pa.concat_arrays([take_ids(ids, entry.rows), entry.absent])
            rest = {
                key: entry.raw[key]
                for key in ("kind", "class", "set", "settle")
                if key in entry.raw
            }
            return [rest | tiles_to_json(left)] if len(left) else []
    return []
