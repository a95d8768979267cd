import numpy as np
import pytest

from rsh.codes import components
from rsh.codes.components import principal_components
from rsh.codes.encodings import unit


def features(count: int = 300, rank: int = 3, size: int = 20) -> np.ndarray:
    draw = np.random.default_rng(0)
    return (draw.normal(size=(count, rank)) @ draw.normal(size=(rank, size))).astype(np.float16)


def distances(rows: np.ndarray) -> np.ndarray:
    return np.linalg.norm(rows[:, None] - rows[None], axis=2)


def test_few_components_keep_the_distances_of_features_of_low_rank():
    rows = features()
    found = principal_components(rows)
    assert found.axes.shape[1] <= 3 and found.variance >= 0.99
    reduced = found.reduce(rows)
    assert reduced.dtype == np.float32
    # what is lost is a hundredth of the variance at most
    lost = distances(unit(rows)) ** 2 - distances(reduced) ** 2
    assert lost.mean() / (distances(unit(rows)) ** 2).mean() == pytest.approx(
        1 - found.variance, abs=1e-5
    )


def test_variance_is_that_of_numpy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(components, "ROWS_AT_ONCE", 64)
    monkeypatch.setattr(components, "MOST_COMPONENTS", 5)
    rows = np.random.default_rng(1).normal(size=(200, 12)).astype(np.float32)
    found = principal_components(rows)
    variances = np.sort(np.linalg.eigvalsh(np.cov(unit(rows).T)))[::-1]
    assert found.axes.shape == (12, 5)
    assert found.variance == pytest.approx(variances[:5].sum() / variances.sum())
    assert np.allclose(found.reduce(rows), (unit(rows) - unit(rows).mean(axis=0)) @ found.axes)


@pytest.mark.parametrize("rows", [np.zeros((4, 3)), np.ones((1, 3)), np.empty((0, 3))])
def test_features_without_differences_have_finite_components(rows: np.ndarray):
    found = principal_components(rows.astype(np.float16))
    assert np.isfinite(found.reduce(rows.astype(np.float16))).all()
    assert 0 <= found.variance <= 1
