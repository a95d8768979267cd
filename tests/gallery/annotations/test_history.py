"""What visitors did is told in words."""

from pathlib import Path

import pytest
from make_annotations import ANA, BEN, table

from rsh.gallery.annotations.events import (
    ClassChange,
    MemberChange,
    Reversal,
    SetChange,
    Tiles,
    UnknownChange,
    new_event,
)
from rsh.gallery.annotations.history import describe_event
from rsh.gallery.annotations.state import AnnotationState
from rsh.gallery.annotations.store import AnnotationStore


@pytest.fixture
def store(tmp_path: Path) -> AnnotationStore:
    return AnnotationStore.in_memory(table(tmp_path / "gallery"))


def test_each_event_is_told(store: AnnotationStore):
    store.give_class([1], "sea", by=ANA)
    store.take_class([1, 2], by=ANA)
    key = store.create_set("one", [1, 2, 3], by=BEN).key
    store.take(key, [1], by=BEN)
    store.rename_set(key, "two", by=BEN)
    store.color_set(key, "#000000", by=BEN)
    store.delete_set(key, by=BEN)
    store.undo(by=BEN)
    store.redo(by=BEN)
    store.name_group("0101", "north", by=ANA)
    store.name_group("0101", "", by=ANA)
    assert [describe_event(event, store.state) for event in store.state.events] == [
        "gave 1 tile the class sea",
        "took the class of 2 tiles away",
        "created the set one, put 3 tiles into the set two",
        "took 1 tile out of the set two",
        "renamed a set to two",
        "colored the set two",
        "deleted the set two",
        "undid: deleted the set two",
        "redid: deleted the set two",
        "named a group north",
        "took a group's name away",
    ]
    store.compact(by=ANA)
    (event,) = store.state.events[-1:]
    assert describe_event(event, store.state) == "compacted the log"


def test_what_is_told_controls_no_terminal():
    state = AnnotationState(3)
    state.add(new_event(ANA, [ClassChange("a\x1b[2J\n\u202eb", Tiles())]))
    assert describe_event(state.events[0], state).isprintable()


def test_odd_events_of_a_log_are_told_without_end():
    state = AnnotationState(3)
    loop = new_event(ANA, [Reversal("x", False)])
    circle = new_event(ANA, [Reversal(loop.id, True)])
    odd = new_event(BEN, [UnknownChange("box"), MemberChange("k", Tiles(), True)])
    colored = new_event(BEN, [SetChange("c", color="#000000"), ClassChange("a", Tiles())])
    for event in (loop, circle, odd, colored):
        state.add(event)
    words = [describe_event(event, state) for event in state.events]
    assert words[:2] == ["undid: an event", "redid: an event"]
    assert "later version" in words[2] and "0 tiles" in words[2]
    assert "set c" in words[3]
