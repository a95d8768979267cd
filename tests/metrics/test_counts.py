from unittest.mock import patch

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from make_counts import RANKING, counts_of, random_codes, untied
from refusals import refused
from torchmetrics.functional.retrieval import retrieval_average_precision

from rsh.codes.binary import pack
from rsh.codes.hamming import BLOCK
from rsh.metrics.counts import (
    MIN_QUERIES_TO_FOLD,
    count_by_distance,
    counts_from_ranking,
    order_ties,
    without_self,
)
from rsh.metrics.ranking import average_precision

QUERIES = st.sampled_from(
    [3, MIN_QUERIES_TO_FOLD + 3]
)  # from MIN_QUERIES_TO_FOLD on equal codes are taken together


def slow_count(query, gallery, query_labels, gallery_labels, num_bits):
    return counts_of(
        *(
            [
                (reference.hamming(a, b), bool(x == y))
                for b, y in zip(gallery.tolist(), gallery_labels, strict=True)
            ]
            for a, x in zip(query.tolist(), query_labels, strict=True)
        ),
        num_bits=num_bits,
    )


@given(st.integers(0, 10**6), st.integers(1, 20) | st.sampled_from([63, 64, 65, 256]), QUERIES)
def test_counts_are_those_of_a_loop_over_pairs(seed, num_bits, queries):
    query, gallery = random_codes(seed, queries, num_bits), random_codes(seed + 1, 7, num_bits)
    rng = np.random.default_rng(seed)
    gallery = gallery[rng.integers(7, size=9)]  # some twice
    query_labels, gallery_labels = rng.integers(4, size=queries), rng.integers(3, size=9)
    expected = slow_count(query, gallery, query_labels, gallery_labels, num_bits)
    found = count_by_distance(
        pack(query), pack(gallery), query_labels, gallery_labels, num_bits=num_bits
    )
    assert np.array_equal(found.items, expected.items)
    assert np.array_equal(found.relevant, expected.relevant)


@given(st.integers(0, 10**6), st.sampled_from([1, 8, 31, 32, 33, 64, 65, 256]))
def test_the_compiled_loop_counts_the_same(seed, num_bits):
    rng = np.random.default_rng(seed)
    query, gallery = (
        random_codes(seed + each, MIN_QUERIES_TO_FOLD + 8, num_bits) for each in range(2)
    )
    gallery = gallery[rng.integers(len(gallery), size=BLOCK + 99)]  # more than one block, folded
    near = rng.random(gallery.shape) < 0.2  # and enough that differ to fill two
    gallery = np.where(near, -gallery, gallery)
    labels = rng.integers(4, size=len(query)), rng.integers(3, size=len(gallery))
    codes = pack(query), pack(gallery)
    expected = count_by_distance(*codes, *labels, num_bits=num_bits)
    with patch("rsh.metrics.counts.MIN_PAIRS_TO_COMPILE", 0):
        found = count_by_distance(*codes, *labels, num_bits=num_bits)
    assert np.array_equal(found.items, expected.items)
    assert np.array_equal(found.relevant, expected.relevant)


def test_many_pairs_take_the_compiled_loop_unless_there_is_none():
    codes, labels = (
        pack(random_codes(0, MIN_QUERIES_TO_FOLD, 16)),
        np.arange(MIN_QUERIES_TO_FOLD) % 3,
    )
    expected = count_by_distance(codes, codes, labels, labels, num_bits=16)
    with (
        patch("rsh.metrics.counts.MIN_PAIRS_TO_COMPILE", 0),
        patch("rsh.metrics.counts._count_compiled") as compiled,
    ):
        compiled.return_value = None
        alone = count_by_distance(codes, codes, labels, labels, num_bits=16)
        assert compiled.called and np.array_equal(alone.items, expected.items)


def test_all_bits_may_differ():
    """256 differing bits are more than a byte can count."""
    code = np.ones((1, 256), np.int8)
    found = count_by_distance(pack(code), pack(-code), [0], [0], num_bits=256)
    assert found.items[0, 256] == found.relevant[0, 256] == found.items.sum() == 1


def test_equal_codes_of_one_class_are_counted_as_often_as_they_are_there():
    codes, labels = np.ones((100, 16), np.int8), np.arange(100) % 4
    found = count_by_distance(pack(codes), pack(codes), labels, labels, num_bits=16)
    assert (found.items[:, 0] == 100).all() and (found.relevant[:, 0] == 25).all()


def test_a_gallery_of_a_million_codes_is_counted_within_its_own_size():
    rng = np.random.default_rng(0)
    packed = rng.integers(256, size=(10**6, 2), dtype=np.uint8)
    labels = rng.integers(10, size=10**6)
    found = count_by_distance(packed[:3], packed, labels[:3], labels, num_bits=16)
    distances = np.bitwise_count(packed ^ packed[1]).sum(axis=1)
    assert np.array_equal(found.items[1], np.bincount(distances, minlength=17))
    own = distances[labels == labels[1]]
    assert np.array_equal(found.relevant[1], np.bincount(own, minlength=17))


