"""Tables in Parquet and GeoParquet, as columns of numbers and texts.

Source: https://geoparquet.org/releases/v1.1.0/
"""

import io
import json
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rsh.data.places import LONGITUDE_LATITUDE, outline, to_degrees
from rsh.errors import InputError, RshWarning
from rsh.text import first_sentence

if TYPE_CHECKING:
    from pyproj import CRS

MAX_COLUMNS = 1000
MAX_EXACT, EXACT_DIGITS = 2**53, 15  # of whole numbers and decimals as 64-bit floats
STATE_SYSTEM = "state the coordinate system that they are in"
GEOMETRIES = 1 << 14  # that are read at once
ROWS_PER_TILE = 100  # a table may describe many other tiles, but a small file can claim any number

Columns = dict[str, pd.Series]


def read_parquet(content: bytes, tiles: int, where: str) -> pd.DataFrame:
    """Return the flat columns of a table, and the places that its geometries state.

    Args:
        content: of the file.
        tiles: how many tiles it is to describe.
        where: name of the table in error messages.

    Raises:
        InputError: it is no such table, is too large, or its geometries cannot be brought to
            longitude and latitude.
    """
    with reading(where):
        file = pq.ParquetFile(io.BytesIO(content))
        most = ROWS_PER_TILE * max(tiles, 1000)
        if file.metadata.num_rows > most:
            raise InputError(f"{where} has more than {most:,} rows: keep those of the tiles")
        columns, places = read_columns(file, where)
    return pd.DataFrame(places | columns)


def read_columns(
    file: pq.ParquetFile, where: str, *, apart: Collection[str] = (), crs: str | None = None
) -> tuple[Columns, Columns]:
    """Return the flat columns of an open table, and the places that its geometries state.

    Whole and decimal numbers stay numbers, as far as a 64-bit float is exact; dates, booleans and
    all others become texts. Columns of lists and structures are left out. Geometries become
    longitude, latitude and, for polygons, footprint.

    Args:
        file: the table.
        where: its name in error messages.
        apart: columns that are not read here.
        crs: replaces the coordinate system that the table states, if it is neither empty nor None;
            None where no user can give one.

    Raises:
        InputError: the table is too wide, or its geometries cannot be brought to longitude and
            latitude.
    """
    schema = file.schema_arrow
    geometry, facts = _geometry(schema, crs)
    names, left_out = _flat(schema, geometry, apart)
    if len(names) > MAX_COLUMNS:
        raise InputError(f"{where} has more than {MAX_COLUMNS} columns: remove some")
    if left_out:
        warnings.warn(
            f"{where}: left out the columns {', '.join(left_out)}, which hold lists or bytes",
            RshWarning,
            stacklevel=3,
        )
    table = file.read(columns=[name for name in names if name != geometry])
    columns = {name: _plain(table[name]) for name in table.column_names}
    if geometry is None:
        return columns, {}
    _check_geometry(geometry, names, facts, where)
    system = _crs(facts, crs, where)
    hint = (
        STATE_SYSTEM if crs is None else f"{STATE_SYSTEM}, or give it with --crs, such as EPSG:4326"
    )
    return columns, _places(file, geometry, system, where, hint)


