"""Where the tiles of a table lie: longitude, latitude and footprint, from columns in any system.

    longitude, latitude          degrees, with any number of decimals
    x, y; or easting, northing   in the coordinate system that the user states
    footprint                    WKT in degrees, in that system, or in the one of SRID=32633; before
                                 it

Without longitude and latitude the center of the footprint is the place of a tile.
"""

import re
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.data.angles import read_angle
from rsh.data.crs import STATE_SYSTEM, check_extents, read_crs
from rsh.data.outlines import centers, read_areas
from rsh.data.places import outline, read_footprint, to_degrees, wrap
from rsh.errors import InputError, RshWarning

if TYPE_CHECKING:
    from pyproj import CRS

DEGREES = {"longitude": (-180, 360), "latitude": (-90, 90)}  # longitudes may begin at Greenwich
# Names under which tables elsewhere have these columns, in lower case.
OTHER_NAMES = {
    "longitude": ("longitude", "lon", "long", "lng", "x", "easting"),
    "latitude": ("latitude", "lat", "y", "northing"),
}
SRID = re.compile(r"\s*SRID=(\d+);", re.IGNORECASE)
DECIMALS = 7  # about a centimeter
Columns = dict[str, pd.Series]


def read_places(table: pd.DataFrame, where: str, crs: str = "", *, placed: bool = False) -> Columns:
    """Return longitude, latitude and footprint of the tiles of a table, as far as it tells.

    Args:
        table: one row a tile, with its id as the index.
        where: name of the table in error messages.
        crs: coordinate system of x, y and footprints, such as EPSG:32633; "" for none.
        placed: whether geometries tell the places already, so that x and y need not.

    Raises:
        InputError: a value is invalid or cannot be in its coordinate system, or nothing is in the
            one that is given.
    """
    system = read_crs(crs) if crs else None
    if set(DEGREES) <= set(table.columns):
        _check_swapped(table, where)
    found = {name: _degrees(table[name], limits, where) for name, limits in DEGREES.items()
             if name in table}  # fmt: skip
    if "footprint" in table:
        found["footprint"] = _footprints(table["footprint"], where, system)
    pair = {} if placed else _other_columns(table)
    if not (placed or set(DEGREES) & found.keys()):
        if system and len(pair) == 2:
            found |= _convert(table, pair, system, where)
        elif "footprint" in found:
            found |= _centers(found["footprint"])
    if crs and not (pair or "footprint" in found):
        raise InputError(
            f"{where} has no geometries, and no columns x, y or footprint, that could be in it: "
            "leave it out",
            parameter="crs",
            value=crs,
        )
    if not set(DEGREES) <= found.keys() and set(DEGREES) <= found.keys() | pair.keys():
        _tell_other_names(pair, where)
    _check_centers(found, where)
    return found


def _degrees(column: pd.Series, limits: tuple[int, int], where: str) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce").astype(np.float64)
    wrong = ~numbers.between(*limits) & column.notna()
    if wrong.any():
        path = column.index[wrong][0]
        _refuse_degrees(str(column[path]), column.name, path, limits, where)
    return pd.Series(wrap(numbers), index=column.index, name=column.name)


