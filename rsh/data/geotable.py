"""Tiles as a table with a geometry each, as geographic information systems read it.

Geometries are footprints where they are known, else the centers of the tiles, as WKB in longitude
and latitude on WGS 84 (OGC:CRS84; EPSG:4326 with the longitude first).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rsh.data.outlines import read_areas
from rsh.data.places import Degrees
from rsh.errors import InputError

DEGREES = ("longitude", "latitude")
POINT = "Point"
AT_ONCE = 1 << 15  # geometries that are converted at once
POINT_WKB = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])  # packed
UNKNOWN = ("class", "split")  # texts that are empty where they are unknown
Values = Sequence[object] | NDArray[Any] | pd.Series
Geometries = NDArray[Any]  # (n,) WKB as bytes, None where it is unknown


@dataclass(frozen=True, eq=False)
class GeoTable:
    """Rows with attributes, and a geometry each.

    Attributes:
        columns: the attributes, n rows; unknown values are null.
        geometry: WKB, (n,), null where the place is unknown.
        kinds: types of the geometries, in alphabetical order: MultiPolygon, Point, Polygon.
        extents: west, south, east, north of each geometry, degrees, (n, 4); NaN without one.
    """

    columns: pa.Table
    geometry: pa.ChunkedArray
    kinds: tuple[str, ...]
    extents: NDArray[np.float64]

    @classmethod
    def of_items(
        cls,
        items: pd.DataFrame,
        more: Mapping[str, Values] | None = None,
        *,
        points: bool = False,
    ) -> "GeoTable":
        """Return rows of the items table of a gallery with their geometries.

        Args:
            items: rows of the table; its footprints become geometries, all else attributes.
            more: further columns, before the others; see `unique_names`.
            points: take centers also where footprints are known.

        Raises:
            InputError: the table has no coordinates.
        """
        has_centers = set(DEGREES) <= set(items.columns)
        has_areas = "footprint" in items and not points
        if not (has_centers or has_areas):
            raise InputError(
                "these tiles have no coordinates: add longitude and latitude to items.csv and "
                "encode again"
            )
        attributes: list[tuple[str, Values]] = list((more or {}).items())
        attributes += [(str(name), items[name]) for name in items if name != "footprint"]
        columns = pa.table(
            [_column(name, values) for name, values in attributes],
            names=unique_names([name for name, _ in attributes]),
        )
        parts = [_geometries(items.iloc[start : start + AT_ONCE], has_centers, has_areas)
                 for start in range(0, len(items), AT_ONCE)]  # fmt: skip
        extents = np.concatenate([np.empty((0, 4)), *(extent for _, _, extent in parts)])
        return cls(
            columns,
            pa.chunked_array([pa.array(wkb, pa.binary()) for wkb, _, _ in parts], pa.binary()),
            tuple(sorted(set().union(*(kinds for _, kinds, _ in parts)))),
            extents,
        )

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def num_unknown(self) -> int:
        """How many rows have no geometry."""
        return int(self.geometry.null_count)

    @property
    def bounds(self) -> list[float]:
        """West, south, east and north of all geometries, degrees; empty without any."""
        known = self.extents[np.isfinite(self.extents).all(axis=1)]
        return (
            [*known[:, :2].min(axis=0).tolist(), *known[:, 2:].max(axis=0).tolist()]
            if len(known)
            else []
        )

    def batches(self) -> Iterator[tuple[pa.Table, list[bytes | None], NDArray[np.float64]]]:
        """Yield attributes, geometries and extents of some rows at a time."""
        for start in range(0, len(self), AT_ONCE):
            shapes = self.geometry.slice(start, AT_ONCE).to_pylist()
            extents = self.extents[start : start + AT_ONCE]
            yield self.columns.slice(start, AT_ONCE), shapes, extents


def unique_names(names: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """Return names of columns that differ from each other, also where case is ignored, as by SQL.

    Of equal names, the second gets _2 behind it, or the next number that no column has.

    Args:
        names: of the columns; an empty one becomes "column".
        taken: names that they must not have, in lower case.
    """
    own, used, found = {name.lower() for name in names}, set(taken), []
    for name in names:
        unique, number = name or "column", 1
        while unique.lower() in used or (number > 1 and unique.lower() in own):
            number += 1
            unique = f"{name or 'column'}_{number}"
        used.add(unique.lower())
        found.append(unique)
    return found


def _column(name: str, values: Values) -> pa.ChunkedArray:
    """Return a column of single values, null where they are unknown."""
    try:
        found = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError):  # of several types
        texts = pd.Series(values).map(str, na_action="ignore")
        found = pa.array(texts, pa.string(), from_pandas=True)
    column = found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    elif pa.types.is_null(kind):
        column = column.cast(pa.string())
    elif pa.types.is_float16(kind):
        column = column.cast(pa.float32())
    if name in UNKNOWN:
        column = pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)
    return column


def _geometries(
    items: pd.DataFrame, has_centers: bool, has_areas: bool
) -> tuple[Geometries, set[str], NDArray[np.float64]]:
    """Return geometry, its types, and west, south, east, north of each of these tiles."""
    wkb: Geometries = np.full(len(items), None, dtype=object)
    extents = np.full((len(items), 4), np.nan)
    kinds: set[str] = set()
    if has_areas:
        shapes = read_areas(items["footprint"])
        known = np.flatnonzero(shapes != None)  # noqa: E711  elementwise
        if len(known):
            import shapely

            wkb[known] = shapely.to_wkb(shapes[known], byte_order=1)
            extents[known] = shapely.bounds(shapes[known])
            kinds = {shape.geom_type for shape in shapes[known]}
    if has_centers:
        longitude, latitude = (items[name].to_numpy(np.float64) for name in DEGREES)
        points = np.isfinite(longitude) & np.isfinite(latitude) & (wkb == None)  # noqa: E711
        if points.any():
            kinds.add(POINT)
            wkb[points] = point_wkb(longitude[points], latitude[points])
            ends = np.stack([longitude, latitude, longitude, latitude], axis=1)
            extents[points] = ends[points]
    return wkb, kinds, extents


def point_wkb(longitude: Degrees, latitude: Degrees) -> list[bytes]:
    """Return points as WKB, little-endian."""
    points = np.zeros(len(longitude), POINT_WKB)
    points["order"], points["type"] = 1, 1
    points["x"], points["y"] = longitude, latitude
    size, whole = POINT_WKB.itemsize, points.tobytes()
    return [whole[start : start + size] for start in range(0, len(whole), size)]
