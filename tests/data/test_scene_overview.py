"""Overviews of scenes lie where the scenes do, all over the Earth."""

import io
from pathlib import Path

import numpy as np
import pytest
import rasterio
from make_raster import make_raster
from PIL import Image
from pyproj import Transformer
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine, from_origin

from rsh.data.backgrounds import Background
from rsh.data.rendering import Rendering
from rsh.data.scene_overview import render_backgrounds
from rsh.data.sources.raster import RasterSource
from rsh.data.tile_grid import TilingOptions
from rsh.errors import RshWarning

SIDE = 200
GEOS = "+proj=geos +h=35785831 +lon_0=0 +sweep=y +datum=WGS84"
TURNED = Affine.rotation(30) * Affine.scale(30, -30)
SCENES = {
    "utm": ("EPSG:32633", from_origin(400_000, 5_200_000, 30, 30)),
    "south up": ("EPSG:32633", Affine(30, 0, 400_000, 0, 30, 5_200_000)),
    "turned": ("EPSG:32633", Affine.translation(4e5, 5e6) * TURNED),
    "across": ("EPSG:32601", from_origin(100_000, 700_000, 600, 600)),
    "0 to 360": ("EPSG:4326", from_origin(170, 10, 0.1, 0.1)),
    "pole": ("EPSG:3413", from_origin(-300_000, 300_000, 3000, 3000)),
    "south pole": ("EPSG:3031", from_origin(-300_000, 300_000, 3000, 3000)),
    "world": ("EPSG:4326", from_origin(-180, 90, 360 / SIDE, 180 / SIDE)),
    "world from 0": ("EPSG:4326", from_origin(0, 90, 360 / SIDE, 180 / SIDE)),
    "full disk": (GEOS, from_origin(-5_500_000, 5_500_000, 11e6 / SIDE, 11e6 / SIDE)),
}  # fmt: skip


def slope(dtype: type = np.uint8) -> np.ndarray:
    """Red grows downwards, green to the right."""
    down, right = np.mgrid[0:SIDE, 0:SIDE]
    return np.stack([down, right, 0 * down + 100]).astype(dtype)


def rendered(file: Path, rendering: Rendering = Rendering()) -> list[Background]:  # noqa: B008
    source = RasterSource.open(file, [file], TilingOptions(64), rendering)
    return render_backgrounds(list(source.plans.values()))


def pixels(background: Background) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(background.image)).convert("RGBA")).astype(int)


def check(found: list[Background], crs: object, place: Affine) -> None:
    """Compare pixels of an overview with what lies there in the scene."""
    compared = 0
    for one in found:
        west, south, east, north = one.bounds
        assert -180 <= west < east <= 180 and -90 <= south < north <= 90
        image = pixels(one)
        height, width, _ = image.shape
        rng = np.random.default_rng(0)
        rows, columns = rng.integers(0, height, 300), rng.integers(0, width, 300)
        longitude = west + (columns + 0.5) / width * (east - west)
        latitude = north - (rows + 0.5) / height * (north - south)
        x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(longitude, latitude)
        if crs == "EPSG:4326":
            middle = (place * (SIDE / 2, SIDE / 2))[0]
            x = middle + (x - middle + 180) % 360 - 180
        right, down = ~place * (x, y)
        beyond = np.maximum(np.abs(right - SIDE / 2), np.abs(down - SIDE / 2)) - SIDE / 2
        inside, outside = beyond < -2, (beyond > 2) | ~np.isfinite(beyond)
        shown = image[rows, columns]
        assert (shown[inside, 3] == 255).all() and (shown[outside, 3] < 128).all()
        expected = np.stack([down, right], axis=1)[inside]
        off = np.abs(shown[inside, :2] - expected)
        off = np.minimum(off, np.abs(off - SIDE)) if "4326" in str(crs) else off
        assert np.median(off) < 4 and np.quantile(off, 0.95) < 14  # WebP blurs
        compared += int(inside.sum())
    assert compared > 50


@pytest.mark.parametrize("name", SCENES)
def test_an_overview_lies_where_its_scene_does(tmp_path: Path, name: str):
    crs, place = SCENES[name]
    file = make_raster(tmp_path / "x.tif", slope(), crs=crs, transform=place)
    found = rendered(file)
    assert len(found) == (2 if name in ("across", "0 to 360") else 1)
    assert {one.scene for one in found} == {"x.tif"}
    check(found, crs, place)


def test_control_points_place_an_overview(tmp_path: Path):
    place = from_origin(400_000, 5_200_000, 30, 30)
    points = [GroundControlPoint(row, column, *(place * (column, row)), 0)
              for row in (0, SIDE) for column in (0, SIDE)]  # fmt: skip
    file = make_raster(tmp_path / "x.tif", slope(), gcps=points, transform=None)
    check(rendered(file), "EPSG:32633", place)


def test_deep_values_are_stretched_and_no_data_is_transparent(tmp_path: Path):
    values = slope(np.uint16) * 100
    values[:, :, :60] = 0
    crs, place = SCENES["utm"]
    file = make_raster(tmp_path / "x.tif", values, crs=crs, transform=place, nodata=0)
    (found,) = rendered(file, Rendering(stretch=((0, 20_000),)))
    image = pixels(found)
    assert (image[20:-20, 20:40, 3] == 0).all() and (image[20:-20, -40:-20, 3] == 255).all()
    assert image[100, 150, 1] == pytest.approx(255 * 15_000 / 20_000, abs=12)


def test_a_large_scene_is_small(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (3, 1500, 3000)).astype(np.uint8)
    file = make_raster(tmp_path / "x.tif", noise)
    (found,) = rendered(file)
    assert max(pixels(found).shape) <= 1100 and len(found.image) < 1_500_000


def test_many_scenes_share_the_room(tmp_path: Path):
    crs, place = SCENES["utm"]
    make_raster(tmp_path / "x.tif", slope(), crs=crs, transform=place)
    plan = RasterSource.open(tmp_path / "x.tif", [tmp_path / "x.tif"], TilingOptions(64)).plans["x"]
    found = render_backgrounds([plan] * 1000)
    assert len(found) == 1000 and max(pixels(found[0]).shape) <= 70
    assert sum(len(one.image) for one in found) < 4_000_000


def test_a_scene_that_cannot_be_read_is_left_out_with_a_note(tmp_path: Path):
    crs, place = SCENES["utm"]
    file = make_raster(tmp_path / "x.tif", slope(), crs=crs, transform=place)
    plan = RasterSource.open(file, [file], TilingOptions(64)).plans["x"]
    with rasterio.open(file) as source:
        assert source.count == 3
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.warns(RshWarning, match="no background of a scene"):
        assert render_backgrounds([plan]) == []
