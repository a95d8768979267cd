"""Fuzzing the readers of images, archives, scenes and tables."""

import io
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas as pd

from robustness.fuzz import mutators as change
from robustness.fuzz import seeds
from robustness.fuzz.targets import Target, Use
from rsh.data.images import read_image, to_jpeg
from rsh.data.metadata import add_metadata
from rsh.data.tile_grid import DEFAULT_TILING, TilingOptions
from rsh.data.tiles import TileDataset
from rsh.errors import InputError
from rsh.gallery.items import store_items

READ = 12  # tiles of a data set that are decoded


def image(folder: Path) -> Use:
    """Read an image as a search and the page do."""

    def use(data: bytes) -> None:
        to_jpeg(read_image(io.BytesIO(data), name="x"), side=64)

    return use


def _tiles(file: Path, tiling: TilingOptions = DEFAULT_TILING) -> None:
    """Open a data set and decode its tiles, each of which may be refused."""
    dataset = TileDataset.open(file, tiling=tiling)
    assert dataset.items["id"].is_unique and len(dataset.classes)
    store_items(dataset.items)  # as a gallery keeps it
    for row in range(min(len(dataset), READ)):
        with suppress(InputError):
            dataset.read(row)
    if len(dataset) <= READ:
        with suppress(InputError):
            _ = dataset.fingerprint


def archive(name: str) -> Callable[[Path], Use]:
    """Read an archive of tiles, by the name of its file."""

    def make(folder: Path) -> Use:
        file = folder / name

        def use(data: bytes) -> None:
            file.write_bytes(data)
            _tiles(file)

        return use

    return make


def scene(folder: Path) -> Use:
    """Read a georeferenced scene, whole tiles of 32 pixels."""

    def use(data: bytes) -> None:
        file = folder / "scene.tif"
        file.write_bytes(data)
        _tiles(file, TilingOptions(size=32))

    return use


def table(folder: Path) -> Use:
    """Read items.csv beside four tiles."""
    ids = pd.DataFrame({"id": [name for name in seeds.tile_files() if "/" in name]})

    def use(data: bytes) -> None:
        (folder / "items.csv").write_bytes(data)
        found = add_metadata(ids, folder, "")
        assert len(found) == len(ids)
        found.to_parquet(io.BytesIO())

    return use


TARGETS: dict[str, Target] = {
    "image": Target(lambda folder: seeds.images(), image, change.fixed(change.png_checked)),
    "zip": Target(lambda folder: seeds.zips(), archive("x.zip"), change.altered(change.zip_member)),
    "tar": Target(lambda folder: seeds.tars(), archive("x.tar"), change.fixed(change.tar_checked)),
    "scene": Target(seeds.rasters, scene, change.raw),
    "items.csv": Target(lambda folder: [seeds.tile_files()["items.csv"]], table, change.raw),
}
warnings.simplefilter("ignore")  # how images were converted
