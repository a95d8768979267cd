"""Regions on Earth: polygons of longitudes and latitudes, and which tiles lie in them.

    5,45,10,45,10,50               corners: longitude and latitude in turn, degrees
    0,0,9,0,9,9,0,9:3,3,6,3,6,6    a colon begins a hole
    0,0,9,0,9,9/20,0,29,0,29,9     a slash begins another part

Edges are straight in longitude and latitude, as in GeoJSON. An edge of more than 180 degrees takes
the shorter way, across the 180th meridian; longitudes beyond 180 cross it, too. A ring around the
Earth encloses the pole on its side of the equator. Source: RFC 7946, section 3.1.9,
https://www.rfc-editor.org/rfc/rfc7946
"""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rsh.data.outlines import read_areas
from rsh.data.places import NEAR_POLE, Degrees, spread_poles, wrap
from rsh.errors import InputError, RshWarning

HOLE, PART = ":", "/"  # begin a hole, and another part
DECIMALS = 7  # about a centimeter
LONGEST_EDGE = 90.0  # degrees of longitude in a text, so that each edge has one shorter way
MIN_AREA = 1e-10  # square degrees, a square meter; less is a line
AT_ONCE = 1 << 15  # footprints that are in memory as shapes
CACHED = 16
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
Mask = NDArray[np.bool_]
Ring = NDArray[np.float64]  # (corners, 2), longitude and latitude, without the first one again
Part = Sequence[Ring]  # an outline, and its holes


