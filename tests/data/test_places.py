"""Tiles lie where rasterio says, and their footprints follow RFC 7946 all over the Earth."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from make_raster import make_raster, noise
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine, from_origin, xy
from rasterio.warp import transform
from refusals import refused
from shapely import Point, Polygon, union_all
from shapely.geometry import MultiPolygon

from rsh.data.metadata import check_metadata
from rsh.data.places import footprint, parse_rings, read_footprint, wrap
from rsh.data.tile_grid import TileGrid, TilingOptions, locate_tiles
from rsh.data.tiles import TileDataset
from rsh.data.tiling import tile_raster
from rsh.gallery.filters import Filter

GEOS = "+proj=geos +h=35785831 +lon_0=0 +sweep=y +datum=WGS84"
# Coordinate systems, with the square in which scenes begin.
SYSTEMS = {
    "EPSG:4326": ((-179, 358), (-80, 80), 0.001),
    "EPSG:32633": ((300_000, 700_000), (10_000, 8_000_000), 10),
    "EPSG:32601": ((167_000, 700_000), (10_000, 8_000_000), 10),
    "EPSG:3857": ((-2e7, 2e7), (-1e7, 1e7), 30),
    "EPSG:3413": ((-2e6, 2e6), (-2e6, 2e6), 100),
    "EPSG:3031": ((-2e6, 2e6), (-2e6, 2e6), 100),
}


def shape(text: str) -> MultiPolygon:
    return MultiPolygon([Polygon(ring) for ring in parse_rings(text)])


def grid(crs: str, place: Affine, size: int = 32) -> TileGrid:
    return TileGrid(
        scene=Path("x.tif"),
        shape=(2 * size, 2 * size),
        transform=place,
        crs=rasterio.crs.CRS.from_user_input(crs),
        bands=(1,),
        stretch=(),
        size=size,
        stride=size,
    )


def located(plan: TileGrid) -> pd.DataFrame:
    return locate_tiles(plan, [(f"{origin}", origin) for origin in plan.origins()])


@st.composite
def grids(draw: st.DrawFn) -> TileGrid:
    crs = draw(st.sampled_from(sorted(SYSTEMS)))
    east, north, side = SYSTEMS[crs]
    steps = [
        draw(st.integers(round(low / side), round(high / side))) for low, high in (east, north)
    ]
    place = Affine.translation(steps[0] * side, steps[1] * side)
    place *= Affine.rotation(draw(st.sampled_from([0, 0, 30, 180, 300])))
    return grid(crs, place * Affine.scale(side, draw(st.sampled_from([-side, side]))))


@settings(max_examples=200)
@given(grids())
def test_tiles_lie_where_rasterio_says(plan: TileGrid):
    tiles = located(plan)
    rows, columns = (np.array(each) + 16 for each in zip(*plan.origins(), strict=True))
    x, y = xy(plan.transform, rows, columns, offset="ul")
    longitude, latitude = map(np.array, transform(plan.crs, "EPSG:4326", x, y))
    assert np.abs(wrap(tiles["longitude"] - longitude)).max() < 2e-7
    assert np.abs(tiles["latitude"] - latitude).max() < 2e-7
    assert tiles["longitude"].between(-180, 180).all()


@settings(max_examples=200)
@given(grids())
def test_footprints_are_valid_counter_clockwise_and_hold_the_tile(plan: TileGrid):
    for origin, tile in zip(plan.origins(), located(plan).itertuples(), strict=True):
        rings = parse_rings(tile.footprint)
        assert rings
        for ring in rings:
            assert ring[0] == ring[-1] and len(ring) >= 4
            assert Polygon(ring).exterior.is_ccw and Polygon(ring).is_valid
            assert (np.abs(ring) <= (180, 90)).all()
        outline = shape(tile.footprint)
        for right, down in [(0.5, 0.5), (0.1, 0.1), (0.9, 0.2), (0.1, 0.8)]:
            x, y = xy(plan.transform, origin[0] + 32 * down, origin[1] + 32 * right, offset="ul")
            longitude, latitude = (each[0] for each in transform(plan.crs, "EPSG:4326", [x], [y]))
            inside = Point(float(wrap(longitude)), latitude)
            assert outline.buffer(1e-6).contains(inside)


def test_longitudes_of_0_to_360_become_minus_180_to_180(tmp_path: Path):
    values = noise(128, 128)
    scene = make_raster(
        tmp_path / "era.tif",
        values,
        crs="EPSG:4326",
        transform=from_origin(179, 10, 1 / 64, 1 / 64),
    )
    direct = TileDataset.open(scene, tiling=TilingOptions(64)).items
    assert sorted(set(direct["longitude"])) == [-179.5, 179.5]
    assert Filter.read(["bbox=-180,0,-179,20"]).mask(direct).sum() == 2
    assert Filter.read(["bbox=180,0,181,20"]).mask(direct).sum() == 2
    assert Filter.read(["bbox=179,0,181,20"]).mask(direct).sum() == 4
    assert Filter.read(["bbox=0,0,360,20"]).mask(direct).sum() == 4
    tile_raster(scene, tmp_path / "t", size=64, progress=False)
    written = TileDataset.open(tmp_path / "t").items
    assert written["longitude"].tolist() == direct["longitude"].tolist()
    assert written["footprint"].tolist() == direct["footprint"].tolist()


def test_scenes_of_the_whole_world_begin_anywhere():
    for west in (-180, 0):
        plan = grid("EPSG:4326", from_origin(west, 90, 360 / 64, 180 / 64))
        tiles = located(plan)
        assert sorted(set(tiles["longitude"])) == [-90, 90]
        world = union_all([shape(text) for text in tiles["footprint"]])
        assert world.area == pytest.approx(360 * 180)


def test_footprint_across_the_antimeridian_is_cut_there():
    plan = grid("EPSG:3832", from_origin(3_320_000, 500_000, 1000, 1000))
    tiles = located(plan)
    assert {len(parse_rings(text)) for text in tiles["footprint"]} == {1, 2}
    for text in tiles["footprint"]:
        rings = parse_rings(text)
        if len(rings) == 2:
            assert text.startswith("MULTIPOLYGON (((")
            ends = sorted((min(x for x, _ in ring), max(x for x, _ in ring)) for ring in rings)
            assert ends[0][0] == -180 and ends[1][1] == 180
            assert sum(Polygon(ring).area for ring in rings) == pytest.approx(0.0825, rel=0.05)


@pytest.mark.parametrize("size", [16, 32, 64])
@pytest.mark.parametrize("turn", [0, 30, 45])
def test_four_tiles_that_meet_at_a_pole_cover_it_without_overlap(size: int, turn: int):
    place = Affine.rotation(turn) * from_origin(-size * 1000, size * 1000, 1000, 1000)
    parts = [shape(text) for text in located(grid("EPSG:3413", place, size))["footprint"]]
    assert all(part.is_valid for part in parts)
    around = union_all(parts)
    assert sum(part.area for part in parts) == pytest.approx(around.area, rel=1e-6)
    assert around.buffer(1e-6).contains(
        Polygon([(-179.9, 89.99), (179.9, 89.99), (179.9, 90), (-179.9, 90)])
    )


@pytest.mark.parametrize(("crs", "pole"), [("EPSG:3413", 90), ("EPSG:3031", -90)])
def test_footprint_around_a_pole_reaches_it_at_all_longitudes(crs: str, pole: int):
    plan = grid(crs, from_origin(-16_000, 16_000, 1000, 1000))
    (text,) = located(plan)["footprint"].iloc[:1]
    outline = shape(text)
    for longitude in range(-175, 180, 10):
        assert outline.contains(Point(longitude, pole * 0.9999))
        assert not outline.contains(Point(longitude, pole * 0.99))


def test_parts_of_a_full_disk_that_are_not_on_earth_have_no_place():
    plan = grid(GEOS, from_origin(-5_500_000, 5_500_000, 11_000_000 / 256, 11_000_000 / 256))
    plan = TileGrid(**{**vars(plan), "shape": (256, 256)})
    tiles = located(plan).assign(origin=plan.origins())
    corner, middle = tiles.iloc[0], tiles[tiles["origin"] == (128, 128)].iloc[0]
    assert np.isnan(corner["longitude"]) and np.isnan(corner["latitude"])
    assert corner["footprint"] == ""
    assert abs(middle["longitude"]) < 10 and len(parse_rings(middle["footprint"])) == 1
    rim = tiles[tiles["longitude"].isna() & (tiles["footprint"] != "")]
    assert len(rim) > 3  # their centers lie in space, a part of them on Earth
    check_metadata(tiles.set_index("path").drop(columns="origin"), "x")


def test_scene_that_shows_nothing_of_the_earth_is_refused():
    with refused(names=("x.tif", "Earth")):
        located(grid(GEOS, from_origin(7e6, 7e6, 1000, 1000)))


def test_ground_control_points_place_tiles(tmp_path: Path):
    plain = make_raster(tmp_path / "plain.tif", noise(64, 64))
    with rasterio.open(plain) as source:
        known = source.transform
    points = [
        GroundControlPoint(row, column, *(known * (column, row)), 0)
        for row in (0, 64)
        for column in (0, 64)
    ]
    scene = make_raster(tmp_path / "gcps.tif", noise(64, 64), gcps=points, transform=None)
    expected = TileDataset.open(plain, tiling=TilingOptions(32)).items
    found = TileDataset.open(scene, tiling=TilingOptions(32)).items
    assert np.allclose(found[["longitude", "latitude"]], expected[["longitude", "latitude"]])
    tile_raster(scene, tmp_path / "t", size=32, progress=False)
    with rasterio.open(tmp_path / "t" / "gcps" / "r000032_c000032.tif") as tile:
        points, crs = tile.gcps
        assert crs.to_epsg() == 32633
        assert (points[0].row, points[0].col) == (-32, -32)
        assert (points[0].x, points[0].y) == known * (0, 0)


@given(st.floats(-720, 720))
def test_wrapped_longitudes_are_the_same_directions(longitude: float):
    found = float(wrap(longitude))
    assert -180 <= found <= 180
    assert np.cos(np.radians(found - longitude)) == pytest.approx(1)
    if abs(longitude) <= 180:
        assert found == longitude


@pytest.mark.parametrize(
    ("ring", "expected"),
    [
        ("POLYGON ((1 2, 3 2, 3 4, 1 2))", "POLYGON ((1 2, 3 2, 3 4, 1 2))"),
        ("POLYGON ((181 2, 183 2, 183 4, 181 2))",
         "POLYGON ((-179.0000000 2.0000000, -177.0000000 2.0000000, -177.0000000 4.0000000, "
         "-179.0000000 2.0000000))"),
    ],
)  # fmt: skip
def test_open_footprints_others_are_brought_into_range(ring: str, expected: str):
    assert read_footprint(ring) == expected


def test_open_footprints_others_across_the_antimeridian_are_cut():
    found = read_footprint("POLYGON ((179 0, 181 0, 181 2, 179 2, 179 0))")
    assert shape(found).area == pytest.approx(4) and len(parse_rings(found)) == 2


def test_footprint_without_three_corners_on_earth_is_empty():
    nan = np.nan
    assert footprint(np.array([1.0, 2, nan, nan]), np.array([1.0, 2, nan, nan])) == ""
