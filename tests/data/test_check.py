"""A report of a data set counts what is there, and warns of what may spoil a training."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from make_raster import make_raster, noise
from make_scenes import make, tile
from PIL import Image

from rsh.data.check import check_data, to_text
from rsh.data.tile_grid import TilingOptions
from rsh.data.tiles import TileDataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "data", count=4)


def checked(folder: Path, **options):
    return check_data(folder, progress=False, **options)


def told(report, word: str) -> list[str]:
    return [text for text in report.warnings if word in text]


def test_what_is_there_is_counted(folder: Path):
    Image.new("RGB", (40, 50)).save(folder / "coast" / "wide.png")
    Image.new("L", (16, 16), 9).save(folder / "coast" / "gray.png")
    report = checked(folder)
    assert report.tiles == 10 and report.classes == {"coast": 6, "forest": 4}
    assert report.sizes == {"16 x 16": 9, "40 x 50": 1}
    assert report.kinds == {"uint8, 3 bands": 9, "uint8, 1 band": 1}
    assert report.places == {"known": 0, "bbox": None}
    assert report.split == {"by": "class"}
    assert (report.missing, report.empty, report.equal, report.near) == (0, 0, [], None)
    assert told(report, "small") and told(report, "differ in values or bands")
    text = to_text(report)
    assert "10 tiles, 2 classes" in text and "coast (6), forest (4)" in text


def test_unreadable_and_left_out_files_are_named_with_reasons(folder: Path):
    (folder / "coast" / "bad.png").write_bytes(b"no image")
    (folder / "coast" / "empty.jpg").touch()
    (folder / "coast" / "notes.txt").write_text("x")
    (folder / ".hidden").mkdir()
    tile(0).save(folder / ".hidden" / "a.png")
    report = checked(folder)
    assert len(report.unreadable) == 2
    assert any("coast/bad.png is not an image" in text for text in report.unreadable)
    assert any("coast/empty.jpg is empty" in text for text in report.unreadable)
    assert told(report, "--skip-unreadable")
    assert any("coast/notes.txt" in note for note in report.notes)
    assert any(".hidden/a.png" in note for note in report.notes)
    assert "and 3 more" in to_text(replace(report, unreadable=["x"] * 8))


def test_equal_tiles_are_grouped_and_classes_that_differ_are_told(folder: Path):
    shutil.copy(folder / "coast" / "0.png", folder / "forest" / "copy.png")
    report = checked(folder)
    assert report.equal == [["coast/0.png", "forest/copy.png"]]
    assert told(report, "different classes")
    assert "coast/0.png = forest/copy.png" in to_text(report)


def test_nearly_equal_tiles_are_found_on_request(tmp_path: Path):
    sample = TileDataset.open("bluemarble")
    for number, row in enumerate(range(0, 2000, 200)):
        place = tmp_path / "data" / ("one" if number % 2 else "two")
        place.mkdir(parents=True, exist_ok=True)
        sample.read(row).save(place / f"{number}.png")
    sample.read(0).save(tmp_path / "data" / "two" / "again.jpg", quality=90)
    report = checked(tmp_path / "data", near_duplicates=True)
    assert report.near == [["two/0.png", "two/again.jpg"]] and report.equal == []
    assert told(report, "--near-duplicates")


def test_leaks_of_a_given_split_are_told(tmp_path: Path):
    for name in ("train", "test"):
        make(tmp_path / "data" / name)  # the same images in both
    report = checked(tmp_path / "data")
    assert report.split == {"by": "given", "parts": {"query": 8, "train": 8}}
    assert len(report.equal) == 8
    assert told(report, "8 groups of equal tiles are in two parts of the given split")
    assert "given: query 8, train 8" in to_text(report)


def test_imbalance_and_tiny_classes_are_told(folder: Path):
    make(folder, classes=("rare",), count=2)
    assert told(checked(folder), "'rare' has fewer than 3 tiles")
    make(folder, classes=("large",), count=90)
    shutil.rmtree(folder / "rare")
    assert told(checked(folder), "'large' has 90 tiles and 'coast' 4")


def test_values_bands_and_places_of_scenes(tmp_path: Path):
    values = noise(96, 96, bands=4, dtype=np.uint16) * 10
    values[:, :32, :64] = 0
    scene = make_raster(tmp_path / "a.tif", values, nodata=0)
    report = checked(scene, tiling=TilingOptions(32))
    assert (report.tiles, report.empty) == (9, 2)
    assert report.places["known"] == 9
    west, south, east, north = report.places["bbox"]
    assert 15 < west < east < 15.02 and 45.1 < south < north < 45.16
    assert len(report.rendering["stretch"]) == 3
    assert set(report.bands.values()) == {"DN"}
    assert report.kinds == {"uint16, 4 bands": 7}
    assert (report.classes, report.unlabeled) == ({}, 9)
    text = to_text(report)
    for words in ("9 tiles, no labels", "2 tiles left out", "drawn by whole blocks"):
        assert words in text


def test_kinds_and_missing_pixels_of_deep_tiles(tmp_path: Path):
    values = noise(32, 32, bands=6, dtype=np.uint16) * 10
    values[:, :24] = 0
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(3):
            make_raster(tmp_path / "data" / name / f"{number}.tif", values + number, nodata=0)
    report = checked(tmp_path / "data")
    assert report.kinds == {"uint16, 6 bands": 6}
    assert report.missing == pytest.approx(0.75 / 3)  # one of three is 0 where it has no data
    assert any("red, green and blue" in note for note in report.notes)


def test_digital_numbers_that_need_an_offset_are_told_with_the_way_out(tmp_path: Path):
    values = noise(64, 64, bands=4, dtype=np.uint16) * 10 + 1000
    scene = make_raster(tmp_path / "a.tif", values)
    with rasterio.open(scene, "r+") as raster:
        raster.update_tags(PROCESSING_BASELINE="04.00")
    report = checked(scene, tiling=TilingOptions(32))
    assert report.bands == {}
    (told_bands,) = told(report, "--input-bands")
    assert "--offset -1000" in told_bands and "a.tif" in told_bands


def test_contact_sheet_shows_every_class(folder: Path, tmp_path: Path):
    checked(folder, sheet=tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG" and sheet.width > 900
        assert len(sheet.convert("RGB").getcolors(10**6)) > 50
