"""The grid of square tiles of a scene: their pixels, and their positions on Earth."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.data.raster import Stretch, choose_bands, find_crs, find_stretch, to_bytes
from rsh.errors import InputError

BLOCK_TILES = 8  # side of a block; a split keeps a block together, since neighbors look alike
MAX_TILES = 1_000_000  # of one scene
MIN_VALID = 0.5  # fraction of a tile's pixels that must hold data
LONGITUDE_LATITUDE = "EPSG:4326"
CORNERS = ((0, 0), (0, 1), (1, 1), (1, 0))  # of a tile, right and down, counter-clockwise
Origin = tuple[int, int]  # row and column of a tile's upper left pixel


@dataclass(frozen=True)
class TilingOptions:
    """How to cut scenes into tiles: see `rsh.data.tiling.tile_raster`."""

    size: int = 256
    stride: int | None = None
    bands: tuple[int, ...] = ()
    stretch: tuple[float, ...] = ()
    crs: str = ""


DEFAULT_TILING = TilingOptions()


@dataclass(frozen=True)
class TileGrid:
    """The grid of tiles of one scene.

    Attributes:
        scene: the file.
        shape: of the scene, height and width, pixels.
        transform: from pixels to the coordinate system.
        crs: coordinate system.
        bands: numbers of the bands that become red, green and blue.
        stretch: the values of each band that become 0 and 255.
        size: side of a tile, pixels.
        stride: from one tile to the next, pixels.
    """

    scene: Path
    shape: tuple[int, int]
    transform: Any
    crs: Any
    bands: tuple[int, ...]
    stretch: Stretch
    size: int
    stride: int

    def origins(self) -> list[Origin]:
        """Return the origin of each tile, row by row; the last tiles end with the scene."""
        last_down, last_right = (side - self.size for side in self.shape)
        down = [*range(0, last_down, self.stride), last_down]
        right = [*range(0, last_right, self.stride), last_right]
        return list(product(down, right))

    def window(self, origin: Origin) -> Any:
        """Return the window of a tile, as rasterio reads it."""
        from rasterio.windows import Window

        return Window(origin[1], origin[0], self.size, self.size)

    def pixels(self, source: Any, origin: Origin) -> NDArray[np.uint8] | None:
        """Read a tile of the opened scene, (3, size, size); None if it holds too little data."""
        window = self.window(origin)
        values = source.read(self.bands, window=window)
        valid = (source.dataset_mask(window=window) > 0) & np.isfinite(values).all(axis=0)
        if valid.mean() < MIN_VALID:
            return None
        pixels: NDArray[np.uint8] = to_bytes(values, self.stretch) * valid
        return pixels


def plan_tiles(source: Any, scene: Path, tiling: TilingOptions) -> TileGrid:
    """Return the grid of a scene, with the options checked against the scene.

    Args:
        source: the opened scene.
        scene: its file.
        tiling: options of the user.

    Raises:
        InputError: the scene has no coordinate system, or an option does not fit it.
    """
    crs = find_crs(source, scene, tiling.crs)
    stride = tiling.size if tiling.stride is None else tiling.stride
    _check_sizes(source, tiling.size, stride)
    bands = choose_bands(source, tiling.bands)
    return TileGrid(
        scene=scene,
        shape=(source.height, source.width),
        transform=source.transform,
        crs=crs,
        bands=bands,
        stretch=find_stretch(source, scene, bands, tiling.stretch),
        size=tiling.size,
        stride=stride,
    )


def tile_name(origin: Origin) -> str:
    """Return the name of a tile within its scene."""
    return f"r{origin[0]:06}_c{origin[1]:06}"


def _check_sizes(source: Any, size: int, stride: int) -> None:
    """Raise InputError for a wrong size, or for too many tiles: a small file can claim any size."""
    most = min(source.width, source.height)
    if not 32 <= size <= most:
        raise InputError(
            f"the scene has {source.width} x {source.height} pixels, choose 32 to {most}",
            parameter="size",
            value=size,
        )
    if not 1 <= stride <= size:
        raise InputError(
            f"choose 1 to {size}, the size of a tile", parameter="stride", value=stride
        )
    down, right = (-(-(side - size) // stride) + 1 for side in (source.height, source.width))
    if down * right > MAX_TILES:
        raise InputError(
            f"{source.width} x {source.height} pixels would be {down * right:,} "
            f"tiles, at most {MAX_TILES:,} are allowed; choose a larger stride, or split the scene",
            parameter="stride",
            value=stride,
        )


def locate_tiles(plan: TileGrid, tiles: Sequence[tuple[str, Origin]]) -> pd.DataFrame:
    """Return path, center, block and footprint (a WKT polygon) of tiles, in degrees.

    Args:
        plan: the grid of their scene.
        tiles: path and origin of each.
    """
    from rasterio.transform import xy
    from rasterio.warp import transform

    paths, origins = zip(*tiles, strict=True)
    rows, columns = zip(*origins, strict=True)
    points = np.array([(0.5, 0.5), *CORNERS, CORNERS[0]]) * plan.size  # right, down
    right = np.array(columns)[:, None] + points[:, 0]
    down = np.array(rows)[:, None] + points[:, 1]
    x, y = xy(plan.transform, down.ravel(), right.ravel(), offset="ul")
    longitude, latitude = (
        np.reshape(degrees, right.shape)
        for degrees in transform(plan.crs, LONGITUDE_LATITUDE, x, y)
    )
    rings = zip(longitude[:, 1:], latitude[:, 1:], strict=True)
    side = BLOCK_TILES * plan.size
    return pd.DataFrame(
        {
            "path": paths,
            "longitude": longitude[:, 0].round(7),
            "latitude": latitude[:, 0].round(7),
            "block": [f"r{row // side}c{column // side}" for row, column in origins],
            "footprint": [_polygon(*ring) for ring in rings],
        }
    )


def _polygon(longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> str:
    points = zip(longitude, latitude, strict=True)
    return "POLYGON ((" + ", ".join(f"{x:.7f} {y:.7f}" for x, y in points) + "))"
