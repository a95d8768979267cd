"""Inputs that people have, found by trying: each was read wrongly once."""

import io
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
from make_raster import make_raster, noise
from make_scenes import make, tile, zipped
from make_shards import make_tar
from PIL import Image
from rasterio.control import GroundControlPoint
from refusals import refused
from shapely import Polygon

from rsh.data.images import read_image
from rsh.data.places import parse_rings, read_footprint
from rsh.data.rendering import AS_IS, Rendering
from rsh.data.tile_grid import TilingOptions
from rsh.data.tiles import TileDataset
from rsh.data.tiling import tile_raster
from rsh.errors import RshWarning
from rsh.gallery.filters import Filter

TILES = ["coast/0.png", "coast/1.png", "forest/0.png", "forest/1.png"]


def with_table(folder: Path, **columns) -> pd.DataFrame:
    make(folder, count=2)
    lines = [",".join(["path", *columns])]
    lines += [",".join(map(str, row)) for row in zip(TILES, *columns.values(), strict=True)]
    (folder / "items.csv").write_text("\n".join(lines))
    return TileDataset.open(folder).items


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["5.123456789012345", "12.345678901234567", "19.999999999999996", "30"], 3),
        (["1e-05", "0.25", "1.5", "200.5"], 3),
        ([" 5", " 7", " 30", "8"], 3),
        ([".5", "1.5", "20", "21"], 3),
    ],
)
def test_numbers_that_programs_write_are_numbers(tmp_path: Path, values: list[str], expected: int):
    items = with_table(tmp_path / "data", cloud=values)
    assert pd.api.types.is_numeric_dtype(items["cloud"])
    assert Filter.read(["cloud=0..20"]).mask(items).sum() == expected


@pytest.mark.parametrize("values", [["5", "NA", "12", "7"], ["5.0", "5", "1", "2"], ["x"] * 4])
def test_range_of_numbers_over_texts_is_refused(tmp_path: Path, values: list[str]):
    items = with_table(tmp_path / "data", cloud=values)
    with refused("filter", names="the column holds texts"):
        Filter.read(["cloud=0..20"]).mask(items)


def test_range_of_years_over_dates_is_alphabetical(tmp_path: Path):
    items = with_table(tmp_path / "data", date=["2019-05-03", "2020-01-01", "2021", "2023-01-01"])
    assert Filter.read(["date=2020..2022"]).mask(items).sum() == 2


def test_headers_and_paths_may_have_spaces_and_dots_before_them(tmp_path: Path):
    folder = make(tmp_path / "data", count=2)
    rows = "".join(f"./{name}, {row}.5, 48\n" for row, name in enumerate(TILES))
    (folder / "items.csv").write_text(f"path, longitude, latitude\n{rows}")
    items = TileDataset.open(folder).items
    assert items["longitude"].tolist() == [0.5, 1.5, 2.5, 3.5]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "0 bytes"),
        ("path,a,a\n", "two columns are called a"),
        ("Path;longitude\n", "'Path;longitude'"),
        ("path,a\nx/y.png,1\n", "its first path is x/y.png"),
    ],
)
def test_tables_that_do_not_fit_say_what_they_hold(tmp_path: Path, content: str, told: str):
    folder = make(tmp_path / "data", count=2)
    (folder / "items.csv").write_text(content)
    with refused(names=("items.csv", told)):
        TileDataset.open(folder)


def test_table_outside_the_folder_of_a_zip_is_told(tmp_path: Path):
    file = zipped(make(tmp_path / "data"), tmp_path / "data.zip", wrap="all/")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("items.csv", "path\n")
    with refused(names=("outside of all/", "move it there")):
        TileDataset.open(file)


@pytest.mark.parametrize(
    ("written", "area"),
    [
        ("POLYGON((9 48,10 48,10 49,9 48))", 0.5),
        ("polygon z ((9 48 1, 10 48 1, 10 49 1, 9 48 1))", 0.5),
        ("SRID=4326;POLYGON ((9 48, 10 48, 10 49, 9 48))", 0.5),
        ("POLYGON ((170 10, -170 10, -170 20, 170 20, 170 10))", 200),
        ("MULTIPOLYGON (((179 0, 180 0, 180 2, 179 0)), ((-180 0, -179 0, -179 2, -180 0)))", 2),
    ],
)
def test_footprints_in_other_spellings_are_read(written: str, area: float):
    rings = parse_rings(read_footprint(written))
    assert sum(Polygon(ring).area for ring in rings) == pytest.approx(area)


