import logging
import re

import ipywidgets
import numpy as np
import pytest
from make_gallery import retabled, tiny_gallery
from traitlets.log import get_logger

import rsh.explorer.page as explorer_page
from rsh.explorer.alerts import OURS
from rsh.explorer.app import dashboard
from rsh.explorer.bundle import PANELS
from rsh.explorer.page import Explorer
from rsh.explorer.state import ExplorerState
from rsh.text import plural

HTML = "<img src=x onerror=alert(1)>"


@pytest.fixture
def page(gallery):
    return Explorer(ExplorerState(gallery))


@pytest.fixture
def sent(page, monkeypatch):
    """What the first plane and the frame send to the browser."""
    messages = []
    for panel in (page.planes[0], page.header):
        monkeypatch.setattr(panel, "send", lambda *a, **k: messages.append((a, k)), raising=False)
    return messages


def ask(page, panel, **content):
    page.receive(panel, content, [])


def texts_in(widget):
    """All text that a page sends to the browser, code and styles apart."""
    found = [str(widget.get_state()[name]) for name in widget.keys if not name.startswith("_")]
    for child in getattr(widget, "children", ()):
        found += texts_in(child)
    return found


def test_the_page_opens_with_a_query_and_its_answer(page, gallery):
    assert page.header.question == "Where else on Earth does it look like this?"
    assert re.fullmatch(r"300 tiles · \d+ classes · 32 bits", page.header.facts)
    cards = page.cards.view["cards"]
    assert len(cards) == 20
    assert cards[0]["thumb"] == gallery.thumbnail(cards[0]["row"])
    assert page.query.view["query"]["row"] == page.state.query.row
    assert page.header.message == ""


def test_each_card_says_in_words_what_it_shows(page):
    for card in page.cards.view["cards"]:
        kind = "same class" if card["relevant"] else "another class"
        bits = plural(card["distance"], "bit")
        assert card["alt"] == f"rank {card['rank']}, {card['name']}, {bits} away, {kind}"
        assert card["tied_shown"] <= card["tied"]


def test_the_summary_counts_right(page):
    cards = page.cards.view["cards"]
    right, result = sum(card["relevant"] for card in cards), page.state.results()
    assert page.cards.view["summary"].startswith(f"{right} of 20 have the query's class")
    assert f"precision@20 = {result.precision:.2f}." in page.cards.view["summary"]


def test_the_summary_names_a_tie_for_the_last_places(page):
    said = set()
    for top_k in range(1, 40):
        page.controls.search = page.controls.search | {"top_k": top_k}
        tie = re.search(r"([\d,]+) tiles tie for the last", page.cards.view["summary"])
        cut = page.state.results().cutoff_ties
        assert (int(tie[1]) if tie else None) == (cut[0] if cut else None)
        said.add(cut is None)
    assert said == {True, False}


def test_the_summary_of_a_full_ball_speaks_of_all_in_it(page, gallery):
    page.controls.search = page.controls.search | {"mode": "radius", "radius": 32}
    others = gallery.searchable[gallery.searchable != page.state.query.row]
    right = int((gallery.labels[others] == gallery.labels[page.state.query.row]).sum())
    assert page.cards.view["summary"].startswith(
        f"{right} of {len(others)} have the query's class: precision = {right / len(others):.2f}."
    )


def test_the_summary_says_when_the_model_trained_on_the_query(page, gallery):
    splits = gallery.items["split"]
    for split in ("train", "val", "query"):
        ask(page, page.cards, kind="choose", row=int(splits.index[splits == split][0]))
        assert ("The model was trained on this tile" in page.cards.view["summary"]) == (
            split == "train"
        )


def test_choosing_a_card_moves_every_panel(page):
    page.dock.tab = "codes"
    row = page.cards.view["cards"][3]["row"]
    ask(page, page.cards, kind="choose", row=row)
    assert page.state.query.row == page.codes.view["query"]["row"] == row
    assert {plane.marks["query"] for plane in page.planes} == {row}
    assert page.query.view["can_go_back"] and not page.query.view["can_go_forward"]
    shown = [card["row"] for card in page.cards.view["cards"]]
    assert all([hit[0] for hit in plane.marks["hits"]] == shown for plane in page.planes)


def test_back_forward_and_random_are_buttons(page):
    start = page.state.query.row
    ask(page, page.query, kind="random")
    other = page.state.query.row
    assert other != start
    ask(page, page.query, kind="back")
    assert page.state.query.row == start and page.query.view["can_go_forward"]
    ask(page, page.query, kind="forward")
    assert page.state.query.row == other


