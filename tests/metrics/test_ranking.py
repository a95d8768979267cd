import math

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from make_counts import RANKING, counts_of, random_codes, untied
from refusals import refused
from torchmetrics.functional.retrieval import (
    retrieval_average_precision,
    retrieval_normalized_dcg,
    retrieval_precision,
    retrieval_recall,
)

from rsh.codes.binary import pack
from rsh.metrics.counts import count_by_distance, order_ties
from rsh.metrics.ranking import (
    average_precision,
    distances_by_relevance,
    mean_average_precision,
    ndcg_at,
    nmrr,
    precision_at,
    precision_recall,
    precision_within,
    recall_at,
)

DENOMINATORS = ("relevant", "top_k", "hits")


@given(RANKING)
def test_average_precision_is_the_mean_over_all_orders_of_ties(ranking):
    distances, hits = zip(*ranking, strict=True)
    expected = reference.mean_over_orders(reference.average_precision, distances, hits)
    found = average_precision(counts_of(ranking))[0]
    assert found == pytest.approx(expected, nan_ok=True)
    assert reference.tied_average_precision(distances, hits) == pytest.approx(found, nan_ok=True)


@given(RANKING, st.integers(1, 8))
def test_figures_at_a_cut_are_means_over_all_orders_even_inside_a_tie(ranking, top_k):
    distances, hits = zip(*ranking, strict=True)
    for found, slow in (
        (average_precision, reference.average_precision),
        (precision_at, reference.precision_at),
        (recall_at, reference.recall_at),
        (ndcg_at, reference.ndcg_at),
    ):
        expected = reference.mean_over_orders(
            lambda order, f=slow: f(order, top_k), distances, hits
        )
        assert found(counts_of(ranking), top_k=top_k)[0] == pytest.approx(expected, nan_ok=True)


@given(RANKING, st.integers(1, 8), st.sampled_from(DENOMINATORS))
def test_each_denominator_is_averaged_over_all_orders_of_ties(ranking, top_k, denominator):
    distances, hits = zip(*ranking, strict=True)
    expected = reference.mean_over_orders(
        lambda order: reference.average_precision(order, top_k, denominator), distances, hits
    )
    found = average_precision(counts_of(ranking), top_k=top_k, denominator=denominator)
    assert found[0] == pytest.approx(expected, nan_ok=True)


@given(RANKING, st.integers(1, 8), st.sampled_from(DENOMINATORS), st.booleans())
def test_relevant_first_or_last_is_the_best_or_worst_order_of_ties(
    ranking, top_k, denominator, best
):
    def ap(order):
        return reference.average_precision(order, top_k, denominator)

    figures = [ap(order) for order in reference.orders(*zip(*ranking, strict=True))]
    ordered = order_ties(counts_of(ranking), best=best)
    found = average_precision(ordered, top_k=top_k, denominator=denominator)[0]
    expected = max(figures) if best else min(figures)
    if denominator != "hits":  # there, few early hits can beat more hits
        assert found == pytest.approx(expected, nan_ok=True)
    elif any(hit for _, hit in ranking):
        assert any(found == pytest.approx(figure) for figure in figures)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=40))
def test_average_precision_of_long_ties_is_the_sum_over_positions(ranking):
    distances, hits = zip(*ranking, strict=True)
    expected = reference.tied_average_precision(distances, hits)
    found = average_precision(counts_of(ranking, num_bits=9))[0]
    assert found == pytest.approx(expected, nan_ok=True)


@given(st.lists(RANKING, min_size=1, max_size=3))
def test_anmrr_is_the_mean_over_all_orders_of_ties(rankings):
    wanted = [sum(hit for _, hit in ranking) for ranking in rankings]
    if not any(wanted):
        return
    figures = [
        reference.mean_over_orders(
            lambda order: reference.nmrr(order, max(wanted)), *zip(*ranking, strict=True)
        )
        for ranking, number in zip(rankings, wanted, strict=True)
        if number
    ]
    found = nmrr(counts_of(*rankings))
    assert np.nanmean(found) == pytest.approx(sum(figures) / len(figures))
    alone = [nmrr(counts_of(ranking), most_relevant=max(wanted))[0] for ranking in rankings]
    assert alone == pytest.approx(found, nan_ok=True)


@given(st.lists(RANKING, min_size=1, max_size=3), st.integers(0, 4))
def test_micro_curve_puts_the_balls_of_all_queries_together(rankings, radius):
    if not any(hit for ranking in rankings for _, hit in ranking):
        return
    precision, recall = precision_recall(counts_of(*rankings), micro=True)
    expected = reference.precision_recall_micro(rankings, radius)
    assert (precision[radius], recall[radius]) == pytest.approx(expected, nan_ok=True)


@given(st.lists(RANKING, min_size=1, max_size=3))
def test_distances_of_pairs_are_counted_by_class(rankings):
    pairs = [pair for ranking in rankings for pair in ranking]
    same, others = distances_by_relevance(counts_of(*rankings))
    assert same.tolist() == [pairs.count((at, True)) for at in range(5)]
    assert others.tolist() == [pairs.count((at, False)) for at in range(5)]


