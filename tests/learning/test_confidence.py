"""Confidence: what the labels of a few tiles say of all others, and of tiles like none of them."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from make_learning import CLASSES, cluster_gallery, some_labels, true_class
from refusals import refused

from rsh.gallery.gallery import Gallery
from rsh.learning import confidence as module
from rsh.learning.confidence import confidence


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return cluster_gallery(tmp_path_factory.mktemp("confidence") / "gallery")


@pytest.fixture(scope="module")
def truth(gallery: Gallery) -> np.ndarray:
    return gallery.items["id"].map(true_class).to_numpy(str)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_tiles_of_a_labeled_class_get_high_scores_and_others_low(
    gallery: Gallery, truth: np.ndarray, classes: int
):
    names = CLASSES[:classes]
    found = confidence(gallery, some_labels(gallery, 6, names))
    assert found.classes == sorted(names)
    for number, name in enumerate(found.classes):
        assert np.median(found.scores[truth == name, number]) > 0.7
        assert np.median(found.scores[truth != name, number]) < 0.1
    others = ~np.isin(truth, names)
    assert (found.none_of_these[others] > 0.5).all()
    assert found.note == ""


def test_one_class_is_compared_with_all_tiles(gallery: Gallery, truth: np.ndarray):
    found = confidence(gallery, some_labels(gallery, 6, ("town",)))
    scores = found.scores[:, 0]
    assert np.median(scores[truth == "town"]) > 0.7 and (scores[truth != "town"] < 0.5).all()
    assert "'town'" in found.note


@drawn(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=30), st.integers(0, 9))
def test_scores_of_a_tile_add_up_to_at_most_1(gallery: Gallery, classes: list[str], seed: int):
    rows = np.random.default_rng(seed).permutation(len(gallery))[: len(classes)]
    labels = dict(zip(gallery.items["id"].iloc[rows], classes, strict=True))
    found = confidence(gallery, labels, seed=seed)
    for scores in (found.scores, found.held_out):
        assert np.isfinite(scores).all() and (scores >= 0).all()
        assert (scores.sum(axis=1) <= 1 + 1e-6).all()
    most = [(classes.count(name) + 1) / (classes.count(name) + 2) for name in found.classes]
    assert (found.scores <= np.array(most) + 1e-6).all()


def test_score_without_the_own_label_is_that_of_a_fit_without_it():
    """The closed form, against a second fit for each labeled tile."""
    rng = np.random.default_rng(0)
    numbers = np.repeat([0, 1, 2], [9, 12, 15])
    rows = rng.normal(size=(3, 8))[numbers] + rng.normal(size=(36, 8))
    rows = np.concatenate([rows, rng.normal(size=(60, 8))])
    rows = np.concatenate([rows, np.ones((96, 1))], axis=1)
    weights, held_out = module._fit(rows, numbers, 60)
    assert np.allclose(weights, slow_fit(rows, numbers, np.ones(36)), atol=1e-3)
    own = held_out[np.arange(36), numbers]
    for tile in (0, 10, 30):
        again = slow_fit(rows, numbers, np.arange(36) != tile)
        expected = 1 / (1 + np.exp(-rows[tile] @ again[numbers[tile]]))
        assert own[tile] == pytest.approx(expected, abs=0.05)


def slow_fit(rows: np.ndarray, numbers: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Fit each class by plain gradient descent; tiles that are not used weigh nothing."""
    weights = np.zeros((3, rows.shape[1]))
    for kind in range(3):
        own = numbers == kind
        parts = [np.where(own, 20 / own.sum(), 10 / (~own).sum()) * used, np.full(60, 20 / 60)]
        each, target = np.concatenate(parts), np.concatenate([own, np.zeros(60)])
        ridge = np.array([2.0] * (rows.shape[1] - 1) + [1e-3])
        for _ in range(20_000):
            output = 1 / (1 + np.exp(-rows @ weights[kind]))
            gradient = (each * (output - target)) @ rows + ridge * weights[kind]
            weights[kind] -= 0.01 * gradient
    return weights


def test_check_counts_labels_that_the_others_guess(gallery: Gallery):
    labels = some_labels(gallery, 8)
    found = confidence(gallery, labels)
    right, claimed = found.check(0.6)
    assert claimed > 20 and right == claimed
    wrong = dict(zip(labels, np.roll(list(labels.values()), 3).tolist(), strict=True))
    right, claimed = confidence(gallery, wrong).check(0.6)
    assert right < len(wrong) / 2
    assert found.check(1.0) == (0, 0)


def test_tiles_are_found_by_class_and_score(gallery: Gallery):
    found = confidence(gallery, some_labels(gallery, 6))
    rows, numbers = found.find(0.5)
    scores = found.scores[rows, numbers]
    assert (scores >= 0.5).all() and sum(found.count(0.5).values()) == len(rows)
    order = list(zip(numbers, -scores, strict=True))
    assert order == sorted(order)


