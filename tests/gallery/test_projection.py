import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_gallery import write
from refusals import refused

from rsh.gallery.gallery import Gallery
from rsh.gallery.projection import nearest, project, umap_code_layout, umap_layout

COLUMNS = ["feature_x", "feature_y", "code_x", "code_y"]


def made(folder: Path, codes: np.ndarray, features: np.ndarray | None = None) -> Gallery:
    count = len(codes)
    if features is None:
        features = np.random.default_rng(1).normal(size=(count, 6))
    return write(
        folder,
        info={"name": "made", "model": {}, "data": {}},
        items=pd.DataFrame({"id": [str(n) for n in range(count)], "class": "a", "split": ""}),
        codes=codes.astype(np.int8),
        features=features.astype(np.float16),
        thumbnails=[b"jpeg"] * count,
    )


def signs(count: int, num_bits: int = 16, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice([-1, 1], (count, num_bits))


def all_different(points: np.ndarray) -> bool:
    return len(np.unique(points, axis=0)) == len(points)


@pytest.mark.parametrize("count", range(1, 7))
def test_tiny_galleries_are_projected(tmp_path: Path, count: int):
    found = project(made(tmp_path / "gallery", signs(count)))
    assert found.shape == (count, 4)
    assert np.isfinite(found.to_numpy()).all()
    assert all_different(found[["feature_x", "feature_y"]].to_numpy())
    assert all_different(found[["code_x", "code_y"]].to_numpy())


def test_projection_is_decided_by_its_seed_and_kept_in_the_gallery(tmp_path: Path):
    gallery = made(tmp_path / "gallery", signs(40))
    first = project(gallery, seed=1)
    assert first.columns.tolist() == COLUMNS
    assert Gallery.open(gallery.folder).projection.equals(first)
    assert project(gallery, seed=1).equals(first)
    other = project(gallery, seed=2)
    assert not other.equals(first)
    assert Gallery.open(gallery.folder).projection.equals(other)


def test_near_rows_are_placed_near():
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1], 20)
    features = np.eye(8)[group * 4] + 0.05 * rng.normal(size=(40, 8))
    bits = np.where(group[:, None], 1, -1) * np.where(rng.random((40, 32)) < 0.1, -1, 1) > 0
    for points in (
        umap_layout(features.astype(np.float32), metric="cosine"),
        umap_code_layout(bits),
    ):
        centers = np.stack([points[group == number].mean(axis=0) for number in (0, 1)])
        to_centers = np.linalg.norm(points[:, None] - centers, axis=2)
        assert (to_centers.argmin(axis=1) == group).all()


@pytest.mark.parametrize("distinct", [1, 2, 4, 7])
def test_tiles_of_one_code_lie_in_a_disc_around_its_place(distinct: int):
    codes = np.unique(signs(60), axis=0)[:distinct] > 0
    number = np.arange(200) % distinct
    points = umap_code_layout(codes[number])
    assert points.dtype == np.float32
    assert np.isfinite(points).all()
    assert all_different(points)
    if distinct == 1:
        return
    centers = np.stack([points[number == n].mean(axis=0) for n in range(distinct)])
    own = np.linalg.norm(points - centers[number], axis=1).max()
    apart = np.linalg.norm(centers[:, None] - centers, axis=2)[~np.eye(distinct, dtype=bool)].min()
    assert own < apart / 2


def test_more_tiles_of_a_code_make_a_larger_disc():
    codes = signs(3) > 0
    number = np.repeat([0, 1, 2], [400, 100, 1])
    points = umap_code_layout(codes[number])
    sizes = [np.ptp(points[number == n], axis=0).max() for n in range(3)]
    assert sizes[0] > 1.5 * sizes[1] > sizes[2] == 0


def test_equal_features_give_finite_places(tmp_path: Path):
    found = project(made(tmp_path / "gallery", np.ones((20, 8)), np.ones((20, 6))))
    assert np.isfinite(found.to_numpy()).all()


def test_no_rows_give_no_points():
    assert umap_layout(np.zeros((0, 4)), metric="cosine").shape == (0, 2)


def test_seed_below_zero_is_named(tmp_path: Path):
    with refused("seed", value=-1, names=0):
        project(made(tmp_path / "gallery", np.ones((20, 8))), seed=-1)


@pytest.mark.parametrize("metric", ["cosine", "hamming"])
def test_umap_s_own_warnings_are_not_for_the_reader(metric: str):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        umap_layout((signs(40) > 0).astype(np.float32), metric=metric)


@pytest.mark.parametrize("metric", ["cosine", "hamming"])
def test_neighbors_for_umap_are_those_of_a_slow_loop(metric: str):
    random = np.random.default_rng(5)
    rows = random.normal(size=(40, 12)).astype(np.float32)
    rows[7] = rows[3]
    if metric == "hamming":
        rows = rows > 0

    def distance(one: np.ndarray, other: np.ndarray) -> float:
        if metric == "hamming":
            return float(np.mean(one != other))
        return float(1 - one @ other / np.linalg.norm(one) / np.linalg.norm(other))

    found, distances = nearest(rows, 6, metric)
    for row, (near, far) in enumerate(zip(found, distances, strict=True)):
        assert row in near and len(set(near.tolist())) == 6
        expected = sorted(distance(rows[row], other) for other in rows)[:6]
        assert np.allclose(far, expected, atol=1e-6)
        assert np.allclose([distance(rows[row], rows[other]) for other in near], far, atol=1e-6)
