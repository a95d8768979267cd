"""Coordinate systems as users state them, and coordinates that cannot be in them."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rsh.errors import InputError

if TYPE_CHECKING:
    from pyproj import CRS

STATE_SYSTEM = "state the coordinate system that they are in"


def read_crs(text: str) -> "CRS":
    """Return the coordinate system that a user names, such as EPSG:32633.

    Raises:
        InputError: there is none of this name.
    """
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return CRS.from_user_input(text)
    except CRSError:
        raise InputError(
            "no known coordinate system: give a code such as EPSG:4326", parameter="crs", value=text
        ) from None


def check_extents(
    extents: NDArray[np.float64], lost: Any, crs: "CRS", where: str, hint: str
) -> None:
    """Raise InputError if geometries cannot be in the coordinate system that is stated.

    Every geometry is within the range of degrees, but the system counts in meters or feet: a data
    set of a few hundred meters around the origin of a projection is rarer than one whose system is
    stated wrongly, and the origin lies at sea or outside of most systems' areas. Systems that count
    in kilometers are left alone. The reverse, meters as degrees, shows in each single geometry.

    Args:
        extents: x and y from, x and y to; NaN for none, (n, 4).
        lost: which have no place on Earth, (n,) bool.
        crs: the system.
        where: name of the table in error messages.
        hint: how to fix it.
    """
    known = ~np.isnan(extents).any(axis=1)
    far = np.abs(extents)
    if not known.any():
        return
    unit = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0
    in_degrees = (far[known] <= [360, 90, 360, 90]).all()
    if not crs.is_geographic and unit <= 1 and in_degrees:
        x, y = extents[known][0, :2]
        raise InputError(
            f"{where} has coordinates in degrees, such as {x:g} {y:g}, but its system is "
            f"{crs.name}: {hint}"
        )
    wrong = known & lost & (crs.is_geographic or lost[known].all())
    if crs.is_geographic:
        wrong |= known & ((extents[:, 0] > 360) | (extents[:, 2] < -360))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        x, y = extents[row, :2]
        raise InputError(
            f"{where} has coordinates outside {crs.name}, such as {x:g} {y:g} in row {row}: {hint}"
        )
