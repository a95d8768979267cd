"""Cosines are exact, so that ties are ties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from rsh.codes import cosine
from rsh.codes.cosine import cosines


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.sampled_from([1, 3, 10**6]))
def test_cosines_do_not_depend_on_the_order_of_the_sum(seed, width, piece):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(7, width))
    features = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    every = np.concatenate([features] * 5)  # equal features at other places of a piece
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cosine, "BATCH", piece)
        found = cosines(every[3], every)
        chosen = rng.permutation(len(every))[:9]
        assert (cosines(every[3], every, chosen) == found[chosen]).all()
    assert (found.reshape(5, 7) == found[:7]).all()
    shuffled = rng.permutation(width)
    assert (cosines(every[3, shuffled], every[:, shuffled]) == found).all()
    exact = [sum(map(float.__mul__, row, every[3].tolist())) for row in every[:7].tolist()]
    assert found[:7].tolist() == exact


def test_a_number_that_is_not_finite_is_told():
    features = np.ones((4, 3), np.float16)
    features[2, 1] = np.nan
    with refused(names="not a finite number"):
        cosines(features[0], features)
    assert len(cosines(features[0], features, np.array([0, 3]))) == 2
