import io
import zipfile
from pathlib import Path

import pytest
from make_scenes import make, tile, zipped
from refusals import refused

from rsh.data import archive as module
from rsh.data.tiles import TileDataset


def png() -> bytes:
    stream = io.BytesIO()
    tile(0).save(stream, "PNG")
    return stream.getvalue()


def pack(file: Path, *names: str) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, png())
    return file


@pytest.mark.parametrize("name", ["/etc/coast/1.png", "../coast/1.png", "a/../../coast/1.png"])
def test_path_outside_the_zip_is_refused(tmp_path: Path, name: str):
    file = pack(tmp_path / "data.zip", "coast/0.png", "forest/0.png", name)
    with refused(names="data.zip") as error:
        TileDataset.open(file)
    assert name in str(error.value)
    assert [path.name for path in tmp_path.rglob("*")] == ["data.zip"]


def test_folder_with_the_name_of_a_image_is_no_image(tmp_path: Path):
    file = pack(tmp_path / "data.zip", "coast/0.png", "forest/0.png")
    with zipfile.ZipFile(file, "a") as archive:
        archive.mkdir("coast/old.png")
    assert TileDataset.open(file).items["id"].tolist() == ["coast/0.png", "forest/0.png"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_name_that_is_there_twice_is_one_tile(tmp_path: Path):
    file = pack(tmp_path / "data.zip", "coast/0.png", "forest/0.png", "coast/0.png")
    assert TileDataset.open(file).items["id"].tolist() == ["coast/0.png", "forest/0.png"]


@pytest.mark.parametrize("content", ["nothing", "a zip"])
def test_zip_without_images_says_what_it_needs(tmp_path: Path, content: str):
    file = tmp_path / "data.zip"
    with zipfile.ZipFile(file, "w") as archive:
        if content == "a zip":
            archive.write(zipped(make(tmp_path / "data"), tmp_path / "inner.zip"), "inner.zip")
    with refused(names="data.zip"):
        TileDataset.open(file)


def test_file_that_unpacks_to_too_much_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = pack(tmp_path / "data.zip", "coast/0.png", "forest/0.png")
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("coast/bomb.png", b"\0" * 2_000_000)
    monkeypatch.setattr(module, "MAX_BYTES", 1_000_000)
    dataset = TileDataset.open(file)
    assert dataset.read_bytes(0) == png()
    with refused(names=("bomb.png", 2)):
        dataset.read_bytes(1)


def test_damaged_table_of_contents_is_named(tmp_path: Path):
    file = zipped(make(tmp_path / "data"), tmp_path / "data.zip")
    content = file.read_bytes()
    file.write_bytes(content.replace(b"PK\x01\x02", b"PK\x01\x00", 1))
    with refused(names="data.zip"):
        TileDataset.open(file)


def test_zip_that_was_cut_short_since_is_named(tmp_path: Path):
    file = zipped(make(tmp_path / "data"), tmp_path / "data.zip")
    dataset = TileDataset.open(file)
    file.write_bytes(b"")
    with refused(names="data.zip"):
        dataset.read(0)
