"""Labeling on the page: what messages record, what panels show, and where it is kept."""

import json
from pathlib import Path
from typing import Any

import pytest
from make_gallery import tiny_gallery, without_classes
from refusals import refused

from rsh.errors import InputError
from rsh.explorer.labeling import Labeling
from rsh.explorer.page import Explorer
from rsh.explorer.settings import PageSettings
from rsh.explorer.state import ExplorerState
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.annotations.store import ANNOTATIONS
from rsh.gallery.gallery import Gallery


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_gallery(tmp_path / "g", num_tiles=60, more=without_classes).folder


def visit(folder: Path, **settings: Any) -> Explorer:
    page = Explorer(ExplorerState(Gallery.open(folder)), settings=PageSettings(**settings))
    tell(page, kind="visitor", token="visitor-1", author="Ana", dump=None)
    return page


def tell(page: Explorer, *buffers: bytes, **content: Any) -> None:
    page.receive(page.labels.tray, content, [memoryview(data) for data in buffers])


def label(page: Explorer, what: str, **content: Any) -> None:
    tell(page, kind="label", do=what, **content)


def given(page: Explorer) -> dict[int, str]:
    rows = range(len(page.state.gallery))
    return {int(row): name for row, name in page.labels.labeling.given([*rows]).items()}


def test_a_class_goes_to_the_selection_or_to_the_tile_that_is_meant(folder):
    page = visit(folder)
    page.select([3, 17])
    label(page, "give", name="  Burned area ")
    assert given(page) == {3: "Burned area", 17: "Burned area"}
    label(page, "number", number=1, row=5)
    assert given(page)[5] == "Burned area"
    label(page, "give", name="", row=3)
    assert 3 not in given(page)
    assert page.labels.tray.said == "1 tile: no label"
    assert page.labels.list.view["classes"] == [["Burned area", 2]]


def test_the_same_class_again_records_nothing(folder):
    page = visit(folder)
    for _ in range(3):
        label(page, "give", name="Burned area", row=3)
    assert page.labels.tray.said == "1 tile: Burned area already"
    label(page, "undo")
    assert 3 not in given(page)
    label(page, "give", name="", row=3)
    assert page.labels.tray.said == "1 tile: no label already"
    page.select([3, 4])
    label(page, "give", name="Burned area", row=3)
    label(page, "give", name="Burned area")  # one of two is new
    assert given(page) == {3: "Burned area", 4: "Burned area"}


def test_a_class_that_differs_in_capitals_alone_is_pointed_out(folder):
    page = visit(folder)
    label(page, "give", name="Harbor", row=3)
    label(page, "give", name="harbor ", row=4)
    said = "1 tile: harbor. There is Harbor, too: rename one to join them"
    assert page.labels.tray.said == said
    label(page, "give", name="harbor", row=5)
    assert page.labels.tray.said == "1 tile: harbor"


def test_what_was_said_is_not_said_again(folder):
    page = visit(folder)
    label(page, "give", name="Burned area", row=3)
    page.groups.receive(page.groups.strips, {"kind": "groups", "do": "more"}, [])
    assert page.labels.tray.said == ""


def test_the_query_shows_its_given_class(folder):
    page = visit(folder)
    label(page, "give", name="Burned area", row=page.state.query.row)
    assert page.labels.tray.given[str(page.state.query.row)] == "Burned area"


def test_a_key_without_a_class_says_what_to_do(folder):
    page = visit(folder)
    label(page, "number", number=4, row=5)
    assert page.header.message == (
        "no class has the key 4: select tiles, and type the name of a new class"
    )
    assert given(page) == {}
    label(page, "give", name="sea", row=5)
    assert page.header.message == ""  # what was wrong is mended


def names(page: Explorer) -> list[str]:
    return [name for name, _ in page.labels.list.view["classes"]]


