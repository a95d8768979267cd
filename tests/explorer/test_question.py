"""Marks, conditions and names: what one asks with, and what comes of it."""

import numpy as np
from refusals import refused

from rsh.explorer.page import Explorer
from rsh.explorer.panels.filter import filter_view, list_columns
from rsh.explorer.state import MAX_MARKED, ExplorerState
from rsh.gallery.filters import Filter
from rsh.search.retrieve import search


def others(state: ExplorerState, count: int) -> list[int]:
    return [hit.row for hit in state.results().hits[:count]]


def test_marked_tiles_steer_the_search_as_the_command_line_does(gallery, state):
    positive, negative = others(state, 2)
    state.mark(positive, "positive")
    state.mark(negative, "negative")
    ids = gallery.items["id"]
    marks = {"positive": [ids[positive]], "negative": [ids[negative]]}
    expected = search(gallery, ids[state.query.row], **marks, top_k=20)
    result = state.results()
    assert [hit.row for hit in result.hits] == expected.rows.tolist()
    assert result.order == "feedback" and not {positive, negative} & {
        hit.row for hit in result.hits
    }
    assert np.all(np.diff([hit.score for hit in result.hits]) <= 0)


def test_back_takes_marks_away_and_forward_brings_them_again(state):
    first = state.query
    (row,) = others(state, 1)
    state.mark(row, "positive")
    state.mark(row, "negative")
    assert (state.query.positive, state.query.negative) == ((), (row,))
    state.mark(row, "negative")
    assert state.query == first
    state.back()
    assert state.query.negative == (row,)
    state.back()
    state.back()
    assert state.query == first
    state.forward()
    assert state.query.positive == (row,)
    state.clear_feedback()
    assert state.query == first and not state.can_go_forward


def test_wrong_marks_change_nothing(gallery, state):
    before = state.query
    for row, sign, reason in (
        (state.query.row, "positive", "query"),
        (0 if state.query.row else 1, "love", "love"),
        (10**6, "positive", 10**6),
    ):
        with refused(names=reason):
            state.mark(row, sign)
    assert state.query == before
    for row in [row for row in range(len(gallery)) if row != state.query.row][:MAX_MARKED]:
        state.mark(row, "positive")
    with refused(names=MAX_MARKED):
        state.mark(len(gallery) - 1, "positive")


def test_conditions_hold_of_all_that_is_found_and_counted(gallery, state):
    (name, *_) = gallery.classes
    state.filter_by(Filter.read([f"class={name}"]))
    result = state.results()
    assert {gallery.items["class"][hit.row] for hit in result.hits} == {name}
    found = (gallery.items["class"] == name) & (gallery.items["split"] != "query")
    assert result.counts.items.sum() == found.sum() - int(found[state.query.row])
    assert filter_view(state, [])["found"].startswith(f"{found.sum()} of ")
    with refused("filter"):
        state.filter_by(Filter.read(["class=nowhere"]))
    assert str(state.settings.filter) == f"class={name}"


def test_a_polygon_is_shown_in_words(state):
    ring = ",".join(f"{60 * np.cos(turn):.4f},{60 * np.sin(turn):.4f}" for turn in range(40))
    hull = "polygon=-100.12345,-60.12345,100.12345,-60.12345,100.12345,70.12345,-100.12345,70.12345"
    state.filter_by(Filter.read([hull, "split!=query"]))
    view = filter_view(state, [])
    assert view["texts"] == [hull, "split!=query"]
    assert view["words"] == ["center in a region of 4 corners", "split!=query"]
    with refused("filter", names="itself"):
        Filter.read([f"polygon={ring}"])


def test_a_gallery_says_what_conditions_can_be_put_on(gallery, state):
    columns = {column["name"]: column for column in list_columns(state)}
    assert list(columns) == ["class", "split", "bbox", "polygon"]  # no tile has a footprint
    assert columns["class"]["values"] == sorted(gallery.classes)


def test_a_tile_is_found_by_a_part_of_its_name(gallery, state):
    tile = gallery.items["id"][17]
    assert state.find_row(tile) == 17
    assert tile in state.matching(tile[2:-3].upper())
    assert gallery.items["id"][state.find_row(tile[:6])].lower().count(tile[:6].lower())
    assert state.matching("   ") == [] and len(state.matching("a")) == 12
    for text in ("nothing like it", "", "[a-z]*"):
        with refused(names=repr(text)):
            state.find_row(text)


def test_the_page_does_what_the_panels_ask(gallery):
    page = Explorer(ExplorerState(gallery))

    panels = {
        "mark": page.cards,
        "clear": page.query,
        "where": page.filter,
        "find": page.upload,
        "too large": page.upload,
        "address": page.header,
    }

    def tell(**content):
        page.receive(panels[content["kind"]], content, [])
        return page.header.message

    row = page.state.results().hits[0].row
    assert tell(kind="mark", row=row, sign="like") == ""
    assert [mark["sign"] for mark in page.query.view["marks"]] == ["like"]
    assert f"like={gallery.items['id'][row]}" in page.header.address
    assert tell(kind="where", texts=["split=train"]) == ""
    assert (
        page.filter.view["texts"] == ["split=train"]
        and "with split=train" in page.cards.view["heading"]
    )
    assert "the filter “nothing”: " in tell(kind="where", texts=["nothing"])
    assert tell(kind="clear") == ""
    assert page.query.view["marks"] == []
    link = page.header.address
    assert tell(kind="find", text=gallery.items["id"][4]) == ""
    assert page.state.query.row == 4
    assert "no tile's name holds" in tell(kind="find", text="nowhere")
    assert tell(kind="address", text=link) == ""
    assert page.header.address == link
    assert "at most 20 MB" in tell(kind="too large", name="huge.tif", size=60 << 20)
    page.upload.typed = gallery.items["id"][4][:5]
    assert gallery.items["id"][4] in page.upload.matching or len(page.upload.matching) == 12
