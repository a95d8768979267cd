"""The grid of square tiles of a scene: their pixels, and their positions on Earth."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.data.places import MAX_BEND, footprint, to_degrees, wrap
from rsh.data.raster import Raster, find_crs, find_transform
from rsh.data.rendering import MIN_SIDE, Rendering, Stretch
from rsh.errors import InputError
from rsh.text import first_sentence

BLOCK_TILES = 8  # side of a block; a split keeps a block together, since neighbors look alike
MAX_TILES = 1_000_000  # of one scene
MIN_VALID = 0.5  # fraction of a tile's pixels that must hold data
FINE = 8  # parts of an edge that is bent
CORNERS = ((0, 0), (0, 1), (1, 1), (1, 0))  # of a tile, right and down, counter-clockwise
Origin = tuple[int, int]  # row and column of a tile's upper left pixel


@dataclass(frozen=True)
class TilingOptions:
    """How to cut scenes into tiles: see `rsh.data.tiling.tile_raster`."""

    size: int = 256
    stride: int | None = None
    crs: str = ""


DEFAULT_TILING = TilingOptions()


@dataclass(frozen=True)
class TileGrid:
    """The grid of tiles of one scene.

    Attributes:
        scene: the file.
        shape: of the scene, height and width, pixels.
        transform: from pixels to the coordinate system: affine, or ground control points.
        crs: coordinate system.
        bands: numbers of the bands that become red, green and blue, or of one.
        stretch: the values of each band that become 0 and 255; empty for 8-bit values.
        size: side of a tile, pixels.
        stride: from one tile to the next, pixels.
        blend: see `rsh.data.raster.Raster.read`.
        date: of the scene, such as "2017-05-06"; "" if it does not say.
    """

    scene: Path
    shape: tuple[int, int]
    transform: Any
    crs: Any
    bands: tuple[int, ...]
    stretch: Stretch
    size: int
    stride: int
    blend: bool = True
    date: str = ""

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

    def pixels(self, raster: Raster, origin: Origin) -> NDArray[np.uint8] | None:
        """Read a tile of the opened scene, (3, size, size); None if it holds too little data."""
        pixels = raster.read(self.bands, self.stretch, self.window(origin), blend=self.blend)
        return None if pixels.valid < MIN_VALID else pixels.rgb

    def cut(self, raster: Raster, origin: Origin) -> bytes:
        """Return a tile of the opened scene as a GeoTIFF; empty if it holds too little data."""
        content, valid = raster.cut(self.window(origin))
        return b"" if valid < MIN_VALID else content


def plan_tiles(
    raster: Raster, scene: Path, tiling: TilingOptions, rendering: Rendering
) -> TileGrid:
    """Return the grid of a scene, with the options checked against the scene.

    Args:
        raster: the opened scene.
        scene: its file.
        tiling: options of the user.
        rendering: as `rsh.data.raster.settle_rendering` returned it.

    Raises:
        InputError: the scene has no coordinate system, or an option does not fit it.
    """
    source = raster.source
    bands = raster.choose_bands(rendering)
    raster.warn_of_unnamed_colors(rendering, str(scene))
    crs = find_crs(source, scene, tiling.crs)
    stride = tiling.size if tiling.stride is None else tiling.stride
    _check_sizes(source, tiling.size, stride)
    return TileGrid(
        scene=scene,
        shape=source.shape,
        transform=find_transform(source),
        crs=crs,
        bands=bands,
        stretch=() if raster.has_8_bits(bands) else raster.pairs(bands, rendering),
        size=tiling.size,
        stride=stride,
        blend=not raster.is_chosen(rendering),
        date=raster.date,
    )


def tile_name(origin: Origin) -> str:
    """Return the name of a tile within its scene."""
    return f"r{origin[0]:06}_c{origin[1]:06}"


def _check_sizes(source: Any, size: int, stride: int) -> None:
    """Raise InputError for a wrong size, or for too many tiles: a small file can claim any size."""
    most = min(source.width, source.height)
    if not MIN_SIDE <= size <= most:
        raise InputError(
            f"the scene has {source.width} x {source.height} pixels, choose {MIN_SIDE} to {most}",
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
    """Return path, center, block and footprint (WKT) of tiles, in degrees.

    The center is unknown, and a footprint is cut or empty, where a tile does not lie on Earth.

    Args:
        plan: the grid of their scene.
        tiles: path and origin of each.

    Raises:
        InputError: no tile lies on Earth.
    """
    paths, origins = zip(*tiles, strict=True)
    corners = np.array(origins)
    longitude, latitude = _to_degrees(plan, corners, np.array([(0.5, 0.5)]))
    if not np.isfinite(longitude).any():
        raise InputError(f"no tile of {plan.scene} lies on Earth: check its coordinate system")
    side = BLOCK_TILES * plan.size
    return pd.DataFrame(
        {
            "path": paths,
            "longitude": longitude[:, 0].round(7),
            "latitude": latitude[:, 0].round(7),
            "block": [f"r{row // side}c{column // side}" for row, column in origins],
            "footprint": _footprints(plan, corners),
        }
    )


def _footprints(plan: TileGrid, corners: NDArray[np.int64]) -> list[str]:
    """Return the outline of each tile: its corners, or more points where its edges are bent."""
    longitude, latitude = _to_degrees(plan, corners, _outline(plan.transform, 2))
    bent = np.flatnonzero(_is_bent(longitude, latitude))
    found = [footprint(*ring) for ring in zip(longitude[:, ::2], latitude[:, ::2], strict=True)]
    fine = _to_degrees(plan, corners[bent], _outline(plan.transform, FINE))
    for row, *ring in zip(bent, *fine, strict=True):
        found[row] = footprint(*ring)
    return found


def _outline(transform: Any, parts: int) -> NDArray[np.float64]:
    """Return points around a tile, right and down, counter-clockwise on the map.

    Args:
        transform: from pixels to the map, which may be mirrored, such as with south up.
        parts: of each edge.
    """
    from rasterio.transform import Affine, from_gcps

    affine = transform if isinstance(transform, Affine) else from_gcps(transform)
    ends = np.array(CORNERS if affine.determinant < 0 else CORNERS[::-1], np.float64)
    steps = np.arange(parts)[:, None, None] / parts
    edges = ends + (np.roll(ends, -1, axis=0) - ends) * steps  # (parts, 4, 2)
    return edges.transpose(1, 0, 2).reshape(-1, 2)


def _is_bent(longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether an edge of each tile is far from straight, or ends outside the Earth.

    Args:
        longitude: (n, 8), a corner and the middle of an edge in turn.
        latitude: the same.
    """
    starts = np.stack([longitude[:, ::2], latitude[:, ::2]])
    middles = np.stack([longitude[:, 1::2], latitude[:, 1::2]]) - starts
    edges = np.roll(starts, -1, axis=2) - starts
    middles[0], edges[0] = wrap(middles[0]), wrap(edges[0])
    off = np.linalg.norm(middles - edges / 2, axis=0)
    return np.asarray(~(off <= MAX_BEND * np.linalg.norm(edges, axis=0)).all(axis=1))


def _to_degrees(
    plan: TileGrid, corners: NDArray[np.int64], points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitude and latitude of points in tiles, (tiles, points) each.

    Args:
        plan: the grid of the tiles.
        corners: row and column of the upper left pixel of each, (tiles, 2).
        points: right and down in a tile, from 0 to 1, (points, 2).
    """
    from pyproj.exceptions import ProjError
    from rasterio.transform import xy

    right = corners[:, 1:] + points[:, 0] * plan.size
    down = corners[:, :1] + points[:, 1] * plan.size
    x, y = xy(plan.transform, down.ravel(), right.ravel(), offset="ul")
    try:
        return to_degrees(plan.crs, np.reshape(x, right.shape), np.reshape(y, right.shape))
    except ProjError as error:
        raise InputError(
            f"{plan.scene} cannot be brought to longitude and latitude ({first_sentence(error)}): "
            "give its coordinate system, such as --crs EPSG:32633"
        ) from None
