import itertools

import numpy as np
import pytest

from rsh.codes.binary import hamming, pack
from rsh.metrics.neighbors import (
    expected_kept,
    nearest_by_cosine,
    neighbors_kept,
    reranked,
    tied_at,
)

SEEDS = range(4)


def draw(seed: int, queries: int = 3, gallery: int = 6):
    random = np.random.default_rng(seed)
    signs = [random.choice([-1, 1], (count, 3)).astype(np.int8) for count in (queries, gallery)]
    rows = [random.normal(size=(count, 4)).astype(np.float32) for count in (queries, gallery)]
    looks = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in rows]
    return [pack(part) for part in signs], looks


def orders(distances: list[int]):
    """Yield every ranking of the gallery that sorts by distance."""
    levels = sorted(set(distances))
    groups = [[row for row, d in enumerate(distances) if d == level] for level in levels]
    for choice in itertools.product(*(itertools.permutations(group) for group in groups)):
        yield [row for group in choice for row in group]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("depth", [1, 2, 4, 6])
def test_neighbors_kept_is_the_mean_over_all_orders_of_ties(seed: int, depth: int):
    (query, gallery), looks = draw(seed)
    nearest = nearest_by_cosine(*looks, 2)
    found = neighbors_kept(query, gallery, nearest, depth=depth)
    for row, distances in enumerate(hamming(query, gallery).tolist()):
        shares = [
            len(set(order[:depth]) & set(nearest[row].tolist())) / 2 for order in orders(distances)
        ]
        assert found[row] == pytest.approx(sum(shares) / len(shares))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_expected_neighbors_are_the_mean_over_all_orders_of_both_rankings(seed: int, count: int):
    random = np.random.default_rng(seed)
    far, near = random.integers(0, 3, 6), random.integers(0, 4, 6) / 4
    rankings = list(orders(far.tolist())), list(orders((-near).tolist()))
    shared = [len({*a[:count]} & {*b[:count]}) for a, b in itertools.product(*rankings)]
    assert expected_kept(far, near, count=count) == pytest.approx(np.mean(shared))


@pytest.mark.parametrize("seed", SEEDS)
def test_nearest_ties_and_pools_are_those_of_slow_loops(seed: int, monkeypatch):
    monkeypatch.setattr("rsh.metrics.neighbors.BLOCK", 7)
    (query, gallery), looks = draw(seed)
    nearest, distances = nearest_by_cosine(*looks, 2), hamming(query, gallery)
    tied = tied_at(query, gallery, 3)
    in_pool, first = reranked(query, gallery, *looks, nearest, pool=3)
    for row, (look, distance) in enumerate(zip(looks[0], distances.tolist(), strict=True)):
        by_cosine = sorted(range(6), key=lambda tile, look=look: -float(look @ looks[1][tile]))
        assert nearest[row].tolist() == by_cosine[:2]
        third = sorted(distance)[2]
        assert tied[row] == distance.count(third)
        pool = [tile for tile in range(6) if distance[tile] <= third]
        assert in_pool[row] == len(set(by_cosine[:2]) & set(pool)) / 2
        best = [tile for tile in by_cosine if tile in pool][:2]
        assert first[row] == len(set(by_cosine[:2]) & set(best)) / 2


def test_a_query_never_finds_itself():
    (_, gallery), (_, looks) = draw(0)
    own = np.arange(6)
    nearest = nearest_by_cosine(looks, looks, 2, own=own)
    assert not (nearest == own[:, None]).any()
    others = hamming(gallery, gallery).astype(float)
    np.fill_diagonal(others, np.inf)
    tied = tied_at(gallery, gallery, 1, own=own)
    assert tied.tolist() == [(row == row.min()).sum() for row in others]
    assert (neighbors_kept(gallery, gallery, own[:, None], depth=5, own=own) == 0).all()
    assert neighbors_kept(gallery, gallery, nearest, depth=5, own=own).tolist() == [1.0] * 6
