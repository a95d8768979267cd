"""A scene becomes tiles that hold its pixels, know their places, and open as Rasters."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from make_raster import EAST, METERS, NORTH, make_raster, noise
from rasterio.warp import transform
from refusals import refused

from rsh.data.rendering import Rendering
from rsh.data.tiles import TileDataset
from rsh.data.tiling import tile_raster


def test_tiles_hold_the_pixels_of_their_windows(tmp_path: Path):
    values = noise(100, 150)
    cut = tile_raster(
        make_raster(tmp_path / "a.tif", values), tmp_path / "t", size=40, progress=False
    )
    names = sorted(file.name for file in (tmp_path / "t" / "a").iterdir())
    corners = [(row, column) for row in (0, 40, 60) for column in (0, 40, 80, 110)]
    assert names == [f"r{row:06}_c{column:06}.tif" for row, column in corners]
    assert (cut.tiles, cut.left_out, cut.bands, cut.stretch) == (12, 0, (1, 2, 3), ())
    for (row, column), name in zip(corners, names, strict=True):
        with rasterio.open(tmp_path / "t" / "a" / name) as tile:
            assert np.array_equal(tile.read(), values[:, row : row + 40, column : column + 40])
            assert tile.crs.to_epsg() == 32633
            assert tile.bounds[0] == EAST + METERS * column
            assert tile.bounds[3] == NORTH - METERS * row


def test_tiles_open_as_scenes_with_their_places(tmp_path: Path):
    tile_raster(make_raster(tmp_path / "a.tif", noise()), tmp_path / "t", size=50, progress=False)
    dataset = TileDataset.open(tmp_path / "t")
    assert (len(dataset), dataset.classes) == (6, [])
    assert dataset.read(0).size == (50, 50)
    first = dataset.items.iloc[0]
    (longitude,), (latitude,) = transform(
        "EPSG:32633", "EPSG:4326", [EAST + METERS * 25], [NORTH - METERS * 25]
    )
    assert (first["longitude"], first["latitude"]) == pytest.approx((longitude, latitude))
    assert set(dataset.items["block"]) == {"r0c0"}


def test_footprint_is_a_closed_ring_around_the_place(tmp_path: Path):
    tile_raster(make_raster(tmp_path / "a.tif", noise()), tmp_path / "t", size=50, progress=False)
    row = pd.read_csv(tmp_path / "t" / "items.csv").iloc[0]
    inner = row["footprint"].removeprefix("POLYGON ((").removesuffix("))")
    ring = np.array([[float(number) for number in point.split()] for point in inner.split(", ")])
    assert ring.shape == (5, 2)
    assert ring[0].tolist() == ring[-1].tolist()
    assert ring[0] == pytest.approx([15, 45.15], abs=0.01)
    # counter-clockwise, as GeoJSON wants outer rings; the sum is twice the area
    x, y = ring.T
    assert (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() > 0
    assert ring[:-1].mean(axis=0) == pytest.approx([row["longitude"], row["latitude"]], abs=1e-5)


def test_blocks_keep_neighbors_together(tmp_path: Path):
    raster = make_raster(tmp_path / "a.tif", noise(32 * 9, 32 * 9))
    tile_raster(raster, tmp_path / "t", size=32, progress=False)
    counts = pd.read_csv(tmp_path / "t" / "items.csv")["block"].value_counts()
    assert counts.to_dict() == {"r0c0": 64, "r0c1": 8, "r1c0": 8, "r1c1": 1}


def test_step_makes_tiles_overlap(tmp_path: Path):
    raster = make_raster(tmp_path / "a.tif", noise(64, 64))
    assert tile_raster(raster, tmp_path / "t", size=32, stride=16, progress=False).tiles == 9


def test_tiles_with_little_data_are_left_out_and_the_rest_is_black(tmp_path: Path):
    values = noise(80, 80)
    values[:, :40, :40] = 0  # all of the first tile
    values[:, :40, 60:] = 0  # half of the second
    raster = make_raster(tmp_path / "a.tif", values, nodata=0)
    cut = tile_raster(raster, tmp_path / "t", size=40, progress=False)
    assert (cut.tiles, cut.left_out) == (3, 1)
    tile = np.asarray(TileDataset.open(tmp_path / "t").read(0))
    assert tile[:, :20].all()
    assert not tile[:, 20:].any()


def test_sixteen_bits_are_stretched_and_the_stretch_is_noted(tmp_path: Path):
    raster = make_raster(tmp_path / "a.tif", noise(bands=4, dtype=np.uint16) * 100)
    cut = tile_raster(
        raster, tmp_path / "t", size=50, rendering=Rendering((4, 3, 2)), progress=False
    )
    noted = json.loads((tmp_path / "t" / "scene.json").read_text())
    assert (noted["bands"], noted["count"]) == ([4, 3, 2], 4)
    assert [tuple(pair) for pair in noted["stretch"]] == list(cut.stretch)
    assert all(0 < low < 1500 < 24_000 < high < 25_600 for low, high in cut.stretch)
    assert np.asarray(TileDataset.open(tmp_path / "t").read(0)).max() == 255


def test_values_that_are_not_finite_count_as_no_data(tmp_path: Path):
    values = noise(40, 80, bands=1, dtype=np.float32)
    values[0, :, :40] = np.nan
    cut = tile_raster(
        make_raster(tmp_path / "a.tif", values), tmp_path / "t", size=40, progress=False
    )
    assert (cut.tiles, cut.left_out) == (1, 1)


def test_degrees_are_a_coordinate_system_like_any_other(tmp_path: Path):
    place = rasterio.transform.from_origin(10, 50, 0.01, 0.01)
    raster = make_raster(tmp_path / "a.tif", noise(40, 40), crs="EPSG:4326", transform=place)
    tile_raster(raster, tmp_path / "t", size=40, progress=False)
    row = pd.read_csv(tmp_path / "t" / "items.csv").iloc[0]
    assert (row["longitude"], row["latitude"]) == pytest.approx((10.2, 49.8))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"size": 7}, "size"),
        ({"size": 101}, "size"),
        ({"size": 50, "stride": 0}, "stride"),
        ({"size": 50, "stride": 51}, "stride"),
        ({"size": 50, "rendering": Rendering((9,))}, "bands"),
        ({"size": 50, "rendering": Rendering(stretch=((0, 9),))}, "stretch"),
    ],
)
def test_wrong_arguments_are_named_and_leave_nothing(tmp_path: Path, options, told: str):
    raster = make_raster(tmp_path / "a.tif", noise())
    with refused(told):
        tile_raster(raster, tmp_path / "t", **options, progress=False)
    assert [file.name for file in tmp_path.iterdir()] == ["a.tif"]


def test_scene_without_data_leaves_nothing(tmp_path: Path):
    raster = make_raster(tmp_path / "a.tif", np.zeros((3, 50, 50), np.uint8), nodata=0)
    with refused(names="a.tif"):
        tile_raster(raster, tmp_path / "t", size=50, progress=False)
    assert [file.name for file in tmp_path.iterdir()] == ["a.tif"]


def test_folder_that_exists_is_kept(tmp_path: Path):
    (tmp_path / "t").mkdir()
    with refused(names="--output"):
        tile_raster(
            make_raster(tmp_path / "a.tif", noise()), tmp_path / "t", size=50, progress=False
        )
    assert not list((tmp_path / "t").iterdir())


def test_scene_that_was_cut_short_is_said_to_be_so_and_leaves_nothing(tmp_path: Path):
    scene = make_raster(tmp_path / "a.tif", noise(300, 300))
    scene.write_bytes(scene.read_bytes()[: scene.stat().st_size // 2])
    with refused(names=(f"{scene} cannot be read", "download or save it again")):
        tile_raster(scene, tmp_path / "t", size=100, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_tile_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = rasterio.open

    def full(file, mode="r", **options):
        if mode == "w":
            raise rasterio.errors.RasterioIOError("No space left on device")
        return real(file, mode, **options)

    scene = make_raster(tmp_path / "a.tif", noise())
    monkeypatch.setattr(rasterio, "open", full)
    with refused(names=("cannot be written", "No space left", "choose another path")):
        tile_raster(scene, tmp_path / "t", size=50, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
