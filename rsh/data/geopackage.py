"""GeoPackage: a layer of tiles with geometries in one SQLite database, written and read.

Written by hand since GDAL's writer (pyogrio) is 107 MB, and a second GDAL beside that of rasterio.
Source: OGC 12-128r19, GeoPackage 1.4, https://www.geopackage.org/spec140/
"""

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rsh.data.geotable import GeoTable, unique_names
from rsh.errors import InputError
from rsh.io.files import CANNOT_WRITE_HINT, atomic_path
from rsh.text import first_sentence, plural

if TYPE_CHECKING:
    from pyproj import CRS

APPLICATION_ID, VERSION = 0x47504B47, 10400  # "GPKG", 1.4
SRS = 4326
KEY, GEOMETRY = "fid", "geom"
LITTLE_ENDIAN, ENVELOPE = 1, 1 << 1  # flags of a geometry's header; x and y of the envelope
SHORT_HEADER, HEADER = struct.Struct("<2sBBi"), struct.Struct("<2sBBi4d")
ENVELOPE_BYTES = (0, 32, 48, 48, 64)  # by the number in the flags
MULTIPOLYGON = "MULTIPOLYGON"
WKB_POINT, WKB_POLYGON, WKB_MULTIPOLYGON = 1, 3, 6
ONE_POLYGON = struct.pack("<BII", 1, WKB_MULTIPOLYGON, 1)  # what makes one polygon a multipolygon
WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,'
    'AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,'
    'AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],'
    'AXIS["Latitude",NORTH],AXIS["Longitude",EAST],AUTHORITY["EPSG","4326"]]'
)
TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (
  srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (
  table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '',
  last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
  CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_extensions (
  table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
  scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
"""
# What keeps the spatial index right when another program changes the layer: annex F.3. Their ends
# are the numbers of the specification.
CHANGED, SAME, MOVED = "UPDATE OF geom", "OLD.fid = NEW.fid", "OLD.fid != NEW.fid"
FULL = "(NEW.geom NOTNULL AND NOT ST_IsEmpty(NEW.geom))"
VOID = "(NEW.geom ISNULL OR ST_IsEmpty(NEW.geom))"
WAS_FULL, WAS_VOID = FULL.replace("NEW", "OLD"), VOID.replace("NEW", "OLD")
BOX = "ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom)"
PUT = f"INSERT OR REPLACE INTO {{index}} VALUES (NEW.fid, {BOX});"
SET = f"UPDATE {{index}} SET (minx, maxx, miny, maxy) = ({BOX}) WHERE id = NEW.fid;"
DROP = "DELETE FROM {index} WHERE id = OLD.fid;"
TRIGGERS = {
    "insert": ("INSERT", FULL, PUT),
    "update2": ("UPDATE", f"{SAME} AND {VOID}", DROP),
    "update4": (
        "UPDATE",
        f"{MOVED} AND {VOID}",
        "DELETE FROM {index} WHERE id IN (OLD.fid, NEW.fid);",
    ),
    "update5": ("UPDATE", f"{MOVED} AND {FULL}", f"{DROP} {PUT}"),
    "update6": (CHANGED, f"{SAME} AND {FULL} AND {WAS_FULL}", SET),
    "update7": (CHANGED, f"{SAME} AND {FULL} AND {WAS_VOID}", PUT),
    "delete": ("DELETE", "OLD.geom NOTNULL", DROP),
}


def write_geopackage(table: GeoTable, file: Path, *, layer: str = "tiles") -> None:
    """Write a table as the only layer of a new GeoPackage, whole or not at all.

    Args:
        table: the tiles.
        file: is replaced if it exists.
        layer: name of the layer: letters, digits and underscores.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic_path(file) as temporary:
        try:
            with closing(sqlite3.connect(temporary)) as database:
                _fill(database, table, layer)
        except sqlite3.Error as error:  # such as a full disk
            raise InputError(f"cannot write {file}: {error}; {CANNOT_WRITE_HINT}") from None


def geopackage_bytes(table: GeoTable, *, layer: str = "tiles") -> bytes:
    """Return the file that `write_geopackage` writes."""
    with closing(sqlite3.connect(":memory:")) as database:
        _fill(database, table, layer)
        return database.serialize()


def _fill(database: sqlite3.Connection, table: GeoTable, layer: str) -> None:
    """Write everything into an empty database."""
    names = unique_names(table.columns.column_names, taken=(KEY, GEOMETRY))
    types = [_sql_type(column) for column in table.columns.columns]
    database.executescript(
        f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + TABLES
    )
    database.executemany(
        "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)",
        [
            ("Undefined cartesian", -1, "NONE", -1, "undefined", None),
            ("Undefined geographic", 0, "NONE", 0, "undefined", None),
            ("WGS 84 geodetic", SRS, "EPSG", SRS, WGS84, "longitude and latitude, degrees"),
        ],
    )
    database.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, min_x, min_y, max_x, max_y, "
        "srs_id) VALUES (?, 'features', ?, ?, ?, ?, ?, ?)",
        (layer, layer, *(table.bounds or (None,) * 4), SRS),
    )
    kind = _geometry_type(table.kinds)
    database.execute(
        "INSERT INTO gpkg_geometry_columns VALUES (?, ?, ?, ?, 0, 0)", (layer, GEOMETRY, kind, SRS)
    )
    columns = "".join(
        f", {_quoted(name)} {type_}" for name, type_ in zip(names, types, strict=True)
    )
    database.execute(
        f"CREATE TABLE {layer} ({KEY} INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "
        f"{GEOMETRY} {kind}{columns})"
    )
    places = ", ".join("?" * (2 + len(names)))
    database.executemany(
        f"INSERT INTO {layer} VALUES ({places})", _rows(table, types, multi=kind == MULTIPOLYGON)
    )
    _add_index(database, table, layer)
    database.commit()


def _geometry_type(kinds: tuple[str, ...]) -> str:
    """Return the type of a layer: with a single one, programs show it as one layer."""
    if kinds == ("MultiPolygon", "Polygon"):
        return MULTIPOLYGON
    return kinds[0].upper() if len(kinds) == 1 else "GEOMETRY"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""').replace("\0", "") + '"'


def _sql_type(column: pa.ChunkedArray) -> str:
    """Return the type of a column in a GeoPackage."""
    kind = column.type
    if pa.types.is_boolean(kind):
        return "BOOLEAN"
    if pa.types.is_integer(kind):
        most = pc.max(column).as_py()
        return "INTEGER" if most is None or most < 1 << 63 else "TEXT"
    if pa.types.is_floating(kind):
        return "DOUBLE"
    if pa.types.is_date(kind):
        return "DATE"
    return "DATETIME" if pa.types.is_timestamp(kind) and kind.tz else "TEXT"


def _values(column: pa.ChunkedArray, type_: str) -> list[object]:
    """Return the values of a column as SQLite keeps them."""
    if type_ == "DATETIME":
        column = pc.strftime(column.cast(pa.timestamp("ms", "UTC")), "%Y-%m-%dT%H:%M:%SZ")
    elif type_ in ("DATE", "TEXT"):
        column = column.cast(pa.string())
    return list(column.to_pylist())


def _rows(table: GeoTable, types: list[str], *, multi: bool) -> Iterator[tuple[object, ...]]:
    """Yield key, geometry and values of each row."""
    key = 0
    for columns, shapes, extents in table.batches():
        values = [_values(*pair) for pair in zip(columns.columns, types, strict=True)]
        geometries = map(partial(_geometry, multi=multi), shapes, extents.tolist())
        for geometry, *row in zip(geometries, *values, strict=True):
            key += 1
            yield key, geometry, *row


def _geometry(wkb: bytes | None, extent: list[float], *, multi: bool) -> bytes | None:
    """Return a geometry with the header of a GeoPackage, which has the envelope of an area."""
    if wkb is None:
        return None
    kind = int.from_bytes(wkb[1:5], "little")
    if kind == WKB_POINT:
        return SHORT_HEADER.pack(b"GP", 0, LITTLE_ENDIAN, SRS) + wkb
    if multi and kind == WKB_POLYGON:
        wkb = ONE_POLYGON + wkb
    west, south, east, north = extent
    return HEADER.pack(b"GP", 0, LITTLE_ENDIAN | ENVELOPE, SRS, west, east, south, north) + wkb


def _add_index(database: sqlite3.Connection, table: GeoTable, layer: str) -> None:
    """Add the spatial index, so that programs show a part of many tiles at once."""
    index = f"rtree_{layer}_{GEOMETRY}"
    database.execute(f"CREATE VIRTUAL TABLE {index} USING rtree(id, minx, maxx, miny, maxy)")
    known = np.flatnonzero(np.isfinite(table.extents).all(axis=1))
    boxes = table.extents[known][:, [0, 2, 1, 3]].tolist()
    entries = ((key, *box) for key, box in zip((known + 1).tolist(), boxes, strict=True))
    database.executemany(f"INSERT INTO {index} VALUES (?, ?, ?, ?, ?)", entries)
    for name, (event, condition, action) in TRIGGERS.items():
        database.execute(
            f"CREATE TRIGGER {index}_{name} AFTER {event} ON {layer} WHEN {condition} "
            f"BEGIN {action.format(index=index)} END"
        )
    database.execute(
        "INSERT INTO gpkg_extensions VALUES (?, ?, 'gpkg_rtree_index', ?, 'write-only')",
        (layer, GEOMETRY, "http://www.geopackage.org/spec140/#extension_rtree"),
    )


def read_layer(file: Path) -> tuple[list[Any], "CRS"]:
    """Return the geometries of the only layer of a GeoPackage, and their coordinate system.

    Raises:
        InputError: it is no GeoPackage, has several layers, or states no known system.
    """
    import shapely

    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            layers = database.execute(
                "SELECT table_name, column_name, srs_id FROM gpkg_geometry_columns"
            ).fetchall()
            if len(layers) != 1:
                names = ", ".join(str(name) for name, *_ in layers)
                raise InputError(
                    f"{file} has {plural(len(layers), 'layer')} of geometries, and not one "
                    f"({names or 'none'}): save one by itself"
                )
            layer, column, srs = layers[0]
            crs = _read_crs(database, srs, file)
            selected = database.execute(f"SELECT {_quoted(column)} FROM {_quoted(layer)}")
            blobs = [_wkb(blob) for (blob,) in selected]
        return shapely.from_wkb(blobs).tolist(), crs
    except (sqlite3.Error, shapely.errors.GEOSException, TypeError, IndexError) as error:
        raise InputError(
            f"{file} is no GeoPackage ({first_sentence(error)}): save it again"
        ) from None


def _wkb(blob: bytes | None) -> bytes | None:
    """Return a geometry without the header of a GeoPackage."""
    return None if blob is None else blob[8 + ENVELOPE_BYTES[(blob[3] >> 1) & 7] :]


def _read_crs(database: sqlite3.Connection, srs: int, file: Path) -> "CRS":
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    found = database.execute(
        "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys "
        "WHERE srs_id = ?",
        (srs,),
    ).fetchone()
    if found and srs not in (-1, 0):
        for stated in (f"{found[0]}:{found[1]}", found[2]):
            with suppress(CRSError):
                return CRS.from_user_input(stated)
    raise InputError(f"{file} states no known coordinate system: save it in another")
