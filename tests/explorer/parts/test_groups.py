"""Groups on the page: named, selected and labeled; and the most unusual tiles."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_gallery import tiny_gallery, without_classes

from rsh.explorer.page import Explorer
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.gallery.groups import find_groups
from rsh.gallery.unusual import most_unusual
from rsh.gallery.writer import write_groups


@pytest.fixture
def page(tmp_path: Path) -> Explorer:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=120, more=without_classes)
    return Explorer(ExplorerState(gallery))


def ask(page: Explorer, what: str, **content: Any) -> None:
    page.receive(page.groups.strips, {"kind": "groups", "do": what, **content}, [])


def test_a_gallery_without_classes_opens_with_its_groups(page):
    groups = page.state.gallery.groups
    assert page.dock.tab == "groups"
    first, *strips = page.groups.strips.view["strips"]
    assert first["title"] == "Most unusual tiles"
    assert [strip["key"] for strip in strips] == [group.key for group in groups]
    assert [card["row"] for card in strips[0]["cards"]] == groups[0].rows[:9].tolist()


def test_a_gallery_with_classes_opens_without_the_drawer(gallery):
    assert Explorer(ExplorerState(gallery)).dock.tab == ""


def test_a_group_is_named_selected_and_labeled(page):
    group = page.state.gallery.groups[0]
    ask(page, "rename", key=group.key, name="dark forest")
    strip = page.groups.strips.view["strips"][1]
    assert strip["title"] == "dark forest"
    assert ["label", "Give all the class dark forest"] in strip["actions"]
    ask(page, "select", key=group.key)
    assert page.state.selection.tolist() == sorted(group.rows.tolist())
    ask(page, "label", key=group.key, words="Give all the class dark forest")
    assert set(page.labels.labeling.rows_of_class("dark forest")) == set(group.rows.tolist())


def test_a_filter_follows_the_names_of_groups(page):
    group = page.state.gallery.groups[0]
    where = {"kind": "where", "texts": ["group=lake"]}
    ask(page, "rename", key=group.key, name="lake")
    page.receive(page.filter, where, [])
    assert {card["row"] for card in page.cards.view["cards"]} <= {*group.rows.tolist()}
    ask(page, "rename", key=page.state.gallery.groups[1].key, name="lake")
    both = [*group.rows, *page.state.gallery.groups[1].rows]
    found = page.state.gallery.can_find(page.state.settings.filter)
    assert page.filter.view["found"].startswith(f"{found.sum()} of ")
    assert np.flatnonzero(found).tolist() == sorted({*both} & {*page.state.gallery.searchable})
    ask(page, "rename", key=group.key, name="")
    ask(page, "rename", key=page.state.gallery.groups[1].key, name="")
    assert "no group holds a tile lake, nor has this name" in page.header.message


def test_a_name_that_no_group_shows_is_no_class(page):
    gallery, labeling = page.state.gallery, page.labels.labeling
    first, second = (gallery.ids[row] for row in gallery.groups[0].rows[:2].tolist())
    other = gallery.groups[1].key
    for key, name in ((first, "old"), (second, "new"), (other, "sea")):
        labeling.name_group(key, name)
    assert gallery.group_names == {0: "new", 1: "sea"}
    assert labeling.classes == ["new", "sea"]
    labeling.give([3], "old")
    assert set(labeling.classes) == {"old", "new", "sea"}


def test_a_button_that_names_another_class_labels_nothing(page):
    group = page.state.gallery.groups[0]
    ask(page, "rename", key=group.key, name="lake")
    (words,) = (w for what, w in page.groups.strips.view["strips"][1]["actions"] if what == "label")
    ask(page, "label", key=group.key, words=words)
    shown = page.groups.strips.view["strips"][1]["cards"]
    assert {card["given"] for card in shown} == {"lake"}
    assert all(card["alt"].endswith(", given class lake") for card in shown)
    page.receive(page.labels.tray, {"kind": "label", "do": "undo"}, [])
    assert {card["given"] for card in page.groups.strips.view["strips"][1]["cards"]} == {""}
    ask(page, "label", key=group.key, words=words)
    count = page.labels.labeling.store.state.given.num_tiles
    page.receive(page.labels.tray, {"kind": "label", "do": "undo"}, [])
    page.receive(page.labels.tray, {"kind": "label", "do": "undo"}, [])  # the name
    ask(page, "label", key=group.key, words=words)
    assert page.header.message == "the name of this group has changed: look at it again"
    assert count == len(group) and not page.labels.labeling.store.state.given.num_tiles


def test_names_stay_when_groups_are_found_again(page, tmp_path: Path):
    gallery = page.state.gallery
    for group in gallery.groups:
        ask(page, "rename", key=group.key, name=f"group of {group.key}")
    last = f"group of {group.key}"
    write_groups(gallery, find_groups(gallery, prominence=100))
    again = Explorer(ExplorerState(Gallery.open(gallery.folder)))
    again.dock.tab = "groups"
    titles = [strip["title"] for strip in again.groups.strips.view["strips"][1:]]
    assert titles == [last] * len(titles) and titles
    merged = again.state.gallery.groups[0]
    ask(again, "label", key=merged.key, words=f"Give all the class {last}")
    assert set(again.labels.labeling.rows_of_class(last)) == set(merged.rows.tolist())


def test_a_key_of_no_group_changes_nothing(page):
    ask(page, "select", key="no/such tile.jpg")
    ask(page, "rename", key="no/such tile.jpg", name="x")
    assert page.state.selection.tolist() == []
    assert page.labels.labeling.classes == []


def test_the_most_unusual_tiles_have_the_largest_factors(page):
    gallery = page.state.gallery
    found = most_unusual(gallery, count=9)
    rows, factors = found.rows, found.factors
    every = gallery.outliers.of_tiles(np.arange(len(gallery)))
    assert factors.tolist() == sorted(every.tolist(), reverse=True)[:9]
    assert every[rows].tolist() == factors.tolist()
    ask(page, "select unusual")
    assert page.state.selection.tolist() == sorted(rows.tolist())
