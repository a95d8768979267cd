"""Representatives show a group: the medoid first, and then what it does not show."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from make_counts import random_codes

from rsh.codes.binary import pack
from rsh.gallery.typical import code_distances, pick_representatives, typical_first


def unit(seed: int, count: int, dim: int = 6) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


@given(st.integers(0, 10**6), st.integers(1, 25), st.integers(1, 9))
def test_each_representative_is_the_best_next_one(seed: int, count: int, many: int):
    distances = code_distances(pack(random_codes(seed, count, 12)), unit(seed, count))
    chosen = pick_representatives(distances, many).tolist()
    assert len(chosen) == len(set(chosen)) == min(count, many)
    for place, row in enumerate(chosen):
        before = chosen[:place]
        left = {
            other: sum(min(distances[i, j] for j in [*before, other]) for i in range(count))
            for other in range(count)
            if other not in before
        }
        assert left[row] <= min(left.values()) + 1e-4


@given(st.integers(0, 10**6), st.integers(1, 30))
def test_features_decide_between_equal_distances_alone(seed: int, count: int):
    packed = pack(random_codes(seed, count, 16))
    distances = code_distances(packed, unit(seed, count))
    bits = np.bitwise_count(packed[:, None] ^ packed).sum(axis=2)
    assert (np.floor(distances) == bits).all()
    assert (np.diag(distances) == 0).all()


def test_both_halves_of_a_group_are_shown():
    signs = np.ones((60, 32), np.int8)
    signs[40:, :6] = -1
    rows = np.arange(60)
    found = typical_first(pack(signs), unit(0, 60), np.zeros(60, np.float32), rows)
    assert sorted(found) == rows.tolist()
    assert found[0] < 40 <= found[1]


def test_tiles_of_one_code_are_shown_by_their_features():
    features = np.repeat(np.eye(4), 10, axis=0).astype(np.float16)
    packed = pack(np.ones((40, 8), np.int8))
    found = typical_first(packed, features, np.zeros(40, np.float32), np.arange(40))
    assert set((found[:4] // 10).tolist()) == {0, 1, 2, 3}


def test_the_rest_follows_from_the_center_outwards():
    rng = np.random.default_rng(0)
    signs = np.where(rng.random((700, 40)) < 0.1, -1, 1)
    sparsity = rng.random(700).astype(np.float32)
    rows = np.arange(5, 700)
    found = typical_first(pack(signs), unit(0, 700), sparsity, rows)
    assert sorted(found) == rows.tolist()
    rest = found[9:]
    from_center = (signs[rest] < 0).sum(axis=1)
    order = np.lexsort((rest, sparsity[rest], from_center))
    assert order.tolist() == list(range(len(rest)))
