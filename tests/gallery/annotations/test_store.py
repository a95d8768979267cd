"""What visitors give is kept in the gallery's folder, or in memory, and told to other visitors."""

import json
from pathlib import Path

import numpy as np
import pytest
from make_annotations import ANA, BEN, table, told
from make_faults import full_everywhere
from ordinary_user import as_ordinary_user
from refusals import refused

from rsh.gallery.annotations import store as module
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.annotations.names import MAX_NAME
from rsh.gallery.annotations.store import ANNOTATIONS, AnnotationStore
from rsh.io import append_log


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No one pulls the plug here: wait for no disk."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def store(tmp_path: Path) -> AnnotationStore:
    return AnnotationStore.open(table(tmp_path / "gallery"))


def reopened(store: AnnotationStore, **options) -> AnnotationStore:
    return AnnotationStore.open(table(store._gallery.folder, **options))


def file_of(store: AnnotationStore) -> Path:
    return store._gallery.folder / ANNOTATIONS


def test_opening_and_reading_write_nothing(store: AnnotationStore):
    assert told(store) == {"classes": {}, "sets": {}, "groups": {}, "conflicts": {}}
    assert store.refresh() is False and store.undo(by=ANA) is None
    assert store.writable and store.is_kept and store.notes == []
    assert {path.name for path in file_of(store).parent.iterdir()} <= {f".{ANNOTATIONS}.lock"}


def test_what_was_given_is_there_again(store: AnnotationStore):
    store.give_class([3, 1, 3], " forest ", by=ANA)
    one = store.create_set("to check", [0, 5], by=BEN, color="#1F77B4")
    store.take(one.key, [5], by=ANA)
    store.name_group("0101", "northern <b>", by=BEN)
    assert one.num_tiles == 2 and one.color == "#1f77b4"
    expected = {
        "classes": {"t1": "forest", "t3": "forest"},
        "sets": {"to check": ("#1f77b4", ["t0"])},
        "groups": {"0101": "northern <b>"},
        "conflicts": {},
    }
    assert told(store) == told(reopened(store)) == expected
    said = reopened(store).state.statement(3)
    assert said and said.name == "forest" and said.event.visitor == ANA
    assert said.event.time.endswith("Z")
    assert store.state.statement(0) is None
    assert [one.name for one in store.state.find_sets(0)] == ["to check"]
    assert store.state.find_sets(1) == []


def test_two_pages_see_what_the_other_gives(store: AnnotationStore):
    other = reopened(store)
    store.give_class([1], "forest", by=ANA)
    before = other.version
    assert other.refresh() and other.version > before
    assert told(other) == told(store)
    before = other.version
    assert not other.refresh() and other.version == before
    other.give_class([2], "sea", by=BEN)
    store.give_class([3], "sea", by=ANA)  # reads what the other gave before it writes
    assert told(store)["classes"] == {"t1": "forest", "t2": "sea", "t3": "sea"}


def test_labels_outlive_other_rows_and_tiles_that_go_and_come(store: AnnotationStore):
    store.give_class([1, 2], "forest", by=ANA)
    store.create_set("some", [2, 4], by=ANA)
    shuffled = reopened(store, ids=["t4", "new", "t2"])
    assert told(shuffled)["classes"] == {"t2": "forest"}
    assert told(shuffled)["sets"] == {"some": ("", ["t4", "t2"])}
    shuffled.give_class([1], "sea", by=BEN)
    assert told(reopened(store))["classes"] == {"t1": "forest", "t2": "forest"}
    everything = ["new", *(f"t{number}" for number in range(6))]
    assert told(reopened(store, ids=everything))["classes"]["new"] == "sea"