@pytest.mark.parametrize(
    "written",
    [
        "POLYGON ((500000 5300000, 500010 5300000, 500010 5300010, 500000 5300000))",
        "POLYGON ((9 48, 10 48, 10 49, 11 50))",
        "POINT (9 48)",
        "LINESTRING (9 48, 10 48)",
        "nothing",
    ],
)
def test_footprints_that_are_none_are_refused(tmp_path: Path, written: str):
    assert read_footprint(written) is None


@pytest.mark.parametrize(
    ("box", "found"),
    [
        ("179,0,180,10", 6),
        ("-180,0,-179,10", 6),
        ("-190,0,-170,10", 8),
        ("179.95,0,180,10", 4),
        ("180,0,180,10", 4),
        ("-180,-90,180,90", 8),
        ("0,0,360,10", 8),
    ],
)
def test_the_180th_meridian_has_two_names(box: str, found: int):
    items = pd.DataFrame({"longitude": [180, -180, 179.9, -179.9] * 2, "latitude": [5.0] * 8})
    assert Filter.read([f"bbox={box}"]).mask(items).sum() == found


def test_links_between_class_folders_end(tmp_path: Path):
    folder = make(tmp_path / "data", classes=("a", "b", "c", "d", "e", "f"), count=2)
    names = [place.name for place in folder.iterdir()]
    for name in names:
        for other in names:
            if other != name:
                (folder / name / f"to {other}").symlink_to(folder / other)
    items = TileDataset.open(folder).items
    assert items["class"].value_counts().to_dict() == dict.fromkeys(names, 12)
    assert len({os.path.realpath(folder / tile) for tile in items["id"]}) == 12


@pytest.mark.parametrize(
    "name", ["$Recycle.Bin", "@EADIR", "Temporary Items", "__pycache__", "#snapshot"]
)
def test_folders_of_systems_are_no_classes(tmp_path: Path, name: str):
    folder = make(tmp_path / "data", classes=("coast", "forest", name))
    with pytest.warns(RshWarning, match="left out 4 files"):
        assert TileDataset.open(folder).classes == ["coast", "forest"]


def raw_zip(file: Path, names: list[str], *, system: int = 3, flag: int = 0) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for number, name in enumerate(names):
            stream = io.BytesIO()
            tile(number).save(stream, "PNG")
            member = zipfile.ZipInfo("placeholder")
            member.filename, member.create_system = name, system
            archive.writestr(member, stream.getvalue())
    return file


def test_zips_of_other_programs_have_the_same_classes(tmp_path: Path):
    dots = raw_zip(tmp_path / "a.zip", [f"./{name}/{n}.png" for name in "ab" for n in range(3)])
    mixed = [f"data/{name}\\{n}.png" for name in "ab" for n in range(3)]
    for file in (dots, raw_zip(tmp_path / "b.zip", mixed, system=0)):
        dataset = TileDataset.open(file)
        assert dataset.classes == ["a", "b"] and len(dataset) == 6
        assert dataset.read(5).size == (16, 16)


def test_zip_names_in_utf8_without_the_flag_are_read(tmp_path: Path):
    name = "W\N{LATIN SMALL LETTER A WITH DIAERESIS}ld"
    file = raw_zip(tmp_path / "a.zip", [f"{each}/0.png" for each in (name, "b")])
    content = bytearray(file.read_bytes())
    for start in (b"PK\x03\x04", b"PK\x01\x02"):  # of local headers, and in the table of contents
        place, shift = 0, {b"PK\x03\x04": 6, b"PK\x01\x02": 8}[start]
        while (place := content.find(start, place)) >= 0:
            content[place + shift + 1] &= ~0x08
            place += 4
    file.write_bytes(content)
    assert TileDataset.open(file).classes == [name, "b"]


def test_half_a_zip_is_said_to_be_damaged(tmp_path: Path):
    file = zipped(make(tmp_path / "data"), tmp_path / "data.zip")
    file.write_bytes(file.read_bytes()[:900])
    with refused(names=("data.zip cannot be read", "download it again")):
        TileDataset.open(file)


def test_stray_images_do_not_turn_a_split_into_classes(tmp_path: Path):
    for name in ("train", "test"):
        make(tmp_path / "data" / name)
        tile(9).save(tmp_path / "data" / name / "overview.png")
    make(tmp_path / "data", classes=("docs",), count=1)
    with pytest.warns(RshWarning, match="left out 1 file, such as docs/0.png"):
        dataset = TileDataset.open(tmp_path / "data")
    assert dataset.classes == ["coast", "forest"]
    stray = dataset.items[dataset.items["class"] == ""]
    assert stray["id"].tolist() == ["test/overview.png", "train/overview.png"]
    assert stray["given_split"].tolist() == ["test", "train"]