@pytest.mark.parametrize("seed", range(10))
def test_without_ties_the_figures_are_those_of_torchmetrics(seed: int):
    ranking, scores, hits = untied(seed)
    counts = counts_of(ranking, num_bits=11)
    assert average_precision(counts)[0] == pytest.approx(
        retrieval_average_precision(scores, hits).item()
    )
    for top_k in (1, 5, 12):
        assert precision_at(counts, top_k=top_k)[0] == pytest.approx(
            retrieval_precision(scores, hits, top_k=top_k).item()
        )
        assert recall_at(counts, top_k=top_k)[0] == pytest.approx(
            retrieval_recall(scores, hits, top_k=top_k).item()
        )
        assert ndcg_at(counts, top_k=top_k)[0] == pytest.approx(
            retrieval_normalized_dcg(scores, hits, top_k=top_k).item()
        )


def test_order_of_the_gallery_does_not_matter():
    query, gallery = random_codes(0, 20, 8), random_codes(1, 300, 8)
    labels = np.random.default_rng(2).integers(4, size=300)
    order = np.random.default_rng(3).permutation(300)
    before = count_by_distance(pack(query), pack(gallery), labels[:20], labels, num_bits=8)
    after = count_by_distance(
        pack(query), pack(gallery[order]), labels[:20], labels[order], num_bits=8
    )
    assert np.array_equal(average_precision(before), average_precision(after))
    assert np.array_equal(nmrr(before), nmrr(after))


def test_perfect_ranking_scores_one():
    perfect = counts_of([(0, True), (0, True), (1, True), (3, False), (3, False)])
    assert average_precision(perfect)[0] == pytest.approx(1)
    assert average_precision(perfect, top_k=2)[0] == pytest.approx(1)
    assert precision_at(perfect, top_k=3)[0] == 1
    assert recall_at(perfect, top_k=3)[0] == 1
    assert precision_within(perfect, radius=1)[0] == 1
    assert nmrr(perfect)[0] == pytest.approx(0)


def test_worst_ranking_has_the_worst_anmrr():
    worst = counts_of([(0, False)] * 9 + [(4, True), (4, True)])
    assert nmrr(worst)[0] == pytest.approx(1)


def test_equal_codes_score_like_chance():
    """One code for all: each rank is relevant with the share of the class."""
    everything = counts_of([(0, number < 250) for number in range(1000)])
    assert precision_at(everything, top_k=20)[0] == pytest.approx(0.25)
    assert recall_at(everything, top_k=100)[0] == pytest.approx(0.1)
    assert average_precision(everything)[0] == pytest.approx(0.25, abs=0.01)


def test_random_codes_score_near_the_base_rate():
    labels = np.arange(2000) % 5
    codes = pack(random_codes(0, 2000, 16))
    counts = count_by_distance(codes[:100], codes[100:], labels[:100], labels[100:], num_bits=16)
    assert mean_average_precision(counts) == pytest.approx(0.2, abs=0.01)


def test_best_at_a_cut_is_one_however_many_are_relevant():
    counts = counts_of([(0, True)] * 3 + [(1, True)] * 7)
    assert average_precision(counts, top_k=2)[0] == pytest.approx(1)


def test_cut_beyond_the_gallery_counts_the_missing_ranks_as_misses():
    counts = counts_of([(0, True), (1, False)])
    assert precision_at(counts, top_k=10)[0] == pytest.approx(0.1)
    assert recall_at(counts, top_k=10)[0] == 1
    assert average_precision(counts, top_k=10)[0] == 1


@pytest.mark.parametrize("figure", [average_precision, precision_at, recall_at])
@pytest.mark.parametrize("top_k", [0, -5])
def test_cut_below_one_is_named(figure, top_k: int):
    with refused("top_k", value=top_k, names=1):
        figure(counts_of([(0, True)]), top_k=top_k)


def test_empty_ball_counts_zero_and_a_full_one_its_share():
    counts = counts_of([(3, True)], [(0, True), (2, False), (2, True), (2, False)])
    assert precision_within(counts, radius=2).tolist() == [0, 0.5]
    assert precision_within(counts, radius=0).tolist() == [0, 1]
    assert precision_within(counts, radius=4).tolist() == [1, 0.5]


@pytest.mark.parametrize("radius", [-1, -3])
def test_negative_radius_is_refused(radius: int):
    with refused("radius", value=radius):
        precision_within(counts_of([(0, True), (4, True)]), radius=radius)


def test_precision_and_recall_by_radius_are_macro_means_without_empty_balls():
    counts = counts_of([(1, True), (2, False)], [(2, True), (2, False), (3, True), (4, False)])
    precision, recall = precision_recall(counts)
    assert math.isnan(precision[0])  # no ball holds anything
    assert precision[1:].tolist() == pytest.approx(
        [1, (1 / 2 + 1 / 2) / 2, (1 / 2 + 2 / 3) / 2, 0.5]
    )
    assert recall.tolist() == pytest.approx([0, 0.5, 0.75, 1, 1])
