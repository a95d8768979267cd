import math
from statistics import NormalDist

import numpy as np
import pytest
from make_counts import counts_of, random_codes
from refusals import refused

from rsh.codes.binary import pack
from rsh.metrics.counts import DistanceCounts, count_by_distance
from rsh.metrics.ranking import (
    average_precision,
    bootstrap_interval,
    distinct_codes,
    mean_average_precision,
    ndcg_at,
    nmrr,
    precision_at,
    precision_recall,
    recall_at,
)


def test_queries_with_nothing_relevant_are_nan_and_left_out_of_means():
    counts = counts_of([(0, True), (1, False)], [(0, False), (1, False)])
    assert np.isnan(average_precision(counts)).tolist() == [False, True]
    assert np.isnan(recall_at(counts, top_k=1)).tolist() == [False, True]
    assert mean_average_precision(counts) == 1
    assert nmrr(counts) == pytest.approx([0, math.nan], nan_ok=True)
    assert np.isnan(ndcg_at(counts, top_k=1)).tolist() == [False, True]
    for denominator in ("top_k", "hits"):
        found = average_precision(counts, top_k=1, denominator=denominator)
        assert np.isnan(found).tolist() == [False, True]


def test_denominator_top_k_needs_a_number():
    with refused(names="top_k"):
        average_precision(counts_of([(0, True)]), denominator="top_k")


def test_few_hits_that_come_early_score_one_where_hits_divide():
    """The trap of MiLaN's figure: one hit of ten is perfect if it comes first."""
    counts = counts_of([(0, True)] + [(1, False)] * 20 + [(2, True)] * 9)
    assert average_precision(counts, top_k=20, denominator="hits")[0] == 1
    assert average_precision(counts, top_k=20)[0] == pytest.approx(0.1)
    assert average_precision(counts, top_k=20, denominator="top_k")[0] == pytest.approx(0.05)


def test_recall_by_radius_leaves_out_queries_with_nothing_relevant():
    _, recall = precision_recall(counts_of([(0, True), (1, False)], [(0, False), (1, False)]))
    assert recall.tolist() == [1, 1, 1, 1, 1]


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_bootstrap_interval_of_many_values_is_that_of_the_normal_law(level: float):
    values = np.random.default_rng(0).uniform(size=400)
    half = NormalDist().inv_cdf((1 + level) / 2) * values.std() / np.sqrt(len(values))
    low, high = bootstrap_interval(values, level=level, draws=20_000)
    assert values.mean() - low == pytest.approx(half, rel=0.05)
    assert high - values.mean() == pytest.approx(half, rel=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_bootstrap_interval_holds_the_mean_and_is_the_same_each_time(seed: int):
    values = np.random.default_rng(seed).beta(2, 1, 200)
    low, high = bootstrap_interval(values)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / math.sqrt(200), rel=0.15)
    assert bootstrap_interval(values) == (low, high)
    assert bootstrap_interval(values, seed=1) != (low, high)
    narrow = bootstrap_interval(values, level=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_bootstrap_leaves_nan_out():
    values = np.array([0.2, 0.4, 0.9])
    assert bootstrap_interval([0.2, np.nan, 0.4, 0.9]) == bootstrap_interval(values)
    assert bootstrap_interval([0.5, 0.5]) == (0.5, 0.5)


@pytest.mark.parametrize("groups", [(), ([0, 0],)])
def test_bootstrap_of_nan_alone_is_nan(groups):
    assert np.isnan(bootstrap_interval([np.nan, np.nan], *groups)).all()


def test_bootstrap_draws_groups_as_wholes():
    """Ten copies of each value tell no more than the values; as single draws they seem to."""
    values = np.random.default_rng(0).random(50)
    copies, names = values.repeat(10), np.arange(50).repeat(10)
    low, high = bootstrap_interval(values)
    grouped = bootstrap_interval(copies, names)
    assert grouped[1] - grouped[0] == pytest.approx(high - low, rel=0.15)
    single = bootstrap_interval(copies)
    assert single[1] - single[0] == pytest.approx((high - low) / math.sqrt(10), rel=0.15)
    crossed = bootstrap_interval(copies, names, np.tile(np.arange(2), 250))
    assert crossed[1] - crossed[0] >= 0.9 * (grouped[1] - grouped[0])
    assert bootstrap_interval(copies, np.zeros(500)) == pytest.approx((values.mean(),) * 2)


def test_labels_and_codes_are_not_changed():
    codes, labels = pack(random_codes(0, 30, 16)), np.arange(30) % 3
    before = codes.copy(), labels.copy()
    first = count_by_distance(codes[:10], codes, labels[:10], labels, num_bits=16)
    counts = DistanceCounts(first.items.copy(), first.relevant.copy())
    figures = [average_precision(first), precision_at(first, top_k=3), precision_recall(first)[0]]
    again = count_by_distance(codes[:10], codes, labels[:10], labels, num_bits=16)
    assert np.array_equal(codes, before[0])
    assert np.array_equal(labels, before[1])
    assert np.array_equal(first.items, counts.items)
    assert np.array_equal(first.relevant, counts.relevant)
    assert np.array_equal(average_precision(again), figures[0])


def test_distinct_codes_are_counted_once():
    assert distinct_codes(np.array([[0, 1], [1, 0], [0, 1], [0, 1]], np.uint8)) == 2