def test_split_inside_the_classes_is_followed(tmp_path: Path):
    for name in ("coast", "forest"):
        make(tmp_path / "data" / name, classes=("train", "test"))
    dataset = TileDataset.open(tmp_path / "data")
    assert dataset.classes == ["coast", "forest"]
    assert set(dataset.items["given_split"]) == {"train", "test"}


def test_classes_named_like_a_split_are_told(tmp_path: Path):
    with pytest.warns(RshWarning, match="test, train are taken for classes"):
        assert TileDataset.open(make(tmp_path / "d", classes=("train", "test", "docs"))).classes


def test_folders_of_a_split_that_hold_images_are_no_classes(tmp_path: Path):
    with pytest.warns(RshWarning, match="test, train are taken for the split"):
        dataset = TileDataset.open(make(tmp_path / "d", classes=("train", "test")))
    assert dataset.classes == []
    assert dataset.items["given_split"].tolist() == ["test"] * 4 + ["train"] * 4
    split = dataset.split()
    assert set(split.query.items["id"]) == {f"test/{number}.png" for number in range(4)}


@pytest.mark.parametrize("wrap", ["", "all/"])
def test_tars_have_the_classes_and_the_split_of_their_folder(tmp_path: Path, wrap: str):
    for name in ("train", "test"):
        make(tmp_path / "data" / name)
    folder = TileDataset.open(tmp_path / "data")
    members = {wrap + each: folder.read_bytes(row) for row, each in enumerate(folder.items["id"])}
    shards = TileDataset.open(make_tar(tmp_path / "data.tar", members))
    assert shards.classes == folder.classes
    assert sorted(shards.items["given_split"]) == sorted(folder.items["given_split"])
    assert shards.read(0).size == (16, 16)


