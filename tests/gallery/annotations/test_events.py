"""Events are written and read exactly, and nothing else is read as one."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from rsh.gallery.annotations.event_lines import FEW, read_events, write_event
from rsh.gallery.annotations.events import (
    ClassChange,
    Event,
    Final,
    GroupChange,
    MemberChange,
    Reversal,
    SetChange,
    Tiles,
    UnknownChange,
    Visitor,
    new_event,
)

IDS = pa.array([f"t{number}" for number in range(200)])
ANA = Visitor("a1", "Ana")


def tiles(*rows: int) -> Tiles:
    return Tiles(np.array(rows, np.int32))


def plain(event: Event | None) -> object:
    """Return all of an event, so that two can be compared."""
    if event is None:
        return None
    parts = [
        {
            name: getattr(change, name).rows.tolist() if name == "tiles" else getattr(change, name)
            for name in change.__dataclass_fields__
        }
        for change in event.changes
    ]
    kinds = [type(change).__name__ for change in event.changes]
    return event.id, event.time, event.visitor, kinds, parts


@pytest.mark.parametrize(
    "changes",
    [
        [ClassChange("forest", tiles(3, 1))],
        [ClassChange("", tiles(3), settles=True)],
        [ClassChange("\ufeff long " * 20, tiles(*range(FEW + 1)))],
        [MemberChange("k", tiles(0), True), MemberChange("k", tiles(199), False)],
        [SetChange("k", "to check", "#1f77b4"), SetChange("k", is_deleted=True), SetChange("k")],
        [GroupChange("0101", "north"), GroupChange("0101", "")],
        [Reversal("e1", False)],
        [Reversal("e1", True)],
        [Final()],
    ],
)
def test_events_come_back(changes: list):
    for visitor in (ANA, Visitor("b")):
        event = new_event(visitor, changes)
        line = write_event(event, IDS)
        assert b"\n" not in line
        (found,) = read_events([line], IDS)
        assert plain(found) == plain(
            Event(event.id, event.time, visitor, tuple(map(in_order, changes)))
        )


def in_order(change):
    """Return a change as it comes back: many tiles are packed in the order of their ids."""
    if isinstance(change, ClassChange) and len(change.tiles) > FEW:
        rows = sorted(change.tiles.rows.tolist(), key="t{}".format)
        return ClassChange(change.name, tiles(*rows), change.settles)
    return change


def test_tiles_that_the_gallery_lacks_are_counted():
    event = new_event(
        ANA, [ClassChange("x", tiles(*range(100))), MemberChange("k", tiles(5), True)]
    )
    (found,) = read_events([write_event(event, IDS)], IDS[:40])
    assert found is not None
    given, member = found.changes
    assert sorted(given.tiles.rows) == [*range(40)] and given.tiles.absent == 60
    assert len(given.tiles) == 100 and found.num_statements == 101
    assert member.tiles.rows.tolist() == [5]


GOOD = json.loads(write_event(new_event(ANA, [ClassChange("forest", tiles(1))]), IDS))


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"id": "a b"},
        {"id": "x" * 65},
        {"time": "yesterday"},
        {"time": 5},
        {"time": "2026-08-19T12:34:56.789Z\n"},
        {"visitor": ""},
        {"visitor": "<b>"},
        {"visitor": 7},
        {"author": "x" * 80},
        {"author": "a\u202eb"},
        {"author": [1]},
        {"changes": []},
        {"changes": {}},
        {"changes": "x"},
        {"changes": [7]},
        {"changes": [{}]},
        {"changes": [{"kind": 7}]},
        {"changes": [{"kind": "class", "class": "x"}]},
        {"changes": [{"kind": "class", "class": "x" * 1001, "ids": []}]},
        {"changes": [{"kind": "class", "class": 7, "ids": []}]},
        {"changes": [{"kind": "class", "class": "\ud800", "ids": []}]},
        {"changes": [{"kind": "class", "class": "x", "ids": "t1"}]},
        {"changes": [{"kind": "class", "class": "x", "ids": [1]}]},
        {"changes": [{"kind": "class", "class": "x", "ids": [None]}]},
        {"changes": [{"kind": "class", "class": "x", "ids": ["\udfff"]}]},
        {"changes": [{"kind": "class", "class": "x", "packed": "", "count": 1}]},
        {"changes": [{"kind": "class", "class": "x", "packed": 7, "count": 1}]},
        {"changes": [{"kind": "class", "class": "x", "packed": "AA==", "count": "1"}]},
        {"changes": [{"kind": "put", "ids": ["t1"]}]},
        {"changes": [{"kind": "put", "set": "a/b", "ids": ["t1"]}]},
        {"changes": [{"kind": "set", "set": "k", "name": "x" * 80}]},
        {"changes": [{"kind": "set", "set": "k", "name": " x"}]},
        {"changes": [{"kind": "set", "set": "k", "name": "a;b"}]},
        {"changes": [{"kind": "set", "set": "k", "name": 7}]},
        {"changes": [{"kind": "set", "set": "k", "color": "red"}]},
        {"changes": [{"kind": "group", "group": "", "name": "x"}]},
        {"changes": [{"kind": "group", "group": "g", "name": "\x1b"}]},
        {"changes": [{"kind": "undo"}]},
        {"changes": [{"kind": "undo", "event": "e"}, {"kind": "class", "class": "x", "ids": []}]},
        {"changes": [{"kind": "final"}, {"kind": "final"}]},
    ],
)
def test_what_is_no_event_is_left_out(change: dict):
    good, bad = (json.dumps(value).encode() for value in (GOOD, GOOD | change))
    found = read_events([good, bad, good], IDS)
    assert [event is None for event in found] == [False, True, False]
    assert found[2] is not None and found[2].changes[0].tiles.rows.tolist() == [1]


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[]", b"null", b"7", b"{", b"\xff", b"[" * 10**5, b'{"a":' * 10**5, b"9" * 10**5],
)
def test_a_line_that_is_no_object_is_left_out(line: bytes):
    assert read_events([line], IDS) == [None]


@given(st.binary(max_size=60))
def test_no_bytes_are_an_event(line: bytes):
    assert read_events([line], IDS) == [None]


def test_a_change_of_a_later_version_is_kept_without_effect():
    line = json.dumps(GOOD | {"changes": [{"kind": "box", "corners": [1, 2]}]}).encode()
    (found,) = read_events([line], IDS)
    assert found is not None and found.changes[0] == found.changes[0]
    assert isinstance(found.changes[0], UnknownChange) and found.changes[0].kind == "box"


@pytest.mark.parametrize("token", ["", "a b", "ä", "x" * 65, "a\n", "<b>"])
def test_tokens_are_letters_and_digits(token: str):
    with refused("visitor", value=token):
        Visitor(token)


def test_authors_have_names():
    assert Visitor("a").person == "a" and ANA.person == "Ana"
    for author in ("x" * 80, "a\nb", " Ana"):
        with refused("author"):
            Visitor("a", author)


def test_many_tiles_take_few_bytes():
    ids = pa.array([f"coast/n{n % 90:02}e{n % 180:03}_{n}.jpg" for n in range(10_000)])
    event = new_event(ANA, [ClassChange("forest", Tiles(np.arange(10_000, dtype=np.int32)))])
    line = write_event(event, ids)
    assert len(line) < 8 * 10_000
    (found,) = read_events([line], ids)
    assert found is not None and sorted(found.changes[0].tiles.rows) == [*range(10_000)]


def test_the_modules_of_annotations_need_no_heavy_library():
    code = "import sys, rsh.gallery.gallery\n"
    code += "heavy = {'torch', 'sklearn', 'rasterio', 'numba', 'matplotlib', 'scipy'}\n"
    code += "print('rsh.gallery.annotations.store' in sys.modules, heavy & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout.split("\n")[0] == "True set()"
