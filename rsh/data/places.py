"""Places on Earth: from any coordinate system to longitude and latitude, and footprints as WKT.

Longitudes are from -180 to 180. Footprints follow RFC 7946: counter-clockwise, and cut where they
cross the antimeridian. Source: https://www.rfc-editor.org/rfc/rfc7946
"""

import math
import re
import warnings
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

LONGITUDE_LATITUDE = "EPSG:4326"
NEAR_POLE = 1e-6  # degrees, 0.1 m
BEYOND_POLE = 1.0  # degrees; grids whose pixels are centered on a pole reach over it
MOST_DECIMALS = 5  # of degrees that are shown: a meter
SAME = 1e-9  # degrees; how floats differ from the decimals that they were read from
MAX_BEND = 0.05  # of an edge, as a fraction of its length, that is still drawn straight
_POINT = r"-?\d+(\.\d+)? -?\d+(\.\d+)?"
_RING = rf"\({_POINT}(, {_POINT}){{3,}}\)"
FOOTPRINT = re.compile(rf"POLYGON \({_RING}\)|MULTIPOLYGON \(\({_RING}\)(, \({_RING}\))*\)")
Degrees = NDArray[np.float64]


def to_degrees(crs: Any, x: Degrees, y: Degrees) -> tuple[Degrees, Degrees]:
    """Return longitude and latitude of points, NaN for those that do not lie on Earth.

    Args:
        crs: their coordinate system, as rasterio or pyproj has it.
        x: coordinates to the east, or longitudes.
        y: coordinates to the north, or latitudes; of the same shape.

    Raises:
        pyproj.exceptions.ProjError: the coordinate system has no relation to degrees.
    """
    longitude, latitude = map(np.asarray, _transformer(crs.to_wkt()).transform(x, y))
    on_earth = np.isfinite(longitude) & (np.abs(latitude) <= 90 + BEYOND_POLE)
    latitude = np.clip(latitude, -90, 90)
    return np.where(on_earth, wrap(longitude), np.nan), np.where(on_earth, latitude, np.nan)


def from_degrees(crs: Any, longitude: Degrees, latitude: Degrees) -> tuple[Degrees, Degrees]:
    """Return x and y of points on Earth, infinite where the coordinate system has none.

    Args:
        crs: the coordinate system, as rasterio or pyproj has it.
        longitude: degrees, of any shape.
        latitude: degrees, of the same shape.

    Raises:
        pyproj.exceptions.ProjError: the coordinate system has no relation to degrees.
    """
    x, y = _transformer(crs.to_wkt()).transform(longitude, latitude, direction="INVERSE")
    return np.asarray(x), np.asarray(y)


@lru_cache(8)
def _transformer(wkt: str) -> Any:
    """Return what brings points to degrees; to make it takes longer than thousands of points."""
    from pyproj import CRS, Transformer

    return Transformer.from_crs(CRS.from_wkt(wkt), LONGITUDE_LATITUDE, always_xy=True)


def wrap(longitude: ArrayLike) -> Degrees:
    """Return longitudes of any range, such as 0 to 360, as -180 to 180."""
    degrees = np.asarray(longitude, np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(degrees) <= 180, degrees, (degrees + 180) % 360 - 180)


def format_place(longitude: float, latitude: float, decimals: int = MOST_DECIMALS) -> str:
    """Return a place such as 34.52° N, 102.13° E; "" where it is unknown.

    Args:
        longitude: degrees.
        latitude: degrees.
        decimals: of both, see `useful_decimals`.
    """
    if not (math.isfinite(longitude) and math.isfinite(latitude)):
        return ""
    x, y = round(longitude, decimals), round(latitude, decimals)
    north, east = "S" if y < 0 else "N", "W" if x < 0 else "E"
    return f"{abs(y):.{decimals}f}° {north}, {abs(x):.{decimals}f}° {east}"


def useful_decimals(degrees: Degrees, size: float = 0.0) -> int:
    """Return how many decimals of longitudes and latitudes say something, 1 to 5.

    As many as the numbers have, and no more than a tenth of a tile needs.

    Args:
        degrees: numbers, of any shape; NaN for unknown ones.
        size: width or height of a tile, degrees; 0 if it is unknown.
    """
    known = degrees[np.isfinite(degrees)]
    written = next(
        (
            count
            for count in range(1, MOST_DECIMALS)
            if np.abs(known - known.round(count)).max(initial=0) < SAME
        ),
        MOST_DECIMALS,
    )
    needed = 1 - math.floor(math.log10(size)) if size > 0 else MOST_DECIMALS
    return max(1, min(written, needed))


def footprint(longitude: Degrees, latitude: Degrees) -> str:
    """Return the outline of a tile as WKT: a POLYGON, or a MULTIPOLYGON if it was cut.

    Args:
        longitude: of its corners, counter-clockwise as seen from above, from -180 to 180 or NaN.
        latitude: of its corners.

    Returns:
        Text with seven decimals, which are about a centimeter; empty if fewer than three corners
        lie on Earth.
    """
    rings = _outlines(longitude, latitude)
    return _joined(rings) if rings else ""


def _outlines(longitude: Degrees, latitude: Degrees) -> list[str]:
    """Return the rings of the footprint of these corners, see `footprint`."""
    known = np.isfinite(longitude)
    longitude, latitude = longitude[known], latitude[known]
    if len(longitude) < 3:
        return []
    if np.ptp(longitude) < 180 and np.abs(latitude).max() < 90 - NEAR_POLE:  # as most are
        return [_ring(longitude, latitude)]
    longitude, latitude = spread_poles(longitude, latitude)
    steps = wrap(np.diff(longitude, append=longitude[0]))
    is_around_pole = abs(steps.sum()) > 180
    unwrapped = longitude[0] + np.concatenate([[0], np.cumsum(steps[:-1])])
    unwrapped -= 360 * np.floor((unwrapped.min() + 180) / 360)
    if is_around_pole or unwrapped.max() > 180:
        return _cut(longitude, latitude)
    return [_ring(unwrapped, latitude)]


