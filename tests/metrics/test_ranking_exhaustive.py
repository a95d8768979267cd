"""Every ranking of up to five items at three distances, in one call, against loops over orders."""

from functools import cache
from itertools import combinations_with_replacement, product

import numpy as np
import pytest
import reference
from make_counts import counts_of

from rsh.metrics.ranking import (
    average_precision,
    mean_average_precision,
    ndcg_at,
    precision_at,
    precision_within,
    recall_at,
)

ITEMS = list(product((0, 1, 3), (False, True)))  # distance, relevant
RANKINGS = [list(some) for n in range(1, 6) for some in combinations_with_replacement(ITEMS, n)]
CUTS = range(1, 7)


@cache
def orders() -> list[list[list[bool]]]:
    """All orders of the ties of each ranking."""
    return [list(reference.orders(*zip(*ranking, strict=True))) for ranking in RANKINGS]


def means(figure, *arguments) -> list[float]:
    return [float(np.mean([figure(order, *arguments) for order in some])) for some in orders()]


@pytest.mark.parametrize("top_k", CUTS)
@pytest.mark.parametrize("denominator", ["relevant", "top_k", "hits"])
def test_average_precision_of_every_ranking(top_k, denominator):
    found = average_precision(counts_of(*RANKINGS), top_k=top_k, denominator=denominator)
    expected = means(reference.average_precision, top_k, denominator)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("top_k", CUTS)
@pytest.mark.parametrize(
    ("ours", "slow"),
    [
        (precision_at, reference.precision_at),
        (recall_at, reference.recall_at),
        (ndcg_at, reference.ndcg_at),
    ],
)
def test_figures_at_a_cut_of_every_ranking(ours, slow, top_k):
    found = ours(counts_of(*RANKINGS), top_k=top_k)
    np.testing.assert_allclose(found, means(slow, top_k), rtol=1e-9)


@pytest.mark.parametrize("radius", range(5))
def test_precision_within_each_radius_of_every_ranking(radius):
    balls = [[hit for distance, hit in one if distance <= radius] for one in RANKINGS]
    expected = [np.mean(ball) if ball else 0 for ball in balls]
    np.testing.assert_allclose(precision_within(counts_of(*RANKINGS), radius=radius), expected)


@pytest.mark.parametrize("top_k", [1, 3, None])
def test_mean_average_precision_leaves_out_queries_with_nothing_relevant(top_k):
    expected = np.nanmean(means(reference.average_precision, top_k))
    assert mean_average_precision(counts_of(*RANKINGS), top_k=top_k) == pytest.approx(expected)
