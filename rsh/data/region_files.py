"""Reads a region from a file of polygons: GeoJSON, GeoPackage or GeoParquet.

The polygons together are the region. Longitudes and latitudes are taken as they are; in any other
coordinate system edges get corners between before they are converted, since they bend.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from rsh.data.crs import STATE_SYSTEM, check_extents
from rsh.data.geopackage import read_layer
from rsh.data.geoparquet import read_shapes, reading
from rsh.data.places import LONGITUDE_LATITUDE, to_degrees
from rsh.data.regions import Part, Region
from rsh.errors import InputError
from rsh.text import first_sentence

GEOJSON, GEOPACKAGE = (".geojson", ".json"), ".gpkg"
SUFFIXES = (*GEOJSON, GEOPACKAGE, ".parquet", ".geoparquet")
EDGES = 200  # into which an outline in another coordinate system is cut, at least


def read_region_file(file: Path) -> Region:
    """Return the region that the polygons of a file cover together.

    Args:
        file: .geojson, .gpkg, .parquet or .geoparquet, in any coordinate system.

    Raises:
        InputError: the file cannot be read, holds no polygon, or one that is none: see
            `Region.of_parts`.
    """
    import shapely

    if not file.is_file():
        raise InputError(f"{file} is no file: give one of {', '.join(SUFFIXES)}")
    suffix = file.suffix.lower()
    read = _read_geojson if suffix in GEOJSON else read_layer
    if suffix not in (*GEOJSON, GEOPACKAGE):
        read = _read_geoparquet
    shapes, crs = read(file)
    single = [part for shape in shapes for part in _single(shape)]
    polygons = [shape for shape in single if shape.geom_type == "Polygon"]
    if not polygons:
        kinds = " and ".join(sorted({shape.geom_type for shape in single}))
        held = f"only geometries of the type {kinds}" if kinds else "no geometry"
        raise InputError(f"{file} holds {held}: give a file with a polygon")
    extents = shapely.bounds(polygons)
    longitude, _ = to_degrees(crs, *extents[:, :2].T)
    check_extents(extents, np.isnan(longitude), crs, str(file), STATE_SYSTEM)
    parts = [_rings(polygon, crs) for polygon in polygons]
    try:
        return Region.of_parts(parts)
    except InputError:
        for number, part in enumerate(parts, 1):
            _check(part, f"polygon {number} of {file}")
        raise


def _check(part: Part, name: str) -> None:
    try:
        Region.of_parts([part])
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _single(shape: Any) -> Iterator[Any]:
    """Yield the geometries in a shape one by one, also those of collections."""
    if shape is None or shape.is_empty:
        return
    if hasattr(shape, "geoms"):
        for part in shape.geoms:
            yield from _single(part)
    else:
        yield shape


def _rings(polygon: Any, crs: Any) -> Part:
    """Return outline and holes of a polygon, in longitudes and latitudes."""
    import shapely

    is_degrees = crs.is_geographic and crs.equals(LONGITUDE_LATITUDE, ignore_axis_order=True)
    fine = polygon if is_degrees else shapely.segmentize(polygon, polygon.length / EDGES)
    rings = [shapely.get_coordinates(ring)[:-1] for ring in (fine.exterior, *fine.interiors)]
    if is_degrees:
        return rings
    places = [np.stack(to_degrees(crs, *ring.T), axis=1) for ring in rings]
    for place in places:  # edges are short, also across the 180th meridian
        place[:, 0] = np.unwrap(place[:, 0], period=360)
    return places


def _read_geojson(file: Path) -> tuple[list[Any], Any]:
    """Return the geometries of a file, and their coordinate system."""
    import shapely
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        content = json.loads(file.read_bytes())
        shape = shapely.from_geojson(json.dumps(content))
    except (OSError, ValueError, RecursionError, shapely.errors.GEOSException) as error:
        raise InputError(f"{file} is no GeoJSON ({first_sentence(error)}): save it again") from None
    stated = content.get("crs") or {}
    try:
        crs = CRS.from_user_input(stated["properties"]["name"] if stated else LONGITUDE_LATITUDE)
    except (CRSError, TypeError, KeyError):
        raise InputError(f"{file} states no known coordinate system: save it in another") from None
    return [shape], crs


def _read_geoparquet(file: Path) -> tuple[list[Any], Any]:
    with reading(str(file)), pq.ParquetFile(file) as table:
        return read_shapes(table, str(file))
