"""Tables in Parquet and GeoParquet, as columns of numbers and texts.

Source: https://geoparquet.org/releases/v1.1.0/
"""

import io
import json
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rsh.data.places import LONGITUDE_LATITUDE, outline, to_degrees
from rsh.errors import InputError, RshWarning
from rsh.text import first_sentence

if TYPE_CHECKING:
    from pyproj import CRS

MAX_COLUMNS = 1000
MAX_EXACT, EXACT_DIGITS = 2**53, 15  # of whole numbers and decimals as 64-bit floats
ROWS_PER_TILE = 100  # a table may describe many other tiles, but a small file can claim any number


def read_parquet(content: bytes, tiles: int, where: str) -> pd.DataFrame:
    """Return the flat columns of a table, and the places that its geometries state.

    Whole and decimal numbers stay numbers, as far as a 64-bit float is exact; dates, booleans and
    all others become texts. Columns of lists and structures are left out. Geometries become
    longitude, latitude and, for polygons, footprint.

    Args:
        content: of the file.
        tiles: how many tiles it is to describe.
        where: name of the table in error messages.

    Raises:
        InputError: it is no such table, is too large, or its geometries cannot be brought to
            longitude and latitude.
    """
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        most = ROWS_PER_TILE * max(tiles, 1000)
        if file.metadata.num_rows > most or len(file.schema_arrow) > MAX_COLUMNS:
            raise InputError(f"{where} has more than {most:,} rows or {MAX_COLUMNS} columns")
        about = json.loads((file.schema_arrow.metadata or {}).get(b"geo", b"null"))
        names, left_out = _flat(file.schema_arrow, about)
        table = file.read(columns=names)
    except (pa.ArrowException, OSError, ValueError, MemoryError, RecursionError) as error:
        raise InputError(f"{where} is no table ({first_sentence(error)}): save it again") from None
    if left_out:
        warnings.warn(
            f"{where}: left out the columns {', '.join(left_out)}, which hold lists or bytes",
            RshWarning,
            stacklevel=2,
        )
    geometry = about.get("primary_column") if isinstance(about, dict) else None
    columns = {name: _plain(table[name]) for name in names if name != geometry}
    if geometry is not None:
        facts = about.get("columns", {}).get(geometry, {})
        if geometry not in names or facts.get("encoding", "WKB") != "WKB":
            raise InputError(f"{where} has no geometries as WKB: save them so")
        crs = _crs(facts, where)
        places = _places(table[geometry].to_numpy(zero_copy_only=False), crs, where)
        columns = places | columns
    return pd.DataFrame(columns)


def _flat(schema: pa.Schema, about: Any) -> tuple[list[str], list[str]]:
    """Return the names of columns of single values, and of the others.

    Raises:
        ValueError: two columns have one name.
    """
    if len(set(schema.names)) < len(schema):
        raise ValueError("two columns have one name")
    geometry = about.get("primary_column") if isinstance(about, dict) else None
    flat: list[str] = []
    others: list[str] = []
    for field in schema:
        kind = getattr(field.type, "storage_type", field.type)
        is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
        is_single = not pa.types.is_nested(kind) and (not is_bytes or field.name == geometry)
        (flat if is_single else others).append(field.name)
    return flat, [name for name in others if name not in ("bbox", geometry)]


def _plain(column: pa.ChunkedArray) -> pd.Series:
    """Return a column as numbers where they are exact, else as texts."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_floating(kind):
        return pd.Series(column.cast(pa.float64()).to_pandas())
    if pa.types.is_integer(kind):
        values = pd.Series(column.to_pandas())
        if not (values.abs() > MAX_EXACT).any():
            return values
    if pa.types.is_decimal(kind):
        texts = pd.Series(column.cast(pa.string()).to_pandas())
        if (texts.str.count(r"\d").fillna(0) <= EXACT_DIGITS).all():
            return texts.astype(float)
    return pd.Series(column.cast(pa.string()).to_pandas()).astype("string")


def _crs(about: Any, where: str) -> "CRS":
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    stated = about.get("crs", LONGITUDE_LATITUDE) if isinstance(about, dict) else LONGITUDE_LATITUDE
    if stated is None:
        raise InputError(
            f"{where} states no coordinate system: state it, such as with set_crs of GeoPandas"
        )
    try:
        return CRS.from_user_input(stated)
    except (CRSError, TypeError, ValueError):
        raise InputError(f"{where} states no known coordinate system: save it in another") from None


def _places(geometries: Any, crs: "CRS", where: str) -> dict[str, pd.Series]:
    """Return longitude and latitude of the middle of each geometry, and the footprints of areas."""
    import shapely

    try:
        shapes = shapely.from_wkb(geometries)
    except (shapely.errors.GEOSException, TypeError, ValueError) as error:
        raise InputError(
            f"{where} has a geometry that is no WKB ({first_sentence(error)}): save it again"
        ) from None
    middles = shapely.centroid(_unwrapped(shapes) if crs.is_geographic else shapes)
    middles = np.where(shapely.is_empty(middles), None, middles)
    longitude, latitude = to_degrees(crs, shapely.get_x(middles), shapely.get_y(middles))
    if np.isnan(longitude).all() and not shapely.is_missing(shapes).all():
        raise InputError(
            f"{where} has its geometries outside {crs.name}: state the system that they are in"
        )
    footprints = [outline(shape, crs) for shape in shapes]
    found = {"longitude": longitude.round(7), "latitude": latitude.round(7)}
    if any(footprints):
        found["footprint"] = np.array(footprints, dtype=object)
    return {name: pd.Series(values) for name, values in found.items()}


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
