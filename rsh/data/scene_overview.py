"""Renders scenes as small images in longitude and latitude: see `rsh.data.backgrounds`."""

import io
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rsh.data.backgrounds import MAX_IMAGES, Background
from rsh.data.places import Degrees, from_degrees, to_degrees, wrap
from rsh.data.raster import explain_raster_error, open_scene
from rsh.data.tile_grid import TileGrid
from rsh.errors import InputError, RshWarning

SIDES = (64, 1024)  # of an image, pixels
MAX_PIXELS = 4_000_000  # of all images: about a megabyte
QUALITY = 75  # of WebP
POINTS = 65  # along each side of a scene, where its extent is measured
Bounds = tuple[float, float, float, float]  # west, south, east, north; the east may be over 180


def render_backgrounds(plans: Sequence[TileGrid]) -> list[Background]:
    """Return overviews of scenes; those that cannot be read are left out with a note.

    Args:
        plans: the tile grid of each scene, which says how it is rendered.
    """
    shown = plans[: MAX_IMAGES // 2]  # one may be cut in two
    side = int(np.clip((MAX_PIXELS / max(len(shown), 1)) ** 0.5, *SIDES))
    found: list[Background] = []
    for plan in shown:
        try:
            found += render_scene(plan, side)
        except InputError as error:
            warnings.warn(f"no background of a scene: {error}", RshWarning, stacklevel=2)
    return found


def render_scene(plan: TileGrid, side: int) -> list[Background]:
    """Return the overview of a scene, in two parts where it crosses the 180th meridian.

    Args:
        plan: the tile grid of the scene.
        side: the longest of the image, pixels.

    Raises:
        InputError: the scene cannot be read, or no part of it is on Earth.
    """
    with open_scene(plan.scene) as raster, explain_raster_error(plan.scene):
        image = raster.overview(plan.bands, plan.stretch, side, blend=plan.blend)
    west, south, east, north = _extent(plan)
    narrow = np.cos(np.radians((south + north) / 2))  # of a degree of longitude
    step = max((east - west) * narrow, north - south) / min(side, max(plan.shape))
    found = []
    for bounds in _cut((west, south, east, north)):
        pixels = _reproject(plan, image, bounds, (step / narrow, step))
        if pixels[3].any():
            west, south, east, north = bounds
            turn = 360 if west >= 180 else 0
            place = (west - turn, south, east - turn, north)
            found.append(Background(plan.scene.name, place, _to_webp(pixels)))
    return found


def _to_webp(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)), "RGBA")
    image.save(stream, "WEBP", quality=QUALITY)
    return stream.getvalue()


def _extent(plan: TileGrid) -> Bounds:
    """Return the box around a scene; around a pole it has all longitudes."""
    height, width = plan.shape
    down, right = (np.linspace(0, length, POINTS) for length in (height, width))
    longitude, latitude = _places(plan, *np.meshgrid(down, right, indexing="ij"))
    if not np.isfinite(longitude).any():
        raise InputError(f"{plan.scene} does not lie on Earth: check its coordinate system")
    south, north = float(np.nanmin(latitude)), float(np.nanmax(latitude))
    for pole in (-90.0, 90.0):
        if _holds(plan, pole):
            return -180.0, min(south, pole), 180.0, max(north, pole)
    west, east = _around(longitude)
    return west, south, east, north


def _holds(plan: TileGrid, pole: float) -> bool:
    """Whether a pole lies in a scene."""
    row, column = _pixels(plan, np.zeros(1), np.array([pole]))
    return bool(_is_inside(plan, row, column).all())


def _around(longitude: Degrees) -> tuple[float, float]:
    """Return the narrowest range of longitudes that holds a grid of points; all if there is no gap.

    Args:
        longitude: -180 to 180 or NaN, (rows, columns).
    """
    steps = [np.abs(wrap(np.diff(longitude, axis=axis))) for axis in (0, 1)]
    widest = max(np.nanmax(step, initial=0.0) for step in steps)
    known = np.unique(longitude[np.isfinite(longitude)])
    gaps = np.diff(known, append=known[0] + 360)
    last = int(np.argmax(gaps))
    if gaps[last] <= 2 * widest and gaps[last] < 180:
        return -180.0, 180.0
    west, east = float(known[(last + 1) % len(known)]), float(known[last])
    return west, east + 360 * (east < west)


def _cut(bounds: Bounds) -> list[Bounds]:
    """Return a box, in two parts if it crosses the 180th meridian."""
    west, south, east, north = bounds
    return [(west, south, 180.0, north), (180.0, south, east, north)] if east > 180 else [bounds]


def _reproject(
    plan: TileGrid, image: NDArray[np.uint8], bounds: Bounds, steps: tuple[float, float]
) -> NDArray[np.uint8]:
    """Return an overview with rows of latitudes and columns of longitudes, (4, h, w).

    Args:
        plan: the tile grid of the scene.
        image: the scene, (4, rows, columns).
        bounds: of the new image.
        steps: about the width and the height of its pixels, degrees.
    """
    west, south, east, north = bounds
    width, height = (
        max(1, round(length / step))
        for length, step in zip((east - west, north - south), steps, strict=True)
    )
    longitude = west + (np.arange(width) + 0.5) / width * (east - west)
    latitude = north - (np.arange(height) + 0.5) / height * (north - south)
    row, column = _pixels(plan, *np.meshgrid(wrap(longitude), latitude))
    inside = _is_inside(plan, row, column)
    found = np.zeros((4, height, width), np.uint8)
    scale = np.array(image.shape[1:]) / plan.shape
    down, right = (
        np.minimum((values[inside] * factor).astype(np.int64), length - 1)
        for values, factor, length in zip((row, column), scale, image.shape[1:], strict=True)
    )
    found[:, inside] = image[:, down, right]
    return found


def _places(plan: TileGrid, row: Degrees, column: Degrees) -> tuple[Degrees, Degrees]:
    """Return longitude and latitude of places in a scene; NaN for those not on Earth.

    Args:
        plan: the tile grid of the scene.
        row: pixels from its upper edge, of any shape.
        column: pixels from its left edge, of the same shape.
    """
    from rasterio.transform import xy

    x, y = xy(plan.transform, row.ravel(), column.ravel(), offset="ul")
    return to_degrees(plan.crs, np.reshape(x, row.shape), np.reshape(y, row.shape))


def _pixels(plan: TileGrid, longitude: Degrees, latitude: Degrees) -> tuple[Degrees, Degrees]:
    """Return row and column of places on Earth in a scene, the reverse of `_places`."""
    from rasterio.transform import rowcol, xy

    x, y = from_degrees(plan.crs, longitude, latitude)
    if plan.crs.is_geographic:  # its longitudes may go on beyond 180
        middle = xy(plan.transform, plan.shape[0] / 2, plan.shape[1] / 2, offset="ul")[0]
        x = middle + (x - middle + 180) % 360 - 180
    row, column = (np.full(longitude.shape, np.nan) for _ in range(2))
    known = np.isfinite(x) & np.isfinite(y)
    if known.any():
        row[known], column[known] = rowcol(plan.transform, x[known], y[known], op=np.positive)
    return row, column


def _is_inside(plan: TileGrid, row: Degrees, column: Degrees) -> NDArray[np.bool_]:
    height, width = plan.shape
    return np.asarray((row >= 0) & (row <= height) & (column >= 0) & (column <= width))
