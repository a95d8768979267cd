import numpy as np
import pytest
import reference
from sklearn.manifold import trustworthiness

from rsh.codes.binary import hamming
from rsh.codes.encodings import unit
from rsh.metrics import trustworthiness as module
from rsh.metrics.trustworthiness import (
    count_nearer_codes,
    count_nearer_features,
    neighbors_in_plane,
    plane_quality,
    sample_rows,
)


def draw(count: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, 8)).astype(np.float16)
    return features, features[:, :2] + random.normal(size=(count, 2))


@pytest.mark.parametrize("count", [1, 5, 10, 29])
@pytest.mark.parametrize("block", [7, 1000])
def test_without_ties_it_is_that_of_scikit_learn(
    count: int, block: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "ROWS_AT_ONCE", block)
    monkeypatch.setattr(module, "QUERIES_AT_ONCE", block)
    features, plane = draw()
    rows = np.arange(60)
    others = neighbors_in_plane(plane, rows, count=count)
    found = plane_quality(count_nearer_features(features, rows, others), 60)
    expected = trustworthiness(unit(features), plane, n_neighbors=count, metric="cosine")
    assert found.trustworthiness == pytest.approx(expected)


@pytest.mark.parametrize("num_bits", [3, 8, 20, 64])
def test_both_figures_of_codes_are_those_of_a_slow_loop(num_bits: int):
    random = np.random.default_rng(num_bits)
    packed = np.packbits(random.random((40, num_bits)) < 0.4, axis=1)
    plane, rows = random.normal(size=(40, 2)), np.arange(40)
    others = neighbors_in_plane(plane, rows, count=4)
    found = plane_quality(count_nearer_codes(packed, rows, others, num_bits=num_bits), 40)
    distances = hamming(packed, packed).tolist()
    apart = np.linalg.norm(plane[:, None] - plane[None], axis=2).tolist()
    assert found == pytest.approx(reference.plane_quality(distances, apart, 4))


def test_tiles_of_equal_features_are_equally_near():
    features, plane = draw(30)
    features[::2] = features[0]
    rows = np.arange(30)
    others = neighbors_in_plane(plane, rows, count=3)
    counts = count_nearer_features(features, rows, others)
    apart = 1 - unit(features).astype(float) @ unit(features).astype(float).T
    distances = np.round(apart, 6).tolist()
    plane_apart = np.linalg.norm(plane[:, None] - plane[None], axis=2).tolist()
    expected = reference.plane_quality(distances, plane_apart, 3)
    assert plane_quality(counts, 30) == pytest.approx(expected)


def test_neighbors_in_a_plane_are_other_tiles_even_in_one_position():
    plane = np.zeros((20, 2))
    found = neighbors_in_plane(plane, np.array([0, 7, 19]), count=6)
    for row, others in zip((0, 7, 19), found.tolist(), strict=True):
        assert row not in others and len(set(others)) == 6


def test_a_plane_like_the_space_keeps_all_neighbors_and_a_random_one_few():
    angle = np.linspace(0, np.pi / 2, 60)
    features = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    rows, (_, random) = np.arange(60), draw()
    same, other = (
        plane_quality(
            count_nearer_features(features, rows, neighbors_in_plane(plane, rows, count=5)), 60
        )
        for plane in (features, random)
    )
    assert same == pytest.approx((1, 1))
    assert other.trustworthiness == pytest.approx(0.5, abs=0.1) and other.kept < 0.2


def test_of_many_tiles_some_are_looked_at():
    assert (sample_rows(4000) == np.arange(4000)).all()
    some = sample_rows(4001)
    assert len(some) == 2000 and (np.diff(some) > 0).all() and some[-1] <= 4000
    assert (sample_rows(4001) == some).all()
