"""The dashboard of a gallery of which all or some tiles have no class: panel by panel."""

from typing import Any

import numpy as np
import pytest
from in_loop import run
from make_gallery import half_labeled, tiny_gallery, without_classes

from rsh.explorer.page import Explorer
from rsh.explorer.panels.cards import cards_view
from rsh.explorer.panels.class_browser import class_browser_view, list_kinds
from rsh.explorer.panels.codes import codes_view
from rsh.explorer.panels.coloring import list_ways, make_coloring
from rsh.explorer.panels.filter import list_columns
from rsh.explorer.panels.selected import selected_view
from rsh.explorer.panels.tiles import describe
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.search.query import Query


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("plain") / "g", num_tiles=90, more=without_classes)


@pytest.fixture(scope="module")
def partly(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("partly") / "g", num_tiles=90, more=half_labeled)


def unlabeled_row(gallery: Gallery) -> int:
    return int(np.flatnonzero(gallery.labels < 0)[0])


def texts(value: Any) -> list[str]:
    """All texts in what a panel sends, but keys and words of relevance that it does not use."""
    if isinstance(value, dict):
        used = [each for name, each in value.items() if name not in ("label", "relevance")]
        return [text for each in used for text in texts(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in texts(each)]
    return [value] if isinstance(value, str) else []


def test_tile_without_a_class_has_its_file_as_name_and_no_color(partly, plain):
    for gallery in (partly, plain):
        row = unlabeled_row(gallery)
        tile = describe(gallery, row)
        assert tile["color"] == -1
        assert tile["name"] == gallery.items["id"][row].rsplit("/", 1)[-1]
        assert tile["name"] not in gallery.classes
    row = int(np.flatnonzero(partly.labels >= 0)[0])
    assert describe(partly, row)["color"] == partly.labels[row]


def test_no_panel_speaks_of_classes_where_there_are_none(plain):
    run(_look_for_classes(Explorer(ExplorerState(plain))))


async def _look_for_classes(page: Explorer) -> None:
    page.sides.chosen = "features"
    page.state.select(np.arange(20))
    page.refresh()
    views = [page.dock.tabs, page.query.view, page.cards.view, page.class_browser.view]
    views += [page.controls.view, page.filter.view]
    for tab, _ in page.dock.tabs:
        page.dock.tab = tab
        views += [page.codes.view, page.sides.view, page.reasons.view, page.selected.view]
    assert not page.header.message
    page.dock.tab = "bit"
    assert page.codes.view and page.sides.view["sides"] and page.reasons.view["bit"]
    ways = [way for way in page.legend.ways if way[0] != "given"]  # what visitors give has classes
    views += [page.legend.coloring | {"values": b""}, ways, page.legend.note]
    said = texts(views)
    assert not [text for text in said if "class" in text or "precision" in text or "✓" in text]
    assert page.header.facts == "90 tiles · no labels · 32 bits"
    assert not page.header.labeled and not page.sides.labeled
    assert page.cards.view["num_classes"] == 0 and page.reasons.view["num_classes"] == 0
    assert page.legend.verdicts == ["unknown"]
    assert {card["relevant"] for card in page.cards.view["cards"]} == {None}
    assert page.sides.view["sides"][0]["figures"][0].endswith("only here")


def test_browser_without_classes_goes_through_all_tiles(plain):
    page = Explorer(ExplorerState(plain))
    view = page.class_browser.view
    assert (view["classes"], view["total"], len(view["cards"])) == ([], 90, 24)
    page.receive(page.class_browser, {"kind": "others"}, [])
    assert page.class_browser.view["first"] == 25
    page.receive(page.class_browser, {"kind": "class", "number": 0}, [])
    assert page.class_browser.view["first"] == 1


def test_colors_start_with_the_distance_where_there_are_no_classes(plain):
    page = Explorer(ExplorerState(plain))
    assert page.legend.coloring["by"] == "distance"
    assert [way for way, _ in list_ways(plain)] == ["distance", "given", "split", "found"]
    found = make_coloring(page.state.results(), "found")
    assert found["names"] == ["result"]
    page.receive(page.legend, {"kind": "color", "by": "class"}, [])
    assert "choose one of distance, given, split, found" in page.header.message


def test_filter_by_class_is_not_offered_and_refused_in_one_sentence(plain):
    page = Explorer(ExplorerState(plain))
    assert "class" not in [column["name"] for column in list_columns(page.state)]
    page.receive(page.filter, {"kind": "where", "texts": ["class=sea"]}, [])
    assert "these tiles have no classes" in page.header.message


def test_page_opens_on_a_query_that_can_be_judged(partly):
    assert partly.labels[ExplorerState(partly).query.row] >= 0


def test_class_browser_ends_with_the_tiles_without_a_class(partly):
    state = ExplorerState(partly)
    kinds = list_kinds(partly)
    assert kinds == [*partly.classes, ""]
    view = class_browser_view(state, len(kinds) - 1)
    assert view["classes"][-1] == {"name": "no class", "count": 45} and view["total"] == 45
    counts = partly.items["class"].value_counts()
    for entry, name in zip(view["classes"], kinds, strict=True):
        assert entry["count"] == counts[name]
    page = Explorer(state)
    page.receive(page.controls, {"kind": "choose", "row": unlabeled_row(partly)}, [])
    assert page.class_browser.view["chosen"] == len(partly.classes)
    assert {card["color"] for card in page.class_browser.view["cards"]} == {-1}
    page.receive(page.controls, {"kind": "class", "number": len(kinds)}, [])  # there is none
    assert page.class_browser.view["chosen"] == len(partly.classes)


def test_results_are_judged_where_both_classes_are_known(partly):
    state = ExplorerState(partly)
    result = state.results()
    view = cards_view(result)
    for card in view["cards"]:
        known = partly.labels[card["row"]] >= 0
        assert (card["relevant"] is not None) == known
        assert ("same class" in card["alt"] or "another class" in card["alt"]) == known
    judged = result.num_judged
    assert f"of the {judged} tiles with a class have the query's class" in view["summary"]
    assert f"precision@{judged} = {result.precision:.2f}" in view["summary"]
    assert "no mark an unknown class" in view["note"]


def test_results_of_a_query_without_a_class_are_counted(partly):
    state = ExplorerState(partly)
    state.choose(unlabeled_row(partly))
    view = cards_view(state.results())
    without = sum(partly.labels[card["row"]] < 0 for card in view["cards"])
    assert f"{without} without a class" in view["summary"] and "precision" not in view["summary"]
    assert {card["relevant"] for card in view["cards"]} == {None} and "✓" not in view["note"]
    page = Explorer(state)
    assert page.legend.verdicts == ["unknown"]
    state.choose(int(np.flatnonzero(partly.labels >= 0)[0]))
    page.refresh()
    assert page.legend.verdicts == ["right", "wrong", "unknown"]


def test_histogram_sets_tiles_without_a_class_apart(partly):
    state = ExplorerState(partly)
    result = state.results()
    view = codes_view(result)
    bars = view["histogram"]
    every = [n for n in partly.searchable if n != result.query.row]
    labels = partly.labels[every]
    own = partly.labels[result.query.row]
    expected = [(labels == own).sum(), ((labels != own) & (labels >= 0)).sum(), (labels < 0).sum()]
    assert [sum(bars[name]) for name in ("same", "other", "unknown")] == expected
    assert view["judged"] and view["curve"][-1][1] == pytest.approx(
        expected[0] / (expected[0] + expected[1]), abs=1e-3
    )
    view = codes_view(state.results(Query(unlabeled_row(partly))))
    assert not view["judged"] and view["curve"] == []
    assert sum(view["histogram"]["same"]) == sum(view["histogram"]["other"]) == 0


def test_colors_tell_unknown_classes_apart(partly):
    result = ExplorerState(partly).results()
    coloring = make_coloring(result, "class")
    values = np.frombuffer(coloring["values"], np.uint8)
    assert (values[partly.labels < 0] == len(partly.classes)).all()
    assert (coloring["missing"], coloring["num_missing"]) == ("no class", 45)
    found = make_coloring(result, "found")
    values = np.frombuffer(found["values"], np.uint8)
    assert found["names"] == ["same class", "another class", "no class"]
    for hit in result:
        assert values[hit.row] == {True: 0, False: 1, None: 2}[hit.relevant]


def test_selection_counts_tiles_without_a_class(partly, plain):
    state = ExplorerState(partly)
    state.select(np.arange(len(partly)))
    assert selected_view(state)["note"].startswith("45 without a class, ")
    state = ExplorerState(plain)
    state.select(np.arange(5))
    assert selected_view(state)["note"] == "Nearest to the query first."


def test_link_to_a_class_filter_is_refused_in_words(plain):
    page = Explorer(ExplorerState(plain))
    page.receive(page.header, {"kind": "address", "text": "?where=class=coast"}, [])
    assert "these tiles have no classes" in page.header.message
