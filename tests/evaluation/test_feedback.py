"""Rounds of feedback, compared with a loop that keeps lists."""

import json

import numpy as np
import pytest
import reference
from make_counts import random_codes
from make_splits import labeled
from refusals import refused

from rsh.codes.encodings import Encodings
from rsh.codes.order import hash_order
from rsh.evaluation.feedback import simulate
from rsh.evaluation.protocols import PROTOCOLS
from rsh.evaluation.report import feedback as as_text
from rsh.evaluation.scoring import RetrievalTask
from rsh.metrics.counts import counts_from_scores
from rsh.search.feedback import Weights, rocchio


def made(seed: int, split, num_bits: int = 6) -> Encodings:
    """Codes of few bits, some of which know the class."""
    rng, labels = np.random.default_rng(seed), split.dataset.labels
    centers = random_codes(seed, labels.max() + 1, num_bits)[labels]
    relaxed = (centers + 1.3 * rng.normal(size=centers.shape)).astype(np.float16)
    codes = np.where(relaxed >= 0, 1, -1).astype(np.int8)
    return Encodings(codes, relaxed, np.zeros((len(labels), 2), np.float16))


def slow_rounds(encoded, task, row, judged, rounds, weights):
    """Precision@20 and AP by residual collection and round, with lists alone."""
    labels, ids = task.labels, task.split.dataset.items["id"].iloc[task.gallery]
    tiles = [int(tile) for tile in task.gallery[hash_order(ids)]]
    if task.protocol.without_self:
        tiles.remove(row)
    marked, rankings = {}, []  # the round in which a tile was marked
    for number in range(rounds + 1):
        like = [tile for tile in marked if labels[tile] == labels[row]]
        unlike = [tile for tile in marked if labels[tile] != labels[row]]
        parts = (encoded.relaxed[each] for each in ([row], like, unlike))
        composed = rocchio(*parts, weights=weights).astype(float)
        scores = {tile: round(float(encoded.codes[tile] @ composed), 5) for tile in tiles}
        rankings.append(scores)
        unseen = sorted(
            (tile for tile in tiles if tile not in marked), key=scores.get, reverse=True
        )
        marked |= dict.fromkeys(unseen[:judged], number)
    for after in range(1, rounds + 1):
        left = [tile for tile in tiles if marked.get(tile, rounds) >= after]
        for scores in rankings[: after + 1]:
            places = sorted({-scores[tile] for tile in left})
            distances = [places.index(-scores[tile]) for tile in left]
            hits = [bool(labels[tile] == labels[row]) for tile in left]
            yield after, reference.tied_average_precision(distances, hits)


@pytest.mark.parametrize("protocol", ["disjoint", "milan"])
def test_rounds_are_those_of_a_loop_over_lists(protocol):
    split, weights = labeled(3, train=9, val=3, query=8), Weights(1, 0.8, 0.3)
    encoded, task = made(2, split), RetrievalTask(split, PROTOCOLS[protocol])
    by_query = [list(slow_rounds(encoded, task, row, 4, 2, weights)) for row in task.query.tolist()]
    report = simulate(encoded, task, weights=weights, rounds=2, judged=4)
    means = np.array([[figure for _, figure in query] for query in by_query]).mean(axis=0)
    found = [figure for part in report["residual"] for figure in part["map"]]
    assert found == pytest.approx(means.tolist(), abs=1e-6)
    assert [part["rounds"] for part in report["residual"]] == [1, 2]


def test_marks_gain_where_codes_know_something_and_the_report_can_be_shown():
    split = labeled(4, train=40, val=10, query=10)
    report = simulate(made(0, split, num_bits=12), RetrievalTask(split))
    for part in report["residual"]:
        assert part["gain"] == pytest.approx(
            part["precision_at_20"][-1] - part["precision_at_20"][0]
        )
        low, high = part["gain_interval"]
        assert 0 < low < part["gain"] < high
    text = as_text({"feedback": json.loads(json.dumps(report))})
    assert "without the 20 marked" in text and "without the 40 marked" in text
    assert f"{report['residual'][1]['precision_at_20'][2]:.1%}" in text


def test_marks_that_weigh_nothing_gain_nothing():
    split = labeled(3, train=30, val=5, query=5)
    report = simulate(made(0, split), RetrievalTask(split), weights=Weights(1, 0, 0))
    for part in report["residual"]:
        assert len(set(part["precision_at_20"])) == 1
        assert (part["gain"], part["gain_interval"]) == (0, (0, 0))


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"judged": 0}, {"rounds": 8}, {"judged": 50}])
def test_a_gallery_too_small_for_so_many_marks_is_told(wrong):
    split = labeled(3, train=20, val=5, query=5)
    with refused(names=1):
        simulate(made(0, split), RetrievalTask(split), **wrong)


def test_equal_scores_tie():
    items, relevant = counts_from_scores(
        [0.5, 0.1, 0.5, 0.9], np.array([True, False, False, False])
    )
    assert items.tolist() == [[1, 2, 1]] and relevant.tolist() == [[0, 1, 0]]