def test_the_later_of_two_classes_holds_and_both_are_told(store: AnnotationStore):
    other = reopened(store)
    store.give_class([1, 2], "forest", by=ANA)
    other.give_class([2, 3], "sea", by=BEN)
    store.refresh()
    for one in (store, other):
        assert told(one)["classes"] == {"t1": "forest", "t2": "sea", "t3": "sea"}
        assert told(one)["conflicts"] == {"t2": {"Ana": "forest", "Ben": "sea"}}
    (conflict,) = store.state.conflicts
    assert [said.event.visitor for said in conflict.statements] == [ANA, BEN]
    other.undo(by=BEN)
    assert told(other)["conflicts"] == {}
    assert told(other)["classes"] == {"t1": "forest", "t2": "forest"}


def test_one_person_with_two_browsers_is_in_no_conflict(store: AnnotationStore):
    store.give_class([1], "forest", by=ANA)
    store.give_class([1], "sea", by=Visitor("another", "Ana"))
    store.give_class([2], "sea", by=Visitor("x"))
    store.give_class([2], "forest", by=Visitor("y"))
    assert told(store)["conflicts"] == {"t2": {"x": "sea", "y": "forest"}}


def test_visitors_without_a_name_have_an_alias(store: AnnotationStore):
    store.give_class([1], "forest", by=ANA)
    store.give_class([1], "sea", by=Visitor("secret"))
    assert [store.state.alias(one) for one in (ANA, Visitor("secret"))] == ["Ana", "unknown"]
    store.give_class([1], "ice", by=Visitor("other"))
    store.give_class([2], "ice", by=Visitor("secret"))
    said = [store.state.alias(one.event.visitor) for one in store.state.conflicts[0].statements]
    assert said == ["Ana", "unknown 1", "unknown 2"]


@pytest.mark.parametrize("how", ["agree", "settle", "take away"])
def test_conflicts_end(store: AnnotationStore, how: str):
    store.give_class([1], "forest", by=ANA)
    store.give_class([1], "sea", by=BEN)
    assert told(store)["conflicts"]
    if how == "agree":
        store.give_class([1], "sea", by=ANA)
    elif how == "settle":
        store.give_class([1], "coast", by=Visitor("owner"), settle=True)
    else:
        store.take_class([1], by=BEN)
    assert told(store)["conflicts"] == {}


def test_undo_takes_back_ones_own_events_alone(store: AnnotationStore):
    key = store.create_set("some", by=ANA).key
    store.put(key, [1, 2], by=ANA)
    store.put(key, [2, 3], by=BEN)
    undone = store.undo(by=ANA)
    assert undone and undone.num_statements == 2
    assert told(store)["sets"]["some"][1] == ["t2", "t3"]  # t2 is there by Ben
    assert store.undo(by=ANA) is not None and store.undo(by=ANA) is None
    assert told(store)["sets"]["some"][1] == ["t2", "t3"]  # Ben's tiles keep the set
    assert store.state.redoable("a1") and not store.state.redoable("b2")
    store.redo(by=ANA), store.redo(by=ANA)
    assert told(store)["sets"]["some"][1] == ["t1", "t2", "t3"]
    assert store.redo(by=ANA) is None
    store.undo(by=ANA)
    store.give_class([0], "sea", by=ANA)
    assert store.redo(by=ANA) is None  # Ana went another way


def test_many_things_are_given_and_undone_at_once(store: AnnotationStore):
    store.create_set("old", [0], by=BEN)
    store.give_all({"sea": [1, 2], "ice": [3]}, {"old": [1], "new": [4, 5]}, by=ANA)
    assert told(store)["classes"] == {"t1": "sea", "t2": "sea", "t3": "ice"}
    assert told(store)["sets"] == {"old": ("", ["t0", "t1"]), "new": ("", ["t4", "t5"])}
    store.undo(by=ANA)
    assert told(store)["classes"] == {} and told(store)["sets"] == {"old": ("", ["t0"])}


def test_two_spellings_of_one_set_are_one(store: AnnotationStore):
    store.give_all({}, {"a\u0308": [1], "ä": [2]}, by=ANA)
    assert told(store)["sets"] == {"ä": ("", ["t1", "t2"])}


