import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from refusals import refused

from rsh.data import decoded
from rsh.data.decoded import decode_tile, decoded_tiles
from rsh.data.tiles import TileDataset
from rsh.io import array_cache


def image(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RSH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "decoded-tiles"


def test_a_square_tile_of_the_right_size_stays_as_it_is():
    tile = image(32, 32)
    assert np.array_equal(decode_tile(tile, 32).transpose(1, 2, 0), np.asarray(tile))


@pytest.mark.parametrize("size", [(64, 40), (40, 64), (300, 20), (10, 10)])
def test_a_tile_is_the_middle_square_resized(size: tuple[int, int]):
    tile, side = image(*size), min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    box = (left, top, left + side, top + side)
    middle = tile.resize((32, 32), Image.Resampling.BICUBIC, box)
    found = decode_tile(tile, 32).transpose(1, 2, 0)
    assert found.shape == (32, 32, 3)
    assert np.abs(found.astype(int) - np.asarray(middle)).max() <= 1


@pytest.mark.parametrize("zipped", [False, True])
def test_all_tiles_are_packed_in_order(
    tiny_data: Path, own_cache: Path, tmp_path: Path, monkeypatch, zipped: bool
):
    monkeypatch.setattr(decoded, "BATCH", 7)
    source = tiny_data
    if zipped:
        source = tmp_path / "tiny.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for file in tiny_data.rglob("*.jpg"):
                archive.write(file, file.relative_to(tiny_data))
    dataset = TileDataset.open(source)
    tiles = decoded_tiles(dataset, 16, progress=False)
    expected = [decode_tile(dataset.read(row), 16) for row in range(len(dataset))]
    assert tiles.dtype == np.uint8
    assert np.array_equal(tiles, np.stack(expected))


def test_sizes_and_data_have_their_own_files(tiny_data: Path, own_cache: Path):
    dataset = TileDataset.open(tiny_data)
    for part, side in ((dataset, 16), (dataset, 24), (dataset.select(np.arange(20)), 16)):
        assert decoded_tiles(part, side, progress=False).shape == (len(part), 3, side, side)
    assert len(list(own_cache.glob("*.npy"))) == 3


def test_unreadable_tile_is_named_and_nothing_half_filled_stays(
    tiny_data: Path, own_cache: Path, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(array_cache, "SAVE_EVERY", 2)
    monkeypatch.setattr(decoded, "BATCH", 3)
    for name in ("coast", "forest"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(5):
            image(20, 20).save(tmp_path / "data" / name / f"{number}.png")
    (tmp_path / "data" / "forest" / "2.png").write_text("no image")
    with refused(names="forest/2.png") as error:
        decoded_tiles(TileDataset.open(tmp_path / "data"), 16, progress=False)
    assert "\n" not in str(error.value)
    assert not list(own_cache.glob("*.partial.*"))
