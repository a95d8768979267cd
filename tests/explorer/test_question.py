"""Marks, conditions and names: what one asks with, and what comes of it."""

import numpy as np
import pytest

from rsh.errors import InputError
from rsh.explorer.page import Explorer
from rsh.explorer.panels.filter import columns_of, filter_view
from rsh.explorer.state import MAX_MARKED, ExplorerState
from rsh.gallery.filters import Filter
from rsh.search.feedback import ask


def others(state: ExplorerState, count: int) -> list[int]:
    return [hit.row for hit in state.ranking().hits[:count]]


def test_marked_tiles_steer_the_search_as_the_command_line_does(gallery, state):
    like, unlike = others(state, 2)
    state.mark(like, "like")
    state.mark(unlike, "unlike")
    ids = gallery.items["id"]
    expected, _ = ask(
        gallery,
        gallery.encoded(state.query),
        state.query,
        like=[ids[like]],
        unlike=[ids[unlike]],
        top_k=20,
    )
    ranking = state.ranking()
    assert [hit.row for hit in ranking.hits] == expected.ids.tolist()
    assert ranking.order == "marks" and not {like, unlike} & {hit.row for hit in ranking.hits}
    assert np.all(np.diff([hit.score for hit in ranking.hits]) <= 0)


def test_back_takes_marks_away_and_forward_brings_them_again(state):
    first = state.question
    (row,) = others(state, 1)
    state.mark(row, "like")
    state.mark(row, "unlike")
    assert (state.question.like, state.question.unlike) == ((), (row,))
    state.mark(row, "unlike")
    assert state.question == first
    state.back()
    assert state.question.unlike == (row,)
    state.back()
    state.back()
    assert state.question == first
    state.forward()
    assert state.question.like == (row,)
    state.clear_marks()
    assert state.question == first and not state.can_go_forward


def test_wrong_marks_change_nothing(gallery, state):
    before = state.question
    for row, sign, reason in (
        (state.query, "like", "the query itself"),
        (0 if state.query else 1, "love", "choose like or unlike"),
        (10**6, "like", "there is no tile 1000000"),
    ):
        with pytest.raises(InputError, match=reason):
            state.mark(row, sign)
    assert state.question == before
    for row in [row for row in range(len(gallery)) if row != state.query][:MAX_MARKED]:
        state.mark(row, "like")
    with pytest.raises(InputError, match=f"{MAX_MARKED} tiles are marked"):
        state.mark(len(gallery) - 1, "like")


def test_conditions_hold_of_all_that_is_found_and_counted(gallery, state):
    (name, *_) = gallery.classes
    state.filter_by(Filter.read([f"class={name}"]))
    ranking = state.ranking()
    assert {gallery.items["class"][hit.row] for hit in ranking.hits} == {name}
    found = (gallery.items["class"] == name) & (gallery.items["split"] != "query")
    assert ranking.counts.items.sum() == found.sum() - int(found[state.query])
    assert filter_view(state, [])["found"].startswith(f"{found.sum()} of ")
    with pytest.raises(InputError, match="no tile"):
        state.filter_by(Filter.read(["class=nowhere"]))
    assert str(state.way.where) == f"class={name}"


def test_a_gallery_says_what_conditions_can_be_put_on(gallery, state):
    columns = {column["name"]: column for column in columns_of(state)}
    assert list(columns) == ["class", "split", "bbox"]
    assert columns["class"]["values"] == sorted(gallery.classes)


def test_a_tile_is_found_by_a_part_of_its_name(gallery, state):
    tile = gallery.items["id"][17]
    assert state.row_of(tile) == 17
    assert tile in state.matching(tile[2:-3].upper())
    assert gallery.items["id"][state.row_of(tile[:6])].lower().count(tile[:6].lower())
    assert state.matching("   ") == [] and len(state.matching("a")) == 12
    for text in ("nothing like it", "", "[a-z]*"):
        with pytest.raises(InputError, match="no tile's name holds"):
            state.row_of(text)


def test_the_page_does_what_the_panels_ask(gallery):
    page = Explorer(ExplorerState(gallery))

    def tell(**content):
        page.receive(page.cards, content, [])
        return page.frame.message

    row = page.state.ranking().hits[0].row
    assert tell(kind="mark", row=row, sign="like") == ""
    assert [mark["sign"] for mark in page.controls.view["marks"]] == ["like"]
    assert f"like={gallery.items['id'][row]}" in page.frame.address
    assert tell(kind="where", texts=["split=train"]) == ""
    assert (
        page.filter.view["texts"] == ["split=train"]
        and "where split=train" in page.cards.view["heading"]
    )
    assert "where=nothing" in tell(kind="where", texts=["nothing"])
    assert tell(kind="clear") == ""
    assert page.controls.view["marks"] == []
    link = page.frame.address
    assert tell(kind="find", text=gallery.items["id"][4]) == ""
    assert page.state.query == 4
    assert "no tile's name holds" in tell(kind="find", text="nowhere")
    assert tell(kind="address", text=link) == ""
    assert page.frame.address == link
    assert "at most 20 MB" in tell(kind="too large", name="huge.tif", size=60 << 20)
    page.asking.typed = gallery.items["id"][4][:5]
    assert gallery.items["id"][4] in page.asking.matching or len(page.asking.matching) == 12
