"""A link opens what was shown, whatever it holds, and nothing else comes of it."""

from urllib.parse import parse_qs, urlencode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_gallery import tiny_gallery
from refusals import refused

from rsh.data.regions import Region
from rsh.explorer.address import (
    LONGEST,
    SIGNS,
    carried_over,
    gallery_in,
    read_address,
    write_address,
)
from rsh.explorer.page import Explorer
from rsh.explorer.state import ExplorerState
from rsh.gallery.filters import MAX_REGION, Condition, Filter
from rsh.search.query import Query


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    rename = {"coast": "a&b=c, d", "barren": "荒地?<b>#"}
    return tiny_gallery(tmp_path_factory.mktemp("galleries") / "tiny", rename=rename)


def shown(state: ExplorerState) -> tuple:
    return state.query, state.settings


@given(
    row=st.integers(0, 299),
    mode=st.sampled_from(["top_k", "radius"]),
    top_k=st.integers(1, 100),
    radius=st.integers(0, 32),
    order=st.sampled_from(["bits", "features", "asymmetric"]),
    marks=st.dictionaries(st.integers(0, 299), st.sampled_from(["like", "unlike"]), max_size=5),
    where=st.lists(st.sampled_from(["split=train,val", "latitude=-60..60"]), unique=True),
    held_out=st.booleans(),
    stacked=st.booleans(),
)
def test_what_is_written_is_read_again(
    gallery, row, mode, top_k, radius, order, marks, where, held_out, stacked
):
    state = ExplorerState(gallery)
    state.choose(row)
    for tile, sign in marks.items():
        if tile != row:
            state.mark(tile, SIGNS[sign])
    numbers = {"top_k": top_k, "radius": radius, "include_held_out": held_out}
    state.search_by(mode, order=order, **numbers)
    state.filter_by(Filter.read(where))
    state.stacked = stacked
    other = ExplorerState(gallery)
    address = write_address(state, gallery="tiny")
    read_address(address, other)
    assert other.query.row == row
    assert {other.query.positive, other.query.negative} == {
        state.query.positive,
        state.query.negative,
    }
    assert other.results().hits == state.results().hits
    assert write_address(other, gallery="tiny") == address
    assert other.stacked == stacked
    assert gallery_in(address) == "tiny"


def test_another_gallery_keeps_query_number_and_switches(gallery):
    state = ExplorerState(gallery)
    state.choose(7)
    assert parse_qs(carried_over(state, gallery)) == {"?q": [gallery.items["id"][7]], "k": ["20"]}
    state.search_by("top_k", top_k=9, radius=0, include_held_out=True)
    state.stacked = True
    other = ExplorerState(gallery)
    read_address(carried_over(state, gallery), other)
    assert (other.query.row, other.settings.top_k) == (7, 9)
    assert other.settings.include_held_out and other.stacked


def test_a_filter_that_only_held_out_tiles_pass_is_read(gallery):
    state = ExplorerState(gallery)
    read_address("?where=split=query&include_held_out=yes", state)
    assert state.num_searched == len(gallery) and len(state.results()) == 20
    read_address("?where=split=train&include_held_out=no", state)
    assert not state.settings.include_held_out
    assert set(gallery.items["split"][state.results().rows]) == {"train"}


@given(st.text(max_size=60) | st.dictionaries(st.sampled_from("qkr"), st.text()).map(urlencode))
def test_any_text_is_read_and_its_state_can_be_linked_to(gallery, text):
    state, other = ExplorerState(gallery), ExplorerState(gallery)
    read_address(text, state)
    assert read_address(write_address(state), other) == ""
    assert other.query.row == state.query.row
    assert len(state.results()) == len(other.results())


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("?q=nowhere.jpg", "q=nowhere.jpg"),
        ("?k=many", "k=many"),
        ("?r=-1", "r=-1"),
        ("?k=٣", "k=٣"),
        ("?k=0", "k=0 (choose a whole number from 1 to 100)"),
        ("?k=9999", "k=9999 (choose a whole number from 1 to 100)"),
        ("?r=999", "r=999 (choose a whole number from 0 to"),
        ("?order=__import__('os')", "__import__"),
        ("?where=nothing", "nothing"),
        ("?include_held_out=perhaps", "perhaps"),
        ("?stack=1", "stack=1"),
        ("?order=look-bits", "no look bits"),
        ("?where=split=query", "split=query"),
        ("?where=class=nowhere", "class=nowhere"),
        ("?like=nowhere.jpg", "nowhere.jpg"),
        ("?brightness=2", "brightness=2 (its tiles are images"),
    ],
)
def test_a_link_that_makes_no_sense_is_named(gallery, address, reason):
    state = ExplorerState(gallery)
    before = shown(state)
    assert reason in read_address(address, state)
    assert shown(state) == before


def test_right_parts_of_a_link_apply_and_each_wrong_one_is_named(gallery):
    state = ExplorerState(gallery)
    tile = gallery.items["id"][7]
    pairs = [("q", tile), ("k", "7"), ("r", "near"), ("order", "magic"), ("stack", "yes")]
    pairs += [("include_held_out", "perhaps"), ("where", "split=train"), ("where", "nothing")]
    pairs += [("like", "nowhere.jpg"), ("like", gallery.items["id"][8]), ("k2", "ignored")]
    left_out = read_address("?" + urlencode(pairs), state)
    assert state.query == Query(7, positive=(8,))
    settings = state.settings
    assert (settings.mode, settings.top_k, settings.order) == ("top_k", 7, "bits")
    assert not settings.include_held_out and state.stacked
    assert [str(condition) for condition in settings.filter.conditions] == ["split=train"]
    wrong = ("r=near", "order=magic", "include_held_out=perhaps", "where=nothing")
    assert all(part in left_out for part in (*wrong, "like=nowhere.jpg"))
    assert left_out.count(";") == 4 and "k=7" not in left_out and "q=" not in left_out