@pytest.mark.parametrize("kind", ["int16", "float32", "uint16", "uint8"])
def test_alpha_of_any_type_says_where_there_is_no_data(tmp_path: Path, kind: str):
    values = (noise(64, 64, bands=4) // 2 + 60).astype(kind)
    values[3] = np.iinfo(kind).max if "int" in kind else 255
    values[:, :, :32] = 0
    scene = make_raster(tmp_path / "a.tif", values, photometric="rgb", alpha="yes")
    done = tile_raster(scene, tmp_path / "t", size=32, progress=False)
    assert (done.tiles, done.left_out) == (2, 2)
    assert all(low >= 60 for low, _ in done.stretch)


@pytest.mark.parametrize("nodata", [0, 65535])
def test_no_data_is_that_of_the_bands_that_are_shown(tmp_path: Path, nodata: int):
    values = noise(64, 64, bands=4, dtype=np.uint16) + 1000
    values[:3, :32] = nodata  # the fourth band holds data everywhere
    scene = make_raster(tmp_path / "a.tif", values, nodata=nodata)
    done = tile_raster(scene, tmp_path / "t", size=32, progress=False)
    assert (done.tiles, done.left_out) == (2, 2)
    values[:, :32] = 1000
    values[0, :32] = nodata  # of one band that is shown
    rest = np.asarray(read_image(make_raster(tmp_path / "b.tif", values, nodata=nodata)))
    assert not rest[:32, :, 0].any()


def test_descriptions_count_more_than_what_libraries_write_unasked(tmp_path: Path):
    file = make_raster(tmp_path / "a.tif", noise(64, 64), photometric="rgb")
    with rasterio.open(file, "r+") as target:
        target.descriptions = ("blue", "green", "red")
    assert np.array_equal(np.asarray(read_image(file)), noise(64, 64)[::-1].transpose(1, 2, 0))
    near = make_raster(tmp_path / "b.tif", noise(64, 64, bands=4), photometric="rgb", alpha="yes")
    rgb = noise(64, 64, bands=4)[:3].transpose(1, 2, 0)
    chosen = read_image(near, rendering=Rendering((1, 2, 3), 4))
    assert np.array_equal(np.asarray(chosen), rgb)  # chosen bands are not dimmed by infrared
    with rasterio.open(near, "r+") as target:
        target.set_band_description(4, "nir")
    assert np.array_equal(np.asarray(read_image(near)), rgb)


@pytest.mark.parametrize("big", ["YES", "NO"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_is_obeyed_in_every_tiff(tmp_path: Path, big: str, order: str):
    values = np.arange(64 * 32, dtype=np.uint16).reshape(1, 64, 32)
    endian = {"<": "LITTLE", ">": "BIG"}[order]
    file = make_raster(tmp_path / "a.tif", values, BIGTIFF=big, ENDIANNESS=endian, crs=None)
    content = bytearray(file.read_bytes())
    entry = (262).to_bytes(2, "little" if order == "<" else "big")  # the photometric tag, short
    place = content.index(entry + (3).to_bytes(2, "little" if order == "<" else "big"))
    count = 8 if big == "YES" else 4
    plain = np.asarray(read_image(file))
    tag = (274).to_bytes(2, "little" if order == "<" else "big")
    content[place : place + 2] = tag
    value = place + 4 + count
    content[value : value + 2] = (3).to_bytes(2, "little" if order == "<" else "big")
    file.write_bytes(content)
    assert np.array_equal(np.asarray(read_image(file)), plain[::-1, ::-1])


def test_further_pages_of_a_tiff_are_told(tmp_path: Path):
    pages = [Image.new("RGB", (16, 16), (10 * page, 0, 0)) for page in range(4)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.warns(RshWarning, match="has 4 pages: the first is shown"):
        read_image(tmp_path / "a.tif")


def test_constant_of_any_size_has_a_stretch(tmp_path: Path):
    file = make_raster(tmp_path / "a.tif", np.full((1, 16, 16), 1e30, np.float32))
    assert not np.asarray(read_image(file)).any()


def test_ground_control_points_across_the_antimeridian(tmp_path: Path):
    points = [
        GroundControlPoint(row, column, (170, -170)[column > 0], (50, 40)[row > 0])
        for row in (0, 64)
        for column in (0, 128)
    ]
    scene = make_raster(
        tmp_path / "a.tif", noise(64, 128), crs="EPSG:4326", gcps=points, transform=None
    )
    items = TileDataset.open(scene, tiling=TilingOptions(64)).items
    assert items["longitude"].tolist() == pytest.approx([175, -175])


def test_grids_that_reach_over_a_pole_cover_it(tmp_path: Path):
    place = rasterio.transform.from_origin(0, 90.25, 0.5, 0.5)
    scene = make_raster(tmp_path / "a.tif", noise(64, 64), crs="EPSG:4326", transform=place)
    for text in TileDataset.open(scene, tiling=TilingOptions(32)).items["footprint"][:2]:
        (ring,) = parse_rings(text)
        assert Polygon(ring).is_valid and max(y for _, y in ring) == 90


def test_geoparquet_of_empty_doubled_and_odd_columns(tmp_path: Path):
    folder = make(tmp_path / "data", count=2)
    about = b'{"primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB"}}}'
    shapes = [Polygon().wkb, Polygon([(1, 1), (2, 1), (2, 2)]).wkb, None, None]
    parts = [("path", pa.array(TILES)), ("geometry", pa.array(shapes, pa.binary()))]
    parts += [("decimal", pa.array([1.5, 2, 3, 4]).cast(pa.decimal128(6, 2)))]
    parts += [("vector", pa.array([[1.0]] * 4)), ("raw", pa.array([b"x"] * 4))]
    table = pa.table([column for _, column in parts], names=[name for name, _ in parts])
    pq.write_table(table.replace_schema_metadata({b"geo": about}), folder / "items.parquet")
    with pytest.warns(RshWarning, match="left out the columns vector, raw"):
        items = TileDataset.open(folder).items
    assert items["longitude"].notna().tolist() == [False, True, False, False]
    assert items["decimal"].tolist() == [1.5, 2, 3, 4]
    twice = pa.table(
        [pa.array(TILES), pa.array([1] * 4), pa.array([2] * 4)], names=["path", "v", "v"]
    )
    pq.write_table(twice, folder / "items.parquet")
    with refused(names=("items.parquet", "one name")):
        TileDataset.open(folder)


def test_copies_of_a_tile_are_read_as_they_are(tmp_path: Path):
    folder = make(tmp_path / "data")
    shutil.copy(folder / "coast" / "0.png", folder / "coast" / "wrong suffix.jpg")
    assert len(TileDataset.open(folder)) == 9
    assert TileDataset.open(folder).rendering == AS_IS


def test_table_in_a_tar_is_told(tmp_path: Path):
    folder = TileDataset.open(make(tmp_path / "data"))
    members = {each: folder.read_bytes(row) for row, each in enumerate(folder.items["id"])}
    file = make_tar(tmp_path / "a.tar", members | {"items.csv": b"path"})
    with pytest.warns(RshWarning, match="left out 1 file, such as items.csv"):
        assert len(TileDataset.open(file)) == 8
