import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rsh.gallery.pull import SOFTNESS, edge_weights, pull

ascending = arrays(
    np.float32, (3, 6), elements=st.sampled_from([0, 1e-3, 0.5, 1, 2, 7, 64, 1e4])
).map(lambda rows: np.sort(rows, axis=1))


@given(ascending)
def test_edge_weights_are_those_of_a_slow_loop(distances: np.ndarray):
    found = edge_weights(distances)
    assert np.allclose(found, reference.edge_weights(distances.tolist()), atol=1e-5)


def test_edge_weights_begin_at_one_and_add_up_to_the_logarithm():
    distances = np.sort(np.random.default_rng(0).uniform(1, 2, (50, 15)), axis=1)
    found = edge_weights(distances)
    assert (found[:, 0] == 1).all() and (np.diff(found, axis=1) <= 0).all()
    assert np.allclose(found.sum(axis=1), 4)


@given(
    ascending, arrays(np.float32, (3, 6, 2), elements=st.floats(-(2.0**100), 2.0**100, width=32))
)
def test_a_pulled_tile_lies_amid_its_landmarks(distances: np.ndarray, positions: np.ndarray):
    found = pull(distances, positions)
    assert found.dtype == np.float32
    slack = 1e-6 * np.abs(positions).max(axis=1)
    assert (found >= positions.min(axis=1) - slack).all()
    assert (found <= positions.max(axis=1) + slack).all()


def test_a_tile_at_distance_zero_lies_on_the_landmark():
    positions = np.random.default_rng(0).normal(size=(2, 5, 2)).astype(np.float32)
    distances = np.array([[0, 0.1, 0.2, 0.2, 0.3], [0, 0, 0, 0, 0]])
    assert (pull(distances, positions) == positions[:, 0]).all()


def test_no_point_nearby_has_a_smaller_weighted_sum_of_distances():
    draw = np.random.default_rng(3)
    distances = np.sort(draw.uniform(1, 3, (20, 15)), axis=1)
    positions = draw.normal(scale=5, size=(20, 15, 2))
    weights = edge_weights(distances) ** 2

    def total(points: np.ndarray) -> np.ndarray:
        apart = np.linalg.norm(positions - points[:, None], axis=2)
        return (weights * np.hypot(apart, SOFTNESS)).sum(axis=1)

    found = pull(distances, positions)
    for angle in np.linspace(0, 2 * np.pi, 8):
        step = 0.2 * np.array([np.cos(angle), np.sin(angle)])
        assert (total(found) <= 1.01 * total(found + step)).all()


def test_a_tile_between_two_groups_joins_the_nearer_one():
    distances = np.array([[1, 1.1, 1.1, 1.2, 1.3, 1.3]])
    positions = np.array([[[0, 0], [0, 0.2], [0.2, 0], [10, 0], [10, 0.2], [0.1, 0.1]]])
    assert pull(distances, positions)[0, 0] < 0.3


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_landmarks_suffice(count: int):
    positions = np.arange(2 * count).reshape(1, count, 2).astype(np.float32)
    found = pull(np.ones((1, count)), positions)
    assert found == pytest.approx(positions.mean(axis=1), abs=0.5)
    assert pull(np.ones((0, count)), positions[:0]).shape == (0, 2)
