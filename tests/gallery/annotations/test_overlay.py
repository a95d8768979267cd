"""Labels that visitors gave stand before those of the table; conditions find them and sets."""

from pathlib import Path

import numpy as np
import pytest
from make_annotations import ANA, BEN
from make_gallery import half_labeled, tiny_gallery, without_classes
from refusals import refused

from rsh.gallery.annotations.overlay import choose_labels
from rsh.gallery.annotations.store import AnnotationStore
from rsh.gallery.filters import Condition, Filter
from rsh.gallery.gallery import Gallery
from rsh.search.retrieve import search


@pytest.fixture
def opened(tmp_path: Path) -> Gallery:
    return tiny_gallery(
        tmp_path / "gallery", num_tiles=24, num_bits=16, projection=False, more=half_labeled
    )


def names_of(opened: Gallery, choice: str) -> list[str]:
    names, numbers = choose_labels(opened, opened.annotations.state, choice)
    assert names == sorted(names) and numbers.dtype == np.int64
    return [[*names, ""][number] for number in numbers]


def test_without_annotations_labels_are_those_of_the_table(opened: Gallery):
    assert choose_labels(opened, opened.annotations.state) == (opened.classes, opened.labels)
    assert set(names_of(opened, "given")) == {""}


def test_a_given_class_stands_before_that_of_the_table(opened: Gallery):
    encoded = opened.items["class"].tolist()
    new, known = opened.classes[0] + "x", opened.classes[1]
    opened.annotations.give_class([0, 1, 2], new, by=ANA)
    opened.annotations.give_class([2, 3], known, by=BEN)
    assert names_of(opened, "file") == encoded
    assert names_of(opened, "given")[:5] == [new, new, known, known, ""]
    assert names_of(opened, "all") == [new, new, known, known, *encoded[4:]]
    opened.annotations.take_class([2], by=BEN)  # the table's class shows again
    assert names_of(opened, "all")[:4] == [new, new, encoded[2], known]
    assert opened.items["class"].tolist() == encoded


def test_the_choice_of_labels_is_checked(opened: Gallery):
    with refused("labels", value="some"):
        choose_labels(opened, opened.annotations.state, "some")


def test_a_gallery_without_labels_gets_some(tmp_path: Path):
    opened = tiny_gallery(tmp_path / "gallery", num_tiles=10, num_bits=16, more=without_classes)
    opened.annotations.give_class([3], "sea", by=ANA)
    assert names_of(opened, "all") == ["", "", "", "sea", *[""] * 6]
    assert found(opened, "label=sea") == [3]


def found(opened: Gallery, *texts: str) -> list[int]:
    return opened.searchable_rows(Filter.read(texts), include_held_out=True).tolist()


def test_conditions_on_sets_and_labels(opened: Gallery):
    store, encoded = opened.annotations, opened.items["class"]
    store.create_set("a", [1, 2, 3], by=ANA)
    store.create_set("b <i>", [3, 4], by=ANA)
    store.create_set("x..y", [5], by=ANA)
    store.give_class([0, 1], "sea, deep", by=ANA)
    store.give_class([2], opened.classes[0], by=ANA)
    others = [row for row in range(24) if row not in (1, 2, 3)]
    assert found(opened, "set=a") == [1, 2, 3]
    assert found(opened, "set=a,b <i>") == [1, 2, 3, 4]
    assert found(opened, "set!=a") == others
    assert found(opened, "set=a", "set=b <i>") == [3]
    assert found(opened, "set=x..y") == [5]
    first = [r for r in range(24) if r == 2 or (r > 2 and encoded[r] == opened.classes[0])]
    assert found(opened, f"label={opened.classes[0]}") == first
    has_label = [row for row in range(24) if row < 3 or encoded[row]]
    assert found(opened, f"label!={opened.classes[0]}") == [r for r in has_label if r not in first]
    comma = Filter((Condition("label", ("sea, deep",)),))
    assert opened.searchable_rows(comma, include_held_out=True).tolist() == [0, 1]
    assert found(opened, "set=a", "id!=" + opened.items["id"][1]) == [2, 3]


