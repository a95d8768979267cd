"""The annotations of several galleries become those of one."""

from pathlib import Path

import pytest
from make_annotations import ANA, BEN, table, told
from refusals import refused

from rsh.errors import RshWarning
from rsh.gallery.annotations import events
from rsh.gallery.annotations.merging import merge_annotations
from rsh.gallery.annotations.store import ANNOTATIONS, AnnotationStore


class Clock:
    """Tells the minutes that a test sets."""

    minute = 0

    def now(self, zone: object) -> "Clock":
        return self

    def isoformat(self, timespec: str) -> str:
        return f"2026-01-01T00:{self.minute:02}:00.000+00:00"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr("os.fsync", lambda _: None)
    clock = Clock()
    monkeypatch.setattr(events, "datetime", clock)
    return clock


@pytest.fixture
def stores(tmp_path: Path) -> list[AnnotationStore]:
    return [AnnotationStore.open(table(tmp_path / name)) for name in "ab"]


def merged(tmp_path: Path, *names: str) -> dict:
    into = table(tmp_path / "".join(["into", *names]))
    merge_annotations([tmp_path / name for name in names], into.folder)
    return told(AnnotationStore.open(into))


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_the_later_class_holds_whatever_the_order_of_galleries(tmp_path, stores, clock, order):
    one, other = stores
    for minute, (store, name) in enumerate([(one, "sea"), (other, "ice"), (one, "coast")]):
        clock.minute = minute
        store.give_class([1], name, by=ANA if store is one else BEN)
        store.give_class([2 + minute], name, by=ANA)
    found = merged(tmp_path, *order)
    assert found["classes"] == {"t1": "coast", "t2": "sea", "t3": "ice", "t4": "coast"}
    assert found["conflicts"] == {"t1": {"Ana": "coast", "Ben": "ice"}}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_lines_of_one_log_keep_their_order_when_its_clock_was_wrong(tmp_path, stores, clock, order):
    one, other = stores
    for minute, name in ((50, "sea"), (10, "ice"), (12, "coast")):
        clock.minute = minute
        one.give_class([1], name, by=ANA)
    clock.minute = 20
    other.give_class([1], "forest", by=ANA)
    assert merged(tmp_path, *order)["classes"] == {"t1": "forest"}
    assert merged(tmp_path, "a")["classes"] == {"t1": "coast"}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_compaction_of_one_gallery_makes_nothing_newer(tmp_path, stores, clock, order):
    one, other = stores
    one.give_class([1, 2], "sea", by=ANA)
    one.create_set("some", [1], by=ANA)
    clock.minute = 1
    other.give_class([1], "ice", by=ANA)
    other.give_class([3], "ice", by=BEN)
    clock.minute = 2
    one.compact(by=BEN)
    clock.minute = 3
    other.undo(by=BEN)
    found = merged(tmp_path, *order)
    assert found["classes"] == {"t1": "ice", "t2": "sea"}
    assert found["sets"] == {"some": ("", ["t1"])}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_what_one_visitor_redid_stays_though_they_worked_elsewhere_too(
    tmp_path, stores, clock, order
):
    one, other = stores
    one.give_class([1], "sea", by=ANA)
    one.undo(by=ANA)
    clock.minute = 1
    other.give_class([2], "ice", by=ANA)
    clock.minute = 2
    one.redo(by=ANA)
    assert merged(tmp_path, *order)["classes"] == {"t1": "sea", "t2": "ice"}


def test_sets_of_one_name_become_one_and_events_count_once(tmp_path, stores, clock):
    one, other = stores
    one.create_set("some", [1], by=ANA)
    other.create_set("some", [2], by=BEN)
    assert merged(tmp_path, "a", "b", "a")["sets"] == {"some": ("", ["t1", "t2"])}


def test_lines_that_cannot_be_read_are_told(tmp_path, stores, clock):
    one, _ = stores
    one.give_class([1], "sea", by=ANA)
    one.give_class([2], "sea", by=ANA)
    file = tmp_path / "a" / ANNOTATIONS
    file.write_bytes(file.read_bytes().replace(b'"t1"', b'"t3"'))
    with pytest.warns(RshWarning, match="1 line that cannot be read"):
        assert merged(tmp_path, "a")["classes"] == {"t2": "sea"}
    before = file.read_bytes()
    with refused(names=(file, "1 line that cannot be read")):
        merge_annotations([tmp_path / "b"], tmp_path / "a")
    assert file.read_bytes() == before
