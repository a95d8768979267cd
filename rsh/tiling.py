"""Tiles from a georeferenced scene, read window by window, so that a scene of any size can be cut.

    tiles/
      SCENE/r000000_c000256.tif    8-bit RGB GeoTIFF, named by its upper left pixel
      items.csv                    path, longitude, latitude, block, footprint
      scene.json                   what was cut and how its values became 8 bits

The folder opens with `Scenes.open` like any other; all tiles of a scene are of one class.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from rsh.errors import InputError
from rsh.files import check_place, whole_folder, write_json
from rsh.places import TABLE
from rsh.rasters import Stretch, bands_of, crs_of, open_raster, stretch_of, to_bytes

BLOCK = 8  # tiles a side; a split keeps a block together, since neighbours look alike
LEAST_VALID = 0.5  # share of a tile's pixels that must hold data
LONGITUDE_LATITUDE = "EPSG:4326"
CORNERS = ((0, 0), (0, 1), (1, 1), (1, 0))  # of a tile, right and down, counter-clockwise


@dataclass(frozen=True)
class Cut:
    """What was cut out of a scene.

    Attributes:
        scene: the file.
        tiles: how many were written.
        left_out: how many held too little data.
        size: side of a tile, pixels.
        step: from one tile to the next, pixels.
        bands: numbers of the bands that became red, green and blue.
        stretch: of each band the values that became 0 and 255; none if they are 8 bits already.
        crs: coordinate system of the scene.
    """

    scene: str
    tiles: int
    left_out: int
    size: int
    step: int
    bands: tuple[int, ...]
    stretch: Stretch
    crs: str


def cut_scene(
    scene: str | Path,
    folder: str | Path,
    *,
    size: int = 256,
    step: int | None = None,
    bands: Sequence[int] = (),
    stretch: Sequence[float] = (),
    crs: str = "",
    progress: bool = True,
) -> Cut:
    """Cut a scene into georeferenced tiles, in a new folder that appears when all is there.

    Args:
        scene: a raster that GDAL reads, with any coordinate system and data type.
        folder: where the tiles go.
        size: side of a tile, pixels.
        step: from one tile to the next, pixels; by default no tile overlaps another, but the last
            of a row or column, which ends where the scene ends.
        bands: numbers of one band or three, from 1; by default the first three, or the only one.
        stretch: values that become 0 and 255; by default 8-bit values stay as they are, others are
            stretched from the 2nd to the 98th percentile of each band.
        crs: coordinate system of a scene that states none, such as "EPSG:32633".
        progress: show a bar.

    Raises:
        InputError: no such scene, one without coordinate system or data, or arguments that do not
            fit it.
    """
    scene, folder = Path(scene), Path(folder)
    with open_raster(scene) as source:
        plan = _plan(source, scene, size, size if step is None else step, bands, stretch, crs)
        check_place(folder.absolute().parent)
        if folder.exists():
            raise InputError(f"{folder} exists: give another --output, or delete it")
        with whole_folder(folder) as temporary:
            (temporary / scene.stem).mkdir()
            corners = plan.corners()
            tiles = list(_written(plan, temporary / scene.stem, corners, progress))
            if not tiles:
                raise InputError(f"{scene} holds no data in any tile: check its nodata value")
            _places(plan, tiles).to_csv(temporary / TABLE, index=False)
            cut = Cut(
                scene=str(scene),
                tiles=len(tiles),
                left_out=len(corners) - len(tiles),
                size=plan.size,
                step=plan.step,
                bands=plan.bands,
                stretch=plan.stretch,
                crs=str(plan.crs),
            )
            write_json(temporary / "scene.json", asdict(cut))
    return cut


@dataclass(frozen=True)
class _Plan:
    """How an opened scene is cut: see `Cut`."""

    source: Any
    crs: Any
    bands: tuple[int, ...]
    stretch: Stretch
    size: int
    step: int

    def corners(self) -> list[tuple[int, int]]:
        """Return row and column of each tile's upper left pixel."""
        sides = (self.source.height, self.source.width)
        down, right = (_starts(side, self.size, self.step) for side in sides)
        return list(product(down, right))

    def window(self, corner: tuple[int, int]) -> Any:
        """Return what GDAL calls the place of a tile."""
        from rasterio.windows import Window

        return Window(corner[1], corner[0], self.size, self.size)


