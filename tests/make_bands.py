"""Small rasters of many bands: a scene of Sentinel-2, in each of the units that people have."""

from pathlib import Path

import numpy as np
import rasterio
from make_raster import make_raster

SENTINEL_2 = tuple("B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B10 B11 B12".split())
RAISED = {"PROCESSING_BASELINE": "04.00"}


def reflectance(side: int = 60, seed: int = 0) -> np.ndarray:
    """Smooth fields of 13 bands, (13, side, side) float32, 0.02 to 0.42."""
    draw = np.random.default_rng(seed)
    coarse = draw.uniform(0.02, 0.42, (13, side // 10 + 1, side // 10 + 1))
    return np.kron(coarse, np.ones((1, 10, 10)))[:, :side, :side].astype(np.float32)


def make_scene(
    file: Path,
    values: np.ndarray,
    *,
    names: tuple[str, ...] = SENTINEL_2,
    tags: dict[str, str] | None = None,
    **options,
) -> Path:
    """Write bands with names."""
    make_raster(file, values, **options)
    with rasterio.open(file, "r+") as raster:
        raster.descriptions = names
        raster.update_tags(**(tags or {}))
    return file


def in_unit(values: np.ndarray, unit: str) -> np.ndarray:
    """Return reflectance as other products hold it."""
    if unit == "DN":
        return np.rint(values * 10_000).astype(np.uint16)
    if unit == "DN + 1,000":
        return np.rint(values * 10_000 + 1_000).astype(np.uint16)
    if unit == "8 bits":
        return np.rint(values / 0.42 * 255).astype(np.uint8)
    if unit == "dB":
        return (10 * np.log10(values)).astype(np.float32)
    return values
