"""Backgrounds are kept in the gallery, and hostile ones refused."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_raster import make_raster, noise
from make_scenes import zipped
from PIL import Image
from refusals import refused

from rsh.data.backgrounds import (
    MAX_IMAGES,
    SCHEMA,
    Background,
    join_backgrounds,
    read_backgrounds,
    write_backgrounds,
)
from rsh.data.tile_grid import TilingOptions
from rsh.data.tiles import TileDataset
from rsh.data.tiling import tile_raster
from rsh.errors import RshWarning


def webp(color: int = 0) -> bytes:
    stream = io.BytesIO()
    Image.new("RGBA", (4, 4), (color, 0, 0, 255)).save(stream, "WEBP")
    return stream.getvalue()


GOOD = Background("a.tif", (5.0, 45.0, 6.0, 46.0), webp())


def written(*backgrounds: Background) -> io.BytesIO:
    stream = io.BytesIO()
    write_backgrounds(backgrounds, stream)
    return io.BytesIO(stream.getvalue())


def test_what_is_written_is_read_again():
    both = [GOOD, Background("b.tif", (-180, -90, 180, 90), webp(9))]
    assert read_backgrounds(written(*both), "x") == both
    assert read_backgrounds(written(), "x") == []


@pytest.mark.parametrize(
    "bounds",
    [(6, 45, 5, 46), (5, 46, 6, 45), (5, 45, 181, 46), (5, -91, 6, 46), (float("nan"), 45, 6, 46),
     (5, 45, float("inf"), 46)],
)  # fmt: skip
def test_a_place_that_is_nowhere_is_refused(bounds: tuple[float, ...]):
    with refused(names="x"):
        read_backgrounds(written(GOOD._replace(bounds=bounds)), "x")


@pytest.mark.parametrize("image", [b"", b"<svg onload='alert(1)'>", b"\xff\xd8\xff\xe0", None])
def test_what_is_no_webp_is_refused(image: bytes | None):
    with refused(names="x"):
        read_backgrounds(written(GOOD._replace(image=image)), "x")


def test_too_many_or_too_large_ones_are_refused():
    with refused(names=MAX_IMAGES + 1):
        read_backgrounds(written(*[GOOD] * (MAX_IMAGES + 1)), "x")
    large = GOOD._replace(image=webp() + bytes(20_000_000))
    with refused(names="x"):
        read_backgrounds(written(large), "x")


@pytest.mark.parametrize(
    "content",
    [b"", b"PAR1", b"x" * 100],
)
def test_what_is_no_table_is_refused(content: bytes):
    with refused(names="x"):
        read_backgrounds(io.BytesIO(content), "x")


def test_a_table_of_other_columns_is_refused():
    for table in (pa.table({"a": [1]}), pa.Table.from_pylist([{"scene": "a"}], SCHEMA)):
        stream = io.BytesIO()
        pq.write_table(table, stream)
        with refused(names="x"):
            read_backgrounds(io.BytesIO(stream.getvalue()), "x")


def test_equal_ones_are_kept_once():
    other = GOOD._replace(scene="b.tif")
    assert join_backgrounds([GOOD, other, GOOD]) == [GOOD, other]
    heavy = [GOOD._replace(scene=f"{n}", image=webp() + bytes(3_000_000)) for n in range(5)]
    assert len(join_backgrounds(heavy)) == 2


@pytest.mark.parametrize("kind", ["tiles", "zip", "scene"])
def test_tiles_of_a_scene_bring_its_overview(tmp_path: Path, kind: str):
    scene = make_raster(tmp_path / "field.tif", noise(200, 300))
    if kind == "scene":
        dataset = TileDataset.open(scene, tiling=TilingOptions(64))
    else:
        tile_raster(scene, tmp_path / "tiles", size=64, progress=False)
        folder = tmp_path / "tiles"
        dataset = TileDataset.open(zipped(folder, tmp_path / "t.zip") if kind == "zip" else folder)
    assert len(dataset) == 20
    (found,) = dataset.backgrounds()
    assert found.scene == "field.tif"
    west, south, east, north = found.bounds
    assert dataset.items["longitude"].between(west, east).all()
    assert dataset.items["latitude"].between(south, north).all()


def test_a_damaged_overview_is_told(tmp_path: Path):
    scene = make_raster(tmp_path / "field.tif", noise(200, 300))
    tile_raster(scene, tmp_path / "tiles", size=64, progress=False)
    (tmp_path / "tiles" / "backgrounds.parquet").write_bytes(b"")
    with pytest.warns(RshWarning, match="no background"):
        assert TileDataset.open(tmp_path / "tiles").backgrounds() == []