@pytest.mark.parametrize("name", [" My set ", "My\N{NO-BREAK SPACE}set", "\u3000My set"])
def test_a_set_is_found_as_it_is_typed(store: AnnotationStore, name: str):
    store.create_set("My set", [1], by=ANA)
    assert store.state.find_set(name).name == "My set"


def test_sets_of_one_name_are_told_apart(store: AnnotationStore):
    store.create_set("some", [1], by=ANA)
    store.undo(by=ANA)
    store.create_set("some", [2], by=BEN)
    store.redo(by=ANA)
    assert told(store)["sets"] == {"some": ("", ["t1"]), "some (2)": ("", ["t2"])}
    assert store.state.find_set("some (2)").num_tiles == 1


def test_classes_of_the_gallery_may_have_any_name(tmp_path: Path):
    odd = "x" * 80 + "\u202e"
    store = AnnotationStore.open(table(tmp_path / "gallery", classes=(odd, " spaced")))
    store.give_class([1], odd, by=ANA)
    store.give_class([2], " spaced", by=ANA)
    assert told(store)["classes"] == {"t1": odd, "t2": " spaced"}
    assert told(reopened(store))["classes"] == {"t1": odd, "t2": " spaced"}


@pytest.mark.parametrize("rows", [[], [6], [-1], [0.5], ["t1"], [True], [1, 99]])
def test_rows_are_those_of_tiles(store: AnnotationStore, rows: list):
    with refused():
        store.give_class(rows, "sea", by=ANA)
    assert not file_of(store).exists()


def test_wrong_names_are_refused_before_anything_is_written(store: AnnotationStore):
    key = store.create_set("some", [1], by=ANA).key
    before = file_of(store).read_bytes()
    long = "x" * 80
    for wrong, parameter in (
        (lambda: store.create_set(long, by=ANA), "name"),
        (lambda: store.create_set("a;b", by=ANA), "name"),
        (lambda: store.create_set(" some", by=BEN), "name"),
        (lambda: store.create_set("x", by=ANA, color="red"), "color"),
        (lambda: store.rename_set(key, long, by=ANA), "name"),
        (lambda: store.color_set(key, "red", by=ANA), "color"),
        (lambda: store.give_class([1], long, by=ANA), "class"),
        (lambda: store.give_class([1], "a\nb", by=ANA), "class"),
        (lambda: store.give_all({"sea": [1]}, {long: [1]}, by=ANA), "set"),
        (lambda: store.name_group("", "x", by=ANA), "group"),
        (lambda: store.name_group("g", long, by=ANA), "name"),
        (lambda: store.state.find_set("other"), None),
        (lambda: store.put("no-key", [1], by=ANA), None),
        (lambda: store.delete_set("no-key", by=ANA), None),
    ):
        with refused(parameter):
            wrong()
    assert file_of(store).read_bytes() == before
    with refused("name", names=(MAX_NAME, 80)):
        store.create_set(long, by=ANA)


def test_a_name_is_free_again_when_its_set_is_deleted_or_renamed(store: AnnotationStore):
    first = store.create_set("some", [1], by=ANA).key
    store.rename_set(first, "some", by=ANA)  # its own name
    store.rename_set(first, "other", by=ANA)
    second = store.create_set("some", [2], by=BEN).key
    with refused("name", value="some"):
        store.rename_set(first, "some", by=ANA)
    store.delete_set(second, by=BEN)
    store.rename_set(first, "some", by=ANA)
    assert told(store)["sets"] == {"some": ("", ["t1"])}
    with refused():
        store.put(second, [3], by=ANA)
    store.undo(by=BEN)  # the deletion
    assert told(store)["sets"] == {"some": ("", ["t1"]), "some (2)": ("", ["t2"])}


def test_markup_stays_text(store: AnnotationStore):
    name = "<img src=x onerror=alert(1)>"
    store.create_set(name, [1], by=Visitor("a", "<b>Ana</b>"))
    store.give_class([1], name, by=ANA)
    assert told(reopened(store))["classes"] == {"t1": name}
    assert store.state.find_set(name).num_tiles == 1