def read_shapes(file: pq.ParquetFile, where: str) -> tuple[list[Any], "CRS"]:
    """Return the geometries of an open table as shapely has them, and their coordinate system.

    Args:
        file: the table.
        where: its name in error messages.

    Raises:
        InputError: the table has no geometries as WKB, or states no known coordinate system.
    """
    schema = file.schema_arrow
    geometry, facts = _geometry(schema, None)
    if geometry is None:
        raise InputError(f"{where} has no geometries: save it as GeoParquet")
    _check_geometry(geometry, schema.names, facts, where)
    crs = _crs(facts, None, where)
    return [shape for batch in _shape_batches(file, geometry, where) for shape in batch], crs


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn what is raised for a damaged table into an InputError that names the table."""
    try:
        yield
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError, MemoryError, RecursionError) as error:
        raise InputError(f"{where} is no table ({first_sentence(error)}): save it again") from None


def _geometry(schema: pa.Schema, crs: str | None) -> tuple[str | None, dict[str, Any]]:
    """Return the name of the column of geometries, or None, and what the table states of it."""
    about = json.loads((schema.metadata or {}).get(b"geo", b"null"))
    if not isinstance(about, dict) or "primary_column" not in about:
        return ("geometry" if crs and "geometry" in schema.names else None), {}
    columns, name = about.get("columns"), about["primary_column"]
    facts = columns.get(name) if isinstance(columns, dict) else None
    return name, facts if isinstance(facts, dict) else {}


def _check_geometry(geometry: str, names: list[str], facts: dict[str, Any], where: str) -> None:
    if geometry not in names or facts.get("encoding", "WKB") != "WKB":
        raise InputError(f"{where} has no geometries as WKB: save them so")


def _flat(
    schema: pa.Schema, geometry: str | None, apart: Collection[str]
) -> tuple[list[str], list[str]]:
    """Return the names of columns of single values, and of the others, without those apart.

    Raises:
        ValueError: two columns have one name.
    """
    if len(set(schema.names)) < len(schema):
        raise ValueError("two columns have one name")
    flat: list[str] = []
    others: list[str] = []
    for field in schema:
        kind = getattr(field.type, "storage_type", field.type)
        is_bytes = (
            pa.types.is_binary(kind)
            or pa.types.is_large_binary(kind)
            or pa.types.is_fixed_size_binary(kind)
        )
        is_single = not pa.types.is_nested(kind) and (not is_bytes or field.name == geometry)
        if field.name not in apart:
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


def _crs(facts: dict[str, Any], instead: str | None, where: str) -> "CRS":
    """Return the coordinate system that a table states, or the one that replaces it."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    stated = facts.get("crs", LONGITUDE_LATITUDE)
    if instead:
        try:
            crs = CRS.from_user_input(instead)
        except CRSError:
            raise InputError(
                "no known coordinate system: give a code such as EPSG:4326",
                parameter="crs",
                value=instead,
            ) from None
        with suppress(CRSError, TypeError, ValueError):
            if stated is not None and not CRS.from_user_input(stated).equals(crs, True):
                warnings.warn(
                    f"{where}: its geometries are read in {instead}, not in "
                    f"{CRS.from_user_input(stated).name}, which it states",
                    RshWarning,
                    stacklevel=4,
                )
        return crs
    if stated is None:
        raise InputError(
            f"{where} states no coordinate system: state it, such as with set_crs of GeoPandas"
            + (", or give it with --crs, such as EPSG:4326" if instead is not None else "")
        )
    try:
        return CRS.from_user_input(stated)
    except (CRSError, TypeError, ValueError):
        raise InputError(f"{where} states no known coordinate system: save it in another") from None


def _places(file: pq.ParquetFile, geometry: str, crs: "CRS", where: str, hint: str) -> Columns:
    """Return longitude and latitude of the middle of each geometry, and the footprints of areas."""
    import shapely

    longitudes, latitudes, extents = [np.empty(0)], [np.empty(0)], [np.empty((0, 4))]
    footprints = []
    for shapes in _shape_batches(file, geometry, where):
        middles = shapely.centroid(_unwrapped(shapes) if crs.is_geographic else shapes)
        middles = np.where(shapely.is_empty(middles), None, middles)
        longitude, latitude = to_degrees(crs, shapely.get_x(middles), shapely.get_y(middles))
        longitudes.append(longitude)
        latitudes.append(latitude)
        footprints.append(pd.Series(outline(shapes, crs), dtype="string"))  # half of Python's size
        extents.append(shapely.bounds(shapes))
    longitude, latitude = np.concatenate(longitudes), np.concatenate(latitudes)
    check_extents(np.concatenate(extents), np.isnan(longitude), crs, where, hint)
    places = {"longitude": pd.Series(longitude.round(7)), "latitude": pd.Series(latitude.round(7))}
    if any((part != "").any() for part in footprints):
        places["footprint"] = pd.concat(footprints, ignore_index=True)
    return places


def _shape_batches(file: pq.ParquetFile, geometry: str, where: str) -> Iterator[NDArray[Any]]:
    """Yield the geometries of some rows at a time as shapely has them."""
    import shapely

    for batch in file.iter_batches(columns=[geometry], batch_size=GEOMETRIES):
        column = batch.column(0)
        values = getattr(column, "storage", column).to_numpy(zero_copy_only=False)
        try:
            yield shapely.from_wkb(values)
        except (shapely.errors.GEOSException, TypeError, ValueError) as error:
            raise InputError(
                f"{where} has a geometry that is no WKB ({first_sentence(error)}): save it again"
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
            f"{where} has geometries outside {crs.name}, such as {x:g} {y:g} in row {row}: {hint}"
        )


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
