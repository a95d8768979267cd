import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_gallery import entries, write
from refusals import refused
from sklearn.manifold import trustworthiness

from rsh.codes.encodings import unit
from rsh.gallery import projection
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import ProjectionInfo, with_checksum
from rsh.gallery.place import place_in_planes
from rsh.gallery.projection import describe_planes, project, umap_code_layout, umap_layout
from rsh.gallery.writer import remove_tiles, write_projection

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
        umap_layout(features),
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
    assert umap_layout(np.zeros((0, 4))).shape == (0, 2)
    assert umap_code_layout(np.zeros((0, 4), bool)).shape == (0, 2)


def test_seed_below_zero_is_named(tmp_path: Path):
    with refused("seed", value=-1, names=0):
        project(made(tmp_path / "gallery", np.ones((20, 8))), seed=-1)


def features_of_groups(count: int) -> np.ndarray:
    group = np.arange(count) % 3
    return np.eye(12)[group * 4] + 0.1 * np.random.default_rng(0).normal(size=(count, 12))


def info(gallery: Gallery) -> ProjectionInfo:
    found = Gallery.open(gallery.folder).manifest.projection
    assert found and found.feature and found.code
    return found


def test_landmarks_and_trustworthiness_are_kept_in_the_gallery(tmp_path: Path):
    gallery = made(tmp_path / "gallery", signs(60), features_of_groups(60))
    project(gallery, most=30)
    found = info(gallery)
    for name, plane in (("feature", found.feature), ("code", found.code)):
        marks = Gallery.open(gallery.folder).projection_table[f"{name}_landmark"]
        assert plane.landmarks == marks.sum() == 30
        assert plane.variance == 1
    expected = trustworthiness(
        unit(gallery.features), gallery.projection.to_numpy()[:, :2], n_neighbors=10,
        metric="cosine",
    )  # fmt: skip
    assert found.feature.trustworthiness == pytest.approx(expected)
    assert 0 < found.feature.kept <= 1 and 0.5 < found.code.trustworthiness <= 1
    assert len(describe_planes(gallery)) == 2
    write_projection(gallery, gallery.projection)
    assert describe_planes(gallery) == []


def test_features_of_many_numbers_are_reduced_where_they_are_placed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("rsh.gallery.landmarks.MOST_NUMBERS", 100)
    gallery = made(tmp_path / "gallery", signs(60), features_of_groups(60))
    project(gallery, most=60)
    assert info(gallery).feature.variance == 1
    monkeypatch.setattr("rsh.codes.components.MOST_COMPONENTS", 3)
    project(gallery, most=30)
    assert 0.5 < info(gallery).feature.variance < 1
    assert f"{info(gallery).feature.variance:.1%} of the variance" in describe_planes(gallery)[0]
    one = gallery.encoded(0)
    near = place_in_planes(gallery, one._replace(codes=-one.codes))[0, :2]  # equal to no tile
    assert near == pytest.approx(gallery.projection.to_numpy()[0, :2], abs=1e-4)


def test_landmarks_of_codes_are_the_first_tiles_of_codes(tmp_path: Path):
    gallery = made(tmp_path / "gallery", signs(200, num_bits=4))
    project(gallery, most=10)
    table = gallery.projection_table
    rows = np.flatnonzero(table["code_landmark"])
    packed = gallery.packed
    assert len(rows) == 10
    assert all(not (packed[:row] == packed[row]).all(axis=1).any() for row in rows)
    assert all_different(gallery.projection[["code_x", "code_y"]].to_numpy())


def test_an_interrupted_projection_goes_on_after_the_first_plane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    gallery = made(tmp_path / "gallery", signs(40))
    before = entries(gallery.folder)
    whole = project(made(tmp_path / "other", signs(40)), seed=3)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(projection, "project_codes", interrupt)
        with pytest.raises(KeyboardInterrupt):
            project(gallery, seed=3)
    kept = entries(gallery.folder) - before
    assert Gallery.open(gallery.folder).projection is None and len(kept) == 1
    with monkeypatch.context() as patch:
        patch.setattr(projection, "project_features", interrupt)
        with pytest.raises(KeyboardInterrupt):
            project(gallery, seed=4)  # which is another plane
        assert project(gallery, seed=3).equals(whole)
    assert not entries(gallery.folder) & kept


@pytest.mark.parametrize("content", [b"", b"PK", "short", "infinite", "nothing"])
def test_a_damaged_plane_is_computed_again(
    tmp_path: Path, content: object, monkeypatch: pytest.MonkeyPatch
):
    gallery = made(tmp_path / "gallery", signs(40))
    whole = project(made(tmp_path / "other", signs(40)))
    monkeypatch.setattr(projection, "write_projection", lambda *_, **__: None)
    project(gallery)
    (file,) = gallery.folder.glob(".projection-*")
    arrays = dict(np.load(file))
    if content == "short":
        np.savez(file.open("wb"), **arrays | {"points": arrays["points"][1:]})
    elif content == "infinite":
        np.savez(file.open("wb"), **arrays | {"points": arrays["points"] * np.inf})
    elif content == "nothing":
        np.savez(file.open("wb"))
    else:
        file.write_bytes(content)
    assert project(gallery).equals(whole)


def test_what_is_left_of_a_projection_goes_with_the_next_change(tmp_path: Path):
    gallery = made(tmp_path / "gallery", signs(40))
    before = entries(gallery.folder)
    for name in (".projection-2.arrow.0-50000", "..projection-2.arrow.0-50000.x7"):
        (gallery.folder / name).touch()
    left = remove_tiles(gallery.folder, [gallery.items["id"][0]])
    assert entries(left.folder) == before


@pytest.mark.parametrize(
    "change",
    [
        {"trustworthiness": 1.5},
        {"trustworthiness": float("nan")},
        {"kept": -0.1},
        {"variance": float("inf")},
        {"landmarks": -1},
        {"landmarks": 1.5},
        {"trustworthiness": "high"},
        {"more": 1},
    ],
)
def test_figures_out_of_range_are_refused(tmp_path: Path, change: dict):
    gallery = made(tmp_path / "gallery", signs(20))
    project(gallery)
    file = gallery.folder / "gallery.json"
    head = json.loads(file.read_text())
    head["projection"]["code"].update(change)
    file.write_text(json.dumps(with_checksum(head)))
    with refused(names="gallery.json"):
        Gallery.open(gallery.folder)


def test_a_gallery_without_figures_is_read(tmp_path: Path):
    gallery = made(tmp_path / "gallery", signs(20))
    found = project(gallery)
    file = gallery.folder / "gallery.json"
    head = json.loads(file.read_text())
    del head["projection"]["feature"], head["projection"]["code"]
    file.write_text(json.dumps(with_checksum(head)))
    opened = Gallery.open(gallery.folder)
    assert opened.projection.equals(found) and describe_planes(opened) == []
