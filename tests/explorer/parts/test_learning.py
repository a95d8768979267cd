"""Learning on the page: what labels say, what to label next, and the new gallery."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_loop import run
from make_learning import CLASSES, REPORT, cluster_gallery, some_labels, true_class
from refusals import refused

from rsh.errors import InputError
from rsh.explorer.labeling import OWN_LABELS
from rsh.explorer.page import Explorer
from rsh.explorer.parts.learned import report_facts
from rsh.explorer.server.registry import Registry
from rsh.explorer.settings import PageSettings
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.gallery.learn_report import BeforeAfter, HeldOut
from rsh.learning.advice import advise
from rsh.learning.output import learned_from


@pytest.fixture
def page(tmp_path: Path) -> Explorer:
    cluster_gallery(tmp_path / "mine")
    return open_page(tmp_path)


def open_page(folder: Path, **settings: Any) -> Explorer:
    allowed = PageSettings(**settings)
    site = Registry([folder / "mine"], learned=allowed.learn)
    state = ExplorerState(site.open("mine"))
    return Explorer(state, site=site, name="mine", settings=allowed)


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


def give(page: Explorer, row: int, name: str) -> None:
    content = {"kind": "label", "do": "give", "row": row, "name": name}
    page.receive(page.labels.tray, content, [])


def rows_next(view: dict[str, Any]) -> list[int]:
    """Return the tiles that are shown under "Label next"."""
    strip = next(one for one in view["strips"] if one["title"] == "Label next")
    return [card["row"] for card in strip["cards"]]


def test_tiles_that_are_shown_stay_in_place_while_they_are_labeled(page):
    label(page, 3, CLASSES[:1])
    view = looked(page)
    assert "second class" in view["note"] and view["actions"] == []
    shown = rows_next(view)
    # A class before all others in the alphabet, so that numbers of classes change.
    view = looked(page, lambda: give(page, shown[3], "a class"))
    assert view["actions"] == [["learn", "Learn from 4 labels"]]
    assert rows_next(view) == shown
    assert [card["far"] for card in view["strips"][0]["cards"]].count("✓ a class") == 1
    ask(page, "select next")
    assert set(page.state.selection) == set(shown) - {shown[3]}
    undo = {"kind": "label", "do": "undo"}
    view = looked(page, lambda: page.receive(page.labels.tray, undo, []))
    assert rows_next(view) == shown and "✓" not in view["strips"][0]["cards"][3]["far"]


def test_when_all_are_labeled_others_follow(page):
    label(page, 3, CLASSES[:1])
    shown = rows_next(looked(page))

    def give_all() -> None:
        for row in shown:
            give(page, row, CLASSES[1])

    view = looked(page, give_all)
    assert len(rows_next(view)) == 10 and not set(rows_next(view)) & set(shown)
    assert [one["key"] for one in view["strips"][1:]] == sorted(CLASSES[:2])


def test_a_label_of_another_tile_changes_what_is_shown(page):
    label(page, 3, CLASSES[:1])
    shown = rows_next(looked(page))
    strips = page.learning.strips.view["strips"]
    seen = {card["row"] for strip in strips for card in strip["cards"]}
    given = set(page.labels.labeling.rows_of_class(CLASSES[0]))
    other = next(row for row in range(len(page.state.gallery)) if row not in seen | given)
    view = looked(page, lambda: give(page, other, CLASSES[1]))
    assert [one["key"] for one in view["strips"][1:]] == sorted(CLASSES[:2])
    assert rows_next(view) != shown


def test_others_can_be_asked_for(page):
    first = rows_next(looked(page))
    give(page, first[0], CLASSES[0])
    second = rows_next(looked(page, lambda: ask(page, "others")))
    third = rows_next(looked(page, lambda: ask(page, "others")))
    assert len({*first, *second, *third}) == 30


@pytest.mark.parametrize(
    ("after", "words"),
    [(0.41, "33% → 41%, better"), (0.2, "33% → 20%, worse"), (0.334, "33%, as before")],
)
def test_a_report_says_whether_a_change_is_better(after, words):
    kept = BeforeAfter(0.33, after)
    report = replace(REPORT, neighbors_kept=kept, held_out=None)
    facts = dict(report_facts(report))
    assert facts["Neighbors kept"].startswith(f"{words}; measured with ")
    assert facts["Advice"] == advise(report)
    assert "mAP" not in facts and "too few labels" in facts["Measured with labels"]


def test_a_report_says_with_which_tiles_it_was_measured():
    held_out = HeldOut(6, BeforeAfter(0.4, 0.5), BeforeAfter(0.3, 0.5), (-0.02, 0.11))
    facts = dict(report_facts(replace(REPORT, labels=25, held_out=held_out)))
    assert facts["Nearest tiles that have the right class"] == "30% → 50%, better"
    assert facts["mAP"] == "changes by -2.0 to +11.0 points (95 % interval)"
    measured = facts["These two were measured with"]
    assert measured.startswith("6 of the 25 labeled tiles, ") and "a guess" in measured


def test_a_link_to_a_learned_gallery_is_found_unless_the_owner_forbids_it(tmp_path):
    cluster_gallery(tmp_path / "mine")
    allowed, forbidden = (open_page(tmp_path, learn=learn)._site for learn in (True, False))
    cluster_gallery(tmp_path / "mine-learned-1")
    assert len(allowed.open("mine-learned-1")) == len(allowed.open("mine"))
    with refused(names="mine-learned-1"):
        forbidden.open("mine-learned-1")
    assert forbidden.names == ["mine"]


@pytest.mark.slow
def test_the_new_gallery_is_offered_compared_and_opened(page, tmp_path):
    label(page, 6)
    run(page.learning.learn())
    assert page.header.message == page.learning.strips.working == ""
    assert learned_from(tmp_path / "mine") == [tmp_path / "mine-learned-1"]
    assert page.header.galleries == ["mine", "mine-learned-1"]
    strip = page.learning.strips.view["strips"][0]
    terms = [term for term, _ in strip["facts"]]
    assert strip["title"] == "mine-learned-1" and "Neighbors kept" in terms
    assert "mAP" in terms and ["Labels", OWN_LABELS] in strip["facts"]
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
    again = looked(open_page(tmp_path))["strips"][0]  # after a reload
    assert again["title"] == "mine-learned-1" and again["facts"] == strip["facts"]
    private = looked(open_page(tmp_path, labels="visitor"))["strips"][0]
    assert ["Labels", OWN_LABELS] not in private["facts"]  # this browser keeps them for both
    own = Explorer(ExplorerState(new))
    assert OWN_LABELS in own.labels.labeling.view()["notes"]
    assert OWN_LABELS not in page.labels.labeling.view()["notes"]
    assert looked(own)["strips"][0]["facts"] == strip["facts"]
    site = Registry([tmp_path / "mine"], learned=True)
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


def test_opening_the_tab_and_learning_read_what_others_labeled(page, tmp_path):
    other = open_page(tmp_path)
    label(page, 3, CLASSES[:2])
    assert looked(page)["actions"] == [["learn", "Learn from 6 labels"]]
    label(other, 3, CLASSES[2:3])
    page.dock.tab = "codes"
    assert looked(page)["actions"] == [["learn", "Learn from 9 labels"]]
    assert page.labels.list.view["num_given"] == 9  # on the other tabs, too
    label(other, 3, CLASSES[3:])
    learned_from_labels: list[str] = []

    async def keep(words: list[str], **options: Any) -> bytes:
        learned_from_labels.extend(Path(words[3]).read_text().splitlines()[1:])
        raise asyncio.CancelledError

    page.learning._job.run = keep
    run(page.learning.learn())
    assert len(learned_from_labels) == 12


@pytest.mark.release
def test_two_visitors_who_learn_at_once_get_a_gallery_each(page, tmp_path):
    other = open_page(tmp_path, labels="visitor")
    label(page, 3, CLASSES[:2])
    label(other, 3, CLASSES[2:])

    async def learn_together() -> None:
        await asyncio.gather(page.learning.learn(), other.learning.learn())

    run(learn_together())
    assert page.header.message == other.header.message == ""
    names = {one.learning._learned[0] for one in (page, other)}
    assert names == {"mine-learned-1", "mine-learned-2"}
    for one, classes in ((page, CLASSES[:2]), (other, CLASSES[2:])):
        assert one.learning._learned[1].classes == tuple(sorted(classes))


def test_a_worker_that_is_killed_while_writing_leaves_nothing(page, tmp_path):
    label(page, 3)

    async def die(words: list[str], **options: Any) -> bytes:
        output = Path(words[words.index("--output") + 1])
        (output / "000001-0").mkdir()
        raise InputError("`rsh learn` has failed")

    page.learning._job.run = die
    run(page.learning.learn())
    assert "has failed" in page.header.message
    assert [path.name for path in tmp_path.glob("mine*")] == ["mine"]


@pytest.mark.parametrize("least", ["²", "", "-5", "101", "8.5", "nan"])
def test_a_confidence_that_is_none_changes_nothing(page, least):
    label(page, 2)
    view = looked(page, lambda: ask(page, "choose", chosen={"least": least}))
    assert view["choices"][0]["chosen"] == "80"


def test_labels_of_held_out_tiles_are_named_beside_the_button(page):
    label(page, 2)
    held_out = np.flatnonzero(page.state.gallery.is_held_out)
    page.labels.labeling.give(held_out, "coast")
    view = looked(page)
    assert view["actions"] == [["learn", "Learn from 8 labels"]]
    assert "4 more are of held-out tiles, which are kept to measure" in view["note"]
    facts = dict(report_facts(replace(REPORT, left_out=4)))
    assert facts["Learned from"].startswith("3 labels of ")
    assert facts["Not learned from"] == "4 labels of held-out tiles"


def test_labels_of_held_out_tiles_alone_are_nothing_to_learn_from(page):
    held_out = np.flatnonzero(page.state.gallery.is_held_out)
    page.labels.labeling.give(held_out[:2], "coast")
    page.labels.labeling.give(held_out[2:], "town")
    view = looked(page)
    assert view["actions"] == [] and "4 more are of held-out tiles" in view["note"]
