import math
from itertools import pairwise

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from make_counts import NUM_BITS
from refusals import refused

from rsh.codes.binary import pack
from rsh.metrics.counts import count_by_distance, without_self
from rsh.metrics.graded import (
    count_by_grade,
    cumulative_gain_at,
    grade_label_sets,
    graded_ndcg_at,
    weighted_average_precision,
)
from rsh.metrics.ranking import average_precision, ndcg_at, precision_at

GRADES = ("shared", "jaccard")
LABELS = 3
SETS = st.tuples(*[st.booleans()] * LABELS)
TILES = st.lists(st.tuples(st.integers(0, NUM_BITS), SETS), min_size=1, max_size=6)
CUTS = st.one_of(st.none(), st.integers(1, 8))


def codes_at(distances):
    """Codes at these distances from the code of ones."""
    codes = np.ones((len(distances), NUM_BITS), np.int8)
    for row, distance in enumerate(distances):
        codes[row, :distance] = -1
    return codes


def counts_of(query, tiles, grade="shared"):
    """Counts of one query, whose code is all ones."""
    distances, sets = zip(*tiles, strict=True)
    ones = pack(codes_at([0]))
    sides = np.array([query]), np.array(sets)
    return count_by_grade(ones, pack(codes_at(distances)), *sides, num_bits=NUM_BITS, grade=grade)


def mean_over_orders(figure, query, tiles, grade):
    distances, sets = zip(*tiles, strict=True)
    grades = [reference.grade(query, other, grade) for other in sets]
    return reference.mean_over_orders(figure, distances, grades)


@given(SETS, TILES, st.integers(1, 8), st.sampled_from(GRADES))
def test_figures_are_means_over_all_orders_of_ties(query, tiles, top_k, grade):
    counts = counts_of(query, tiles, grade)
    for found, slow in (
        (cumulative_gain_at, reference.cumulative_gain_at),
        (graded_ndcg_at, reference.graded_ndcg_at),
        (weighted_average_precision, reference.weighted_average_precision),
    ):
        expected = mean_over_orders(lambda order, f=slow: f(order, top_k), query, tiles, grade)
        assert found(counts, top_k=top_k)[0] == pytest.approx(expected, nan_ok=True)


@given(SETS, TILES, st.sampled_from(GRADES))
def test_weighted_precision_of_the_whole_ranking(query, tiles, grade):
    slow = reference.weighted_average_precision
    expected = mean_over_orders(slow, query, tiles, grade)
    found = weighted_average_precision(counts_of(query, tiles, grade))[0]
    assert found == pytest.approx(expected, nan_ok=True)


@given(st.lists(st.tuples(SETS, SETS), min_size=1, max_size=6), st.sampled_from(GRADES))
def test_grades_are_those_of_a_slow_loop(pairs, grade):
    query, other = (np.array(side) for side in zip(*pairs, strict=True))
    found = grade_label_sets(query, other, grade)
    expected = [[reference.grade(a, b, grade) for b in other.tolist()] for a in query.tolist()]
    assert found == pytest.approx(np.array(expected, dtype=float))


