"""Codes of class bits and look bits: a search may re-rank by one of both, or weigh them."""

from pathlib import Path

import pytest
from make_gallery import tiny_gallery
from refusals import refused

from rsh.gallery.gallery import Gallery
from rsh.search.rerank import list_measures
from rsh.search.retrieve import search

BITS, LOOK = 16, 4
PARTS = ("class-bits", "look-bits", "weighted-bits")


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("parts") / "gallery"
    return tiny_gallery(folder, num_tiles=120, num_bits=BITS, look_bits=LOOK)


def slow_score(gallery: Gallery, row: int, other: int, by: str, weight: float) -> float:
    total = agree = 0.0
    for bit in range(BITS):
        is_look = bit >= BITS - LOOK
        counts = {"class-bits": not is_look, "look-bits": is_look}.get(by, weight if is_look else 1)
        total += counts
        same = gallery.codes[row, bit] == gallery.codes[other, bit]
        agree += counts if same else -counts
    return agree / total


@pytest.mark.parametrize("by", PARTS)
@pytest.mark.parametrize("weight", [None, 0.5, 7.0])
def test_a_pool_is_ranked_by_a_part_and_ties_by_features(gallery: Gallery, by: str, weight):
    if weight is not None and by != "weighted-bits":
        return
    for row in (0, 17, 80):
        tile = gallery.items["id"][row]
        pool = search(gallery, tile, radius=search(gallery, tile, top_k=40).farthest)
        features = gallery.features.tolist()
        near = {
            other: sum(map(float.__mul__, features[row], features[other])) for other in pool.rows
        }
        score = {n: slow_score(gallery, row, int(n), by, weight or 2.0) for n in pool.rows}
        far = dict(zip(pool.rows.tolist(), pool.distances.tolist(), strict=True))
        ranked = sorted(far, key=lambda n: (-round(score[n], 6), -near[n], far[n], n))
        found = search(gallery, tile, rerank=by, rerank_depth=40, look_weight=weight)
        assert found.rows.tolist() == ranked[:20]
        assert found.scores.tolist() == pytest.approx([score[n] for n in ranked[:20]], abs=1e-6)
        tied = sum(round(each, 6) == round(score[ranked[19]], 6) for each in score.values())
        assert found.tied == tied


def test_a_gallery_without_the_part_refuses_the_measure(gallery: Gallery, tmp_path: Path):
    plain = tiny_gallery(tmp_path / "plain", num_tiles=30, num_bits=8)
    look = tiny_gallery(tmp_path / "look", num_tiles=30, num_bits=8, look_bits=8)
    for by in PARTS:
        with refused("rerank", value=by, names="no look bits: choose features or asymmetric"):
            search(plain, plain.items["id"][0], rerank=by)
    for by in ("class-bits", "weighted-bits"):
        with refused("rerank", value=by, names="look bits alone"):
            search(look, look.items["id"][0], rerank=by)
    assert len(search(look, look.items["id"][0], rerank="look-bits")) == 20
    assert list_measures(8, 0) == ["features", "asymmetric"]
    assert list_measures(8, 8) == ["features", "asymmetric", "look-bits"]