def test_the_class_browser_follows_the_class_and_then_the_query(page, gallery):
    ask(page, page.class_browser, kind="class", number=2)
    rows = [card["row"] for card in page.class_browser.view["cards"]]
    assert rows == page.state.list_tiles(gallery.classes[2])[:24].tolist()
    ask(page, page.class_browser, kind="choose", row=rows[1])
    current = [card["row"] for card in page.class_browser.view["cards"] if card["current"]]
    assert current == [rows[1]] and page.class_browser.view["chosen"] == 2


def test_the_class_browser_pages_through_a_class_and_begins_again(page, gallery):
    ask(page, page.class_browser, kind="class", number=2)
    wanted, seen = page.state.list_tiles(gallery.classes[2]).tolist(), []
    assert len(wanted) > 24
    while len(seen) < len(wanted):
        view = page.class_browser.view
        assert (view["first"], view["total"]) == (len(seen) + 1, len(wanted))
        seen += [card["row"] for card in view["cards"]]
        ask(page, page.class_browser, kind="others")
    assert seen == wanted and page.class_browser.view["first"] == 1


def test_the_class_browser_stays_where_it_is_while_the_class_does(page, gallery):
    ask(page, page.class_browser, kind="class", number=2)
    ask(page, page.class_browser, kind="others")
    second = page.class_browser.view["cards"]
    ask(page, page.class_browser, kind="choose", row=second[0]["row"])
    assert [card["row"] for card in page.class_browser.view["cards"]] == [
        card["row"] for card in second
    ]
    assert page.class_browser.view["cards"][0]["current"]
    other = int(page.state.list_tiles(gallery.classes[3])[0])
    ask(page, page.cards, kind="choose", row=other)
    assert (page.class_browser.view["chosen"], page.class_browser.view["first"]) == (3, 1)


def test_query_and_results_are_sent_together(page, monkeypatch):
    done = []
    for name in ("cards_view", "controls_view", "marks_view", "query_view"):
        made = getattr(explorer_page, name)
        monkeypatch.setattr(
            explorer_page, name, lambda *args, made=made: done.append("made") or made(*args)
        )
    page.query.observe(lambda change: done.append("query"), names="view")
    page.cards.observe(lambda change: done.append("results"), names="view")
    ask(page, page.query, kind="random")
    assert done == ["made"] * 4 + ["query", "results"]


def test_the_search_trait_is_brought_into_range(page):
    numbers = {"top_k": 20, "radius": 999}
    wanted = {"mode": "radius", **numbers, "order": "bits", "include_held_out": False}
    page.controls.search = wanted
    assert page.controls.search == wanted | {"radius": 32}
    assert "within 32 bits" in page.cards.view["heading"]
    assert "The first 200 of" in page.cards.view["note"]


def test_held_out_tiles_can_be_included(page, gallery):
    held_out = gallery.num_held_out
    view = page.controls.view
    assert view["searched"] == f"{len(gallery) - held_out} tiles searched, {held_out} held out"
    assert view["has_held_out"] and "include_held_out" not in page.header.address
    before = page.cards.view["cards"]
    ask(page, page.filter, kind="where", texts=["class=coast"])
    fewer = int(page.filter.view["found"].split()[0])
    filtered = f"{fewer} of {len(gallery) - held_out} tiles searched, {held_out} held out"
    assert page.controls.view["searched"] == filtered
    ask(page, page.filter, kind="where", texts=[])
    page.controls.search = page.controls.search | {"include_held_out": True, "top_k": 100}
    searched = f"{len(gallery)} tiles searched, {held_out} of them held out"
    assert page.controls.view["searched"] == searched
    assert page.header.address.endswith("&include_held_out=yes")
    assert "held out" in {card["split"] for card in page.cards.view["cards"]}
    page.dock.tab, page.sides.chosen = "compare", "features"
    shown = {card["split"] for side in page.sides.view["sides"] for card in side["cards"]}
    assert "held out" in shown
    ask(page, page.filter, kind="where", texts=["class=coast"])
    more = int(page.filter.view["found"].split()[0])
    assert more > fewer
    filtered = f"{more} of {len(gallery)} tiles searched, held-out ones included"
    assert page.controls.view["searched"] == filtered
    ask(page, page.filter, kind="where", texts=[])
    page.controls.search = page.controls.search | {"include_held_out": False, "top_k": 20}
    assert page.cards.view["cards"] == before


