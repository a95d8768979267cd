"""Cuts a georeferenced scene of any size into tiles, one window at a time.

    tiles/
      SCENE/r000000_c000256.tif    8-bit RGB GeoTIFF, named by its upper left pixel
      items.csv                    path, longitude, latitude, block, footprint
      scene.json                   the scene, and how its values became 8 bits
    backgrounds.parquet          a small overview of the scene, for maps

`TileDataset.open` reads the folder like any other; its tiles have no class. A query of more than 8
bits is rendered as scene.json says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rsh.data.backgrounds import write_backgrounds
from rsh.data.listing import BACKGROUNDS, SCENE, TABLE
from rsh.data.raster import Raster, explain_raster_error, open_scene, settle_rendering
from rsh.data.rendering import AS_IS, Rendering, Stretch
from rsh.data.scene_overview import render_backgrounds
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
        bands: numbers of the bands that became red, green and blue, or of one.
        count: how many bands the scene has.
        stretch: the values of each band that became 0 and 255; empty for 8-bit scenes.
        crs: coordinate system of the scene.
    """

    scene: str
    tiles: int
    left_out: int
    size: int
    stride: int
    bands: tuple[int, ...]
    count: int
    stretch: Stretch
    crs: str


def tile_raster(
    scene: str | Path,
    folder: str | Path,
    *,
    size: int = 256,
    stride: int | None = None,
    rendering: Rendering = AS_IS,
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
        rendering: which bands are shown and what becomes 0 and 255; by default the scene's red,
            green and blue, or else its first three bands or its first, 8-bit values unchanged and
            others from the 2nd to the 98th percentile of each band.
        crs: coordinate system of a scene that states none, such as "EPSG:32633".
        progress: show a progress bar.

    Raises:
        InputError: the scene is missing, has no coordinate system or no data, or an argument does
            not fit it.
    """
    scene, folder = Path(scene), Path(folder)
    tiling = TilingOptions(size, stride, crs)
    with open_scene(scene) as raster:
        rendering = settle_rendering([raster], rendering)
        plan = plan_tiles(raster, scene, tiling, rendering)
        check_writable(folder.absolute().parent)
        if folder.exists():
            raise InputError(f"{folder} exists: give another --output, or delete it")
        with atomic_directory(folder) as temporary:
            (temporary / scene.stem).mkdir()
            origins = plan.origins()
            tiles = list(_write_tiles(plan, raster, temporary / scene.stem, origins, progress))
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
                count=raster.source.count,
                stretch=plan.stretch,
                crs=str(plan.crs),
            )
            write_json(temporary / SCENE, asdict(result))
            with (temporary / BACKGROUNDS).open("wb") as stream:
                write_backgrounds(render_backgrounds([plan]), stream)
    return result


def _write_tiles(
    plan: TileGrid, raster: Raster, folder: Path, origins: Sequence[Origin], progress: bool
) -> Iterator[tuple[str, Origin]]:
    """Write the tiles that hold enough data; yield path and origin of each."""
    import rasterio

    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "compress": "deflate"}
    profile |= {"width": plan.size, "height": plan.size, "photometric": "rgb"}
    profile |= {"interleave": "pixel", "crs": plan.crs}
    for origin in tqdm(origins, unit="tile", disable=not progress):
        with explain_raster_error(plan.scene):
            pixels = plan.pixels(raster, origin)
        if pixels is not None:
            file = folder / f"{tile_name(origin)}.tif"
            place = _place(plan, raster, origin)
            with explain_raster_error(file, CANNOT_WRITE):
                with rasterio.open(file, "w", **profile, **place) as tile:
                    tile.write(pixels)
            yield f"{folder.name}/{file.name}", origin


def _place(plan: TileGrid, raster: Raster, origin: Origin) -> dict[str, Any]:
    """Return what places a tile on the map, as rasterio writes it."""
    from rasterio.control import GroundControlPoint
    from rasterio.transform import Affine

    if isinstance(plan.transform, Affine):
        return {"transform": raster.source.window_transform(plan.window(origin))}
    top, left = origin
    points = [GroundControlPoint(p.row - top, p.col - left, p.x, p.y, p.z) for p in plan.transform]
    return {"gcps": points}
