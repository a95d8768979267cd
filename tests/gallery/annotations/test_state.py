"""Events, undo and redo of two visitors add up to what a slow loop says."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_annotations import ANA, BEN, table, told
from reference_annotations import Reference

from rsh.gallery.annotations.store import AnnotationStore

TILES, CLASSES, COLORS = 5, ("coast", "forest", "sea"), ("#000000", "#1f77b4")
who = st.sampled_from([0, 1])
tiles = st.sets(st.integers(0, TILES - 1), min_size=1)
number = st.integers(0, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("give"), who, tiles, st.sampled_from(CLASSES), st.booleans()),
        st.tuples(st.just("take class"), who, tiles),
        st.tuples(st.just("create"), who, st.sets(st.integers(0, TILES - 1))),
        st.tuples(st.sampled_from(["put", "take"]), who, tiles, number),
        st.tuples(st.just("rename"), who, number, number),
        st.tuples(st.just("color"), who, number, st.sampled_from(COLORS)),
        st.tuples(st.just("delete"), who, number),
        st.tuples(st.just("group"), who, st.sampled_from("xy"), st.sampled_from(["", "north"])),
        st.tuples(st.sampled_from(["undo", "undo", "redo"]), who),
    ),
    max_size=25,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No one pulls the plug here: wait for no disk."""
    monkeypatch.setattr("os.fsync", lambda _: None)


class Both:
    """Two visitors, each with a page of their own, beside the reference."""

    def __init__(self, folder: Path) -> None:
        self.table = table(folder, TILES)
        self.pages = [AnnotationStore.open(self.table) for _ in range(2)]
        self.reference = Reference()

    def do(self, what: str, who: int, *more) -> None:
        store, visitor = self.pages[who], (ANA, BEN)[who]
        store.refresh()
        act = getattr(self, what.replace(" ", "_"), None)
        if what in ("undo", "redo"):
            done = getattr(store, what)(by=visitor)
            assert (done is not None) == getattr(self.reference, what)(visitor.person)
        else:
            act(store, visitor, *more)

    def give(self, store, visitor, tiles, name, settles) -> None:
        store.give_class(list(tiles), name, by=visitor, settle=settles)
        self.reference.do(visitor.person, ("class", name, settles), tiles=tiles)

    def take_class(self, store, visitor, tiles) -> None:
        store.take_class(list(tiles), by=visitor)
        self.reference.do(visitor.person, ("class", "", False), tiles=tiles)

    def create(self, store, visitor, tiles) -> None:
        name = self.free_name(store)
        key = store.create_set(name, list(tiles), by=visitor).key
        whats = [("name", key, name)] + [("member", key, True)] * bool(tiles)
        self.reference.do(visitor.person, *whats, tiles=tiles)

    def free_name(self, store) -> str:
        names = {one.name for one in store.state.sets}
        return next(name for name in map("set {}".format, range(99)) if name not in names)

    def put(self, store, visitor, tiles, number) -> None:
        if key := self.key(store, number):
            store.put(key, list(tiles), by=visitor)
            self.reference.do(visitor.person, ("member", key, True), tiles=tiles)

    def take(self, store, visitor, tiles, number) -> None:
        if key := self.key(store, number):
            store.take(key, list(tiles), by=visitor)
            self.reference.do(visitor.person, ("member", key, False), tiles=tiles)

    def rename(self, store, visitor, number, other) -> None:
        if key := self.key(store, number):
            name = self.free_name(store)
            store.rename_set(key, name, by=visitor)
            self.reference.do(visitor.person, ("name", key, name))

    def color(self, store, visitor, number, color) -> None:
        if key := self.key(store, number):
            store.color_set(key, color, by=visitor)
            self.reference.do(visitor.person, ("color", key, color))

    def delete(self, store, visitor, number) -> None:
        if key := self.key(store, number):
            store.delete_set(key, by=visitor)
            self.reference.do(visitor.person, ("delete", key))

    def group(self, store, visitor, key, name) -> None:
        store.name_group(key, name, by=visitor)
        self.reference.do(visitor.person, ("group", key, name))

    def key(self, store, number: int) -> str:
        """Return the key of a set that there is, if there is any."""
        keys = [one.key for one in store.state.sets]
        return keys[number % len(keys)] if keys else ""

    def expected(self) -> dict:
        sets: dict[str, tuple] = {}
        for name, color, members in self.reference.sets().values():
            number, found = 1, name
            while found in sets:
                number += 1
                found = f"{name} ({number})"
            sets[found] = (color, [f"t{tile}" for tile in sorted(members)])
        return {
            "classes": {f"t{tile}": name for tile, name in self.reference.classes().items()},
            "sets": sets,
            "groups": self.reference.groups(),
            "conflicts": {f"t{tile}": by for tile, by in self.reference.conflicts().items()},
        }


