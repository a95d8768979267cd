"""Overlap is compared with every order that the ties of two lists allow."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsh.metrics.overlap import inclusion_probabilities, overlap


def lists(far: list[int], depth: int) -> Iterator[set[int]]:
    """Every first `depth` of a ranking: choices among the ties of its last places."""
    last = sorted(far)[depth - 1]
    nearer = [tile for tile, at in enumerate(far) if at < last]
    ties = [tile for tile, at in enumerate(far) if at == last]
    for chosen in itertools.combinations(ties, depth - len(nearer)):
        yield {*nearer, *chosen}


@st.composite
def two_rankings(draw) -> tuple[list[int], list[int], int]:
    size = draw(st.integers(1, 8))
    far = st.lists(st.integers(0, 3), min_size=size, max_size=size)
    return draw(far), draw(far), draw(st.integers(1, size))


@given(two_rankings())
def test_overlap_is_that_of_all_orders(rankings):
    left, right, depth = rankings
    shares = [len(a & b) / depth for a in lists(left, depth) for b in lists(right, depth)]
    found = overlap(
        *(inclusion_probabilities(np.array(far, float), depth) for far in (left, right)),
        depth=depth,
    )
    assert found.expected == pytest.approx(np.mean(shares))
    assert (found.least, found.most) == (pytest.approx(min(shares)), pytest.approx(max(shares)))


@given(two_rankings())
def test_chance_is_the_share_of_orders_that_hold_a_tile(rankings):
    far, _, depth = rankings
    every = list(lists(far, depth))
    found = inclusion_probabilities(np.array([*far, np.inf]), depth)
    expected = [np.mean([tile in each for each in every]) for tile in range(len(far))]
    assert found.tolist() == pytest.approx([*expected, 0])
    assert found.sum() == pytest.approx(depth)


def test_list_of_nothing_holds_nothing():
    assert inclusion_probabilities(np.array([1.0, np.inf]), 0).tolist() == [0, 0]
