"""Merges the annotations of several galleries."""

import warnings
from collections.abc import Iterable
from heapq import merge
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from rsh.errors import InputError, RshWarning
from rsh.gallery.annotations.event_lines import read_events, read_json, to_line
from rsh.gallery.annotations.events import Event, Final
from rsh.gallery.annotations.state import AnnotationState
from rsh.gallery.annotations.store import open_log
from rsh.io.append_log import RESTORE
from rsh.text import plural


class Line(NamedTuple):
    """A line of a log.

    Attributes:
        is_final: whether it ends the reach of undo.
        time: none of the same log has an earlier one behind it.
        event: its id.
        content: what it holds.
    """

    is_final: bool
    time: str
    event: str
    content: bytes


def merge_annotations(folders: Iterable[Path], into: Path) -> None:
    """Write the annotations of galleries into one folder; sets of one name become one.

    Those that the folder holds are kept, and an event that several galleries hold counts once.
    Lines of one log keep their order, and those of several are ordered by their times. What ends
    the reach of undo in one of them comes last, since undo of others may come after it.

    Args:
        folders: of the galleries.
        into: the folder, which exists.

    Raises:
        InputError: a log cannot be read, a line of the folder's own log cannot be, or the new one
            cannot be written.
    """
    keys: dict[str, str] = {}  # of sets, by name
    logs = [_read_log(folder, keys, is_own=folder == into) for folder in (into, *folders)]
    parts = [
        [line for line in log if line.is_final == end] for end in (False, True) for log in logs
    ]
    merged = [*merge(*parts, key=lambda line: line[:2])]
    lines: dict[str, bytes] = {}
    for line in merged:
        lines.setdefault(line.event, line.content)
    if lines:
        log = open_log(into)
        with log.exclusive():
            log.replace(lines.values())


def _read_log(folder: Path, keys: dict[str, str], *, is_own: bool) -> list[Line]:
    """Return the lines of a log, with the keys that sets of these names have already.

    Args:
        folder: which may hold no log.
        keys: of sets, by name; those of this log are added.
        is_own: whether the log is going to be replaced, so that every line has to be read.
    """
    log = open_log(folder)
    news = log.read()
    read = [*news.lines] if news else []
    contents = [line for line in read if line is not None]
    events = read_events(contents, pa.array([], pa.string()))
    state = AnnotationState(0)
    known: list[tuple[Event, bytes]] = []
    for content, event in zip(contents, events, strict=True):
        if event:
            state.add(event)
            known.append((event, content))
    if lost := len(read) - len(known):
        many = f"{plural(lost, 'line')} that cannot be read"
        if is_own:
            raise InputError(f"{log.file} has {many}, and would lose them: {RESTORE}")
        warnings.warn(
            f"{log.file}: left out {many}: restore it from a backup, and merge again",
            RshWarning,
            stacklevel=3,
        )
    new_keys = {one.key: keys.setdefault(one.name, one.key) for one in state.sets}
    times = [*accumulate((event.time for event, _ in reversed(known)), min)][::-1]
    return [
        Line(isinstance(event.changes[0], Final), time, event.id, _with_keys(content, new_keys))
        for (event, content), time in zip(known, times, strict=True)
    ]


def _with_keys(content: bytes, keys: dict[str, str]) -> bytes:
    """Return the line of an event with other keys of sets."""
    if all(old == new for old, new in keys.items()):
        return content
    event = read_json(content)
    for change in event["changes"]:
        if change.get("set") in keys:
            change["set"] = keys[change["set"]]
    return to_line(event)
