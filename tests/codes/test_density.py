"""Sparsity and nearest codes are those of slow loops over all tiles."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from make_counts import random_codes

import rsh.codes.density as density
from rsh.codes.binary import hamming, pack
from rsh.codes.density import count_nearest, measure_density, sample_rows
from rsh.codes.distinct import DistinctCodes


def repeated(seed: int, count: int, num_bits: int) -> np.ndarray:
    """Codes of which many are equal."""
    few = random_codes(seed, max(1, count // 3), num_bits)
    return few[np.random.default_rng(seed).integers(0, len(few), count)]


@given(st.integers(0, 10**6), st.integers(2, 40), st.sampled_from([4, 12, 64, 100, 256]))
def test_sparsity_is_that_of_a_slow_loop(seed, count, num_bits):
    signs = repeated(seed, count, num_bits)
    codes = DistinctCodes.fold(pack(signs))
    found = measure_density(codes.packed, codes, neighbors=3).sparsity[codes.number]
    assert found.tolist() == pytest.approx(
        reference.sparsity(signs.tolist(), count_nearest(count)), abs=1e-5
    )


@given(st.integers(0, 10**6), st.integers(1, 40), st.sampled_from([4, 64, 100, 256]))
def test_nearest_codes_are_those_of_a_full_sort(seed, count, num_bits):
    codes = DistinctCodes.fold(pack(repeated(seed, count, num_bits)))
    distances = hamming(codes.packed, codes.packed)
    order = np.argsort(distances, axis=1, kind="stable")
    found = measure_density(codes.packed, codes, neighbors=5)
    assert found.nearest.tolist() == order[:, :6].tolist()
    assert found.nearest[:, 0].tolist() == list(range(len(codes)))
    assert found.distances.tolist() == np.take_along_axis(distances, order, 1)[:, :6].tolist()


def test_codes_are_compared_with_a_sample_of_others(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(density, "BLOCK", 7)  # several blocks
    signs = random_codes(1, 50, 32)
    rows = sample_rows(50, 20)
    codes, compared = DistinctCodes.fold(pack(signs)), DistinctCodes.fold(pack(signs[rows]))
    found = measure_density(codes.packed, compared, neighbors=0)
    distances = np.sort(hamming(codes.packed, compared.packed), axis=1)
    own = distances[:, 0] == 0
    expected = np.where(own, distances[:, 1:11].mean(axis=1), distances[:, :10].mean(axis=1))
    assert found.sparsity == pytest.approx(expected)
    assert own.sum() == 20


def test_one_tile_has_no_others():
    codes = DistinctCodes.fold(pack(random_codes(0, 1, 8)))
    assert measure_density(codes.packed, codes, neighbors=10).sparsity.tolist() == [0]


@pytest.mark.parametrize(
    ("tiles", "nearest"), [(1, 1), (2, 1), (5, 4), (11, 10), (999, 10), (2212, 22), (10_000, 100)]
)
def test_the_nearest_are_a_hundredth_but_ten_at_least(tiles: int, nearest: int):
    assert count_nearest(tiles) == nearest


@given(st.integers(1, 500), st.integers(1, 200))
def test_a_sample_is_spread_evenly(count: int, most: int):
    rows = sample_rows(count, most)
    assert len(rows) == len(set(rows.tolist())) == min(count, most)
    assert rows.min() >= 0 and rows.max() < count
    if len(rows) > 1:
        assert rows[0] == 0 and rows[-1] == count - 1
        assert np.ptp(np.diff(rows)) <= 1
