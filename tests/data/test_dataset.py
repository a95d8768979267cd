import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_scenes import ODD, make, pixels, tile, zipped
from refusals import refused

from rsh.data.tiles import TileDataset


def test_folder_gives_one_row_a_tile(tmp_path: Path):
    dataset = TileDataset.open(make(tmp_path / "data"))
    assert len(dataset) == 8
    assert dataset.classes == ["coast", "forest"]
    assert dataset.items["id"].tolist()[:2] == ["coast/0.png", "coast/1.png"]
    assert dataset.labels.tolist() == [0] * 4 + [1] * 4
    assert (dataset.items["split"] == "").all()
    assert dataset.read(5).tobytes() == tile(101).tobytes()
    assert dataset.name == "data"


@pytest.mark.parametrize("wrap", ["", "data/", "deep/er/data/"])
def test_zip_gives_the_same_tiles_as_its_folder(tmp_path: Path, wrap: str):
    folder = make(tmp_path / "data")
    dataset = TileDataset.open(folder)
    other = TileDataset.open(zipped(folder, tmp_path / "packed.zip", wrap=wrap))
    assert other.items.equals(dataset.items)
    assert pixels(other) == pixels(dataset)
    assert other.fingerprint == dataset.fingerprint


def test_zip_with_an_image_beside_the_class_folders_keeps_its_classes(tmp_path: Path):
    folder = make(tmp_path / "data")
    tile(9).save(folder / "preview.png")
    assert TileDataset.open(folder).classes == ["coast", "forest"]
    for wrap in ("", "data/"):
        dataset = TileDataset.open(zipped(folder, tmp_path / "packed.zip", wrap=wrap))
        assert dataset.classes == ["coast", "forest"]
        assert dataset.items["id"][dataset.labels < 0].tolist() == ["preview.png"]


def test_sample_opens_by_name():
    sample = TileDataset.open("bluemarble")
    assert sample.name == "bluemarble"
    assert len(sample.classes) == 9
    assert {"longitude", "latitude", "block"} <= set(sample.items)
    assert sample.items["longitude"].between(-180, 180).all()
    assert sample.items["latitude"].between(-90, 90).all()
    assert sample.read(0).mode == "RGB"


@pytest.mark.parametrize("as_zip", [False, True])
def test_odd_names_are_kept(tmp_path: Path, as_zip: bool):
    source = make(tmp_path / "öd d", classes=ODD, count=1)
    (source / ODD[0] / "0.png").rename(source / ODD[0] / "x ü.v2.PNG")
    dataset = TileDataset.open(zipped(source, tmp_path / "odd ö.zip") if as_zip else source)
    assert dataset.classes == sorted(ODD)
    assert "a b/x ü.v2.PNG" in dataset.items["id"].tolist()
    assert len(set(pixels(dataset))) == len(ODD)


@pytest.mark.parametrize("as_zip", [False, True])
def test_nested_images_belong_to_the_outer_class(tmp_path: Path, as_zip: bool):
    folder = make(tmp_path / "data")
    shutil.move(
        folder / "coast" / "0.png", make(folder / "coast" / "2019", classes=("x",)) / "n.png"
    )
    dataset = TileDataset.open(zipped(folder, tmp_path / "packed.zip") if as_zip else folder)
    assert dataset.classes == ["coast", "forest"]
    assert "coast/2019/x/0.png" in dataset.items["id"].tolist()
    assert "coast/2019/n.png" in dataset.items["id"].tolist()


def test_other_files_are_passed_over(tmp_path: Path):
    folder = make(tmp_path / "data")
    (folder / "coast" / "notes.txt").write_text("no image")
    (folder / "forest" / "folder.png").mkdir()
    (folder / "__MACOSX").mkdir()
    assert len(TileDataset.open(folder)) == 8


def test_missing_source_says_what_could_be_given(tmp_path: Path):
    with refused(names="gone") as error:
        TileDataset.open(tmp_path / "gone")
    assert str(tmp_path / "gone") in str(error.value)
    assert "zip" in str(error.value)


def test_file_that_is_no_zip_is_named(tmp_path: Path):
    (tmp_path / "data.zip").write_text("no zip")
    with refused(names="data.zip"):
        TileDataset.open(tmp_path / "data.zip")


@pytest.mark.parametrize("as_zip", [False, True])
def test_source_without_images_says_what_it_needs(tmp_path: Path, as_zip: bool):
    folder = tmp_path / "data"
    (folder / "coast").mkdir(parents=True)
    (folder / "coast" / "notes.txt").write_text("none")
    source = zipped(folder, tmp_path / "data.zip") if as_zip else folder
    with refused(names=source):
        TileDataset.open(source)