def spread_poles(longitude: Degrees, latitude: Degrees) -> tuple[Degrees, Degrees]:
    """Replace a corner at a pole, which has any longitude, by the ends of two meridians there."""
    at_pole = np.abs(latitude) > 90 - NEAR_POLE
    at_pole &= ~np.roll(at_pole, 1) & ~np.roll(at_pole, -1)  # an edge along it is one already
    copies = np.repeat(np.arange(len(longitude)), 1 + at_pole)
    is_first = np.append(copies[1:] == copies[:-1], False)  # of two copies
    is_second = np.roll(is_first, 1)
    meridians = np.where(is_first, np.roll(longitude, 1)[copies], longitude[copies])
    meridians = np.where(is_second, np.roll(longitude, -1)[copies], meridians)
    return meridians, latitude[copies]


def parse_rings(text: object) -> list[list[list[float]]]:
    """Return the outlines in a footprint, longitude and latitude; none of anything else."""
    if not isinstance(text, str) or not FOOTPRINT.fullmatch(text):
        return []
    rings = [
        [[float(number) for number in point.split()] for point in ring.split(", ")]
        for ring in re.findall(r"\(([^()]+)\)", text)
    ]
    is_finite = all(np.isfinite(ring).all() for ring in rings)
    return rings if is_finite else []


def read_footprint(text: str) -> str | None:
    """Return a footprint as others write it in this module's form: wrapped, cut, without holes.

    Args:
        text: a polygon or several, in longitudes of -180 to 180 or 0 to 360 and latitudes, as WKT;
            or "".

    Returns:
        None if it is no such polygon.
    """
    if not text:
        return text
    rings = parse_rings(text)
    if not rings:
        return _read_wkt(text)
    for ring in map(np.array, rings):
        longitude, latitude = ring.T
        in_range = longitude.min() >= -180 and longitude.max() <= 360 and abs(latitude).max() <= 90
        if not in_range or ring[0].tolist() != ring[-1].tolist():
            return None
    steps = [np.abs(np.diff(np.array(ring)[:, 0])) for ring in rings]
    is_cut = any(((180 < step) & (step < 360)).any() for step in steps)
    if not is_cut and all(abs(x) <= 180 for ring in rings for x, _ in ring):
        return text
    corners = [np.array(ring)[:-1].T for ring in rings]
    parts = [_outlines(wrap(longitude), latitude) for longitude, latitude in corners]
    return _joined([ring for part in parts for ring in part])


def _read_wkt(text: str) -> str | None:
    """Return a footprint in any other spelling of WKT."""
    import shapely

    try:
        shape = shapely.from_wkt(re.sub(r"^SRID=\d+;", "", text))
    except shapely.errors.GEOSException:
        return None
    if shape.is_empty:
        return ""
    rings = [
        _ring(*np.array(part.exterior.coords)[:-1, :2].T)
        for part in getattr(shape, "geoms", [shape])
        if part.geom_type == "Polygon"
    ]
    read = _joined(rings) if rings else ""
    return read_footprint(read) if parse_rings(read) else None


def outline(shapes: Any, crs: Any) -> list[str]:
    """Return the footprint of each shape, holes left out; empty for all but polygons.

    Args:
        shapes: (n,) as shapely has them; None for none, and several polygons may be one shape.
        crs: their coordinate system, as rasterio or pyproj has it.
    """
    import shapely

    parts, rows = shapely.get_parts(shapes, return_index=True)
    areas = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)
    rings = shapely.get_exterior_ring(shapely.orient_polygons(parts[areas]))
    points, numbers = shapely.get_coordinates(rings, return_index=True)
    longitude, latitude = to_degrees(crs, *points.T)  # of all at once: a call takes longer than it
    ends = np.searchsorted(numbers, np.arange(len(rings)), side="right")
    found: list[list[str]] = [[] for _ in shapes]
    start = 0
    for row, end in zip(rows[areas], ends, strict=True):
        corners = slice(start, end - 1)  # the last point is the first
        found[row] += _outlines(longitude[corners], latitude[corners])
        start = end
    return [_joined(rings) if rings else "" for rings in found]


def _cut(longitude: Degrees, latitude: Degrees) -> list[str]:
    """Return the rings of an outline that crosses the antimeridian or goes around a pole."""
    import antimeridian
    from shapely import Polygon

    ring = Polygon(np.stack([longitude, latitude], axis=1))
    with warnings.catch_warnings(action="ignore"):  # of rings that are clockwise
        fixed = antimeridian.fix_polygon(ring, great_circle=False)
    parts = [part for part in getattr(fixed, "geoms", [fixed]) if part.area > 0]
    return [_ring(*np.array(part.exterior.coords)[:-1].T) for part in parts]


def _joined(rings: list[str]) -> str:
    if len(rings) == 1:
        return f"POLYGON ({rings[0]})"
    return "MULTIPOLYGON (" + ", ".join(f"({ring})" for ring in rings) + ")"


def _ring(longitude: Degrees, latitude: Degrees) -> str:
    pairs = zip(longitude.tolist(), latitude.tolist(), strict=True)
    points = [f"{x:.7f} {y:.7f}" for x, y in pairs]
    return "(" + ", ".join([*points, points[0]]) + ")"