def test_names_with_commas_and_dots_are_found(opened: Gallery):
    store = opened.annotations
    names = ["sea", "sea, deep", "a..b", "a .. c", "wait..", "x,", "a,b..c", "deep"]
    for row, name in enumerate(names):
        store.give_class([row], name, by=ANA)
        assert found(opened, f"label={name}") == [row]
        assert row not in found(opened, f"label!={name}")
        (condition,) = Filter.read([f"label={name}"]).conditions
        assert Filter.read([str(condition)]).conditions == (condition,)
    assert found(opened, "label= sea,\N{NO-BREAK SPACE}deep ") == [1]
    assert found(opened, "label=sea,deep") == [0, 7]
    assert found(opened, "label=deep, sea, deep,a .. c,x,") == [1, 3, 5, 7]
    store.create_set("x .. y", [8], by=ANA)
    store.create_set("p=q", [9], by=ANA)
    assert found(opened, "set=x .. y") == [8] and found(opened, "set=p=q , x .. y") == [8, 9]
    for wrong in ("label=sea,,deep", "label=a,", "label=,", "label=", "set=p=q,", "set=..p"):
        with refused("filter"):
            found(opened, wrong)


def test_held_out_tiles_of_a_set_stay_held_out(opened: Gallery):
    held_out = np.setdiff1d(np.arange(24), opened.searchable)
    both = [held_out[0], opened.searchable[0]]
    opened.annotations.create_set("both", both, by=ANA)
    opened.annotations.create_set("queries", held_out, by=ANA)
    assert opened.searchable_rows(Filter.read(["set=both"])).tolist() == [both[1]]
    with refused("filter", names="held-out"):
        opened.searchable_rows(Filter.read(["set=queries"]))


def test_sets_are_as_they_are_now(opened: Gallery):
    opened.annotations.create_set("a", [1, 2], by=ANA)
    assert found(opened, "set=a") == [1, 2]
    other = AnnotationStore.open(opened)  # of another page
    other.put(other.state.sets[0].key, [7], by=BEN)
    assert found(opened, "set=a") == [1, 2, 7]
    opened.annotations = AnnotationStore.in_memory(opened)  # of one visitor
    opened.annotations.create_set("a", [9], by=ANA)
    assert found(opened, "set=a") == [9]


def test_a_search_finds_a_set(opened: Gallery):
    query, *others = opened.items["id"][opened.searchable[:6]]
    rows = [opened.find_row(tile) for tile in others]
    opened.annotations.create_set("some", rows, by=ANA)
    for options in ({}, {"rerank": "features"}, {"positive": [others[0]]}):
        result = search(opened, query, top_k=3, filter=Filter.read(["set=some"]), **options)
        assert {hit.id for hit in result} <= set(others)
    result = search(opened, query, radius=16, filter=Filter.read(["set!=some"]))
    assert not {hit.id for hit in result} & set(others)


def test_verdicts_know_sets(tmp_path: Path):
    opened = tiny_gallery(tmp_path / "gallery", num_tiles=24, num_bits=16)
    label = opened.labels[0]
    opened.annotations.create_set("same", np.flatnonzero(opened.labels == label), by=ANA)
    query = opened.items["id"].iloc[0]
    assert not search(opened, query, filter=Filter.read(["set=same"])).class_left_out
    assert search(opened, query, filter=Filter.read(["set!=same"])).class_left_out


def test_a_set_that_there_is_not_is_named(opened: Gallery):
    opened.annotations.create_set("a", [1], by=ANA)
    with refused("filter", names=("set=a,b", "no set b", "one of a")):
        found(opened, "set=a,b")


def test_a_column_of_the_table_comes_first(tmp_path: Path):
    def more(items):
        return items.assign(label=range(len(items)), set=["x", *["y"] * (len(items) - 1)])

    opened = tiny_gallery(tmp_path / "gallery", num_tiles=9, num_bits=16, more=more)
    opened.annotations.create_set("y", [1], by=ANA)
    table = opened.items
    assert found(opened, "label=2..4") == table.index[table["label"].between(2, 4)].tolist()
    assert found(opened, "label=2 .. 4") == found(opened, "label= 2, 3, 4 ")
    with refused("filter"):
        found(opened, "label=2,")
    assert found(opened, "set=x") == table.index[table["set"] == "x"].tolist()


def test_without_such_conditions_annotations_are_not_opened(opened: Gallery):
    filter = Filter.read(["split=train"])
    assert opened.table_for(filter) is opened.table
    opened.searchable_rows(filter)
    assert "annotations" not in vars(opened)


def test_a_table_alone_has_no_sets(opened: Gallery):
    with refused("filter", names="set"):
        Filter.read(["set=a"]).mask(opened.items)