def test_a_key_belongs_to_its_class_for_everybody_until_that_is_removed(folder):
    page = visit(folder)
    group = page.state.gallery.groups[0]
    tell(page, kind="groups", do="rename", key=group.key, name="water")
    for row, name in enumerate(("sand", "ice", "sea")):
        label(page, "give", name=name, row=row)
    assert names(page) == ["water", "sand", "ice", "sea"]
    label(page, "number", number=1, row=9)
    label(page, "give", name="sand", row=1)  # nothing is ice any more
    tell(page, kind="groups", do="rename", key=group.key, name="lake")
    assert names(page) == ["water", "sand", "ice", "sea", "lake"]  # a tile is water still
    label(page, "rename class", name="sand", new="beach")
    assert page.labels.tray.said == "The class sand is now called beach"
    assert names(page) == names(visit(folder)) == ["water", "beach", "ice", "sea", "lake"]
    assert given(page) == {0: "beach", 1: "beach", 2: "sea", 9: "water"}
    label(page, "undo")
    assert names(page) == names(visit(folder)) == ["water", "sand", "ice", "sea", "lake"]
    label(page, "redo")
    assert names(page) == names(visit(folder)) == ["water", "beach", "ice", "sea", "lake"]
    label(page, "remove class", name="ice")
    label(page, "remove class", name="beach")
    assert names(page) == names(visit(folder)) == ["water", "sea", "lake"]
    assert given(page) == {2: "sea", 9: "water"}
    label(page, "rename class", name="lake", new="pond")
    assert page.groups.strips.view["strips"][1]["title"] == "pond"
    label(page, "rename class", name="nothing", new="x")
    assert page.header.message == "there is no class nothing: choose another"
    page.state.gallery.annotations.compact(by=Visitor("owner"))
    assert names(visit(folder)) == ["water", "sea", "pond"]


def test_what_changes_labels_that_others_may_have_given_is_counted(folder):
    labeling = Labeling(Gallery.open(folder))
    labeling.give([0, 1], "sea")
    assert labeling.said == "2 tiles: sea"
    labeling.give([1], "ice")
    assert labeling.said == "1 tile: ice"
    labeling.give([0, 1, 2], "ice")
    assert labeling.said == "3 tiles: ice, 1 of another class before. Ctrl+Z takes it back"
    labeling.give([0, 5], "")
    assert labeling.said == "2 tiles: no label, 1 of another class before. Ctrl+Z takes it back"
    labeling.give([7, 8], "sand")
    labeling.rename_class("sand", "ice")
    assert labeling.said == ("The class sand is now a part of ice, 4 tiles. Ctrl+Z takes it back")
    labeling.remove_class("ice")
    assert labeling.said == "Removed the class ice of 4 tiles. Ctrl+Z takes it back"


def test_groups_and_classes_are_renamed_in_place(folder):
    labeling = Labeling(Gallery.open(folder))

    def classes() -> list[str]:
        assert Labeling(Gallery.open(folder)).classes == labeling.classes  # of the next visitor
        return labeling.classes

    labeling.name_group("first", "houses")
    labeling.name_group("second", "houses")
    labeling.give([0], "sea")
    labeling.name_group("first", "harbor")
    assert classes() == ["houses", "sea", "harbor"]  # the second one is houses still
    labeling.name_group("second", "town")
    assert classes() == ["town", "sea", "harbor"]
    labeling.undo()
    labeling.redo()
    assert classes() == ["town", "sea", "harbor"]
    labeling.rename_class("town", "harbor")
    assert classes() == ["harbor", "sea"]
    labeling.name_group("first", "")
    assert classes() == ["harbor", "sea"]
    labeling.name_group("second", "")
    assert classes() == ["sea"]
    labeling.give([0], "beach")
    assert classes() == ["sea", "beach"]  # no tile is sea any more
    labeling.remove_class("sea")
    assert classes() == ["beach"]
    with refused(names="there is no class sea"):
        labeling.rename_class("sea", "lake")


WRONG: list[dict[str, Any]] = [
    {"do": "give"},
    {"do": "give", "name": None},
    {"do": "give", "name": [1]},
    {"do": "give", "name": "ice", "row": True},
    {"do": "give", "name": "ice", "row": 1.5},
    {"do": "number", "number": True},
    {"do": "number", "number": 1.5},
    {"do": "number", "number": "1"},
    {"do": "number"},
    {"do": "settle", "row": 3},
    {"do": "put"},
    {"do": "take", "name": None},
    {"do": "delete set"},
    {"do": "rename set", "name": "first"},
    {"do": "remove class"},
    {"do": "import", "name": "x.csv"},
    {"do": 3},
    {},
]


@pytest.mark.parametrize("content", WRONG, ids=str)
def test_a_message_that_no_panel_sends_changes_nothing(folder, content):
    page = visit(folder)
    label(page, "give", name="sea", row=3)
    page.select([3])
    label(page, "put", name="first")
    before = page.labels.labeling.store.dump()
    tell(page, kind="label", **content)
    assert page.labels.labeling.store.dump() == before
    tell(page, kind="choose", row=True)
    assert "there is no tile True" in page.header.message
    assert page.state.query.row is not True


