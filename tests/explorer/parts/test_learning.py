"""Learning on the page: what labels say, what to label next, and the new gallery."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from in_loop import run
from make_learning import CLASSES, cluster_gallery, some_labels, true_class

from rsh.explorer.page import Explorer
from rsh.explorer.server.registry import Registry
from rsh.explorer.settings import PageSettings
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.learning.output import learned_from


@pytest.fixture
def page(tmp_path: Path) -> Explorer:
    cluster_gallery(tmp_path / "mine")
    return open_page(tmp_path)


def open_page(folder: Path, **settings: Any) -> Explorer:
    site = Registry([folder / "mine"])
    state = ExplorerState(site.open("mine"))
    return Explorer(state, site=site, name="mine", settings=PageSettings(**settings))


def label(page: Explorer, per_class: int, classes: tuple[str, ...] = CLASSES) -> None:
    gallery = page.state.gallery
    for tile, name in some_labels(gallery, per_class, classes).items():
        page.labels.labeling.give([gallery.find_row(tile)], name)


def ask(page: Explorer, what: str, **content: Any) -> None:
    page.receive(page.learning.strips, {"kind": "learn", "do": what, **content}, [])


def looked(page: Explorer, act: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Open the tab, do something, and return what it shows when all is computed."""

    async def look() -> None:
        page.dock.tab = "learn"
        page.learning.open()
        act()
        while page.learning._looking:
            await asyncio.sleep(0.01)

    run(look())
    assert page.header.message == ""
    return page.learning.strips.view


def test_without_labels_it_says_what_to_label_first(page):
    view = looked(page)
    (strip,) = view["strips"]
    assert strip["title"] == "Label next" and len(strip["cards"]) == 10
    assert view["actions"] == view["choices"] == []
    assert "keys 1 to 9" in view["note"]
    ask(page, "select next")
    assert set(page.state.selection) == {card["row"] for card in strip["cards"]}


def test_labels_show_what_is_likely_of_each_class_and_a_slider_how_likely(page):
    label(page, 6)
    view = looked(page)
    assert view["actions"] == [["learn", "Learn from 24 labels"]]
    first, *strips = view["strips"]
    assert first["title"] == "Label next" and [one["key"] for one in strips] == sorted(CLASSES)
    ids = page.state.gallery.items["id"]
    for strip in strips:
        ask(page, "select", key=strip["key"])
        rows = page.state.selection
        assert strip["words"].startswith(f"{len(rows)} tiles more")
        assert {true_class(tile) for tile in ids.iloc[rows]} == {strip["key"]}
        assert not set(rows) & set(page.labels.labeling.rows_of_class(strip["key"]))
    many = len(page.state.selection)
    view = looked(page, lambda: ask(page, "choose", chosen={"least": "95"}))
    assert view["choices"][0]["chosen"] == "95"
    ask(page, "select", key=strips[-1]["key"])
    assert len(page.state.selection) < many


def test_a_label_changes_what_is_shown(page):
    label(page, 3, CLASSES[:1])
    view = looked(page)
    assert "second class" in view["note"] and view["actions"] == []
    row = view["strips"][0]["cards"][0]["row"]
    content = {"kind": "label", "do": "give", "row": row, "name": CLASSES[1]}
    view = looked(page, lambda: page.receive(page.labels.tray, content, []))
    assert view["actions"] == [["learn", "Learn from 4 labels"]]
    assert row not in [card["row"] for card in view["strips"][0]["cards"]]


@pytest.mark.slow
def test_the_new_gallery_is_offered_compared_and_opened(page, tmp_path):
    label(page, 6)
    run(page.learning.learn())
    assert page.header.message == page.learning.strips.working == ""
    assert learned_from(tmp_path / "mine") == [tmp_path / "mine-learned-1"]
    assert page.header.galleries == ["mine", "mine-learned-1"]
    strip = page.learning.strips.view["strips"][0]
    assert strip["title"] == "mine-learned-1" and "neighbors kept" in strip["words"]
    assert "precision on held-out labels" in strip["words"]
    ask(page, "compare")
    assert page.dock.tab == "compare" and len(page.sides.view["sides"]) == 2
    opened: list[str] = []
    page.switch = lambda name, text: opened.append(name)
    ask(page, "open")
    assert opened == ["mine-learned-1"]
    assert page.header.address.startswith("?gallery=mine&")
    new = Gallery.open(tmp_path / "mine-learned-1")
    assert new.manifest.learned.report.labels == 24
    assert new.annotations.state.given.names == page.labels.labeling.store.state.given.names
    site = Registry([tmp_path / "mine"])
    site.find_learned()
    assert site.names == ["mine", "mine-learned-1"]


@pytest.mark.slow
def test_learning_that_is_canceled_leaves_nothing_and_can_begin_again(page, tmp_path):
    label(page, 6)

    async def cancel() -> None:
        task = asyncio.create_task(page.learning.learn())
        while ":" not in page.learning.strips.working:
            await asyncio.sleep(0.02)
        assert page.learning.strips.view["actions"] == [["cancel", "Cancel"]]
        ask(page, "cancel")
        await task

    for _ in range(2):
        run(cancel())
        assert page.header.message == page.learning.strips.working == ""
        assert [path.name for path in tmp_path.glob("mine*")] == ["mine"]
        assert page.learning.strips.view["actions"] == [["learn", "Learn from 24 labels"]]


def test_the_owner_of_a_page_may_forbid_it(tmp_path):
    cluster_gallery(tmp_path / "mine")
    page = open_page(tmp_path, learn=False)
    label(page, 2)
    view = looked(page)
    assert view["actions"] == [] and "does not let visitors learn" in view["note"]
    ask(page, "learn")
    assert page.learning.strips.working == ""


def test_what_learning_refuses_is_an_alert(page):
    label(page, 2, CLASSES[:1])
    run(page.learning.learn())
    assert "give tiles of two classes or more a label" in page.header.message
    assert page.learning.strips.working == ""


def test_only_galleries_of_the_name_are_taken_in(tmp_path):
    for name in ("mine", "mine-learned-2", "mine-learned-10", "mine-learned-x", "other-learned-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "gallery.json").touch()
    (tmp_path / "mine-learned-1").mkdir()  # not written yet
    found = [folder.name for folder in learned_from(tmp_path / "mine")]
    assert found == ["mine-learned-2", "mine-learned-10"]


def test_a_kernel_that_waited_shows_what_was_labeled_and_learned_meanwhile(page, tmp_path):
    other = open_page(tmp_path)
    label(other, 2)
    (tmp_path / "mine-learned-1").mkdir()
    (tmp_path / "mine-learned-1" / "gallery.json").touch()
    page.receive(page.labels.list, {"kind": "visitor", "token": "me", "author": ""}, [])
    assert page.labels.list.view["num_given"] == 8
    assert page.header.galleries == ["mine", "mine-learned-1"]
