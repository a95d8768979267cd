"""A finer measure orders what bits have found, and no more than that."""

import numpy as np
import pytest
from make_gallery import tiny_gallery
from refusals import refused

from rsh.gallery.gallery import Gallery
from rsh.index.base import Hits
from rsh.search.rerank import rerank, score
from rsh.search.retrieve import search

BOTH = pytest.mark.parametrize("by", ["features", "asymmetric"])


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("rerank") / "gallery", num_tiles=150, num_bits=12)


def slow_score(gallery: Gallery, row: int, query: int, by: str) -> float:
    if by == "features":
        pairs = zip(gallery.features[row].tolist(), gallery.features[query].tolist(), strict=True)
        return sum(a * b for a, b in pairs)
    pairs = zip(gallery.codes[row].tolist(), gallery.relaxed[query].tolist(), strict=True)
    return sum(bit * np.tanh(u) for bit, u in pairs) / gallery.num_bits


@BOTH
def test_score_is_that_of_a_slow_loop(gallery: Gallery, by: str):
    rows = np.array([5, 80, 3, 149])
    found = score(gallery.encoded(17), gallery.packed[rows], gallery.features[rows], by=by)
    expected = [slow_score(gallery, row, 17, by) for row in rows.tolist()]
    assert found.tolist() == pytest.approx(expected, abs=1e-5)


@BOTH
def test_a_tile_is_nearest_to_itself(gallery: Gallery, by: str):
    scores = score(gallery.encoded(17), gallery.packed, gallery.features, by=by)
    assert scores[17] == pytest.approx(scores.max())
    assert (abs(scores) <= 1.001).all()


@BOTH
@pytest.mark.parametrize("piece", [1, 7, 10**6])
def test_hits_stay_the_same_tiles_in_falling_order_of_the_score(
    gallery: Gallery, by: str, piece: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("rsh.codes.cosine.BATCH", piece)
    (hits,) = gallery.search(gallery.packed[[17]], top_k=40)
    found, scores = rerank(gallery.encoded(17), hits, gallery.packed, gallery.features, by=by)
    assert (np.diff(scores) <= 0).all()
    before = dict(zip(hits.ids.tolist(), hits.distances.tolist(), strict=True))
    assert dict(zip(found.ids.tolist(), found.distances.tolist(), strict=True)) == before


def test_equal_scores_and_features_come_by_distance(gallery: Gallery):
    same = Hits(np.array([9, 9, 4]), np.array([2, 1, 3], np.int32))
    found, _ = rerank(gallery.encoded(9), same, gallery.packed, gallery.features, by="features")
    assert found.distances.tolist() == [1, 2, 3]


def test_measure_that_is_none_is_named(gallery: Gallery):
    with refused("rerank", value="luck"):
        score(gallery.encoded(0), gallery.packed, gallery.features, by="luck")  # type: ignore[arg-type]


@BOTH
@pytest.mark.parametrize("split", ["train", "query"])
def test_search_looks_again_at_the_pool_and_leaves_the_tile_itself_out(
    gallery: Gallery, by: str, split: str
):
    for row in np.flatnonzero(gallery.items["split"] == split)[:5].tolist():
        tile = gallery.items["id"][row]
        farthest = search(gallery, tile, top_k=30).farthest
        pool = {hit.id: hit for hit in search(gallery, tile, radius=farthest).hits}
        answer = search(gallery, tile, top_k=7, rerank=by, rerank_depth=30)
        rows = gallery.items.reset_index().set_index("id")["index"]
        every = {name: slow_score(gallery, int(rows[name]), row, by) for name in pool}
        assert [hit.score for hit in answer.hits] == pytest.approx(
            sorted(every.values(), reverse=True)[:7], abs=1e-5
        )
        assert {hit.id for hit in answer.hits} <= set(pool) and answer.pool == len(pool)
        shares: dict[float, list[bool]] = {}
        for name, value in every.items():
            own = pool[name].class_name == answer.class_name
            shares.setdefault(round(value, 4), []).append(own)
        right = [np.mean(shares[round(hit.score, 4)]) for hit in answer.hits]
        assert answer.precision == pytest.approx(np.mean(right))
        assert ("all orders" in str(answer)) == (answer.cutoff_ties is not None)
        assert "score" in str(answer)


def test_within_a_radius_all_is_looked_at_again(gallery: Gallery):
    tile = gallery.items["id"][int(gallery.searchable[3])]
    plain, again = (search(gallery, tile, radius=4, rerank=by) for by in (None, "features"))
    assert {hit.id for hit in again.hits} == {hit.id for hit in plain.hits}


def test_pool_is_a_hundred_or_all_there_are(gallery: Gallery):
    tile = gallery.items["id"][int(gallery.searchable[3])]
    most = len(gallery.searchable) - 1
    usual = search(gallery, tile, rerank="features")
    asked = search(gallery, tile, rerank="features", rerank_depth=100)
    assert usual.hits == asked.hits
    assert len(search(gallery, tile, top_k=most, rerank="features").hits) == most
    for wrong in (19, most + 1):
        with refused("rerank_depth", value=wrong, names=(20, most)):
            search(gallery, tile, rerank="features", rerank_depth=wrong)