def test_limits_are_told(store: AnnotationStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_SETS", 2)
    monkeypatch.setattr(module, "MAX_KEYS", 3)
    for name in "ab":
        store.create_set(name, by=ANA)
    with refused(names=2):
        store.create_set("c", by=ANA)
    with refused(names=2):
        store.give_all({}, {"a": [1], "c": [1]}, by=ANA)
    store.delete_set(store.state.find_set("a").key, by=ANA)
    store.create_set("c", by=ANA)
    store.delete_set(store.state.find_set("c").key, by=ANA)
    with refused(names="rsh labels compact"):
        store.create_set("d", by=ANA)
    store.compact(by=ANA)
    store.create_set("d", by=ANA)
    assert list(told(reopened(store))["sets"]) == ["b", "d"]


@pytest.mark.parametrize("limit", ["MAX_EVENTS", "MAX_STATEMENTS"])
def test_a_log_grows_to_what_is_read_again(store, monkeypatch: pytest.MonkeyPatch, limit: str):
    monkeypatch.setattr(module, limit, 4)
    for _ in range(4):
        store.give_class([1], "sea", by=ANA)
    with refused(names="rsh labels compact"):
        store.give_class([1], "sea", by=ANA)
    assert told(reopened(store)) == told(store)
    store.compact(by=ANA)
    store.give_class([2], "sea", by=ANA)
    assert told(reopened(store))["classes"] == {"t1": "sea", "t2": "sea"}
    monkeypatch.setattr(module, limit, 1)
    with refused(names=ANNOTATIONS):
        reopened(store)
    monkeypatch.setattr(module, limit, 99)
    assert told(reopened(store))["classes"] == {"t1": "sea", "t2": "sea"}


def test_a_page_that_could_not_read_all_reads_it_later(store, monkeypatch: pytest.MonkeyPatch):
    other = reopened(store)
    for row in range(3):
        store.give_class([row], "sea", by=ANA)
    with monkeypatch.context() as patch:
        patch.setattr(module, "MAX_EVENTS", 2)
        for _ in range(2):
            with refused(names=ANNOTATIONS):
                other.refresh()
    assert other.refresh() and told(other) == told(store)


def test_damage_is_told_and_the_rest_is_read(store: AnnotationStore):
    for row in range(3):
        store.give_class([row], "sea", by=ANA)
    content = file_of(store).read_bytes()
    file_of(store).write_bytes(content.replace(b'"t1"', b'"t2"'))
    found = reopened(store)
    assert told(found)["classes"] == {"t0": "sea", "t2": "sea"}
    (note,) = found.notes
    assert str(file_of(store)) in note and "1 damaged line" in note
    found.give_class([4], "sea", by=BEN)
    assert told(reopened(store))["classes"] == {"t0": "sea", "t2": "sea", "t4": "sea"}


def test_compaction_deletes_no_damaged_line(store: AnnotationStore):
    for row in range(3):
        store.give_class([row], "sea", by=ANA)
    damaged = file_of(store).read_bytes().replace(b'"t1"', b'"t2"')
    file_of(store).write_bytes(damaged)
    with refused(names=(file_of(store), "1 line that", "move it away")):
        store.compact(by=ANA)
    assert file_of(store).read_bytes() == damaged


def test_labels_stay_when_windows_changes_the_line_breaks(store: AnnotationStore):
    for row in range(3):
        store.give_class([row], "sea", by=ANA)
    before = told(store)
    file_of(store).write_bytes(file_of(store).read_bytes().replace(b"\n", b"\r\n"))
    found = reopened(store)
    assert told(found) == before and found.notes == []
    found.compact(by=ANA)
    assert told(reopened(store)) == before


def test_lines_of_other_programs_are_told(store: AnnotationStore):
    store.give_class([1], "sea", by=ANA)
    event = store.dump()["events"][0]
    later = event | {"id": "x", "changes": [{"kind": "box"}, *event["changes"]]}
    for line in ({"some": "thing"}, later):
        with store._log.exclusive():
            store.refresh()
            store._log.append(json.dumps(line).encode())
    found = reopened(store)
    assert told(found)["classes"] == {"t1": "sea"}
    assert len(found.notes) == 2 and all(str(file_of(store)) in note for note in found.notes)
    assert len(found.dump()["events"]) == 3
    with store._log.exclusive():
        store.refresh()
        store._log.append(b"{ no JSON")
    assert len(reopened(store).dump()["events"]) == 3  # fuzzing found it
    before = file_of(store).read_bytes()
    with refused(names=(file_of(store), "2 lines", "restore it from a backup")):
        found.compact(by=ANA)
    assert file_of(store).read_bytes() == before
    kept = [
        line for line in before.splitlines(True) if b"thing" not in line and b"{ no" not in line
    ]
    file_of(store).write_bytes(b"".join(kept))
    found.compact(by=ANA)
    assert "box" in file_of(store).read_text()


def test_an_event_counts_once(store: AnnotationStore):
    store.give_class([1], "sea", by=ANA)
    twice = file_of(store).read_bytes().splitlines(keepends=True)
    file_of(store).write_bytes(b"".join([*twice, twice[-1]]))
    assert len(reopened(store).state.events) == 1


def test_no_visitor_undoes_what_another_did(store: AnnotationStore):
    """No rsh writes this, but anyone may write into a log."""
    event = store.give_class([1], "sea", by=ANA)
    forged = {"time": event.time, "visitor": "b2", "id": "f"}
    for number, target in enumerate((event.id, "nothing", "f0")):
        change = {"kind": "undo", "event": target}
        with store._log.exclusive():
            store.refresh()
            line = forged | {"id": f"f{number}", "changes": [change]}
            store._log.append(json.dumps(line).encode())
    assert told(reopened(store))["classes"] == {"t1": "sea"}


def test_a_store_in_memory_writes_nothing(tmp_path: Path):
    gallery = table(tmp_path / "gallery")
    store = AnnotationStore.in_memory(gallery)
    assert store.writable and not store.is_kept
    store.give_class([1], "sea", by=ANA)
    store.create_set("ä", [2], by=ANA)
    store.give_class([1], "ice", by=ANA)
    store.undo(by=ANA)
    assert list(gallery.folder.iterdir()) == []
    dump = json.loads(json.dumps(store.dump()))
    again = AnnotationStore.in_memory(gallery, dump)
    assert told(again) == told(store) and told(again)["classes"] == {"t1": "sea"}
    again.redo(by=ANA)
    assert told(again)["classes"] == {"t1": "ice"}
    again.compact(by=ANA)
    assert told(again)["classes"] == {"t1": "ice"} and again.undo(by=ANA) is None
    kept = AnnotationStore.open(gallery)
    kept.give_class([5], "sea", by=ANA)
    assert told(AnnotationStore.in_memory(gallery, kept.dump())) == told(kept)


@pytest.mark.parametrize(
    "dump",
    [
        *(7, [], "x", {}, {"format": 2, "events": []}, {"format": 1}, {"format": 1, "events": 7}),
        {"format": 1, "events": ["\ud800"]},
        {"format": 1, "events": [object()]},
    ],
)
def test_what_a_browser_sends_may_be_anything(tmp_path: Path, dump: object):
    with refused():
        AnnotationStore.in_memory(table(tmp_path / "gallery"), dump)


def test_a_browser_sends_no_more_than_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    gallery = table(tmp_path / "gallery")
    unread = {"format": 1, "events": [7, None, {"a": 1}, "x"]}
    assert len(AnnotationStore.in_memory(gallery, unread).notes) == 1
    monkeypatch.setattr(module, "MAX_MEMORY_BYTES", 300)
    with refused():
        AnnotationStore.in_memory(gallery, {"format": 1, "events": ["x" * 400]})
    store = AnnotationStore.in_memory(gallery)
    store.give_class([1], "sea", by=ANA)
    with refused():
        store.give_class([*range(6)], "sea" * 20, by=ANA)
    assert told(store)["classes"] == {"t1": "sea"}


def test_storage_that_cannot_be_written_says_so(store, monkeypatch: pytest.MonkeyPatch):
    store.give_class([1], "sea", by=ANA)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr("tempfile.TemporaryDirectory", refuse)
        sealed = reopened(store)
        assert not sealed.writable and "Read-only file system" in sealed.why_read_only
        assert told(sealed)["classes"] == {"t1": "sea"}
    with monkeypatch.context() as patch:
        patch.setattr("os.access", lambda *_: False)
        sealed = reopened(store)
        assert not sealed.writable and str(file_of(store)) in sealed.why_read_only


def test_a_folder_without_permission_says_so(store: AnnotationStore):
    store.give_class([1], "sea", by=ANA)
    folder = file_of(store).parent
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555)

    def use() -> None:
        sealed = reopened(store)
        assert not sealed.writable and told(sealed)["classes"] == {"t1": "sea"}
        with refused(names=folder):
            sealed.give_class([2], "sea", by=ANA)

    try:
        as_ordinary_user(use)
    finally:
        folder.chmod(0o755)


