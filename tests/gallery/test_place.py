"""Tiles that are placed in a projection without a new fit."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_gallery import parts, planes, some, tiles_of, tiny_gallery, write
from refusals import refused

from rsh.codes.encodings import Encodings
from rsh.gallery import landmarks
from rsh.gallery.gallery import Gallery
from rsh.gallery.place import disc_step, in_discs, place_in_planes
from rsh.gallery.planes import COORDINATES, LANDMARKS
from rsh.gallery.projection import project
from rsh.gallery.writer import add_tiles, remove_tiles, write_projection


@pytest.fixture(scope="module")
def projected(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """A gallery of which UMAP lays out a third."""
    gallery = tiny_gallery(tmp_path_factory.mktemp("place") / "gallery", projection=False)
    project(gallery, most=100, progress=False)
    return gallery


def encodings(gallery: Gallery, rows: list[int]) -> Encodings:
    return Encodings(gallery.codes[rows], gallery.relaxed[rows], gallery.features[rows])


def positions(gallery: Gallery) -> np.ndarray:
    assert gallery.projection is not None
    return gallery.projection.to_numpy()


def test_a_query_equal_to_a_tile_lies_on_it(projected: Gallery):
    rows = list(range(0, 300, 7))
    assert (
        place_in_planes(projected, encodings(projected, rows)) == positions(projected)[rows]
    ).all()


def test_a_query_of_a_known_feature_or_code_lies_where_that_one_was_placed(projected: Gallery):
    code, feature = (encodings(projected, [row]) for row in (3, 200))
    assert code.packed.tobytes() != feature.packed.tobytes()
    mixed = Encodings(code.codes, code.relaxed, feature.features)
    (found,), xy = place_in_planes(projected, mixed), positions(projected)
    assert found[:2] == pytest.approx(xy[200, :2], abs=1e-3)
    same = (projected.packed == code.packed).all(axis=1)  # tiles of one code form a disc
    assert np.linalg.norm(xy[same, 2:] - found[2:], axis=1).min() == pytest.approx(0, abs=1e-3)


def test_queries_like_tiles_of_a_class_lie_near_tiles_of_that_class(projected: Gallery):
    draw = np.random.default_rng(0)
    rows = draw.choice(300, 40, replace=False)
    features = projected.features[rows] + draw.normal(scale=0.02, size=(40, 41)).astype(np.float16)
    signs = np.where(draw.random((40, 32)) < 0.04, -1, 1).astype(np.int8)
    codes = projected.codes[rows] * signs
    found = place_in_planes(projected, Encodings(codes, codes.astype(np.float16), features))
    xy, labels = positions(projected), projected.labels
    for columns in (slice(0, 2), slice(2, 4)):
        apart = np.linalg.norm(found[:, None, columns] - xy[None, :, columns], axis=2)
        nearest = np.argsort(apart, axis=1)[:, :5]
        assert (labels[nearest] == labels[rows][:, None]).mean() > 0.8


def test_landmarks_of_reduced_dimensions_place_alike(
    projected: Gallery, monkeypatch: pytest.MonkeyPatch
):
    query = encodings(projected, [5, 80])
    query = query._replace(codes=-query.codes)  # so that it is equal to no tile
    before = place_in_planes(Gallery.open(projected.folder), query)
    monkeypatch.setattr(landmarks, "MOST_NUMBERS", 100)
    after = place_in_planes(Gallery.open(projected.folder), query)
    assert after == pytest.approx(before, abs=0.3)
    assert after[:, 2:] == pytest.approx(before[:, 2:])


def test_placing_needs_no_large_library(projected: Gallery):
    code = (
        "import sys; from rsh.gallery.gallery import Gallery; "
        "from rsh.gallery.place import place_in_planes; "
        "g = Gallery.open(sys.argv[1]); one = g.encoded(0); "
        "place_in_planes(g, one._replace(features=-one.features)); "
        "print({'numba', 'scipy', 'sklearn', 'torch', 'umap'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(projected.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_gallery_without_projection_places_nothing(tmp_path: Path):
    gallery = write(tmp_path / "gallery", **parts())
    with refused(names=gallery.folder):
        place_in_planes(gallery, gallery.encoded(0))


@pytest.mark.parametrize("name", ["codes", "features"])
def test_encodings_of_another_network_are_refused(projected: Gallery, name: str):
    one = projected.encoded(0)
    other = one._replace(**{name: getattr(one, name)[:, :20]})
    with refused(names=(20, projected.folder)):
        place_in_planes(projected, other)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("value", [np.nan, np.inf, 0])
def test_odd_features_are_placed_somewhere(projected: Gallery, value: float):
    one = projected.encoded(0)
    odd = one._replace(features=np.full_like(one.features, value))
    assert np.isfinite(place_in_planes(projected, odd)).all()


def test_added_tiles_lie_amid_their_nearest_and_the_others_stay(tmp_path: Path):
    gallery = tiny_gallery(tmp_path / "gallery", projection=False)
    project(gallery, most=100, progress=False)
    before = gallery.projection.set_index(gallery.items["id"])
    rows = list(range(0, 300, 10))
    items = gallery.items.iloc[rows].assign(id=[f"new/{row}" for row in rows])
    new = {"items": items, "codes": gallery.codes[rows], "features": gallery.features[rows]}
    added = add_tiles(gallery.folder, tiles_of(**new, thumbnails=[b""] * len(rows)))
    after = added.projection.set_index(added.items["id"])
    assert after.loc[before.index].equals(before)
    apart = np.linalg.norm(
        after.loc[items["id"], ["feature_x", "feature_y"]].to_numpy()
        - before.iloc[rows][["feature_x", "feature_y"]].to_numpy(),
        axis=1,
    )
    assert apart.max() < 1e-3
    # in hash space no two tiles of a code lie in one position
    assert not after[["code_x", "code_y"]].duplicated().any()
    extent = np.ptp(before[["code_x", "code_y"]].to_numpy(), axis=0).max()
    shift = (
        after.loc[items["id"], ["code_x", "code_y"]].to_numpy()
        - before.iloc[rows][["code_x", "code_y"]].to_numpy()
    )
    assert np.linalg.norm(shift, axis=1).max() < extent / 20
    assert added.manifest.projection.feature == gallery.manifest.projection.feature
    marks = added.projection_table.set_index(added.items["id"])[list(LANDMARKS)]
    assert marks.sum().tolist() == [100, 100] and not marks.loc[items["id"]].any(axis=None)
    assert Gallery.open(gallery.folder).projection.equals(added.projection)


def test_tiles_that_are_added_while_a_projection_is_computed_are_placed(tmp_path: Path):
    gallery = write(tmp_path / "gallery", **parts())
    add_tiles(gallery.folder, tiles_of(**some(3, seed=1)))
    remove_tiles(gallery.folder, gallery.items["id"][:2].tolist())
    draw = np.random.default_rng(0)
    drawn = pd.DataFrame(draw.normal(size=(24, 4)).astype(np.float32), columns=[*COORDINATES])
    write_projection(gallery, drawn)
    opened = Gallery.open(gallery.folder)
    assert opened.projection is not None and len(opened.projection) == 25
    old = opened.items["id"].isin(gallery.items["id"])
    kept = drawn.set_index(gallery.items["id"]).loc[opened.items["id"][old]]
    assert (opened.projection[old].to_numpy() == kept.to_numpy()).all()


def test_gallery_whose_landmarks_are_removed_still_places(tmp_path: Path):
    gallery = write(tmp_path / "gallery", **parts())
    marked = planes(24, 1.5).assign(feature_landmark=False, code_landmark=False)
    marked.loc[:3, list(LANDMARKS)] = True
    write_projection(gallery, marked)
    assert len(gallery.landmarks.features) == 4
    left = remove_tiles(gallery.folder, gallery.items["id"][:4].tolist())
    assert len(left.landmarks.features) == len(left.landmarks.packed) == 20
    one = left.encoded(0)
    assert place_in_planes(left, one._replace(codes=-one.codes)) == pytest.approx(
        np.full((1, 4), 1.5)
    )


def test_a_projection_without_landmarks_takes_the_first_tiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("rsh.gallery.gallery.MOST_FITTED", 10)
    gallery = write(tmp_path / "gallery", **parts())
    write_projection(gallery, planes(24))
    table = gallery.projection_table
    assert np.flatnonzero(table["feature_landmark"]).tolist() == list(range(10))
    assert table["code_landmark"].sum() == len(np.unique(gallery.packed[:10], axis=0))


def test_discs_hold_all_tiles_of_a_code_and_cover_a_tenth_of_the_plane():
    plane = np.random.default_rng(0).uniform(0, 20, (100, 2)).astype(np.float32)
    for count in (100, 10_000, 1_000_000):
        step = disc_step(plane, count)
        assert 0 < step <= 20 / 250
        assert np.pi * step**2 * count <= 0.1 * 20**2 + 1e-9
    rank = np.arange(500)
    disc = in_discs(np.full((500, 2), 3.0, np.float32), rank, step=0.01)
    assert np.linalg.norm(disc - 3, axis=1).max() == pytest.approx(0.01 * 499**0.5, rel=1e-3)
    apart = np.linalg.norm(disc[:, None] - disc[None], axis=2) + np.eye(500)
    assert apart.min() > 0.0099