def test_a_radius_without_tiles_says_so(page, gallery):
    alone = next(
        row
        for row in range(len(gallery))
        if not np.any(gallery.range_search(gallery.packed[[row]], radius=0)[0].ids != row)
    )
    ask(page, page.cards, kind="choose", row=alone)
    page.controls.search = page.controls.search | {"mode": "radius", "radius": 0}
    nearest = plural(int(page.state.results().counts.items[0].nonzero()[0][0]), "bit")
    assert page.cards.view["heading"] == "No tile within 0 bits"
    assert page.cards.view["summary"] == f"The nearest tile is {nearest} away. Increase the radius."
    page.dock.tab = "codes"
    assert page.cards.view["cards"] == [] and page.codes.view["first"] is None


def test_a_plane_gets_the_tile_it_asks_for(page, gallery, sent):
    ask(page, page.planes[0], kind="peek", row=11)
    (content,), options = sent[-1]
    assert (content["kind"], content["row"], len(content["code"])) == ("tile", 11, 8)
    assert options["buffers"] == [gallery.thumbnail(11)]


def test_a_ping_is_answered(page, sent):
    ask(page, page.header, kind="ping")
    assert sent[-1][0] == ({"kind": "pong"},)
    page.alert("stays")
    ask(page, page.header, kind="ping")
    assert page.header.message == "stays"


@pytest.mark.parametrize("row", [-1, 10**9])
def test_a_wrong_row_is_an_alert_and_nothing_moves(page, row):
    before = page.state.query.row
    ask(page, page.cards, kind="choose", row=row)
    assert page.header.message.startswith(f"there is no tile {row}")
    assert page.state.query.row == before
    ask(page, page.query, kind="random")
    assert page.header.message == ""


def test_a_message_of_no_known_kind_is_passed_over(page):
    for content in (
        {},
        {"kind": "shutdown"},
        {"kind": "choose"},
        {"kind": "choose", "row": "1"},
        {"kind": "peek", "row": -1},
        {"kind": "class", "number": 99},
    ):
        page.receive(page.cards, content, [])
    assert page.header.message == ""


def test_a_defect_is_one_sentence_for_the_visitor_and_a_traceback_for_the_log(page, monkeypatch):
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    get_logger().addHandler(handler)

    def fail(row):
        raise RuntimeError("secret /path/to/it")

    monkeypatch.setattr(page.state, "choose", fail)
    ask(page, page.cards, kind="choose", row=1)
    get_logger().removeHandler(handler)
    assert page.header.message == OURS
    assert "secret" in str(records[0].exc_info[1])


def test_a_missing_gallery_is_one_alert_without_a_stack(tmp_path):
    box = dashboard(tmp_path / "nowhere")
    (frame,) = box.children
    assert "is no gallery" in frame.message and "Traceback" not in frame.message


def test_a_broken_gallery_is_one_alert(gallery, tmp_path):
    broken = tiny_gallery(tmp_path / "broken", num_tiles=20)
    (broken.folder / "000001-0" / "codes.npy").write_bytes(b"no codes")
    (frame,) = dashboard(broken.folder).children
    assert "altered or cut short" in frame.message


def test_a_gallery_without_map_and_projection_still_is_a_page(tmp_path):
    bare = tiny_gallery(tmp_path / "bare", num_tiles=30, coordinates=False, projection=False)
    page = Explorer(ExplorerState(bare))
    assert page.planes == [] and isinstance(page.panels[-1], ipywidgets.Box)
    assert page.header.question == "What else looks like this?"
    assert "rsh project" in page.legend.note


def test_a_tile_without_a_place_has_none(gallery, tmp_path):
    half = tiny_gallery(tmp_path / "half", num_tiles=20)
    known = half.items.index >= 10
    retabled(half, **{name: half.items[name].where(known) for name in ("longitude", "latitude")})
    page = Explorer(ExplorerState(half))
    ask(page, page.cards, kind="choose", row=0)
    assert page.query.view["query"]["place"] == ""


def test_class_names_travel_as_they_are(tmp_path):
    names = {"tundra": HTML, "coast": "海岸" * 40}
    odd = tiny_gallery(tmp_path / "odd", num_tiles=60, rename=names)
    page = Explorer(ExplorerState(odd))
    shown = [entry["name"] for entry in page.class_browser.view["classes"]]
    assert HTML in shown and "海岸" * 40 in shown
    text = "".join(path.read_text(encoding="utf-8") for path in PANELS.rglob("*.js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)


def test_no_panel_tells_the_browser_where_the_gallery_lies(page, gallery):
    assert not any(str(gallery.folder) in text for text in texts_in(ipywidgets.Box(page.panels)))
