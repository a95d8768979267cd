import numpy as np
import pytest

from rsh.codes.encodings import unit
from rsh.gallery.layout import lay_out, neighbor_count
from rsh.gallery.spaces import Space, choose_landmarks, code_space, feature_space, lay_out_space


def groups(sizes: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    label = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.eye(16)[label] + 0.1 * draw.normal(size=(len(label), 16))
    return unit(rows), label


def codes(count: int) -> np.ndarray:
    packed = np.random.default_rng(0).integers(0, 256, (3 * count, 3), dtype=np.uint8)
    return np.unique(packed, axis=0)[:count]


def spaces(count: int) -> list[Space]:
    return [feature_space(groups([count])[0]), code_space(codes(count), num_bits=24)]


@pytest.mark.parametrize("number", [0, 1])
def test_as_many_landmarks_as_wanted_and_the_same_ones_again(number: int):
    space = spaces(100)[number]
    assert (choose_landmarks(space, 100) == np.arange(100)).all()
    for most in (99, 50, 7, 2):
        found = choose_landmarks(space, most)
        assert len(np.unique(found)) == most and (np.diff(found) > 0).all()
        assert (choose_landmarks(space, most) == found).all()
    assert (choose_landmarks(space, 50, seed=1) != choose_landmarks(space, 50)).any()


def test_a_small_group_has_landmarks():
    rows, label = groups([2000, 6])
    shares = [np.sum(label[choose_landmarks(feature_space(rows), 40, seed=n)]) for n in range(10)]
    assert np.mean(shares) > 0.5  # at random it would be 0.12


def test_equal_rows_can_be_landmarks_too():
    rows = np.repeat(groups([2])[0], 30, axis=0)
    assert len(np.unique(choose_landmarks(feature_space(rows), 50))) == 50


@pytest.mark.parametrize("number", [0, 1])
def test_without_more_rows_than_landmarks_umap_lays_out_all(number: int):
    space = spaces(60)[number]
    points, landmarks = lay_out_space(space, seed=2, most=60)
    neighbors = space.search(space.rows).search(space.rows, neighbor_count(60))
    assert (landmarks == np.arange(60)).all()
    assert (points == lay_out(space.vectors(space.rows), neighbors, seed=2)).all()


@pytest.mark.parametrize("kind", ["features", "codes"])
def test_rows_that_are_placed_lie_in_their_group(kind: str):
    rows, label = groups([60, 60, 60])
    if kind == "codes":
        draw = np.random.default_rng(0)
        bits = draw.random((3, 64))[label] < 0.5
        packed = np.packbits(bits ^ (draw.random((180, 64)) < 0.05), axis=1)
        space = code_space(packed, num_bits=64)
    else:
        space = feature_space(rows)
    points, landmarks = lay_out_space(space, most=60)
    assert len(landmarks) == 60 and np.isfinite(points).all()
    centers = np.stack([points[label == n].mean(axis=0) for n in range(3)])
    apart = np.linalg.norm(points[:, None] - centers, axis=2)
    assert (apart.argmin(axis=1) == label).all()
    again, _ = lay_out_space(space, most=60)
    assert (points == again).all()


def test_no_rows_are_laid_out_to_no_points():
    points, landmarks = lay_out_space(feature_space(np.empty((0, 4), np.float32)))
    assert points.shape == (0, 2) and len(landmarks) == 0


def test_every_stage_has_a_bar(capsys: pytest.CaptureFixture[str]):
    lay_out_space(feature_space(groups([50])[0]), most=30, progress=True)
    shown = capsys.readouterr().err
    for stage in ("landmarks", "neighbors", "UMAP", "placing"):
        assert f"features: {stage}: 100%" in shown