def _plan(
    source: Any,
    scene: Path,
    size: int,
    step: int,
    bands: Sequence[int],
    stretch: Sequence[float],
    crs: str,
) -> _Plan:
    """Check what was asked for against the scene."""
    system = crs_of(source, scene, crs)
    _check_sizes(source, size, step)
    numbers = bands_of(source, bands)
    return _Plan(source, system, numbers, stretch_of(source, scene, numbers, stretch), size, step)


def _check_sizes(source: Any, size: int, step: int) -> None:
    most = min(source.width, source.height)
    if not 32 <= size <= most:
        raise InputError(
            f"size={size}: the scene has {source.width} x {source.height} pixels, "
            f"choose 32 to {most}"
        )
    if not 1 <= step <= size:
        raise InputError(f"step={step}: choose 1 to {size}, the size of a tile")


def _written(
    plan: _Plan, folder: Path, corners: Sequence[tuple[int, int]], progress: bool
) -> Iterator[tuple[str, int, int]]:
    """Write the tiles that hold enough data; yield path, row and column of each."""
    for corner in tqdm(corners, unit="tile", disable=not progress):
        window = plan.window(corner)
        values = plan.source.read(plan.bands, window=window)
        valid = (plan.source.dataset_mask(window=window) > 0) & np.isfinite(values).all(axis=0)
        if valid.mean() >= LEAST_VALID:
            row, column = corner
            file = folder / f"r{row:06}_c{column:06}.tif"
            _write(file, to_bytes(values, plan.stretch) * valid, plan, window)
            yield f"{folder.name}/{file.name}", row, column


def _starts(extent: int, size: int, step: int) -> list[int]:
    """Return where tiles begin along one side; the last one ends where the scene ends."""
    return sorted({*range(0, extent - size, step), extent - size})


def _write(file: Path, pixels: NDArray[np.uint8], plan: _Plan, window: Any) -> None:
    import rasterio

    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "compress": "deflate"}
    profile |= {"width": plan.size, "height": plan.size, "photometric": "rgb"}
    profile |= {"interleave": "pixel", "crs": plan.crs}
    with rasterio.open(
        file, "w", **profile, transform=plan.source.window_transform(window)
    ) as tile:
        tile.write(pixels)


def _places(plan: _Plan, tiles: Sequence[tuple[str, int, int]]) -> pd.DataFrame:
    """Return where tiles lie: centre, block, and footprint as a WKT polygon, in degrees."""
    from rasterio.transform import xy
    from rasterio.warp import transform

    paths, rows, columns = zip(*tiles, strict=True)
    points = np.array([(0.5, 0.5), *CORNERS, CORNERS[0]]) * plan.size  # right, down
    right = np.array(columns)[:, None] + points[:, 0]
    down = np.array(rows)[:, None] + points[:, 1]
    x, y = xy(plan.source.transform, down.ravel(), right.ravel(), offset="ul")
    longitude, latitude = (
        np.reshape(each, right.shape) for each in transform(plan.crs, LONGITUDE_LATITUDE, x, y)
    )
    rings = zip(longitude[:, 1:], latitude[:, 1:], strict=True)
    side = BLOCK * plan.size
    return pd.DataFrame(
        {
            "path": paths,
            "longitude": longitude[:, 0].round(7),
            "latitude": latitude[:, 0].round(7),
            "block": [f"r{row // side}c{column // side}" for _, row, column in tiles],
            "footprint": [_polygon(*ring) for ring in rings],
        }
    )


def _polygon(longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> str:
    points = zip(longitude, latitude, strict=True)
    return "POLYGON ((" + ", ".join(f"{x:.7f} {y:.7f}" for x, y in points) + "))"
