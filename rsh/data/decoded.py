"""Decoded image cache: every tile decoded and resized once, ready for a network."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from rsh.data.band_values import resize_values
from rsh.data.tiles import TileDataset
from rsh.errors import InputError, NoData
from rsh.io.array_cache import cached

DecodedTiles = NDArray[np.uint8 | np.float16]  # of images, and of other bands
BATCH = 64  # tiles per step of the cache


def decoded_tiles(dataset: TileDataset, side: int, *, progress: bool = True) -> DecodedTiles:
    """Return all tiles as squares of one size, from the cache if it has them.

    Args:
        dataset: n tiles.
        side: of the square, pixels.
        progress: show a progress bar.

    Returns:
        (n, 3, side, side) uint8, or for bands (n, bands, side, side) float16, in their unit, with
        NaN where there is no data; a read-only memory map.

    Raises:
        InputError: a tile cannot be read, or the cache folder cannot be written.
    """
    key = f"{dataset.pixel_key} {side} pillow {version('pillow')}"
    return cached(
        "decoded tiles",
        hashlib.sha256(key.encode()).hexdigest()[:24],
        partial(_decode, dataset, side),
        shape=(len(dataset), dataset.bands.channels, side, side),
        dtype=np.float16 if dataset.bands else np.uint8,
        progress=progress,
    )


def decode_tile(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """Return the center square of an image, resized, (3, side, side) uint8.

    Args:
        image: RGB, any size.
        side: of the square, pixels.
    """
    square = ImageOps.fit(image, (side, side), Image.Resampling.BICUBIC)
    return np.asarray(square, dtype=np.uint8).transpose(2, 0, 1)


def _decode(dataset: TileDataset, side: int, start: int) -> Iterator[DecodedTiles]:
    """Decode tiles from `start` on, in two threads: Pillow releases the GIL."""
    with ThreadPoolExecutor(2) as pool:
        for first in range(start, len(dataset), BATCH):
            rows = range(first, min(first + BATCH, len(dataset)))
            yield np.stack(list(pool.map(partial(decode_row, dataset, side), rows)))


def decode_row(dataset: TileDataset, side: int, row: int) -> DecodedTiles:
    """Return what a network sees of one tile: see `decoded_tiles`.

    Args:
        dataset: the tiles.
        side: of the square, pixels.
        row: of the tile.

    Raises:
        InputError: it cannot be read.
    """
    try:
        if not dataset.bands:
            return decode_tile(dataset.read(row), side)
        return resize_values(dataset.decode_bands(row, dataset.read_bytes(row)), side)
    except NoData as error:
        hint = "leave out tiles without data with --skip-unreadable"
        raise InputError(f"{error}: {hint}") from None