def _refuse_degrees(
    text: str, name: object, path: object, limits: tuple[int, int], where: str
) -> None:
    """Raise InputError for a longitude or latitude that is no number in range."""
    problem = f"{where} gives {path} the {name} {text}"
    angle = None if _is_number(text) else read_angle(text)
    if angle is not None and "," in text and _is_number(text.replace(",", ".")):
        raise InputError(f"{problem}: write {angle:g}, with a point")
    if angle is not None:
        raise InputError(
            f"{problem}: write {angle:.{DECIMALS}g}, which is degrees + minutes / 60 + seconds / "
            "3600, negative in the south and the west"
        )
    raise InputError(
        f"{problem}: write a number from {limits[0]} to {limits[1]}, or leave it empty"
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_swapped(table: pd.DataFrame, where: str) -> None:
    """Raise InputError if most latitudes can only be longitudes, and longitudes be latitudes."""
    numbers = table[list(DEGREES)].apply(pd.to_numeric, errors="coerce")
    longitude, latitude = (numbers[name] for name in DEGREES)
    beyond = latitude.abs() > 90
    are_longitudes = latitude.dropna().between(*DEGREES["longitude"]).all()
    are_latitudes = (longitude.abs().dropna() <= 90).all()
    if 2 * beyond.sum() > latitude.notna().sum() and are_longitudes and are_latitudes:
        path = table.index[beyond][0]
        raise InputError(
            f"{where} gives {path} the longitude {longitude[path]:g} and the latitude "
            f"{latitude[path]:g}, and all its longitudes may be latitudes: exchange the names of "
            "the two columns"
        )


def _footprints(column: pd.Series, where: str, system: "CRS | None") -> pd.Series:
    """Return footprints as WKT in degrees, counter-clockwise and cut at the antimeridian."""
    texts = column.fillna("").astype(str)
    codes = texts.str.extract(SRID, expand=False)
    codes = codes.mask(codes == "4326", "").where(codes.notna() | (texts == ""), "given")
    found = texts.copy()
    for code in codes.dropna().unique():
        rows = (codes == code).to_numpy()
        crs = system if code == "given" else read_crs(f"EPSG:{code}") if code else None
        if crs is None:
            found[rows] = texts[rows].map(read_footprint)
        else:
            found[rows] = pd.Series(_projected(texts[rows], crs, where), dtype=object).to_numpy()
    if found.isna().any():
        path = column.index[found.isna()][0]
        raise InputError(
            f"{where} gives {path} the footprint {texts[path][:40]}: write POLYGON ((longitude "
            "latitude, ...)) in degrees, the last point equal to the first, or leave it empty"
        )
    return found


def _projected(texts: pd.Series, crs: "CRS", where: str) -> list[str | None]:
    """Return footprints in a coordinate system as WKT in degrees; None for what is no polygon."""
    import shapely

    shapes = read_areas(texts.str.replace(SRID, "", regex=True))
    extents = shapely.bounds(shapes).reshape(-1, 4)
    longitude, _ = to_degrees(crs, *extents[:, :2].T)
    hint = f"{STATE_SYSTEM}, such as by SRID=4326; before footprints in degrees"
    check_extents(extents, np.isnan(longitude), crs, f"{where}, in its footprints,", hint)
    return [text or None for text in outline(shapes, crs)]


def _other_columns(table: pd.DataFrame) -> dict[str, str]:
    """Return other columns that may be the longitude or the latitude, where these are missing."""
    return {
        name: str(other)
        for name, others in OTHER_NAMES.items()
        for other in reversed(table.columns)
        if name not in table and str(other).lower() in others and _has_numbers(table[other])
    }


def _has_numbers(column: pd.Series) -> bool:
    return bool(pd.to_numeric(column, errors="coerce").notna().any())


def _convert(table: pd.DataFrame, pair: dict[str, str], crs: "CRS", where: str) -> Columns:
    """Return longitude and latitude of the columns x and y."""
    x, y = (pd.to_numeric(table[pair[name]], errors="coerce").to_numpy(np.float64)
            for name in DEGREES)  # fmt: skip
    names = " and ".join(pair.values())
    bad = (np.isnan(x) & table[pair["longitude"]].notna()) | (
        np.isnan(y) & table[pair["latitude"]].notna()
    )
    if bad.any():
        path = table.index[bad][0]
        raise InputError(
            f"{where} gives {path} no number in {names}: write numbers, or leave both empty"
        )
    longitude, latitude = to_degrees(crs, x, y)
    hint = "give the system of these columns with --crs"
    check_extents(np.stack([x, y, x, y], axis=1), np.isnan(longitude), crs, where, hint)
    places = {"longitude": longitude, "latitude": latitude}
    return {
        name: pd.Series(values.round(DECIMALS), index=table.index)
        for name, values in places.items()
    }


def _centers(footprints: pd.Series) -> Columns:
    """Return longitude and latitude of the middle of each footprint."""
    x, y = centers(read_areas(footprints))
    places = {"longitude": wrap(x), "latitude": y}
    return {
        name: pd.Series(values.round(DECIMALS), index=footprints.index)
        for name, values in places.items()
    }


def _check_centers(found: Columns, where: str) -> None:
    """Refuse places that are swapped by their footprints, and tell of those far outside.

    A place is far outside if it is farther from the box around its footprint than the box is wide
    or high.
    """
    import shapely

    if not {*DEGREES, "footprint"} <= found.keys():
        return
    west, south, east, north = shapely.bounds(read_areas(found["footprint"])).reshape(-1, 4).T
    longitude, latitude = (found[name].to_numpy() for name in DEGREES)

    def near(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        beside = (x >= 2 * west - east) & (x <= 2 * east - west)
        return np.asarray(beside & (y >= 2 * south - north) & (y <= 2 * north - south))

    known = np.isfinite(longitude) & np.isfinite(latitude) & np.isfinite(west)
    outside = known & ~near(longitude, latitude)
    if not outside.any():
        return
    row = int(np.argmax(outside))
    path = found["longitude"].index[row]
    place = f"{longitude[row]:g}, latitude {latitude[row]:g}"
    if (outside == known).all() and near(latitude, longitude)[known].all():
        raise InputError(
            f"{where} gives {path} the longitude {place}, and a footprint that lies there if the "
            "two are exchanged: exchange the names of the two columns"
        )
    warnings.warn(
        f"{where} gives {path} the longitude {place}, far outside its footprint: filters by box "
        "or polygon take the former, maps both",
        RshWarning,
        stacklevel=4,
    )


def _tell_other_names(pair: dict[str, str], where: str) -> None:
    """Note columns that would be used if they had the usual names, or a coordinate system."""
    if pair:
        others, names = " and ".join(pair.values()), " and ".join(pair)
        is_one = len(pair) == 1
        kept, them = (f"column {others} is", "it") if is_one else (f"columns {others} are", "them")
        or_else = "" if is_one else ", or give their --crs, such as EPSG:4326,"
        warnings.warn(
            f"{where}: the {kept} kept for filters alone; rename {them} to {names}{or_else} to use "
            f"{them} as places",
            RshWarning,
            stacklevel=4,
        )