def test_what_was_given_can_be_filtered_by_at_once(folder):
    page = visit(folder)
    label(page, "give", name="sea", row=3)
    assert page.filter.view["columns"][-1]["values"] == ["sea"]


def test_undo_and_redo_are_this_visitors_own(folder):
    page, other = visit(folder), visit(folder)
    tell(other, kind="visitor", token="visitor-2", author="", dump=None)
    label(page, "give", name="lake", row=1)
    label(other, "give", name="field", row=2)
    label(page, "undo")
    assert given(page) == {2: "field"}
    assert page.labels.tray.view["can_redo"] and not page.labels.tray.view["can_undo"]
    label(page, "redo")
    assert given(page) == {1: "lake", 2: "field"}
    label(page, "redo")
    assert page.labels.tray.said == "There is nothing to redo"


def test_two_classes_for_one_tile_are_a_disagreement_until_one_settles_it(folder):
    page, other = visit(folder), visit(folder)
    tell(other, kind="visitor", token="visitor-2", author="Ben", dump=None)
    label(page, "give", name="lake", row=1)
    label(other, "give", name="river", row=1)
    page.labels.open()
    assert page.labels.list.view["conflicts"] == [[1, [["lake", "Ana"], ["river", "Ben"]]]]
    label(page, "settle", row=1, name="lake")
    assert page.labels.list.view["conflicts"] == []
    assert given(page) == {1: "lake"}


def test_sets_are_made_renamed_selected_and_deleted(folder):
    page = visit(folder)
    page.select([3, 17])
    label(page, "put", name="to check")
    page.select([4])
    label(page, "put", name="to check")
    assert page.labels.list.view["sets"] == [["to check", 3]]
    label(page, "rename set", name="to check", new="checked")
    label(page, "take", name="checked", row=3)
    label(page, "select set", name="checked")
    assert page.state.selection.tolist() == [4, 17]
    label(page, "delete set", name="checked")
    assert page.labels.list.view["sets"] == []


@pytest.mark.parametrize("name", ["x" * 80, "", "a\x07b"])
def test_a_name_that_is_none_changes_nothing(folder, name):
    page = visit(folder)
    page.select([3])
    label(page, "put", name=name)
    assert page.header.message
    assert page.labels.labeling.view()["sets"] == []


def test_a_filter_on_a_set_is_answered_again_when_the_set_changes(folder):
    page = visit(folder)
    page.select([3, 17, 20])
    label(page, "put", name="mine")
    page.receive(page.filter, {"kind": "where", "texts": ["set=mine"]}, [])
    before = {card["row"] for card in page.cards.view["cards"]}
    assert before <= {3, 17, 20}
    label(page, "put", name="mine", row=21)
    after = {card["row"] for card in page.cards.view["cards"]} | {page.state.query.row}
    assert 21 in after


def test_labels_stay_in_the_gallery_for_the_next_visitor(folder):
    label(visit(folder), "give", name="lake", row=1)
    assert (folder / ANNOTATIONS).exists()
    assert given(visit(folder)) == {1: "lake"}


@pytest.mark.parametrize("kept", ["visitor", "none"])
def test_a_public_page_keeps_labels_out_of_the_gallery(folder, kept, monkeypatch):
    page = visit(folder, labels=kept)
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(page.labels.list, "send", lambda content, *_, **__: sent.append(content))
    label(page, "give", name="lake", row=1)
    assert given(page) == {1: "lake"}
    assert not (folder / ANNOTATIONS).exists()
    dumps = [content["dump"] for content in sent if content["kind"] == "keep"]
    assert len(dumps) == (kept == "visitor")
    later = visit(folder, labels=kept)
    if dumps:
        dump = json.loads(json.dumps(dumps[0]))  # as a browser keeps it
        tell(later, kind="visitor", token="visitor-1", author="", dump=dump)
    assert given(later) == ({1: "lake"} if kept == "visitor" else {})


def test_a_gallery_that_cannot_be_written_keeps_labels_in_the_browser(folder, monkeypatch):
    def refuse(*_: object) -> None:
        raise InputError("cannot write here: fix its permissions")

    monkeypatch.setattr("rsh.gallery.annotations.store.check_writable", refuse)
    page = visit(folder)
    label(page, "give", name="lake", row=1)
    view = page.labels.list.view
    assert (view["kept"], view["why"]) == ("visitor", "cannot write here: fix its permissions")
    assert given(page) == {1: "lake"}
    assert not (folder / ANNOTATIONS).exists()


