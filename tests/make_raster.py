"""Small georeferenced rasters."""

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

UTM = "EPSG:32633"  # its central meridian is 15 degrees east
EAST, NORTH, METERS = 500_000, 5_000_000, 10  # upper left corner and side of a pixel


def make_raster(file: Path, values: np.ndarray, *, crs: str | None = UTM, **options) -> Path:
    """Write (bands, h, w) as a GeoTIFF whose upper left corner lies at 15 degrees east."""
    bands, height, width = values.shape
    place = from_origin(EAST, NORTH, METERS, METERS)
    profile = {"driver": "GTiff", "count": bands, "height": height, "width": width}
    profile |= {"dtype": values.dtype, "crs": crs, "transform": place}
    with rasterio.open(file, "w", **profile | options) as raster:
        raster.write(values)
    return file


def noise(height: int = 100, width: int = 150, *, bands: int = 3, dtype=np.uint8) -> np.ndarray:
    draw = np.random.default_rng(0)
    return draw.integers(1, 256, (bands, height, width)).astype(dtype)