@dataclass(frozen=True, eq=False)
class Region:
    """A region on Earth.

    Attributes:
        shape: valid polygons within -180 to 180 and -90 to 90, as shapely has them.
    """

    shape: Any

    @classmethod
    def of_parts(cls, parts: Sequence[Part]) -> "Region":
        """Return the region that these polygons cover together.

        Raises:
            InputError: a ring crosses itself, has no area, goes around both poles or lies outside
                the range of degrees; a hole is not inside its outline; or there is no ring.
        """
        import shapely

        shapes = [_subtract(part) for part in parts]
        if not shapes:
            raise InputError("there is no polygon: give three corners or more")
        shape = shapely.union_all(shapes)
        shapely.prepare(shape)
        shapely.intersects_xy(shape, 0, 0)  # builds its index now: threads share it
        return cls(shape)

    @classmethod
    def drawn(cls, corners: ArrayLike, *, most: int) -> "Region":
        """Return the region that was drawn on a map, simplified until its text fits.

        Args:
            corners: longitude and latitude of each, (n, 2), in the order in which they were drawn.
                Longitudes go on beyond 180, so that edges go as they were drawn.
            most: characters of its text.

        Raises:
            InputError: as for `of_parts`.
        """
        import shapely

        ring = shapely.LinearRing(_checked(np.asarray(corners, np.float64).reshape(-1, 2)))
        fine = shapely.get_coordinates(shapely.segmentize(ring, LONGEST_EDGE))[:-1]
        return cls.of_parts([[fine]]).simplified(most)

    def contains(self, longitude: Degrees, latitude: Degrees) -> Mask:
        """Return whether points lie in the region or on its border, (n,); False for NaN.

        Args:
            longitude: -180 to 180, (n,).
            latitude: (n,).
        """
        import shapely

        west, south, east, north = self.shape.bounds
        inside = (longitude >= west) & (longitude <= east)
        inside &= (latitude >= south) & (latitude <= north)
        inside[inside] = shapely.intersects_xy(self.shape, longitude[inside], latitude[inside])
        seam = np.abs(longitude) == 180  # one meridian of two names
        inside[seam] |= shapely.intersects_xy(self.shape, -longitude[seam], latitude[seam])
        return np.asarray(inside)

    def overlaps(self, footprints: "pd.Series[str]") -> Mask:
        """Return whether footprints and the region share a point, (n,); False for those unknown.

        Args:
            footprints: as `rsh.data.places.footprint` writes them, (n,).
        """
        import shapely

        found = np.zeros(len(footprints), dtype=bool)
        for start in range(0, len(footprints), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            found[part] = shapely.intersects(self.shape, read_areas(footprints.iloc[part]))
        return found

    @property
    def num_corners(self) -> int:
        """How many corners all rings have together."""
        return sum(len(ring) for part in self.parts for ring in part)

    @property
    def parts(self) -> list[list[Ring]]:
        """The outlines, each with its holes, on a grid of seven decimals, without slivers."""
        import shapely

        rounded = shapely.normalize(shapely.set_precision(self.shape, 10.0**-DECIMALS))
        fine = shapely.segmentize(shapely.orient_polygons(rounded), LONGEST_EDGE)
        rings = [
            [part.exterior, *filter(_has_area, part.interiors)]
            for part in shapely.get_parts(fine).tolist()
            if _has_area(part.exterior)
        ]
        return [[shapely.get_coordinates(ring)[:-1] for ring in part] for part in rings]

    def to_text(self) -> str:
        """Return the region as `read_region` reads it, with seven decimals."""
        return PART.join(HOLE.join(map(_ring_text, part)) for part in self.parts)

    def simplified(self, most: int) -> "Region":
        """Return a region whose text has at most so many characters.

        Corners are left out until it does (Douglas-Peucker), and the smallest parts, if need be.

        Raises:
            InputError: not even a triangle fits.
        """
        import shapely

        if len(self.to_text()) <= most:
            return self
        west, south, east, north = self.shape.bounds
        tolerance = max(east - west, north - south) / 4096
        for _ in range(13):
            simple = shapely.simplify(self.shape, tolerance)
            parts = [
                [ring for ring in part if shapely.Polygon(ring).area > tolerance**2]
                for part in Region(simple).parts
            ]
            region = Region.of_parts([part for part in parts if part] or Region(simple).parts)
            if len(region.to_text()) <= most:
                return region
            tolerance *= 2
        raise InputError(f"the polygon does not fit into {most} characters: draw fewer corners")


@lru_cache(CACHED)
def read_region(text: str) -> Region:
    """Return the region that a text describes, see the module.

    Raises:
        InputError: the text cannot be read, or as for `Region.of_parts`.
    """
    return Region.of_parts(
        [[_read_ring(ring) for ring in part.split(HOLE)] for part in text.split(PART)]
    )


def _read_ring(text: str) -> Ring:
    words = [word.strip() for word in text.split(",")]
    wrong = next((word for word in words if not NUMBER.fullmatch(word)), None)
    if wrong is not None:
        raise InputError(
            f"{wrong!r} is not a number: write longitude and latitude of each corner in turn, such "
            "as 5,45,10,45,10,50"
        )
    if len(words) % 2:
        raise InputError(
            f"a ring has {len(words)} numbers: write longitude and latitude of each corner in turn"
        )
    return np.array(words, np.float64).reshape(-1, 2)


def _ring_text(ring: Ring) -> str:
    numbers = ring.round(DECIMALS) + 0.0  # no -0
    return ",".join(f"{number:.{DECIMALS}f}".rstrip("0").rstrip(".") for number in numbers.ravel())


def _has_area(ring: Any) -> bool:
    import shapely

    return bool(shapely.Polygon(ring).area >= MIN_AREA)


def _subtract(part: Part) -> Any:
    """Return an outline without its holes as a shape within -180 to 180."""
    import shapely

    outline, *holes = map(_shape, part)
    for hole in holes:
        if hole.difference(outline).area > MIN_AREA:
            x, y = hole.difference(outline).representative_point().coords[0]
            raise InputError(
                f"a hole lies outside its outline at {x:g},{y:g}: begin another part with {PART}, "
                "or move its corners inside"
            )
    return outline.difference(shapely.union_all(holes)) if holes else outline


def _shape(ring: Ring) -> Any:
    """Return a ring as a shape within -180 to 180, cut at the 180th meridian."""
    import shapely

    corners = _around(_checked(ring))
    polygon = shapely.Polygon(corners)
    if polygon.convex_hull.area < MIN_AREA:
        raise InputError("a polygon has no area: give corners that are not on one line")
    if not polygon.is_valid:
        reason, _, place = shapely.is_valid_reason(polygon).rstrip("]").partition("[")
        where = f" at {','.join(place.split())}" if place else ""
        raise InputError(
            f"a polygon crosses or touches itself{where} ({reason.lower()}): put its corners in "
            "order"
        )
    turns = range(
        int(np.floor((corners[:, 0].min() + 180) / 360)),
        int(np.ceil((corners[:, 0].max() + 180) / 360)),
    )
    moved = [shapely.transform(polygon, lambda xy, by=360 * turn: xy - [by, 0]) for turn in turns]
    earth = shapely.box(-180, -90, 180, 90)
    return shapely.union_all([_areas(each.intersection(earth)) for each in moved])


def _areas(shape: Any) -> Any:
    """Return the areas of a shape, without the lines along which it was cut."""
    import shapely

    parts = shapely.get_parts(shape)
    return shapely.multipolygons(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])


