"""Web Mercator, in which online maps cut the Earth into tiles.

At zoom z the Earth is a square of 2^z x 2^z tiles, from 180 degrees west and 85.05 degrees north.
Source: EPSG:3857, and OGC 17-083r4, "Two Dimensional Tile Matrix Set", annex D.1, WebMercatorQuad
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_LATITUDE = float(np.degrees(np.arctan(np.sinh(np.pi))))  # 85.0511...: the square ends there
Numbers = NDArray[np.float64]


def to_tile(longitude: ArrayLike, latitude: ArrayLike, zoom: int) -> tuple[Numbers, Numbers]:
    """Return column and row of places, with fractions: their whole part numbers the tile.

    Args:
        longitude: degrees; beyond 180 columns go on.
        latitude: degrees; beyond `MAX_LATITUDE` it is taken for that.
        zoom: 0 for one tile in all.
    """
    count = 2.0**zoom
    north = np.clip(np.asarray(latitude, np.float64), -MAX_LATITUDE, MAX_LATITUDE)
    column = (np.asarray(longitude, np.float64) + 180) / 360 * count
    row = (1 - np.arcsinh(np.tan(np.radians(north))) / np.pi) / 2 * count
    return column, row


def from_tile(column: ArrayLike, row: ArrayLike, zoom: int) -> tuple[Numbers, Numbers]:
    """Return longitude and latitude of places in tiles, the reverse of `to_tile`.

    Args:
        column: from 180 degrees west; with fractions within a tile.
        row: from the north; with fractions within a tile.
        zoom: 0 for one tile in all.
    """
    count = 2.0**zoom
    longitude = np.asarray(column, np.float64) / count * 360 - 180
    latitude = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * np.asarray(row, np.float64) / count))))
    return longitude, np.asarray(latitude)
