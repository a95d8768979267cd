"""Several tiles as one query: the formula, the search, and what cannot be asked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_gallery import tiny_gallery
from refusals import refused

from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.search.feedback import Weights, rocchio
from rsh.search.retrieve import search


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("rocchio") / "gallery", num_tiles=120, num_bits=12)


def slow_compose(query, positives, negatives, weights) -> list[float]:
    total = weights[0] + (weights[1] if positives else 0) + (weights[2] if negatives else 0)
    bits = []
    for bit in range(len(query)):
        value = weights[0] * np.tanh(query[bit])
        if positives:
            value += weights[1] * sum(np.tanh(row[bit]) for row in positives) / len(positives)
        if negatives:
            value -= weights[2] * sum(np.tanh(row[bit]) for row in negatives) / len(negatives)
        bits.append(value / total)
    return bits


@given(st.integers(0, 10**6), st.integers(0, 3), st.integers(0, 3))
def test_composed_query_is_that_of_a_slow_loop(seed, likes, unlikes):
    rng = np.random.default_rng(seed)
    query, positives, negatives = (
        rng.normal(size=5),
        rng.normal(size=(likes, 5)),
        rng.normal(size=(unlikes, 5)),
    )
    weights = Weights(*rng.random(3))
    expected = slow_compose(query, positives.tolist(), negatives.tolist(), weights)
    found = rocchio(query, positives, negatives, weights=weights)
    assert found.tolist() == pytest.approx(expected, abs=1e-6)
    assert (abs(found) <= 1).all()


def test_nothing_to_compose_is_told():
    with refused("weights", names=0):
        rocchio(np.ones(4), [], [], weights=Weights(1, 1, -1))
    for weights, positives in ((Weights(0, 1, 1), []), (Weights(), np.ones((2, 8)))):
        with refused():
            rocchio(np.ones(4), positives, [], weights=weights)


@pytest.mark.parametrize("split", ["train", "query"])
def test_marked_tiles_and_the_query_are_left_out_and_all_others_ranked_by_score(gallery, split):
    ids, relaxed, codes = gallery.items["id"], gallery.relaxed, gallery.codes
    for row in np.flatnonzero(gallery.items["split"] == split)[:5].tolist():
        others = [int(other) for other in gallery.searchable if other != row]
        positive, negative = others[3::50], others[7::50]
        marks = {"positive": list(ids[positive]), "negative": list(ids[negative])}
        answer = search(gallery, ids[row], **marks, top_k=30)
        composed = slow_compose(
            *(relaxed[rows].tolist() for rows in (row, positive, negative)), Weights()
        )
        wanted = [
            (float(np.dot(codes[other], composed)) / 12, ids[other])
            for other in gallery.searchable
            if other not in {row, *positive, *negative}
        ]
        best = sorted((score for score, _ in wanted), reverse=True)[:30]
        assert [hit.score for hit in answer.hits] == pytest.approx(best, abs=1e-5)
        scores = dict((tile, score) for score, tile in wanted)
        for hit in answer.hits:
            assert hit.score == pytest.approx(scores[hit.id], abs=1e-5)
            other = int(np.flatnonzero(ids == hit.id)[0])
            assert hit.distance == (codes[other] != codes[row]).sum()
        right = [hit.class_name == answer.class_name for hit in answer.hits]
        assert answer.precision == pytest.approx(np.mean(right))
        assert f"positive  {', '.join(ids[positive])}" in str(answer) and "score" in str(answer)


def test_tiles_that_are_marked_draw_the_answer_to_them(gallery):
    row = int(np.flatnonzero(gallery.items["split"] == "query")[0])
    target = next(name for name in gallery.classes if name != gallery.items["class"][row])
    marked = gallery.items["id"][
        (gallery.items["class"] == target) & (gallery.items["split"] != "query")
    ][:4]
    left = len(gallery.searchable) - len(marked)
    away, towards = (
        search(gallery, gallery.items["id"][row], top_k=left, positive=positive, negative=negative)
        for positive, negative in (([], list(marked)), (list(marked), []))
    )
    ranks = [
        np.mean([hit.rank for hit in answer.hits if hit.class_name == target])
        for answer in (towards, away)
    ]
    assert ranks[0] < ranks[1]


@pytest.mark.parametrize("how", [{"positive": True}, {"rerank": "features"}])
def test_conditions_hold_for_scored_answers_too(gallery, how):
    ids = gallery.items["id"]
    row, other = gallery.searchable[:2]
    asked = {"positive": [ids[other]]} if "positive" in how else how
    conditions = Filter.read(["split!=train"])
    found = {hit.id for hit in search(gallery, ids[row], **asked, filter=conditions, top_k=3).hits}
    assert set(gallery.items.set_index("id").loc[list(found), "split"]) == {"val"}


def test_all_that_is_left_can_be_asked_for_and_no_more(gallery):
    row = int(gallery.searchable[0])
    others = gallery.items["id"].iloc[gallery.searchable[1:]].tolist()
    ask = {"positive": others[:60]}
    left = len(others) - 60
    assert len(search(gallery, gallery.items["id"][row], **ask).hits) == 20
    assert len(search(gallery, gallery.items["id"][row], **ask, top_k=left).hits) == left
    with refused("top_k", value=left + 1, names=left):
        search(gallery, gallery.items["id"][row], **ask, top_k=left + 1)
    with refused():
        search(gallery, gallery.items["id"][row], positive=others)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"positive": ["nowhere.jpg"]}, "positive"),
        ({"negative": ["{query}"]}, "negative"),
        ({"positive": ["{a}"], "negative": ["{a}"]}, "positive"),
        ({"positive": ["{a}", "{a}"]}, "positive"),
        ({"positive": ["{a}"], "radius": 3}, "radius"),
        ({"positive": ["{a}"], "rerank": "features"}, "rerank"),
    ],
)
def test_marks_that_make_no_sense(gallery, asked, told):
    names = {"query": gallery.items["id"][0], "a": gallery.items["id"][5]}
    filled = {
        name: [tile.format(**names) for tile in value] if isinstance(value, list) else value
        for name, value in asked.items()
    }
    with refused(told):
        search(gallery, names["query"], **filled)