def test_a_link_without_its_tile_changes_the_rest(gallery):
    state = ExplorerState(gallery)
    before = state.query
    assert "q=gone.jpg" in read_address("?q=gone.jpg&k=5", state)
    assert state.query == before and state.settings.top_k == 5


def test_conditions_that_no_tile_meets_together_are_named(gallery):
    state = ExplorerState(gallery)
    left_out = read_address("?where=split=train&where=split=val&k=5", state)
    assert "where=split=val" in left_out and "where=split=train (" not in left_out
    assert state.settings.top_k == 5 and len(state.results())


def test_the_page_says_what_it_left_out_and_shows_its_own_address(gallery):
    page = Explorer(ExplorerState(gallery))
    before, seen = page.header.address, []
    page.header.observe(lambda change: seen.append(change["new"]), names="address")
    page.receive(page.header, {"kind": "address", "text": "?k=many&q=gone.jpg"}, [])
    assert "k=many" in page.header.message and "q=gone.jpg" in page.header.message
    assert seen == ["", before]  # sent again: the browser still shows the link
    page.receive(page.header, {"kind": "address", "text": "?k=7"}, [])
    assert page.header.message == "" and "k=7" in page.header.address


def test_the_query_cannot_be_marked_by_a_link(gallery):
    state = ExplorerState(gallery)
    tile = gallery.items["id"][7]
    assert "query" in read_address("?" + urlencode([("q", tile), ("like", tile)]), state)
    assert state.query == Query(7)


def test_too_many_fields_are_refused(gallery):
    with refused(names="characters"):
        read_address("?" + "q=a&" * 3000, ExplorerState(gallery))
    with refused(names=200):
        read_address("?" + "&".join(["q=a"] * 201), ExplorerState(gallery))


def test_a_polygon_is_in_the_link(gallery):
    state = ExplorerState(gallery)
    text = "polygon=120,-60,190,-60,190,70,120,70/-80,-60,60.5,-60,60.5,70,-80,70:0,0,0,5,5,5"
    state.filter_by(Filter.read([text, "split!=query"]))
    address = write_address(state)
    assert f"where={text}" in address  # as it is typed
    other = ExplorerState(gallery)
    read_address(address, other)
    assert other.settings.filter == state.settings.filter
    assert other.results().hits == state.results().hits


def test_a_drawing_of_any_length_fits_into_the_link(gallery):
    turn = np.linspace(0, 2 * np.pi, 5000)[:-1]
    drawn = np.stack([90 * np.cos(turn), 60 * np.sin(turn)], axis=1)
    region = Region.drawn(drawn, most=MAX_REGION)
    state = ExplorerState(gallery)
    state.filter_by(Filter((Condition.of_region(region),)))
    address = write_address(state, gallery="tiny")
    assert 2000 < len(address) < LONGEST
    other = ExplorerState(gallery)
    read_address(address, other)
    assert other.results().hits == state.results().hits


def test_filters_that_are_too_long_for_a_link_are_refused(gallery):
    turn = np.linspace(0, 2 * np.pi, 140)[:-1]
    text = "polygon=" + ",".join(f"{90 * np.cos(t):.4f},{60 * np.sin(t):.4f}" for t in turn)
    state = ExplorerState(gallery)
    state.filter_by(Filter.read([text, text]))
    before = state.settings
    with refused(names=("6,000", "link")):
        state.filter_by(Filter.read([text, text, text]))
    assert state.settings == before
    # A link opens no files.
    assert "fields.geojson" in read_address("?where=polygon=fields.geojson", state)


def test_many_conditions_take_no_longer_one_by_one(gallery, monkeypatch):
    state = ExplorerState(gallery)
    asked = []
    filter_by = state.filter_by
    monkeypatch.setattr(state, "filter_by", lambda filter: asked.append(1) or filter_by(filter))
    conditions = [f"class!=c{number}" for number in range(40)]
    assert read_address("?" + "&".join(f"where={each}" for each in conditions), state) == ""
    assert len(asked) <= 2
    told = read_address("?where=class=nowhere&" + "&".join(f"where={c}" for c in conditions), state)
    assert "class=nowhere" in told and "c39" not in told
    assert len(state.settings.filter.conditions) == 40
    assert len(asked) < 2 * 43 + 4


def test_marks_of_a_query_that_was_left_out_are_left_out(gallery):
    state = ExplorerState(gallery)
    tile = state.gallery.ids[3]
    told = read_address(f"?q=nowhere&like={tile}", state)
    assert "q=nowhere" in told and f"like={tile}" in told and not state.query.positive


def test_held_out_tiles_count_before_their_number(tmp_path):
    state = ExplorerState(tiny_gallery(tmp_path / "g", num_tiles=80))
    every = len(state.gallery) - 1
    assert state.max_top_k < every <= 100
    assert read_address(f"?k={every}&include_held_out=yes", state) == ""
    assert state.settings.top_k == every
