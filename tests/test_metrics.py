import math

import numpy as np
import pytest
import reference
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.retrieval import (
    retrieval_average_precision,
    retrieval_precision,
    retrieval_recall,
)

from rsh.codes import pack
from rsh.errors import InputError
from rsh.metrics import (
    Counts,
    anmrr,
    average_precision,
    bootstrap_interval,
    count,
    distinct_codes,
    mean_average_precision,
    precision_at,
    precision_recall,
    precision_within,
    ranked_average_precision,
    recall_at,
)

NUM_BITS = 4
RANKING = st.lists(st.tuples(st.integers(0, NUM_BITS), st.booleans()), min_size=1, max_size=6)


def counts_of(*rankings: list[tuple[int, bool]], num_bits: int = NUM_BITS) -> Counts:
    """Count by distance what is given as (distance, relevant), one list a query."""
    items = np.zeros((len(rankings), num_bits + 1), dtype=np.int64)
    relevant = np.zeros_like(items)
    for query, ranking in enumerate(rankings):
        for distance, hit in ranking:
            items[query, distance] += 1
            relevant[query, distance] += hit
    return Counts(items, relevant)


def random_codes(seed: int, count: int, num_bits: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (count, num_bits))


def untied(seed: int) -> tuple[list[tuple[int, bool]], torch.Tensor, torch.Tensor]:
    """A ranking of 12 items at different distances, for us and for torchmetrics."""
    rng = np.random.default_rng(seed)
    distances, hits = rng.permutation(12), rng.random(12) < 0.4
    hits[0] = True
    ranking = list(zip(distances.tolist(), hits.tolist(), strict=True))
    return ranking, torch.from_numpy(12.0 - distances), torch.from_numpy(hits)


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
    ):
        expected = reference.mean_over_orders(
            lambda order, f=slow: f(order, top_k), distances, hits
        )
        assert found(counts_of(ranking), top_k=top_k)[0] == pytest.approx(expected, nan_ok=True)


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
    assert anmrr(counts_of(*rankings)) == pytest.approx(sum(figures) / len(figures))


@given(st.integers(0, 10**6), st.integers(1, 20))
def test_counts_are_those_of_a_loop_over_pairs(seed, num_bits):
    query, gallery = random_codes(seed, 3, num_bits), random_codes(seed + 1, 7, num_bits)
    rng = np.random.default_rng(seed)
    query_labels, gallery_labels = rng.integers(3, size=3), rng.integers(3, size=7)
    expected = counts_of(
        *(
            [
                (reference.hamming(a, b), bool(x == y))
                for b, y in zip(gallery.tolist(), gallery_labels, strict=True)
            ]
            for a, x in zip(query.tolist(), query_labels, strict=True)
        ),
        num_bits=num_bits,
    )
    found = count(pack(query), pack(gallery), query_labels, gallery_labels, num_bits=num_bits)
    assert np.array_equal(found.items, expected.items)
    assert np.array_equal(found.relevant, expected.relevant)


def test_more_queries_than_fit_in_one_piece_are_counted_like_fewer():
    query, gallery = random_codes(0, 1100, 8), random_codes(1, 30, 8)
    labels = np.arange(1100) % 3
    whole = count(pack(query), pack(gallery), labels, labels[:30], num_bits=8)
    assert whole.items.shape == (1100, 9)
    for start in (0, 511, 512, 1023, 1099):
        part = slice(start, start + 1)
        alone = count(pack(query[part]), pack(gallery), labels[part], labels[:30], num_bits=8)
        assert np.array_equal(whole.items[part], alone.items)
        assert np.array_equal(whole.relevant[part], alone.relevant)


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


@pytest.mark.parametrize("seed", range(5))
def test_ranking_by_real_distances_has_the_average_precision_of_torchmetrics(seed: int):
    _, scores, hits = untied(seed)
    found = ranked_average_precision(-scores[None].numpy(), hits[None].numpy())
    assert found == pytest.approx([retrieval_average_precision(scores, hits).item()])


def test_order_of_the_gallery_does_not_matter():
    query, gallery = random_codes(0, 20, 8), random_codes(1, 300, 8)
    labels = np.random.default_rng(2).integers(4, size=300)
    order = np.random.default_rng(3).permutation(300)
    before = count(pack(query), pack(gallery), labels[:20], labels, num_bits=8)
    after = count(pack(query), pack(gallery[order]), labels[:20], labels[order], num_bits=8)
    assert np.array_equal(average_precision(before), average_precision(after))
    assert anmrr(before) == anmrr(after)


def test_perfect_ranking_scores_one():
    perfect = counts_of([(0, True), (0, True), (1, True), (3, False), (3, False)])
    assert average_precision(perfect)[0] == pytest.approx(1)
    assert average_precision(perfect, top_k=2)[0] == pytest.approx(1)
    assert precision_at(perfect, top_k=3)[0] == 1
    assert recall_at(perfect, top_k=3)[0] == 1
    assert precision_within(perfect, radius=1)[0] == 1
    assert anmrr(perfect) == pytest.approx(0)


def test_worst_ranking_has_the_worst_anmrr():
    worst = counts_of([(0, False)] * 9 + [(4, True), (4, True)])
    assert anmrr(worst) == pytest.approx(1)