def random_tiles(seed, count=60, num_bits=8):
    rng = np.random.default_rng(seed)
    codes = rng.choice(np.array([-1, 1], np.int8), (count, num_bits))
    return pack(codes[rng.integers(0, count // 3, count)]), rng.random((count, LABELS)) < 0.4


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("top_k", [None, 1, 7])
@pytest.mark.parametrize("grade", GRADES)
def test_with_one_label_a_tile_all_are_the_binary_metrics(seed, top_k, grade):
    packed, _ = random_tiles(seed)
    classes = np.random.default_rng(seed).integers(0, LABELS, len(packed))
    one = np.eye(LABELS, dtype=bool)[classes]
    binary = count_by_distance(packed[:40], packed[20:], classes[:40], classes[20:], num_bits=8)
    graded = count_by_grade(packed[:40], packed[20:], one[:40], one[20:], num_bits=8, grade=grade)
    for found, expected in zip(graded.binary, binary, strict=True):
        assert (found == expected).all()
    found = weighted_average_precision(graded, top_k=top_k)
    assert (found == average_precision(binary, top_k=top_k)).all()
    if top_k:
        assert graded_ndcg_at(graded, top_k=top_k) == pytest.approx(ndcg_at(binary, top_k=top_k))
        assert cumulative_gain_at(graded, top_k=top_k) == pytest.approx(
            precision_at(binary, top_k=top_k)
        )


@pytest.mark.parametrize("grade", GRADES)
def test_counts_do_not_depend_on_the_order_of_rows(grade):
    packed, labels = random_tiles(5)
    order = np.random.default_rng(1).permutation(len(packed))
    how = {"num_bits": 8, "grade": grade}
    first = count_by_grade(packed, packed, labels, labels, **how)
    second = count_by_grade(packed[order], packed[order], labels[order], labels[order], **how)
    assert (first.grades == second.grades).all()
    assert (first.number[order] == second.number).all()
    assert (first.number.sum(axis=(1, 2)) == len(packed)).all()


def test_any_shared_label_is_relevant():
    packed, labels = random_tiles(2)
    counts = count_by_grade(packed, packed, labels, labels, num_bits=8).binary
    expected = (labels.astype(int) @ labels.T.astype(int) > 0).sum(axis=1)
    assert (counts.relevant.sum(axis=1) == expected).all()


@given(SETS, TILES, st.integers(1, 8), st.sampled_from(GRADES))
def test_figures_lie_between_0_and_the_highest_grade(query, tiles, top_k, grade):
    counts = counts_of(query, tiles, grade)
    most = counts.grades[-1]
    for found in (
        cumulative_gain_at(counts, top_k=top_k)[0],
        weighted_average_precision(counts, top_k=top_k)[0],
    ):
        assert math.isnan(found) or 0 <= found <= most + 1e-9
    ndcg = graded_ndcg_at(counts, top_k=top_k)[0]
    assert math.isnan(ndcg) or 0 <= ndcg <= 1 + 1e-9


def test_the_best_order_of_grades_has_an_ndcg_of_1():
    tiles = [(0, (True, True, True)), (1, (True, True, False)), (2, (True, False, False))]
    query = (True, True, True)
    assert graded_ndcg_at(counts_of(query, tiles), top_k=3)[0] == pytest.approx(1)
    swapped = [(2 - distance, labels) for distance, labels in tiles]
    found = [graded_ndcg_at(counts_of(query, swapped), top_k=k)[0] for k in (1, 2, 3)]
    assert found[0] == pytest.approx(1 / 7)
    assert all(a < b for a, b in pairwise([*found, 1]))


@pytest.mark.parametrize("grade", GRADES)
def test_a_query_can_be_left_out_of_its_own_gallery(grade):
    packed, labels = random_tiles(3)
    every = count_by_grade(packed, packed, labels, labels, num_bits=8, grade=grade)
    others = count_by_grade(
        packed, packed, labels, labels, num_bits=8, grade=grade, without_self=True
    )
    some = labels.any(axis=1)
    expected = without_self(type(every.binary)(*(part[some] for part in every.binary)))
    for found, wanted in zip(others.binary, expected, strict=True):
        assert (found[some] == wanted).all()
    gone = every.number - others.number
    own = labels.sum(axis=1) if grade == "shared" else some.astype(float)
    assert (gone.sum(axis=(1, 2)) == 1).all()
    assert (gone @ every.grades).sum(axis=1) == pytest.approx(own)
    with refused(names="query 0"):
        count_by_grade(
            packed[:1], packed[:1] ^ 255, labels[:1], labels[:1], num_bits=8, without_self=True
        )


def test_too_few_labels_are_refused():
    packed, labels = random_tiles(0)
    with refused(names=(60, 59)):
        count_by_grade(packed, packed, labels, labels[1:], num_bits=8)
