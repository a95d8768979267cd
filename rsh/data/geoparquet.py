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

from rsh.data.crs import STATE_SYSTEM, check_extents, read_crs
from rsh.data.label_sets import join_labels
from rsh.data.outlines import centers
from rsh.data.places import LONGITUDE_LATITUDE, outline, to_degrees
from rsh.errors import InputError, RshWarning
from rsh.labels import SEVERAL
from rsh.text import first_sentence

if TYPE_CHECKING:
    from pyproj import CRS

MAX_COLUMNS = 1000
MAX_EXACT, EXACT_DIGITS = 2**53, 15  # of whole numbers and decimals as 64-bit floats
GEOMETRIES = 1 << 14  # that are read at once
ROWS_PER_TILE = 100  # a table may describe many other tiles, but a small file can claim any number

Columns = dict[str, pd.Series]


def read_parquet(
    content: bytes, tiles: int, where: str, *, crs: str | None = None
) -> tuple[Columns, Columns]:
    """Return the flat columns of a table, and the places that its geometries state.

    Args:
        content: of the file.
        tiles: how many tiles it is to describe.
        where: name of the table in error messages.
        crs: see `read_columns`.

    Raises:
        InputError: it is no such table, is too large, or its geometries cannot be brought to
            longitude and latitude.
    """
    with reading(where):
        file = pq.ParquetFile(io.BytesIO(content))
        most = ROWS_PER_TILE * max(tiles, 1000)
        if file.metadata.num_rows > most:
            raise InputError(f"{where} has more than {most:,} rows: keep those of the tiles")
        return read_columns(file, where, crs=crs)


def read_columns(
    file: pq.ParquetFile, where: str, *, apart: Collection[str] = (), crs: str | None = None
) -> tuple[Columns, Columns]:
    """Return the flat columns of an open table, and the places that its geometries state.

    Whole and decimal numbers stay numbers, as far as a 64-bit float is exact; dates, booleans and
    all others become texts. Columns of lists and structures are left out, but for lists of texts in
    the column `labels`, which become texts with semicolons between labels. Geometries become
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
    columns = {
        name: _joined(table[name], where) if _is_list(table[name].type) else _plain(table[name])
        for name in table.column_names
    }
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
        is_labels = field.name == SEVERAL and _is_list(kind) and _may_name(kind.value_type)
        is_single = not pa.types.is_nested(kind) and (not is_bytes or field.name == geometry)
        if field.name not in apart:
            (flat if is_single or is_labels else others).append(field.name)
    return flat, [name for name in others if name not in ("bbox", geometry)]


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _may_name(kind: pa.DataType) -> bool:
    """Whether values of this type may be labels: texts or whole numbers."""
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return bool(is_text or pa.types.is_integer(kind))


def _joined(column: pa.ChunkedArray, where: str) -> pd.Series:
    """Return lists of labels as texts."""
    texts = [join_labels(names, where) for names in column.to_pylist()]
    return pd.Series(texts, dtype="string")


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
        crs = read_crs(instead)
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
        x, y = centers(shapes, is_degrees=crs.is_geographic)
        longitude, latitude = to_degrees(crs, x, y)
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