@pytest.mark.parametrize("form", ["csv", "parquet", "geojson"])
def test_a_file_of_labels_comes_back_as_it_was(folder, form, tmp_path):
    page = visit(folder)
    page.select([3, 17])
    label(page, "give", name="lake")
    label(page, "put", name="to check")
    name, _, data = page.labels.labeling.write_file(form)
    for one in (3, 17):
        label(page, "give", name="", row=one)
    label(page, "delete set", name="to check")
    tell(page, data, kind="label", do="import", name=name)
    assert page.header.message == ""
    assert given(page) == {3: "lake", 17: "lake"}
    assert page.labels.list.view["sets"] == [["to check", 2]]


def test_a_file_that_holds_no_labels_is_refused_in_a_sentence(folder):
    page = visit(folder)
    tell(page, b"\x00\x01", kind="label", do="import", name="x.parquet")
    assert page.header.message
    assert given(page) == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"id,class\nnowhere.jpg,lake\n", "no tile of the gallery has 1 of its 1 id"),
        (b"id,class\nnowhere.jpg,lake\n{0},lake\n", "fix them, or remove these rows"),
        (b"id,class\n{0},lake\n{0},sea\n", "gives {0} two classes, lake and sea"),
        (b"id,class\n", "gives no tile a class or a set"),
        (b"name\nlake\n", "needs the columns id"),
        (b"id;class\n{0};lake\n", "it has id;class: separate columns by commas"),
    ],
)
def test_a_refused_file_is_called_as_its_visitor_calls_it(folder, content, words):
    page = visit(folder)
    tile = page.state.gallery.ids[0]
    data = content.replace(b"{0}", tile.encode())
    tell(page, data, kind="label", do="import", name="C:\\secret\\my labels.csv")
    said = page.header.message
    assert said.startswith("my labels.csv") and words.replace("{0}", tile) in said
    assert all(odd not in said for odd in ("--skip", "secret", str(folder), "/tmp"))


@pytest.mark.parametrize("name", ["My set ", "My\N{NO-BREAK SPACE}set"])
def test_a_set_is_the_same_with_other_spaces(folder, name):
    page = visit(folder)
    label(page, "put", name="My set", row=1)
    label(page, "put", name=name, row=2)
    assert page.header.message == ""
    assert page.labels.list.view["sets"] == [["My set", 2]]
    label(page, "take", name=name, row=1)
    assert page.labels.list.view["sets"] == [["My set", 1]]
    label(page, "rename set", name=name, new="other")
    assert page.labels.list.view["sets"] == [["other", 1]]


def test_no_browser_gets_the_token_of_a_visitor(folder):
    store = Gallery.open(folder).annotations
    for token, name in (("secret-one", "lake"), ("secret-two", "sea")):
        store.give_class([1], name, by=Visitor(token))
    page = visit(folder)
    label(page, "settle", name="sea", row=2)
    page.labels.open()
    view = page.labels.list.view
    assert view["conflicts"] == [[1, [["lake", "unknown 1"], ["sea", "unknown 2"]]]]
    sent = json.dumps([panel.get_state() for panel in page.panels], default=str)
    assert "secret-" not in sent


def test_dots_are_colored_by_the_given_class(folder):
    page = visit(folder)
    page.receive(page.legend, {"kind": "color", "by": "given"}, [])
    assert page.legend.coloring["num_missing"] == 60
    label(page, "give", name="lake", row=1)
    assert page.legend.coloring["names"] == ["lake"]
    assert page.legend.coloring["num_missing"] == 59


def test_names_of_groups_are_classes_that_can_be_given(folder):
    labeling = Labeling(Gallery.open(folder))
    labeling.name_group("some/tile.jpg", "dark forest")
    assert labeling.classes == ["dark forest"]
    labeling.give_number([2], 1)
    assert labeling.given([2]) == {"2": "dark forest"}


def test_the_header_counts_the_labels_that_this_visitor_sees(folder):
    page = visit(folder)
    label(page, "give", name="sea", row=5)
    assert "1 label given" in page.header.facts
    alone = Explorer(ExplorerState(Gallery.open(folder)), settings=PageSettings(labels="visitor"))
    assert "no labels" in alone.header.facts
    dump = page.labels.labeling.store.dump()
    tell(alone, kind="visitor", token="visitor-2", author="Ben", dump=dump)
    assert "1 label given" in alone.header.facts
