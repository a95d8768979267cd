"""Outlier factors are those of a slow loop, and large for what resembles no tile."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

import rsh.codes.outliers as outliers
from rsh.codes.density import count_nearest
from rsh.codes.outliers import FLOOR, Outliers

NONE = np.empty(0, np.int64)


def two_clouds(count: int = 200, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centers = np.sign(rng.normal(size=(2, 32)))
    return (centers[np.arange(count) % 2] + rng.normal(scale=0.3, size=(count, 32))).astype(
        np.float16
    )


@given(st.integers(0, 10**6), st.integers(2, 40))
def test_factors_are_those_of_a_slow_loop(seed: int, count: int):
    relaxed = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float16)
    found = Outliers(relaxed)
    expected = reference.outlier_factors(relaxed.tolist(), count_nearest(count), FLOOR)
    assert found.factors.tolist() == pytest.approx(expected, rel=1e-3, abs=1e-5)
    assert found.of_tiles(np.arange(count)) == pytest.approx(found.factors)


@pytest.mark.parametrize("row", [0, 7, 199])
def test_a_tile_as_a_query_has_the_factor_of_the_tile(row: int):
    relaxed = two_clouds()
    found = Outliers(relaxed)
    factor = found.of_query(relaxed[[row]], more=np.array([3, row]), own=row)
    assert factor == pytest.approx(found.factors[row], rel=1e-4)


def test_what_resembles_no_tile_has_a_large_factor():
    relaxed = two_clouds()
    found = Outliers(relaxed)
    odd = np.random.default_rng(5).normal(size=(1, 32)).astype(np.float16)
    assert found.of_query(odd, more=NONE) > 2 * found.factors.max()
    assert found.of_query(two_clouds(seed=0)[:1] * 0.5, more=NONE) < 1.1  # length is no matter


def test_a_rare_kind_is_no_outlier_if_its_tiles_are_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outliers.sample_rows, "__defaults__", (100,))
    rng = np.random.default_rng(1)
    rare = np.sign(rng.normal(size=(1, 32))) + rng.normal(scale=0.3, size=(40, 32))
    relaxed = np.vstack([two_clouds(4000), rare]).astype(np.float16)
    monkeypatch.setattr(outliers, "MOST_COMPARED", 100)
    found = Outliers(relaxed)
    assert len(found.rows) == 100
    rows = np.arange(4001, 4030)
    limit = np.quantile(found.factors, 0.99)
    assert found.of_query(relaxed[[4000]], more=NONE, own=4000) > limit
    assert found.of_query(relaxed[[4000]], more=rows, own=4000) < limit


def test_tiles_are_measured_in_blocks(monkeypatch: pytest.MonkeyPatch):
    relaxed = two_clouds(50)
    whole = Outliers(relaxed).of_tiles(np.arange(50))
    monkeypatch.setattr(outliers, "BLOCK", 120)
    assert Outliers(relaxed).of_tiles(np.arange(50)) == pytest.approx(whole)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_tiles_of_one_code_are_no_outliers(value: float):
    found = Outliers(np.full((30, 8), value, np.float16))
    assert found.factors.max() < 1.5
    assert np.isfinite(found.factors).all()
