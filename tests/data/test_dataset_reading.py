import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from make_scenes import make, pixels, zipped
from PIL import Image
from refusals import refused

from rsh.data.tiles import TileDataset
from rsh.errors import RshWarning


@pytest.mark.parametrize("as_zip", [False, True])
def test_threads_read_side_by_side(tmp_path: Path, as_zip: bool):
    folder = make(tmp_path / "data")
    dataset = TileDataset.open(zipped(folder, tmp_path / "data.zip") if as_zip else folder)
    expected = pixels(dataset)
    rows = list(range(len(dataset))) * 20
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda row: dataset.read(row).tobytes(), rows))
    assert found == expected * 20


@pytest.mark.parametrize("as_zip", [False, True])
def test_empty_and_spoilt_tiles_are_named(tmp_path: Path, as_zip: bool):
    folder = make(tmp_path / "data")
    (folder / "coast" / "1.png").write_bytes(b"")
    (folder / "forest" / "2.png").write_text("no image")
    dataset = TileDataset.open(zipped(folder, tmp_path / "data.zip") if as_zip else folder)
    with refused(names=("coast/1.png", "--skip-unreadable")):
        dataset.read(1)
    with refused(names="forest/2.png"):
        dataset.read(6)


def test_tile_that_has_gone_since_is_named(tmp_path: Path):
    folder = make(tmp_path / "data")
    dataset = TileDataset.open(folder)
    (folder / "coast" / "1.png").unlink()
    with refused(names="coast/1.png"):
        dataset.read(1)


def test_spoilt_zip_member_is_named(tmp_path: Path):
    file = zipped(make(tmp_path / "data"), tmp_path / "data.zip")
    with zipfile.ZipFile(file) as archive:
        start = archive.getinfo("coast/1.png").header_offset
    content = bytearray(file.read_bytes())
    content[start + 80] ^= 0xFF
    file.write_bytes(content)
    with refused(names=("coast/1.png", "data.zip")):
        TileDataset.open(file).read(1)


def test_zip_with_a_password_is_named(tmp_path: Path):
    file = zipped(make(tmp_path / "data"), tmp_path / "data.zip")
    content = bytearray(file.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := content.find(mark, start + 1)) >= 0:
            content[start + offset] |= 1  # the flag of an encrypted member
    file.write_bytes(content)
    with refused(names="coast/0.png"):
        TileDataset.open(file).read(0)


def test_gray_tiles_of_a_set_are_noted_by_the_name_of_the_set(tmp_path: Path):
    folder = make(tmp_path / "data")
    for file in folder.rglob("*.png"):
        Image.open(file).convert("L").save(file)
    with pytest.warns(RshWarning, match="a tile of data is L, not RGB") as caught:
        pixels(TileDataset.open(folder))
    texts = {str(note.message) for note in caught if note.category is RshWarning}
    assert len(texts) == 1  # equal texts are shown once


@pytest.mark.parametrize("as_zip", [False, True])
def test_skipping_unreadable_tiles_warns_and_leaves_them_out(tmp_path: Path, as_zip: bool):
    folder = make(tmp_path / "data")
    (folder / "coast" / "1.png").write_bytes(b"")
    (folder / "forest" / "2.png").write_text("no image")
    source = zipped(folder, tmp_path / "data.zip") if as_zip else folder
    with pytest.warns(RshWarning, match="left out") as caught:
        dataset = TileDataset.open(source, skip_unreadable=True)
    texts = [str(note.message) for note in caught]
    assert len(texts) == 2
    assert "coast/1.png" in texts[0]
    assert "forest/2.png" in texts[1]
    assert len(pixels(dataset)) == 6
    assert dataset.items.index.tolist() == list(range(6))


def test_nothing_readable_is_refused(tmp_path: Path):
    folder = make(tmp_path / "data", count=1)
    for file in folder.rglob("*.png"):
        file.write_text("no image")
    with pytest.warns(RshWarning, match="left out"), refused(names=folder):
        TileDataset.open(folder, skip_unreadable=True)


def test_parts_of_a_split_are_disjoint_and_complete(tmp_path: Path):
    split = TileDataset.open(make(tmp_path / "data", count=20)).split()
    ids = {
        name: set(getattr(split, name).items["id"]) for name in ("train", "val", "query", "gallery")
    }
    assert not ids["train"] & ids["val"]
    assert not ids["gallery"] & ids["query"]
    assert ids["gallery"] == ids["train"] | ids["val"]
    assert ids["gallery"] | ids["query"] == set(split.dataset.items["id"])
    assert all(getattr(split, name).classes == ["coast", "forest"] for name in ids)


def test_rows_and_parts_name_the_same_tiles(tmp_path: Path):
    split = TileDataset.open(make(tmp_path / "data", count=20)).split()
    ids = split.dataset.items["id"].to_numpy()
    assert split.query.items["id"].tolist() == ids[split.rows("query")].tolist()
    assert split.gallery.items["id"].tolist() == ids[split.rows("train", "val")].tolist()
    assert split.query.read(0).tobytes() == split.dataset.read(split.rows("query")[0]).tobytes()


def test_splitting_leaves_the_scenes_as_they_are(tmp_path: Path):
    dataset = TileDataset.open(make(tmp_path / "data", count=20))
    before = dataset.items.copy()
    split = dataset.split()
    assert dataset.items.equals(before)
    assert split.dataset.fingerprint == dataset.fingerprint


def test_split_by_block_needs_blocks(tmp_path: Path):
    dataset = TileDataset.open(make(tmp_path / "data", count=20))
    with refused(names="block"):
        dataset.split(by="block")


def test_taken_rows_come_in_their_order(tmp_path: Path):
    dataset = TileDataset.open(make(tmp_path / "data"))
    part = dataset.select(np.array([6, 1]))
    assert part.items["id"].tolist() == ["forest/2.png", "coast/1.png"]
    assert part.items.index.tolist() == [0, 1]
    assert part.read(0).tobytes() == dataset.read(6).tobytes()
    assert repr(part) == "TileDataset('data', 2 tiles, 2 classes)"


def test_scenes_that_were_opened_twice_can_be_compared(tmp_path: Path):
    folder = make(tmp_path / "data")
    assert (TileDataset.open(folder) == TileDataset.open(folder)) in (True, False)
    assert TileDataset.open(folder) != TileDataset.open(make(tmp_path / "other", count=2))


def test_name_of_a_folder_with_a_dot_is_whole(tmp_path: Path):
    assert TileDataset.open(make(tmp_path / "UCM.v2")).name == "UCM.v2"


def test_name_that_is_not_utf8_is_refused(tmp_path: Path):
    folder = make(tmp_path / "data")
    try:
        (folder / "coast" / "1.png").rename(folder / "coast" / os.fsdecode(b"\xff.png"))
    except OSError:
        pytest.skip("this file system knows no such names")
    with refused(names=r"\udcff.png"):
        TileDataset.open(folder)
