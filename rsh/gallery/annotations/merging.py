"""Merges the annotations of several galleries."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from rsh.gallery.annotations.event_lines import read_events, read_json, to_line
from rsh.gallery.annotations.state import AnnotationState
from rsh.gallery.annotations.store import open_log


def merge_annotations(folders: Iterable[Path], into: Path) -> None:
    """Write the annotations of galleries into one folder; sets of one name become one.

    Those that the folder holds are kept, and an event that several galleries hold counts once.

    Args:
        folders: of the galleries.
        into: the folder, which exists.

    Raises:
        InputError: a log cannot be read, or the new one cannot be written.
    """
    keys: dict[str, str] = {}  # of sets, by name
    lines: dict[str, bytes] = {}  # by id of the event
    for folder in (into, *folders):
        contents = open_log(folder).contents()
        events = read_events(contents, pa.array([], pa.string()))
        state = AnnotationState(0)
        for event in events:
            if event:
                state.add(event)
        new_keys = {one.key: keys.setdefault(one.name, one.key) for one in state.sets}
        for content, event in zip(contents, events, strict=True):
            if event:
                lines.setdefault(event.id, _with_keys(content, new_keys))
    if lines:
        log = open_log(into)
        with log.exclusive():
            log.replace(lines.values())


def _with_keys(content: bytes, keys: dict[str, str]) -> bytes:
    """Return the line of an event with other keys of sets."""
    if all(old == new for old, new in keys.items()):
        return content
    event = read_json(content)
    for change in event["changes"]:
        if change.get("set") in keys:
            change["set"] = keys[change["set"]]
    return to_line(event)
