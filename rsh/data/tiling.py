"""Cuts a georeferenced scene of any size into tiles, one window at a time.

    tiles/
      SCENE/r000000_c000256.tif    8-bit RGB GeoTIFF, named by its upper left pixel
      items.csv                    path, longitude, latitude, block, footprint
      scene.json                   the scene, and how its values became 8 bits

`TileDataset.open` reads the folder like any other. All tiles of a scene form one class.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rsh.data.metadata import TABLE
from rsh.data.raster import Stretch, explain_raster_error, open_raster
from rsh.data.tile_grid import Origin, TileGrid, TilingOptions, locate_tiles, plan_tiles, tile_name
from rsh.errors import InputError
from rsh.io.files import CANNOT_WRITE_HINT, atomic_directory, check_writable, write_json

CANNOT_WRITE = "cannot be written ({}): " + CANNOT_WRITE_HINT


@dataclass(frozen=True)
class TilingResult:
    """The tiles of a scene.

    Attributes:
        scene: the file.
        tiles: number of tiles written.
        left_out: number of tiles skipped for lack of data.
        size: side of a tile, pixels.
        stride: from one tile to the next, pixels.
        bands: numbers of the bands that became red, green and blue.
        stretch: the values of each band that became 0 and 255; empty for 8-bit scenes.
        crs: coordinate system of the scene.
    """

    scene: str
    tiles: int
    left_out: int
    size: int
    stride: int
    bands: tuple[int, ...]
    stretch: Stretch
    crs: str


def tile_raster(
    scene: str | Path,
    folder: str | Path,
    *,
    size: int = 256,
    stride: int | None = None,
    bands: Sequence[int] = (),
    stretch: Sequence[float] = (),
    crs: str = "",
    progress: bool = True,
) -> TilingResult:
    """Cut a scene into georeferenced tiles in a new folder, which appears once complete.

    Args:
        scene: a raster that GDAL reads, with any coordinate system and data type.
        folder: for the tiles.
        size: side of a tile, pixels.
        stride: from one tile to the next, pixels; by default only the last tile of a row or column
            overlaps another, since it ends with the scene.
        bands: numbers of one band or three, from 1; by default the first three, or the first.
        stretch: values that become 0 and 255; by default 8-bit values stay unchanged, others are
            stretched from the 2nd to the 98th percentile of each band.
        crs: coordinate system of a scene that states none, such as "EPSG:32633".
        progress: show a progress bar.

    Raises:
        InputError: the scene is missing, has no coordinate system or no data, or an argument does
            not fit it.
    """
    scene, folder = Path(scene), Path(folder)
    tiling = TilingOptions(size, stride, tuple(bands), tuple(stretch), crs)
    with open_raster(scene) as source:
        plan = plan_tiles(source, scene, tiling)
        check_writable(folder.absolute().parent)
        if folder.exists():
            raise InputError(f"{folder} exists: give another --output, or delete it")
        with atomic_directory(folder) as temporary:
            (temporary / scene.stem).mkdir()
            origins = plan.origins()
            tiles = list(_write_tiles(plan, source, temporary / scene.stem, origins, progress))
            if not tiles:
                raise InputError(f"{scene} holds no data in any tile: check its nodata value")
            locate_tiles(plan, tiles).to_csv(temporary / TABLE, index=False)
            result = TilingResult(
                scene=str(scene),
                tiles=len(tiles),
                left_out=len(origins) - len(tiles),
                size=plan.size,
                stride=plan.stride,
                bands=plan.bands,
                stretch=plan.stretch,
                crs=str(plan.crs),
            )
            write_json(temporary / "scene.json", asdict(result))
    return result


def _write_tiles(
    plan: TileGrid, source: Any, folder: Path, origins: Sequence[Origin], progress: bool
) -> Iterator[tuple[str, Origin]]:
    """Write the tiles that hold enough data; yield path and origin of each."""
    import rasterio

    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "compress": "deflate"}
    profile |= {"width": plan.size, "height": plan.size, "photometric": "rgb"}
    profile |= {"interleave": "pixel", "crs": plan.crs}
    for origin in tqdm(origins, unit="tile", disable=not progress):
        with explain_raster_error(plan.scene):
            pixels = plan.pixels(source, origin)
        if pixels is not None:
            file = folder / f"{tile_name(origin)}.tif"
            transform = source.window_transform(plan.window(origin))
            with explain_raster_error(file, CANNOT_WRITE):
                with rasterio.open(file, "w", **profile, transform=transform) as tile:
                    tile.write(pixels)
            yield f"{folder.name}/{file.name}", origin