def test_full_disk_while_saving_leaves_all_as_it_was(tmp_path: Path):
    gallery = table(tmp_path / "gallery", 3000)
    file = gallery.folder / ANNOTATIONS

    def begin() -> None:
        file.unlink(missing_ok=True)
        AnnotationStore.open(gallery).give_class([1], "sea", by=ANA)

    def change() -> None:
        AnnotationStore.open(gallery).give_class(np.arange(3000), "ice", by=BEN)

    assert full_everywhere(tmp_path, begin, change, lambda: told(AnnotationStore.open(gallery))) > 3


def test_a_page_goes_on_after_a_full_disk(store: AnnotationStore, monkeypatch):
    store.give_class([1], "sea", by=ANA)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with refused(names=("cannot write", "No space left on device")):
            store.give_class([2], "sea", by=ANA)
    assert told(store)["classes"] == {"t1": "sea"} == told(reopened(store))["classes"]
    store.give_class([3], "sea", by=ANA)
    assert told(store)["classes"] == {"t1": "sea", "t3": "sea"} == told(reopened(store))["classes"]


def test_compaction_is_seen_by_other_pages(store: AnnotationStore):
    other = reopened(store)
    for name in ("sea", "ice", "coast"):
        store.give_class([1, 2], name, by=ANA)
    other.refresh()
    size = file_of(store).stat().st_size
    store.compact(by=BEN)
    assert file_of(store).stat().st_size < size
    assert other.refresh() and told(other) == told(store)
    said = other.state.statement(1)
    assert said and said.event.visitor == ANA
    other.give_class([3], "sea", by=BEN)
    assert store.refresh() and told(store)["classes"]["t3"] == "sea"


def test_compaction_keeps_what_is_said_of_tiles_that_are_gone(store: AnnotationStore):
    store.give_class([1, 2, 3], "sea", by=ANA)
    store.create_set("some", [2, 5], by=ANA)
    store.give_class([2], "ice", by=BEN)
    before = told(store)
    reopened(store, ids=["t3", "t5"]).compact(by=BEN)
    assert told(reopened(store)) == before


def test_many_tiles_at_once_are_one_line(tmp_path: Path):
    gallery = table(tmp_path / "gallery", 100_000)
    store = AnnotationStore.open(gallery)
    store.give_class(np.arange(100_000), "sea", by=ANA)
    assert file_of(store).stat().st_size < 600_000
    assert set(told(reopened(store, ids=100_000))["classes"].values()) == {"sea"}


def test_too_much_for_one_line_is_refused(store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(append_log, "MAX_LINE", 200)
    with refused(names="choose fewer tiles"):
        store.give_class([1, 2, 3], "sea" * 20, by=ANA)
    assert told(store)["classes"] == {}