def test_equal_seeds_give_equal_scores(gallery: Gallery, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "BACKGROUND", 20)
    labels = some_labels(gallery, 3)
    first, second, third = (confidence(gallery, labels, seed=seed).scores for seed in (0, 0, 1))
    assert (first == second).all() and (first != third).any()


def test_blocks_do_not_change_scores(gallery: Gallery, monkeypatch: pytest.MonkeyPatch):
    labels = some_labels(gallery, 3)
    whole = confidence(gallery, labels).scores
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 7)
    assert np.allclose(confidence(gallery, labels).scores, whole, atol=1e-6)


def test_gallery_of_one_code_is_scored_without_a_failure(tmp_path: Path):
    shape = (120, 24)
    same = cluster_gallery(tmp_path / "same", codes=np.ones(shape, int), relaxed=np.ones(shape))
    found = confidence(same, some_labels(same, 3))
    assert np.isfinite(found.scores).all() and (found.scores < 0.8).all()


def test_no_labels_and_one_class_for_all_are_refused(gallery: Gallery):
    with refused(names="no tile was given a class"):
        confidence(gallery, {})
    with refused(names=(str(gallery.folder), "'sea'")):
        confidence(gallery, dict.fromkeys(gallery.items["id"], "sea"))
    with refused("seed", value=-1):
        confidence(gallery, some_labels(gallery, 2), seed=-1)


def test_all_tiles_may_have_labels(gallery: Gallery, truth: np.ndarray):
    found = confidence(gallery, dict(zip(gallery.items["id"], truth.tolist(), strict=True)))
    best = np.array(found.classes)[found.scores.argmax(axis=1)]
    assert (best == truth).mean() > 0.95


def test_kernel_needs_no_torch_to_score_and_suggest():
    code = "import sys, rsh.learning.suggest, rsh.learning.confidence\n"
    code += "heavy = {'torch', 'sklearn', 'scipy', 'matplotlib', 'numba'}\n"
    code += "print(sorted(heavy & set(sys.modules)))"
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("per_class", [1, 2, 3, 6])
@pytest.mark.parametrize("spread", [0.25, 0.8])
def test_check_is_a_true_leave_one_out(tmp_path: Path, per_class: int, spread: float):
    tiles = cluster_gallery(tmp_path / "tiles", spread=spread)
    labels = some_labels(tiles, per_class) | {f"{CLASSES[0]}/7.png": "alone"}
    found = confidence(tiles, labels)
    assert len(found.checked) == len(found.held_out) == len(labels)
    right = claimed = 0
    for place, row in enumerate(found.checked.rows.tolist()):
        tile = tiles.ids[row]
        rest = {name: kind for name, kind in labels.items() if name != tile}
        again = confidence(tiles, rest)
        expected = dict.fromkeys(found.classes, 0.0)
        expected |= dict(zip(again.classes, again.scores[row].tolist(), strict=True))
        assert found.held_out[place] == pytest.approx(list(expected.values()), abs=1e-4)
        best = max(expected, key=lambda kind: expected[kind])
        claimed += expected[best] >= 0.5
        right += expected[best] >= 0.5 and best == labels[tile]
    assert found.check(0.5) == (right, claimed)


def test_the_only_label_cannot_be_checked(gallery: Gallery):
    assert confidence(gallery, some_labels(gallery, 1, CLASSES[:1])).check(0.0) == (0, 0)


def test_many_labels_are_checked_by_a_sample(gallery: Gallery, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "CHECKED", 10)
    found = confidence(gallery, some_labels(gallery, 6))
    assert len(found.checked) == len(found.held_out) == 10
    right, claimed = found.check(0.6)
    assert right == claimed > 5


@pytest.mark.parametrize("least", [80, -1, -0.01, 1.01, float("nan"), "0.8", None, True])
def test_a_confidence_that_is_none_is_refused(gallery: Gallery, least):
    found = confidence(gallery, some_labels(gallery, 2))
    for ask in (found.check, found.find, found.count):
        with refused("least", names=(str(least), "from 0.0 to 1.0")):
            ask(least)


@pytest.mark.parametrize("least", [0, 0.0, 0.3, 1])
def test_each_tile_counts_once_for_its_likeliest_class(gallery: Gallery, least: float):
    found = confidence(gallery, some_labels(gallery, 2))
    rows, numbers = found.find(least)
    assert len(set(rows.tolist())) == len(rows) == sum(found.count(least).values())
    assert (numbers == found.scores[rows].argmax(axis=1)).all()
    assert found.check(least)[1] <= 8
    assert found.check(0)[1] == 8 and sum(found.count(0).values()) == 120