def test_many_queries_are_counted_like_each_alone():
    query, gallery = random_codes(0, 200, 8), random_codes(1, 30, 8)
    labels = np.arange(200) % 3
    whole = count_by_distance(pack(query), pack(gallery), labels, labels[:30], num_bits=8)
    for row in (0, 57, 199):
        part = slice(row, row + 1)
        alone = count_by_distance(
            pack(query[part]), pack(gallery), labels[part], labels[:30], num_bits=8
        )
        assert np.array_equal(whole.items[part], alone.items)
        assert np.array_equal(whole.relevant[part], alone.relevant)


@given(st.integers(0, 10**6), QUERIES)
def test_without_self_is_the_gallery_without_the_query(seed, queries):
    codes, labels = (
        random_codes(seed, queries, 3),
        np.random.default_rng(seed).integers(2, size=queries),
    )
    packed = pack(codes)
    found = without_self(count_by_distance(packed, packed, labels, labels, num_bits=3))
    for row in range(queries):
        others = np.delete(np.arange(queries), row)
        one = slow_count(codes[[row]], codes[others], labels[[row]], labels[others], 3)
        assert np.array_equal(found.items[[row]], one.items)
        assert np.array_equal(found.relevant[[row]], one.relevant)


def test_queries_that_are_not_in_their_gallery_cannot_be_left_out_of_it():
    counts = counts_of([(0, True), (1, False)], [(0, False), (1, True)])
    with refused(names=1):
        without_self(counts)


def test_without_self_leaves_what_was_given_as_it_was():
    counts = counts_of([(0, True), (1, False)])
    without_self(counts)
    assert counts.items.tolist() == [[1, 1, 0, 0, 0]] and counts.relevant[0, 0] == 1


@given(RANKING, st.booleans())
def test_ordered_ties_hold_as_many_items_as_before(ranking, best):
    counts = counts_of(ranking)
    ordered = order_ties(counts, best=best)
    for before, after in zip(counts, ordered, strict=True):
        assert np.array_equal(before, after.reshape(1, -1, 2).sum(axis=2))


@given(RANKING)
def test_rank_keeps_ties_in_the_order_of_the_gallery(ranking):
    distances, hits = zip(*ranking, strict=True)
    order = sorted(range(len(ranking)), key=lambda item: (distances[item], item))
    found = counts_from_ranking([distances], [hits])
    assert found.relevant[0].tolist() == [hits[item] for item in order]
    expected = reference.average_precision([hits[item] for item in order])
    assert average_precision(found)[0] == pytest.approx(expected, nan_ok=True)


@given(st.integers(0, 10**6), st.integers(1, 6))
def test_rank_leaves_a_query_out_of_its_own_gallery(seed, size):
    rng = np.random.default_rng(seed)
    distances, hits = rng.integers(3, size=(2, size)), rng.random((2, size)) < 0.5
    own = rng.integers(size, size=2)
    found = counts_from_ranking(distances, hits, own=own)
    assert found.items.shape == (2, size - 1)
    for row in range(2):
        others = np.delete(np.arange(size), own[row])
        alone = counts_from_ranking(distances[[row]][:, others], hits[[row]][:, others])
        assert np.array_equal(found.relevant[[row]], alone.relevant)


@pytest.mark.parametrize("seed", range(5))
def test_rank_by_real_distances_has_the_average_precision_of_torchmetrics(seed: int):
    _, scores, hits = untied(seed)
    found = average_precision(counts_from_ranking(-scores[None].numpy(), hits[None].numpy()))
    assert found == pytest.approx([retrieval_average_precision(scores, hits).item()])


def test_labels_may_be_names():
    codes, names = pack(random_codes(0, 6, 8)), np.array(["a", "b", "a", "b", "c", "c"])
    numbers = np.array([0, 1, 0, 1, 2, 2])
    by_name = count_by_distance(codes, codes, names, names, num_bits=8)
    assert np.array_equal(
        by_name.relevant, count_by_distance(codes, codes, numbers, numbers, num_bits=8)[1]
    )


@pytest.mark.parametrize(
    ("queries", "query_labels", "items", "item_labels", "named"),
    [(0, 0, 5, 5, (0, "query")), (2, 2, 0, 0, (0, "gallery")),
     (2, 3, 5, 5, (2, 3)), (2, 2, 5, 4, (5, 4))],
)  # fmt: skip
def test_codes_and_labels_that_do_not_fit_are_named(
    queries: int, query_labels: int, items: int, item_labels: int, named: tuple[object, ...]
):
    code = np.zeros((10, 2), np.uint8)
    with refused(names=named):
        count_by_distance(
            code[:queries], code[:items], [0] * query_labels, [0] * item_labels, num_bits=16
        )


def test_codes_longer_than_num_bits_are_refused_instead_of_counted_wrongly():
    codes = pack(random_codes(0, 6, 32))
    with refused(names=16):
        count_by_distance(codes, codes, [0] * 6, [0] * 6, num_bits=16)
