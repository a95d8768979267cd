"""Writes tiles of Sentinel-2 as GeoTIFFs that say what their bands are.

The files that are published name no bands, so that only their number tells B8A from B09.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rsh.data.raster import ALONE, TIFF
from rsh.data.units import QUANTIFICATION

if TYPE_CHECKING:
    from rasterio.crs import CRS

# Without loss. In a zip or on a disk the tiles are as they are here.
COMPRESSION = {"compress": "deflate", "predictor": 2, "zlevel": 6, "interleave": "band"}


def write_tile(
    values: NDArray[Any], names: Sequence[str], crs: "CRS | None", transform: Any
) -> bytes:
    """Return digital numbers as a GeoTIFF with names of bands and the scale to reflectance.

    Args:
        values: (bands, h, w).
        names: of the bands.
        crs: coordinate system, None without one.
        transform: from pixels to coordinates.
    """
    import rasterio

    count, height, width = values.shape
    profile = {"driver": TIFF, "count": count, "height": height, "width": width}
    profile |= {"dtype": values.dtype, "crs": crs, "transform": transform, **COMPRESSION}
    with rasterio.Env(**ALONE), rasterio.MemoryFile() as file:
        with file.open(**profile) as tile:
            tile.write(np.ascontiguousarray(values))
            tile.descriptions = tuple(names)
            tile.scales = (QUANTIFICATION,) * count
        content: bytes = file.read()
    return content