def _checked(ring: Ring) -> Ring:
    """Return the corners of a ring, each once."""
    closed = np.concatenate([ring, ring[:1]])
    corners = ring[(np.diff(closed, axis=0) != 0).any(axis=1)]
    if len(np.unique(corners, axis=0)) < 3:
        raise InputError(
            f"a polygon has {len(np.unique(ring, axis=0))} different corners: give three or more"
        )
    outside = ~((np.abs(corners) <= [360, 90]).all(axis=1))  # also NaN
    if outside.any():
        x, y = corners[outside][0]
        raise InputError(
            f"the corner {x:g},{y:g} is outside -360 to 360 degrees of longitude or -90 to 90 of "
            "latitude: give the longitude first, in degrees"
        )
    return np.asarray(corners)


def _around(corners: Ring) -> Ring:
    """Return the corners with longitudes that go on beyond 180, closed over a pole if need be."""
    longitude, latitude = spread_poles(*corners.T)
    ends = np.roll(longitude, -1)
    steps = ends - longitude
    long = (np.abs(steps) > 180) & (np.abs(steps) < 360)
    steps = np.where(long, wrap(steps), steps)
    total = steps.sum()
    x = longitude[0] + np.concatenate([[0], np.cumsum(steps)])  # the first corner again
    y = np.append(latitude, latitude[0])
    if np.ptp(x) > 360 + NEAR_POLE:
        raise InputError("a polygon is wider than the Earth: give at most 360 degrees of longitude")
    if abs(total) < 180:
        _tell_shorter_way(longitude[long], ends[long])
        return np.stack([x, y], axis=1)[:-1]
    pole = _pole(latitude)
    return np.stack([np.append(x, [x[-1], x[0]]), np.append(y, [pole, pole])], axis=1)


def _tell_shorter_way(starts: Degrees, ends: Degrees) -> None:
    """Note which edge crosses the 180th meridian, unless it begins or ends there."""
    unclear = (np.abs(starts) != 180) & (np.abs(ends) != 180)
    if unclear.any():
        start, end = starts[unclear][0], ends[unclear][0]
        warnings.warn(
            f"the edge of a polygon from {start:g} to {end:g} degrees takes the shorter way, "
            "across the 180th meridian: put a corner between them if it goes the other way",
            RshWarning,
            stacklevel=2,
        )


def _pole(latitude: Degrees) -> float:
    """Return the latitude of the pole that a ring around the Earth encloses."""
    is_north = latitude.max() > 0
    if is_north == (latitude.min() < 0):
        raise InputError(
            "a polygon goes around the Earth on both sides of the equator, so it encloses either "
            "pole: begin and end it at the 180th meridian, and close it over one of them, such as "
            "with the corners 180,90 and -180,90"
        )
    return 90.0 if is_north else -90.0
