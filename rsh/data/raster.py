"""Opens georeferenced rasters with GDAL, checks them, and converts pixels to 8 bits."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsh.errors import InputError
from rsh.text import first_sentence, install_hint

OVERVIEW_SIDE = 1024  # pixels; the percentiles of a stretch come from an overview of this size
PERCENTILES = (2, 98)
CACHE = 128  # megabytes of GDAL's block cache
MAX_BLOCK_BYTES = 250_000_000  # GDAL decodes a block as a whole
# GDAL chooses a driver by content: a file named .tif may list addresses on the network. So the
# suffix decides the driver, and nothing is downloaded.
DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".jp2": "JP2OpenJPEG", ".vrt": "VRT"}
# The first blocks addresses in paths, the second sends all other requests to a dead proxy.
OFFLINE = {"CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}", "GDAL_HTTP_PROXY": "127.0.0.1:9"}
Stretch = tuple[tuple[float, float], ...]


@contextmanager
def open_raster(scene: Path) -> Iterator[Any]:
    """Yield a raster that GDAL has opened, with a small block cache.

    Raises:
        InputError: rasterio is not installed, the file is missing, or it cannot be read, at opening
            or while the `with` block reads from it.
    """
    try:
        import rasterio
    except ImportError:
        raise InputError(install_hint("rasterio", "geo")) from None
    if not scene.exists():
        raise InputError(f"{scene} does not exist: check the path")
    with rasterio.Env(GDAL_CACHEMAX=CACHE, **OFFLINE), explain_raster_error(scene):
        with open_with_driver(scene) as source:
            _check_blocks(source, scene)
            yield source


def open_with_driver(scene: Path) -> Any:
    """Open a raster with the driver of its suffix; other suffixes leave the choice to GDAL."""
    import rasterio

    return rasterio.open(scene, driver=DRIVERS.get(scene.suffix.lower()))


def _check_blocks(source: Any, scene: Path) -> None:
    for (height, width), kind in zip(source.block_shapes, source.dtypes, strict=True):
        size = height * width * (16 if kind.startswith("complex") else np.dtype(kind).itemsize)
        if size > MAX_BLOCK_BYTES:
            raise InputError(
                f"{scene} has its pixels in blocks of {size // 10**6} MB: save it again in tiles, "
                "such as with `gdal_translate -co TILED=YES`"
            )


@contextmanager
def explain_raster_error(
    file: Path, message: str = "cannot be read ({}): download or save it again"
) -> Iterator[None]:
    """Turn errors of GDAL in the block into an InputError about a file.

    Args:
        file: what is read or written.
        message: what follows its name, with {} for the reason.
    """
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError

    try:
        yield
    except (RasterioError, CPLE_BaseError, UnicodeDecodeError) as error:
        reason = first_sentence(error).rstrip(".")
        raise InputError(f"{file} {message.format(reason)}") from None


def find_crs(source: Any, scene: Path, crs: str) -> Any:
    """Return the given coordinate system, or else that of an opened raster.

    Raises:
        InputError: there is none, or the raster is not georeferenced.
    """
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    if source.transform.is_identity:
        raise InputError(f"{scene} is not georeferenced: georeference it first")
    if not crs and not source.crs:
        raise InputError(f"{scene} states no coordinate system: give it, such as --crs EPSG:32633")
    try:
        return CRS.from_user_input(crs) if crs else source.crs
    except (CRSError, ValueError):
        raise InputError(
            "no such coordinate system, write one like EPSG:32633", parameter="crs", value=crs
        ) from None


def choose_bands(source: Any, bands: Sequence[int]) -> tuple[int, ...]:
    """Return the bands that become red, green and blue: one or three.

    Args:
        source: an opened raster.
        bands: numbers from 1; by default the first three, or the first.

    Raises:
        InputError: the raster lacks a band, their number is wrong, or they are complex.
    """
    numbers = tuple(bands) or ((1, 2, 3) if source.count >= 3 else (1,))
    wrong = [number for number in numbers if not 1 <= number <= source.count]
    listed = ",".join(map(str, numbers))
    if wrong or len(numbers) not in (1, 3):
        raise InputError(
            f"choose one or three of 1 to {source.count}", parameter="bands", value=listed
        )
    if any(source.dtypes[number - 1].startswith("complex") for number in numbers):
        raise InputError(
            "complex values are not supported; choose other bands", parameter="bands", value=listed
        )
    return numbers


def find_stretch(
    source: Any, scene: Path, bands: tuple[int, ...], stretch: Sequence[float]
) -> Stretch:
    """Return the values that become 0 and 255 in each band; empty if values stay unchanged.

    Args:
        source: an opened raster.
        scene: its file, for error messages.
        bands: numbers of the bands.
        stretch: lower and upper value for all bands. By default 8-bit values stay unchanged, and
            others are stretched from the 2nd to the 98th percentile of an overview of the band.

    Raises:
        InputError: `stretch` is not two ascending values, or a band holds no data.
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
    scale = max(1.0, max(source.width, source.height) / OVERVIEW_SIDE)
    shape = (len(bands), *(max(1, round(side / scale)) for side in (source.height, source.width)))
    # GDAL reads a stored overview if there is one.
    overview = source.read(bands, out_shape=shape, masked=True)
    found = []
    for number, band in zip(bands, overview, strict=True):
        finite = band.compressed()[np.isfinite(band.compressed())]
        if not finite.size:
            raise InputError(f"band {number} of {scene} holds no data: choose other --bands")
        low, high = np.percentile(finite, PERCENTILES)
        found.append((float(low), float(high if high > low else low + 1)))
    return tuple(found)


def to_bytes(values: NDArray[Any], stretch: Stretch) -> NDArray[np.uint8]:
    """Return the values of a window, (1 or 3, h, w), as 8 bits, (3, h, w)."""
    if stretch:
        low, high = np.array(stretch).T[:, :, None, None]
        scaled = (np.nan_to_num(values.astype(np.float64)) - low) / (high - low) * 255
        values = np.clip(np.rint(scaled), 0, 255)
    return np.broadcast_to(values, (3, *values.shape[1:])).astype(np.uint8)
