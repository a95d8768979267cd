"""A scene that is cut while it is read has the tiles of one that was cut before."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from make_raster import make_raster, noise
from make_scenes import make
from refusals import refused

from rsh.data.rendering import AS_IS, Rendering
from rsh.data.tile_grid import TilingOptions
from rsh.data.tiles import TileDataset
from rsh.data.tiling import tile_raster
from rsh.errors import NoData


def test_tiles_are_those_that_are_written(tmp_path: Path):
    scene = make_raster(tmp_path / "a.tif", noise(bands=4, dtype=np.uint16) * 100)
    how = {"rendering": Rendering((4, 3, 2))}
    tile_raster(scene, tmp_path / "t", size=40, stride=30, progress=False, **how)
    written = TileDataset.open(tmp_path / "t")
    cut = TileDataset.open(scene, tiling=TilingOptions(size=40, stride=30), **how)
    assert cut.rendering == written.rendering and len(cut.rendering.stretch) == 3
    table = written.items.assign(id=written.items["id"].str.removesuffix(".tif"))
    assert cut.items[table.columns].equals(table)
    for row in range(len(written)):
        assert np.array_equal(cut.read(row), written.read(row))


def test_threads_read_side_by_side(tmp_path: Path):
    for name in ("a", "b"):
        make_raster(tmp_path / f"{name}.tif", noise(320, 320))
    dataset = TileDataset.open(tmp_path, tiling=TilingOptions(size=32))
    assert dataset.classes == [] and len(dataset) == 200
    assert dataset.items["scene"].tolist() == ["a"] * 100 + ["b"] * 100
    assert {"a/r0c0", "b/r1c1"} < set(dataset.items["block"])
    rows = [row for pair in zip(range(100), range(100, 200), strict=True) for row in pair]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda row: dataset.read(row).tobytes(), rows))
    assert found == [dataset.read(row).tobytes() for row in rows]


def test_tile_without_data_is_told_apart(tmp_path: Path):
    values = noise(80, 80)
    values[:, :40, :40] = 0
    scene = make_raster(tmp_path / "a.tif", values, nodata=0)
    dataset = TileDataset.open(scene, tiling=TilingOptions(size=40))
    with refused(names="a.tif", kind=NoData):
        dataset.read(0)
    assert dataset.read(3).size == (40, 40)


def test_stamp_changes_with_the_file_and_the_cut(tmp_path: Path):
    scene = make_raster(tmp_path / "a.tif", noise())
    tile = "a/r000000_c000000"
    stamps = {
        TileDataset.open(scene, tiling=TilingOptions(size), rendering=how).source.stamp(tile)
        for size, how in ((32, AS_IS), (40, AS_IS), (32, Rendering((3, 2, 1))))
    }
    make_raster(scene, noise(101))
    stamps.add(TileDataset.open(scene, tiling=TilingOptions(32)).source.stamp(tile))
    assert len(stamps) == 4


@pytest.mark.parametrize(
    ("options", "tiling", "told"),
    [
        ({}, TilingOptions(size=7), "size=7"),
        ({}, TilingOptions(50, stride=51), "stride=51"),
        (
            {"crs": None},
            TilingOptions(50),
            "--crs",
        ),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, options, tiling: TilingOptions, told: str):
    with refused(names=told):
        TileDataset.open(make_raster(tmp_path / "a.tif", noise(), **options), tiling=tiling)


def test_scene_that_is_damaged_is_named(tmp_path: Path):
    scene = make_raster(tmp_path / "a.tif", noise(300, 300))
    scene.write_bytes(scene.read_bytes()[:50_000])
    dataset = TileDataset.open(scene, tiling=TilingOptions(100))
    with refused(names="a.tif"):
        dataset.read(len(dataset) - 1)


def test_only_scenes_are_cut(tmp_path: Path):
    with refused("size", value=64):
        TileDataset.open(make(tmp_path / "data"), tiling=TilingOptions(64))