def test_equal_codes_score_like_chance():
    """One code for all: each rank is relevant with the share of the class."""
    everything = counts_of([(0, number < 250) for number in range(1000)])
    assert precision_at(everything, top_k=20)[0] == pytest.approx(0.25)
    assert recall_at(everything, top_k=100)[0] == pytest.approx(0.1)
    assert average_precision(everything)[0] == pytest.approx(0.25, abs=0.01)


def test_random_codes_score_near_the_base_rate():
    labels = np.arange(2000) % 5
    codes = pack(random_codes(0, 2000, 16))
    counts = count(codes[:100], codes[100:], labels[:100], labels[100:], num_bits=16)
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
    with pytest.raises(InputError, match=f"top_k={top_k}: choose 1 or more"):
        figure(counts_of([(0, True)]), top_k=top_k)


def test_empty_ball_counts_zero_and_a_full_one_its_share():
    counts = counts_of([(3, True)], [(0, True), (2, False), (2, True), (2, False)])
    assert precision_within(counts, radius=2).tolist() == [0, 0.5]
    assert precision_within(counts, radius=0).tolist() == [0, 1]
    assert precision_within(counts, radius=4).tolist() == [1, 0.5]


@pytest.mark.parametrize("radius", [-1, -3])
def test_negative_radius_is_refused(radius: int):
    with pytest.raises(InputError, match=f"radius={radius}"):
        precision_within(counts_of([(0, True), (4, True)]), radius=radius)


def test_precision_and_recall_by_radius_are_macro_means_without_empty_balls():
    counts = counts_of([(1, True), (2, False)], [(2, True), (2, False), (3, True), (4, False)])
    precision, recall = precision_recall(counts)
    assert math.isnan(precision[0])  # no ball holds anything
    assert precision[1:].tolist() == pytest.approx(
        [1, (1 / 2 + 1 / 2) / 2, (1 / 2 + 2 / 3) / 2, 0.5]
    )
    assert recall.tolist() == pytest.approx([0, 0.5, 0.75, 1, 1])


def test_queries_with_nothing_relevant_are_nan_and_left_out_of_means():
    counts = counts_of([(0, True), (1, False)], [(0, False), (1, False)])
    assert np.isnan(average_precision(counts)).tolist() == [False, True]
    assert np.isnan(recall_at(counts, top_k=1)).tolist() == [False, True]
    assert mean_average_precision(counts) == 1
    assert anmrr(counts) == pytest.approx(0)
    assert np.isnan(ranked_average_precision([[0.1, 0.2]], [[False, False]])).all()


def test_recall_by_radius_leaves_out_queries_with_nothing_relevant():
    _, recall = precision_recall(counts_of([(0, True), (1, False)], [(0, False), (1, False)]))
    assert recall.tolist() == [1, 1, 1, 1, 1]


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


def test_labels_and_codes_are_not_changed():
    codes, labels = pack(random_codes(0, 30, 16)), np.arange(30) % 3
    before = codes.copy(), labels.copy()
    first = count(codes[:10], codes, labels[:10], labels, num_bits=16)
    counts = Counts(first.items.copy(), first.relevant.copy())
    figures = [average_precision(first), precision_at(first, top_k=3), precision_recall(first)[0]]
    again = count(codes[:10], codes, labels[:10], labels, num_bits=16)
    assert np.array_equal(codes, before[0])
    assert np.array_equal(labels, before[1])
    assert np.array_equal(first.items, counts.items)
    assert np.array_equal(first.relevant, counts.relevant)
    assert np.array_equal(average_precision(again), figures[0])


def test_labels_may_be_names():
    codes, names = pack(random_codes(0, 6, 8)), np.array(["a", "b", "a", "b", "c", "c"])
    numbers = np.array([0, 1, 0, 1, 2, 2])
    by_name = count(codes, codes, names, names, num_bits=8)
    assert np.array_equal(by_name.relevant, count(codes, codes, numbers, numbers, num_bits=8)[1])


@pytest.mark.parametrize(
    ("queries", "query_labels", "items", "item_labels", "named"),
    [(0, 0, 5, 5, "0 query codes"), (2, 2, 0, 0, "0 gallery codes"),
     (2, 3, 5, 5, "2 query codes with 3 labels"), (2, 2, 5, 4, "5 gallery codes with 4 labels")],
)  # fmt: skip
def test_codes_and_labels_that_do_not_fit_are_named(
    queries: int, query_labels: int, items: int, item_labels: int, named: str
):
    code = np.zeros((10, 2), np.uint8)
    with pytest.raises(InputError, match=named):
        count(code[:queries], code[:items], [0] * query_labels, [0] * item_labels, num_bits=16)


def test_codes_longer_than_num_bits_are_refused_instead_of_counted_wrongly():
    codes = pack(random_codes(0, 6, 32))
    with pytest.raises(InputError, match="16 bits"):
        count(codes, codes, [0] * 6, [0] * 6, num_bits=16)


def test_distinct_codes_are_counted_once():
    assert distinct_codes(np.array([[0, 1], [1, 0], [0, 1], [0, 1]], np.uint8)) == 2
