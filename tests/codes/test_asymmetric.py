"""Look-up tables give what a loop over the bits gives, in one order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_counts import random_codes
from refusals import refused

from rsh.codes import asymmetric
from rsh.codes.asymmetric import nearest, score, soft_bits
from rsh.codes.binary import pack


def slow_score(weights: list[float], code: list[int]) -> float:
    return sum(weight * bit for weight, bit in zip(weights, code, strict=True)) / len(code)


@given(st.integers(0, 10**6), st.integers(1, 70))
def test_score_is_that_of_a_slow_loop(seed, num_bits):
    codes = random_codes(seed, 9, num_bits)
    weights = soft_bits(np.random.default_rng(seed).normal(size=num_bits))
    expected = [slow_score(weights.tolist(), code) for code in codes.tolist()]
    assert score(weights, pack(codes)).tolist() == pytest.approx(expected, abs=1e-6)


@given(st.integers(0, 10**6), st.sampled_from([1, 2, 3, 7, 10**6]), st.data())
def test_nearest_is_a_sorted_list_of_those_that_may_be_found(seed, piece, data):
    """Weights are eighths and lengths powers of two, so that sums are exact, and ties are ties."""
    num_bits = data.draw(st.sampled_from([4, 8, 16]))
    codes = random_codes(seed, 20, num_bits)
    weights = np.random.default_rng(seed).integers(-2, 3, size=num_bits) / 8
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, 19), min_size=1))))
    top_k = data.draw(st.integers(1, len(rows)))
    expected = sorted((-slow_score(weights, codes[row].tolist()), int(row)) for row in rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asymmetric, "CHUNK", piece)
        found, scores = nearest(weights, pack(codes), rows, top_k=top_k)
    pairs = zip((-scores).tolist(), found.tolist(), strict=True)
    last = expected[top_k - 1][0]
    assert list(pairs) == [pair for pair in expected if pair[0] <= last]


def test_signs_as_weights_give_the_hamming_distance():
    codes = random_codes(3, 30, 32)
    differ = (codes != codes[0]).sum(axis=1)
    assert score(codes[0], pack(codes)).tolist() == pytest.approx((1 - differ / 16).tolist())


def test_equal_codes_have_equal_scores():
    codes = np.repeat(random_codes(0, 5, 24), 3, axis=0)
    scores = score(soft_bits(np.random.default_rng(1).normal(size=24)), pack(codes))
    assert (scores.reshape(5, 3) == scores[::3, None]).all()


def test_wrong_numbers_are_named():
    packed = pack(random_codes(0, 6, 16))
    with refused(names=20):
        score(np.ones(20), packed)
    for wrong in (0, 4):
        with refused("top_k", value=wrong, names=3):
            nearest(np.ones(16), packed, np.arange(3), top_k=wrong)
