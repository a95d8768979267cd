"""Writes tiles with geometries as GeoParquet.

Source: https://geoparquet.org/releases/v1.1.0/
"""

import json
from typing import IO, Any

import pyarrow.parquet as pq

from rsh.data.geotable import GeoTable, unique_names

GEOMETRY = "geometry"
# OGC:CRS84 in PROJJSON, as the specification prints it.
CRS84: dict[str, Any] = {
    "$schema": "https://proj.org/schemas/v0.5/projjson.schema.json",
    "type": "GeographicCRS",
    "name": "WGS 84 longitude-latitude",
    "datum": {
        "type": "GeodeticReferenceFrame",
        "name": "World Geodetic System 1984",
        "ellipsoid": {
            "name": "WGS 84",
            "semi_major_axis": 6378137,
            "inverse_flattening": 298.257223563,
        },
    },
    "coordinate_system": {
        "subtype": "ellipsoidal",
        "axis": [
            {
                "name": "Geodetic longitude",
                "abbreviation": "Lon",
                "direction": "east",
                "unit": "degree",
            },
            {
                "name": "Geodetic latitude",
                "abbreviation": "Lat",
                "direction": "north",
                "unit": "degree",
            },
        ],
    },
    "id": {"authority": "OGC", "code": "CRS84"},
}


def write_geoparquet(table: GeoTable, stream: IO[bytes]) -> None:
    """Write a table, its geometries in the column geometry.

    An attribute of that name, in any case, is renamed.

    Args:
        table: the tiles.
        stream: an open file.
    """
    free = unique_names(table.columns.column_names, taken=(GEOMETRY,))
    whole = table.columns.rename_columns(free).append_column(GEOMETRY, table.geometry)
    about: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": list(table.kinds),
        "crs": CRS84,
        "orientation": "counterclockwise",
        "edges": "planar",
    }
    if table.bounds:
        about["bbox"] = table.bounds
    geo = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: about}}
    whole = whole.replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(whole, stream, compression="zstd")
