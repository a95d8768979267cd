"""Footprints of many tiles at once: as shapes, and as compact arrays of rings for a map."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.data.places import Degrees


@dataclass(frozen=True, eq=False)
class Outlines:
    """Rings of footprints; a footprint that was cut at the antimeridian has several.

    Attributes:
        rows: row of the tile of each ring, (r,) int32, ascending.
        starts: where each ring begins in `xy`, and the number of points, (r + 1,) int32.
        xy: longitude and latitude of the corners, (p, 2) float32, which is 2 m at the equator; the
            last corner of a ring leads back to its first one, which is not repeated.
    """

    rows: NDArray[np.int32]
    starts: NDArray[np.int32]
    xy: NDArray[np.float32]

    def to_bytes(self) -> list[bytes]:
        """Return rows, starts and xy as little-endian bytes, the buffers of a widget's message."""
        arrays = (self.rows.astype("<i4"), self.starts.astype("<i4"), self.xy.astype("<f4"))
        return [array.tobytes() for array in arrays]


def read_areas(footprints: "pd.Series[str]") -> NDArray[Any]:
    """Return footprints as shapes of shapely, (n,), None for what is no polygon or several.

    Args:
        footprints: as `rsh.data.places.footprint` writes them, (n,).
    """
    import shapely

    texts = footprints.fillna("").to_numpy(dtype=object)
    shapes = shapely.force_2d(shapely.from_wkt(texts, on_invalid="ignore"))
    areas = np.isin(
        shapely.get_type_id(shapes),
        [shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON],
    )
    areas &= np.isfinite(shapely.bounds(shapes)).all(axis=1)
    shapes[~areas] = None
    return np.asarray(shapes)


def centers(shapes: NDArray[Any], *, is_degrees: bool = True) -> tuple[Degrees, Degrees]:
    """Return x and y of the middle of each shape, (n,); NaN for those unknown or empty.

    Args:
        shapes: as shapely has them, None for unknown ones, (n,).
        is_degrees: whether they may cross the antimeridian; x is then up to 360.
    """
    import shapely

    middles = shapely.centroid(_unwrapped(shapes) if is_degrees else shapes)
    middles = np.where(shapely.is_empty(middles), None, middles)
    return shapely.get_x(middles), shapely.get_y(middles)


def _unwrapped(shapes: Any) -> Any:
    """Return shapes in degrees, those across the antimeridian with longitudes of 0 to 360."""
    import shapely

    west, _, east, _ = shapely.bounds(shapes).T
    moved = shapes.copy()
    for row in np.flatnonzero(east - west > 180):
        moved[row] = shapely.transform(
            shapes[row], lambda xy: np.stack([xy[:, 0] + 360 * (xy[:, 0] < 0), xy[:, 1]], axis=1)
        )
    return moved


def read_outlines(
    footprints: "pd.Series[str]", rows: NDArray[np.int64], *, tolerance: float = 0.0
) -> Outlines:
    """Return the rings of footprints, without those of tiles whose footprint is unknown.

    Args:
        footprints: as `rsh.data.places.footprint` writes them, (n,).
        rows: row of each tile, (n,), ascending.
        tolerance: how far a simpler ring may be from the true one, degrees; a ring keeps three
            corners.
    """
    import shapely

    shapes = read_areas(footprints)
    if tolerance > 0:
        shapes = shapely.simplify(shapes, tolerance)
    parts, owners = shapely.get_parts(shapes, return_index=True)
    rings = shapely.get_exterior_ring(parts)
    points, numbers = shapely.get_coordinates(rings, return_index=True)
    is_last = np.append(numbers[1:] != numbers[:-1], True) if len(numbers) else np.empty(0, bool)
    counts = shapely.get_num_coordinates(rings) - 1
    return Outlines(
        rows[owners].astype(np.int32),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        points[~is_last].astype(np.float32),
    )