def test_one_class_opens_but_cannot_be_split(tmp_path: Path):
    folder = make(tmp_path / "data", classes=("coast",), count=8)
    rows = "".join(f"coast/{number}.png,coast\n" for number in range(8))
    (folder / "items.csv").write_text(f"path,class\n{rows}")
    dataset = TileDataset.open(folder)
    assert dataset.classes == ["coast"]
    with refused(names="coast"):
        dataset.split()


def test_class_with_one_tile_cannot_be_split(tmp_path: Path):
    folder = make(tmp_path / "data", count=8)
    make(folder, classes=("rare",), count=1)
    with refused(names=("rare", 1)):
        TileDataset.open(folder).split()


@pytest.mark.parametrize("as_zip", [False, True])
def test_table_brings_places(tmp_path: Path, as_zip: bool):
    folder = make(tmp_path / "data")
    paths = [f"{name}/{index}.png" for name in ("forest", "coast") for index in range(4)]
    table = pd.DataFrame({"path": paths, "longitude": range(8), "latitude": 5.0, "block": "x"})
    pd.concat([table, table.assign(path="gone/1.png")[:1]]).to_csv(
        folder / "items.csv", index=False
    )
    source = zipped(folder, tmp_path / "data.zip", wrap="w/") if as_zip else folder
    items = TileDataset.open(source).items
    assert len(items) == 8
    assert items.set_index("id")["longitude"]["coast/1.png"] == 5
    assert items.set_index("id")["longitude"]["forest/3.png"] == 3


def table_of(folder: Path, **columns) -> pd.DataFrame:
    ids = TileDataset.open(folder).items["id"].tolist()
    return pd.DataFrame({"path": ids, "longitude": 1.0, "latitude": 2.0} | columns)


def test_table_that_misses_a_tile_names_it(tmp_path: Path):
    folder = make(tmp_path / "data")
    table_of(folder).drop(index=5).to_csv(folder / "items.csv", index=False)
    with refused(names=("items.csv", "forest/1.png")):
        TileDataset.open(folder)


def test_table_that_names_a_tile_twice_is_refused(tmp_path: Path):
    folder = make(tmp_path / "data")
    table = table_of(folder)
    pd.concat([table, table[:1]]).to_csv(folder / "items.csv", index=False)
    with refused(names="items.csv"):
        TileDataset.open(folder)


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00\x01" * 20, b'path,"longi\n1,2\n', b"   \n\n", b"name,longitude\na,1\n"],
    ids=["binary", "open quote", "blank", "no path column"],
)
def test_table_that_cannot_be_read_is_named(tmp_path: Path, content: bytes):
    folder = make(tmp_path / "data")
    (folder / "items.csv").write_bytes(content)
    with refused(names="items.csv"):
        TileDataset.open(folder)


def test_table_with_a_split_column_does_not_stand_in_the_way(tmp_path: Path):
    folder = make(tmp_path / "data", count=8)
    table_of(folder, split="train").to_csv(folder / "items.csv", index=False)
    dataset = TileDataset.open(folder)
    assert (dataset.items["split"] == "").all()
    assert len(dataset.split(by="class").query) > 0


def test_fingerprint_changes_with_a_byte_or_a_class_and_not_with_the_place(tmp_path: Path):
    folder = make(tmp_path / "data")
    before = TileDataset.open(folder).fingerprint
    moved = shutil.copytree(folder, tmp_path / "elsewhere" / "other name")
    assert TileDataset.open(moved).fingerprint == before
    (moved / "forest" / "1.png").write_bytes((moved / "forest" / "1.png").read_bytes() + b"\0")
    assert TileDataset.open(moved).fingerprint != before
    (folder / "forest").rename(folder / "wood")
    assert TileDataset.open(folder).fingerprint != before


def test_fingerprint_changes_with_the_blocks_that_decide_the_split(tmp_path: Path):
    """Otherwise a run would be evaluated on queries that it was trained on."""
    folder = make(tmp_path / "data", count=30)
    blocks = np.arange(60) // 3
    table_of(folder, block=blocks).to_csv(folder / "items.csv", index=False)
    before = TileDataset.open(folder)
    table_of(folder, block=blocks[::-1] * 7 % 20).to_csv(folder / "items.csv", index=False)
    after = TileDataset.open(folder)
    assert not after.split().dataset.items["split"].equals(before.split().dataset.items["split"])
    assert after.fingerprint != before.fingerprint


def test_fingerprint_tells_swapped_tiles_apart(tmp_path: Path):
    folder = make(tmp_path / "data")
    before = TileDataset.open(folder).fingerprint
    one, other = folder / "coast" / "1.png", folder / "forest" / "1.png"
    contents = one.read_bytes(), other.read_bytes()
    one.write_bytes(contents[1])
    other.write_bytes(contents[0])
    assert TileDataset.open(folder).fingerprint != before
