"""What to label next."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_learning import CLASSES, cluster_gallery, some_labels, true_class
from refusals import refused

from rsh.gallery.gallery import Gallery
from rsh.learning import suggest as module
from rsh.learning.suggest import suggest


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return cluster_gallery(tmp_path_factory.mktemp("suggest") / "gallery")


def test_first_suggestions_are_of_all_clusters(gallery: Gallery):
    chosen = suggest(gallery, {}, count=4)
    assert {true_class(one.tile) for one in chosen} == set(CLASSES)
    assert all((one.guess, one.confidence) == ("", 0.0) for one in chosen)
    assert [gallery.items["id"][one.row] for one in chosen] == [one.tile for one in chosen]


def test_clusters_without_a_label_come_first(gallery: Gallery):
    chosen = suggest(gallery, some_labels(gallery, 2, CLASSES[:3]), count=2)
    assert true_class(chosen[0].tile) == CLASSES[3]
    assert chosen[0].guess == ""


@settings(max_examples=15)
@given(st.integers(0, 29), st.integers(1, 40), st.integers(0, 5))
def test_neither_labeled_nor_held_out_tiles_are_suggested(
    gallery: Gallery, labeled: int, count: int, seed: int
):
    labels = some_labels(gallery, labeled)
    left = len(gallery.searchable) - len(labels)
    chosen = [one.row for one in suggest(gallery, labels, count=count, seed=seed)] if left else []
    assert len(chosen) == len(set(chosen)) == min(count, left)
    assert set(chosen) <= set(gallery.searchable.tolist())
    assert not set(gallery.items["id"].iloc[chosen]) & set(labels)


def test_cover_is_the_greedy_choice(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "AT_ONCE", 7)
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(25, 4)).astype(np.float32)
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    labeled, weights = codes[:3] * 0.9, rng.uniform(size=25).astype(np.float32)
    found = module._cover(codes, labeled, weights, 6)
    assert found.tolist() == slow_cover(codes, labeled, weights, 6)


def slow_cover(codes: np.ndarray, labeled: np.ndarray, weights: np.ndarray, count: int) -> list:
    """Try every tile, and sum over every tile how much better it is known then."""
    similar = [[max(0.0, float(one @ other)) ** 3 for other in codes] for one in codes]
    known = [max(max(0.0, float(code @ one)) ** 3 for one in labeled) for code in codes]
    chosen: list[int] = []
    for _ in range(count):
        gains = {
            tile: sum(
                weight * max(0.0, similar[tile][other] - known[other])
                for other, weight in enumerate(weights)
            )
            for tile in range(len(codes))
            if tile not in chosen
        }
        chosen.append(max(gains, key=gains.__getitem__))
        known = [max(k, similar[chosen[-1]][other]) for other, k in enumerate(known)]
    return chosen


def test_uncertain_tiles_count_more_the_more_labels_there_are():
    scores = np.array([[0.5, 0.45], [0.9, 0.05], [0.02, 0.03]], np.float32)
    assert np.allclose(module._uncertainty(scores), [0.95, 0.15, 0.08])


def test_large_galleries_are_sampled_by_the_seed(gallery: Gallery, monkeypatch: pytest.MonkeyPatch):
    assert suggest(gallery, {}, seed=1) == suggest(gallery, {}, seed=2)
    monkeypatch.setattr(module, "COMPARED", 20)
    first, second, third = (suggest(gallery, {}, count=5, seed=seed) for seed in (1, 1, 2))
    assert first == second != third


def test_gallery_of_one_code_is_suggested_all_the_same(tmp_path: Path):
    shape = (120, 24)
    same = cluster_gallery(tmp_path / "same", codes=np.ones(shape, int), relaxed=np.ones(shape))
    assert len({one.tile for one in suggest(same, {}, count=12)}) == 12


def test_wrong_input_is_refused(gallery: Gallery):
    every = dict.fromkeys(gallery.items["id"], "coast")
    every[gallery.items["id"][0]] = "town"
    with refused(names=str(gallery.folder)):
        suggest(gallery, every)
    for count in (0, 1001, 2.5):
        with refused("count", value=count):
            suggest(gallery, {}, count=count)
    with refused("labels", value="nowhere"):
        suggest(gallery, {"nowhere": "coast"})
