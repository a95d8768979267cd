"""What the code keeps of a query's neighbors, and the stacks of equal codes."""

import numpy as np
import pytest
from make_gallery import tiny_gallery, without_classes

from rsh.explorer.page import Explorer
from rsh.explorer.panels.cards import kept_words
from rsh.explorer.state import ExplorerState
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.search import nearest
from rsh.search.nearest import neighbors_kept
from rsh.search.query import Query, SearchOptions


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("short") / "gallery", num_tiles=90, num_bits=8)


@pytest.mark.parametrize("text", ["", "class=coast", "split=val"])
@pytest.mark.parametrize("held_out", [False, True])
def test_neighbors_kept_are_those_of_a_slow_loop(short: Gallery, text: str, held_out: bool):
    chosen = Filter.read([text] if text else [])
    options = SearchOptions(filter=chosen, include_held_out=held_out)
    for row in range(0, 90, 9):
        others = [
            other
            for other in np.flatnonzero(chosen.mask(short.items)).tolist()
            if other != row and (held_out or short.items["split"][other] != "query")
        ]
        far = {n: int((short.codes[n] != short.codes[row]).sum()) for n in others}
        features = short.features.tolist()
        near = {n: sum(map(float.__mul__, features[n], features[row])) for n in others}
        count = min(10, len(others))
        first = sorted(others, key=lambda n: -near[n])[:count]  # no two cosines are equal
        last = sorted(far.values())[count - 1]
        places = count - sum(each < last for each in far.values())
        tied = sum(each == last for each in far.values())
        chances = [1.0 if far[n] < last else (far[n] == last) * places / tied for n in first]
        found = neighbors_kept(short, Query(row), options)
        assert found == (pytest.approx(sum(chances)), count)


def test_the_page_says_it_with_classes_and_without(short: Gallery, tmp_path, monkeypatch):
    plain = tiny_gallery(tmp_path / "plain", num_tiles=60, more=without_classes)
    for gallery in (short, plain):
        page = Explorer(ExplorerState(gallery))
        expected = neighbors_kept(gallery, page.state.query, SearchOptions())
        assert expected is not None
        assert page.cards.view["summary"].endswith(kept_words(expected))
        page.state.mark(int(gallery.searchable[5]), "positive")
        page.refresh()
        assert "Neighbors kept" not in page.cards.view["summary"]
    monkeypatch.setattr(nearest, "MOST_COMPARED", 20)
    assert neighbors_kept(short, Query(0), SearchOptions()) is None
    assert "Neighbors kept" not in Explorer(ExplorerState(short)).cards.view["summary"]


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (
            (1.83, 10),
            "of the query's 10 nearest tiles by features, about 1.8 are among the first 10 by code "
            "(mean over the order of ties).",
        ),
        (
            (3.0, 10),
            "of the query's 10 nearest tiles by features, 3 are among the first 10 by code.",
        ),
        ((1.0, 7), "of the query's 7 nearest tiles by features, 1 is among the first 7 by code."),
    ],
)
def test_neighbors_kept_are_told_in_words(kept, words):
    assert kept_words(kept) == f"Neighbors kept: {words}"


def test_another_search_for_the_query_reads_the_features_once(short: Gallery, monkeypatch):
    state, read = ExplorerState(short), []
    monkeypatch.setattr(
        "rsh.explorer.state.neighbors_kept", lambda *asked: read.append(asked) or (1.0, 10)
    )
    for top_k in (5, 20):
        state.search_by("top_k", top_k=top_k, radius=0)
        assert state.neighbors_kept() == (1.0, 10)
    assert len(read) == 1
    state.search_by("top_k", top_k=5, radius=0, include_held_out=True)
    state.neighbors_kept()
    state.choose(3 if state.query.row != 3 else 4)
    state.neighbors_kept()
    assert len(read) == 3


def test_scores_of_feedback_that_tie_are_said_and_averaged(short: Gallery):
    page = Explorer(ExplorerState(short))
    page.state.mark(int(short.searchable[5]), "positive")
    for top_k in range(5, 30):  # until the last place falls into a group
        page.controls.search = page.controls.search | {"top_k": top_k}
        page.refresh()
        result = page.state.results()
        if result.cutoff_ties:
            break
    tied, places = result.cutoff_ties
    words = f"At the last score, {tied} tiles tie for the last "
    assert words + (f"{places} places" if places > 1 else "place") in page.cards.view["summary"]
    figure = f"Averaged over tie orders: precision@{top_k} = {result.precision:.2f}; by Hamming"
    assert figure in page.cards.view["summary"]
    last = page.cards.view["cards"][-1]
    assert (last["tied"], last["tied_shown"]) == (tied, places)


def test_stacks_are_kept_in_the_address_and_leave_the_results_alone(short: Gallery):
    page = Explorer(ExplorerState(short))
    before = page.cards.view
    assert not page.cards.stacked and "stack" not in page.header.address
    page.cards.stacked = True
    assert page.header.address.endswith("&stack=yes")
    page.controls.search = page.controls.search | {"top_k": 7}
    assert page.cards.stacked and "stack=yes" in page.header.address
    page.controls.search = page.controls.search | {"top_k": 20}
    assert page.cards.view == before
    page.cards.stacked = False
    assert "stack" not in page.header.address
