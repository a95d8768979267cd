"""What a report of learning says, against slow loops."""

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from rsh.gallery.learn_report import BeforeAfter, HeldOut
from rsh.learning.labels import GivenLabels
from rsh.learning.report import FEW, score_held_out, split_folds, summarize
from rsh.learning.report import _nearest as nearest


@drawn(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(0, 5))
def test_each_label_is_held_out_at_most_once_and_the_rest_can_be_learned(numbers: list, seed: int):
    given = GivenLabels(np.arange(len(numbers)), [*"abcde"], np.array(numbers))
    folds = list(split_folds(given, seed))
    assert (np.sum(folds, axis=0) <= 1).all()
    for held_out in folds:
        assert len(set(given.numbers[~held_out])) > 1
        assert np.bincount(given.numbers[held_out]).max() > 1
    counts = np.bincount(numbers)
    if sorted(counts)[-2:] >= [4, 4] and len(counts) > 1:
        assert len(folds) == 2 and np.sum(folds, axis=0).all()


def test_of_many_labels_one_third_of_each_class_is_held_out():
    given = GivenLabels(np.arange(150), [*"abc"], np.repeat([0, 1, 2], 50))
    assert len(given) > FEW
    (held_out,) = split_folds(given, 0)
    assert all(16 <= count <= 17 for count in np.bincount(given.numbers[held_out]))


def slow(packed: np.ndarray, labels: np.ndarray) -> list[tuple[float, float]]:
    """Average precision and R-precision, as means over many random orders of the ties."""
    bits = np.unpackbits(packed, axis=1).astype(int)
    rng, found = np.random.default_rng(0), []
    for tile in range(len(labels)):
        others = np.array([other for other in range(len(labels)) if other != tile])
        same, total = labels[others] == labels[tile], (labels[others] == labels[tile]).sum()
        if not total:
            continue
        distance, figures = np.abs(bits[others] - bits[tile]).sum(axis=1), []
        for _ in range(3000):
            hits = same[np.lexsort((rng.random(len(others)), distance))]
            precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
            figures.append((precision[hits].mean(), hits[:total].mean()))
        found.append(tuple(np.mean(figures, axis=0)))
    return found


def test_held_out_tiles_search_each_other_over_all_orders_of_ties():
    rng = np.random.default_rng(1)
    labels, packed = rng.integers(3, size=9), rng.integers(4, size=(9, 1)).astype(np.uint8)
    labels[0] = 7  # alone
    found = score_held_out(packed, 8, labels)
    assert np.allclose(found.T, slow(packed, labels), atol=0.02)


def test_summary_is_a_guess_with_few_queries():
    before, after = np.zeros((2, 10)), np.full((2, 10), 0.5)
    found = summarize(before, after, 0)
    expected = HeldOut(10, BeforeAfter(0.0, 0.5), BeforeAfter(0.0, 0.5), (0.5, 0.5))
    assert found == expected and found.is_guess
    assert not summarize(np.zeros((2, 40)), np.ones((2, 40)), 0).is_guess


def test_nearest_tile_is_that_of_the_smallest_distance_and_then_of_the_largest_cosine():
    rng = np.random.default_rng(2)
    packed, cosine = rng.integers(8, size=(40, 1)).astype(np.uint8), rng.uniform(-1, 1, (40, 40))
    found = nearest(packed, cosine.astype(np.float32), np.arange(40))
    bits = np.unpackbits(packed, axis=1).astype(int)
    for tile in range(40):
        others = [other for other in range(40) if other != tile]
        key = {o: (np.abs(bits[o] - bits[tile]).sum(), -cosine[tile, o]) for o in others}
        assert found[tile] == min(others, key=key.__getitem__)


def test_progress_of_stages_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch):
    from rsh.learning.progress import Stages

    told, now = [], iter([0.0, 0.0, 1.0, 3.0, 4.0])
    monkeypatch.setattr("rsh.learning.progress.time.monotonic", lambda: next(now))
    stages = Stages({"learning": 3.0, "writing": 1.0}, told.append)
    for stage, done in (("learning", 0), ("learning", 1 / 3), ("learning", 1), ("writing", 2)):
        stages.tell(stage, done)
    assert [(one.stage, one.fraction, one.seconds_left) for one in told] == [
        ("learning", 0, None),
        ("learning", 0.25, 3),
        ("learning", 0.75, 1),
        ("writing", 1, 0),
    ]
