"""Another ranking of the results: what the state does, and what the page says of it."""

import numpy as np
import pytest
from refusals import refused

from rsh.explorer.page import Explorer
from rsh.search.nearest import rerank_depth
from rsh.search.retrieve import search


@pytest.mark.parametrize("order", ["features", "asymmetric"])
@pytest.mark.parametrize("how", [("top_k", 20), ("top_k", 100), ("radius", 9)])
def test_a_finer_order_is_that_of_the_command_line(state, gallery, order, how):
    mode, number = how
    state.search_by(mode, **{"top_k": 1, "radius": 0} | {mode: number}, order=order)
    for row in range(0, len(gallery), 37):
        state.choose(row)
        result, tile = state.results(), gallery.items["id"][row]
        answer = search(gallery, tile, rerank=order, **{mode: number})
        assert [gallery.items["id"][hit.row] for hit in result.hits] == [
            hit.id for hit in answer.hits
        ]
        assert [hit.score for hit in result.hits] == [hit.score for hit in answer.hits]
        assert (result.precision, result.cutoff_ties) == (answer.precision, answer.cutoff_ties)
        assert order != "features" or result.cutoff_ties is None
        assert result.precision_by_bits == search(gallery, tile, **{mode: number}).precision
        assert result.farthest == max((hit.distance for hit in result.hits), default=-1)


def test_what_a_finer_measure_looks_at_again(state, gallery):
    state.search_by("top_k", top_k=20, radius=0, order="features")
    assert rerank_depth(state.gallery, state.query, state.options) == 100
    ties = [hit.tie for hit in state.results().hits]
    scores = [hit.score for hit in state.results().hits]
    assert scores == sorted(scores, reverse=True)
    assert ties == [sorted(set(scores), reverse=True).index(score) for score in scores]
    with refused(names="luck"):
        state.search_by("top_k", top_k=20, radius=0, order="luck")


@pytest.mark.parametrize("order", ["features", "asymmetric"])
def test_another_order_shows_scores_and_what_it_gains(state, order):
    page = Explorer(state)
    before = page.cards.view["cards"]
    page.controls.search = page.controls.search | {"order": order}
    view, result = page.cards.view, page.state.results()
    pool = int((result.counts.items[0].cumsum() < 100).argmin())  # distance of the 100th
    pool = int(result.counts.items[0, : pool + 1].sum())
    assert pool >= 100 and result.pool == pool
    assert view["heading"] == f"The 20 most similar of the {pool} nearest tiles"
    assert (
        f"precision@20 = {result.precision:.2f}; by Hamming distance alone it is" in view["summary"]
    )
    assert f"{result.precision_by_bits:.2f}." in view["summary"]
    assert (
        "the 100 nearest tiles and all that tie with the last" in page.controls.view["order_note"]
    )
    for card in view["cards"]:
        assert f"away, score {card['score']:.2f}, " in card["alt"]
        assert card["tied"] == (result.scored[1] == np.float32(card["score"])).sum()
    page.controls.search = page.controls.search | {"mode": "radius", "radius": 9}
    assert page.cards.view["heading"].endswith("within 9 bits, most similar first")
    assert "; the same by Hamming distance alone." in page.cards.view["summary"]
    page.controls.search = page.controls.search | {"mode": "top_k", "order": "bits"}
    assert page.cards.view["cards"] == before


def test_notes_and_names_of_orders_read_well(state):
    page = Explorer(state)
    assert all(words.startswith("Hamming") for _, words in page.controls.view["orders"])
    page.controls.search = page.controls.search | {"order": "asymmetric"}
    assert page.controls.view["order_note"] == (
        "Re-ranks the 100 nearest tiles and all that tie with the last. Bits that are more certain "
        "in the query count more."
    )


def test_a_single_tile_is_spoken_of_as_one(state):
    page = Explorer(state)
    seen = set()
    for row in range(40):
        state.choose(row)
        page.controls.search = page.controls.search | {"top_k": 1, "order": "bits"}
        page.refresh()
        summary, ties = page.cards.view["summary"], state.results().cutoff_ties
        assert page.cards.view["heading"] == "The nearest tile"
        assert "farthest" not in summary
        assert ("tie for the only place" if ties else "The tile is ") in summary
        seen.add(bool(ties))
    assert seen == {True, False}
    page.controls.search = page.controls.search | {"order": "features"}
    assert page.cards.view["heading"].startswith("The most similar of the ")
