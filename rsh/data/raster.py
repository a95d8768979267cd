"""Georeferenced rasters: opened by GDAL, checked, and brought to 8 bits."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsh.errors import InputError
from rsh.text import first_sentence

LOOK = 1024  # pixels a side of the overview that a stretch is found on
PERCENTILES = (2, 98)
CACHE = 128  # megabytes that GDAL may keep of a scene
MOST_AT_ONCE = 250_000_000  # bytes of a block, which GDAL unpacks as a whole
# GDAL goes by what a file holds: one called .tif may be a list of addresses on the network. It is
# opened as what it is called, and nothing is fetched.
DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".jp2": "JP2OpenJPEG", ".vrt": "VRT"}
# The one keeps GDAL from addresses in paths, the other sends what is fetched by name to nobody.
AT_HOME = {"CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}", "GDAL_HTTP_PROXY": "127.0.0.1:9"}
Stretch = tuple[tuple[float, float], ...]


@contextmanager
def open_raster(scene: Path) -> Iterator[Any]:
    """Open a raster with GDAL, which may keep little of it in memory.

    Raises:
        InputError: rasterio is not installed, or the file is not there or cannot be read, be it
            now or while the block reads from it.
    """
    try:
        import rasterio
    except ImportError:
        raise InputError("rasterio is not installed: pip install 'rsh[geo]'") from None
    if not scene.exists():
        raise InputError(f"{scene} does not exist: check the path")
    with rasterio.Env(GDAL_CACHEMAX=CACHE, **AT_HOME), explain_raster_error(scene):
        with reading(scene) as source:
            _check_blocks(source, scene)
            yield source


def reading(scene: Path) -> Any:
    """Open a raster by the driver that its name promises; any will do for other names."""
    import rasterio

    return rasterio.open(scene, driver=DRIVERS.get(scene.suffix.lower()))


def _check_blocks(source: Any, scene: Path) -> None:
    for (height, width), kind in zip(source.block_shapes, source.dtypes, strict=True):
        size = height * width * (16 if kind.startswith("complex") else np.dtype(kind).itemsize)
        if size > MOST_AT_ONCE:
            raise InputError(
                f"{scene} has its pixels in blocks of {size // 10**6} MB: save it again in tiles, "
                "such as with `gdal_translate -co TILED=YES`"
            )


@contextmanager
def explain_raster_error(scene: Path) -> Iterator[None]:
    """Turn what GDAL cannot read of a scene into an InputError."""
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError

    try:
        yield
    except (RasterioError, CPLE_BaseError, UnicodeDecodeError) as error:
        reason = first_sentence(error).rstrip(".")
        raise InputError(f"{scene} cannot be read ({reason}): fetch or save it again") from None


def find_crs(source: Any, scene: Path, crs: str) -> Any:
    """Return the coordinate system of an opened raster, or the one that was given for it.

    Raises:
        InputError: there is none, or the raster does not say where its pixels lie.
    """
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    if source.transform.is_identity:
        raise InputError(f"{scene} does not say where it lies: georeference it first")
    if not crs and not source.crs:
        raise InputError(f"{scene} states no coordinate system: give it, such as --crs EPSG:32633")
    try:
        return CRS.from_user_input(crs) if crs else source.crs
    except (CRSError, ValueError):
        raise InputError(
            "no such coordinate system, write one like EPSG:32633", parameter="crs", value=crs
        ) from None


def choose_bands(source: Any, bands: Sequence[int]) -> tuple[int, ...]:
    """Return which bands become red, green and blue: one or three.

    Args:
        source: an opened raster.
        bands: numbers from 1; none takes the first three, or the only one.

    Raises:
        InputError: it has no such bands, or they cannot be an image.
    """
    numbers = tuple(bands) or ((1, 2, 3) if source.count >= 3 else (1,))
    wrong = [number for number in numbers if not 1 <= number <= source.count]
    if wrong or len(numbers) not in (1, 3):
        listed = ",".join(map(str, numbers))
        raise InputError(
            f"choose one or three of 1 to {source.count}", parameter="bands", value=listed
        )
    if any(source.dtypes[number - 1].startswith("complex") for number in numbers):
        raise InputError(
            "complex values are no image", parameter="bands", value=",".join(map(str, numbers))
        )
    return numbers


def find_stretch(
    source: Any, scene: Path, bands: tuple[int, ...], stretch: Sequence[float]
) -> Stretch:
    """Return what becomes 0 and 255 in each band; nothing if values stay as they are.

    Args:
        source: an opened raster.
        scene: its file, for messages.
        bands: which.
        stretch: the two values for all bands; without them 8-bit values stay as they are, others
            are stretched from the 2nd to the 98th percentile of an overview of the band.

    Raises:
        InputError: no two values, the first below the second, or a band without data.
    """
    if stretch:
        if len(stretch) != 2 or not stretch[0] < stretch[1] or not np.isfinite(stretch).all():
            listed = ",".join(f"{value:g}" for value in stretch)
            raise InputError(
                "give a lower and a higher value, such as 0,3000", parameter="stretch", value=listed
            )
        return ((float(stretch[0]), float(stretch[1])),) * len(bands)
    if all(source.dtypes[number - 1] == "uint8" for number in bands):
        return ()
    scale = max(1.0, max(source.width, source.height) / LOOK)
    shape = (len(bands), *(max(1, round(side / scale)) for side in (source.height, source.width)))
    look = source.read(bands, out_shape=shape, masked=True)  # from an overview, if there is one
    found = []
    for number, band in zip(bands, look, strict=True):
        known = band.compressed()[np.isfinite(band.compressed())]
        if not known.size:
            raise InputError(f"band {number} of {scene} holds no data: choose other --bands")
        low, high = np.percentile(known, PERCENTILES)
        found.append((float(low), float(high if high > low else low + 1)))
    return tuple(found)


def to_bytes(values: NDArray[Any], stretch: Stretch) -> NDArray[np.uint8]:
    """Bring the values of a window, (1 or 3, h, w), to 8 bits, (3, h, w)."""
    if stretch:
        low, high = np.array(stretch).T[:, :, None, None]
        scaled = (np.nan_to_num(values.astype(np.float64)) - low) / (high - low) * 255
        values = np.clip(np.rint(scaled), 0, 255)
    return np.broadcast_to(values, (3, *values.shape[1:])).astype(np.uint8)