RENAMES = st.lists(
    st.tuples(
        st.just("rename class"), who, st.sampled_from(CLASSES), st.sampled_from(["", *CLASSES])
    )
)


@settings(max_examples=50)
@given(STEPS, RENAMES, st.randoms())
def test_classes_have_one_order_for_everybody(tmp_path_factory, steps, renames, random):
    both = Both(tmp_path_factory.mktemp("annotations"))
    every = [*steps, *renames]
    random.shuffle(every)
    for what, visitor, *more in every:
        page, by = both.pages[visitor], (ANA, BEN)[visitor]
        if what != "rename class":
            both.do(what, visitor, *more)
            continue
        page.refresh()
        name, new = more
        before = page.state.classes
        if name in before:
            page.rename_class(name, new, by=by) if new else page.remove_class(name, by=by)
            place = before.index(name)
            kept = [new if one == name else one for one in before]
            assert page.state.classes == list(dict.fromkeys(filter(None, kept)))
            assert new in before or not new or page.state.classes[place] == new
    for page in both.pages:
        page.refresh()
    first, second = (page.state for page in both.pages)
    assert first.classes == second.classes
    assert len({*first.classes}) == len(first.classes)
    assert {*first.given.names, *first.group_names.values()} <= {*first.classes}
    both.pages[0].compact(by=ANA)
    assert AnnotationStore.open(both.table).state.classes == second.classes


@settings(max_examples=50)
@given(STEPS, STEPS)
def test_changed_tiles_are_those_of_another_class(tmp_path_factory, steps, more):
    both = Both(tmp_path_factory.mktemp("annotations"))
    for step in steps:
        both.do(*step)
    before, known = both.pages[0].state.given, told(both.pages[0])["classes"]
    for step in more:
        both.do(*step)
    both.pages[0].refresh()
    given, now = both.pages[0].state.given, told(both.pages[0])["classes"]
    names = {f"t{row}": name for row, name in enumerate(given.of(range(TILES))) if name}
    assert names == now and given.num_tiles == len(now)
    changed = {f"t{row}" for row in given.changed(before).tolist()}
    assert changed == {tile for tile in {*now, *known} if now.get(tile) != known.get(tile)}


@settings(max_examples=150)
@given(STEPS)
def test_any_sequence_of_two_visitors_is_as_the_reference_says(tmp_path_factory, steps):
    both = Both(tmp_path_factory.mktemp("annotations"))
    for step in steps:
        both.do(*step)
        assert told(both.pages[step[1]]) == both.expected()
    for page in both.pages:
        page.refresh()
        assert told(page) == both.expected()
    again = AnnotationStore.open(both.table)
    assert told(again) == both.expected()
    assert list(told(again)["sets"]) == list(both.expected()["sets"])  # in one order
    kept = AnnotationStore.in_memory(both.table, again.dump())
    assert told(kept) == both.expected()
    again.compact(by=ANA)
    assert again.undo(by=ANA) is None and again.redo(by=BEN) is None
    compacted = told(AnnotationStore.open(both.table))
    assert compacted == both.expected() == told(again)
    assert list(compacted["sets"]) == list(both.expected()["sets"])
