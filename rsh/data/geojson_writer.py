"""Writes tiles with geometries as GeoJSON, one feature a line.

Source: RFC 7946, https://www.rfc-editor.org/rfc/rfc7946
"""

import json
import math
from typing import IO

from rsh.data.geotable import GeoTable

START, END = b'{"type": "FeatureCollection", "features": [\n', b"\n]}\n"


def write_geojson(table: GeoTable, stream: IO[bytes]) -> None:
    """Write a table as a FeatureCollection; a tile of unknown place has the geometry null.

    Args:
        table: the tiles.
        stream: an open file.
    """
    import shapely

    stream.write(START)
    between = b""
    for columns, wkb, _ in table.batches():
        shapes = shapely.to_geojson(shapely.from_wkb(wkb)).tolist()
        for shape, properties in zip(shapes, columns.to_pylist(), strict=True):
            plain = {name: _plain(value) for name, value in properties.items()}
            written = json.dumps(plain, ensure_ascii=False, allow_nan=False, default=str)
            feature = (
                f'{{"type": "Feature", "geometry": {shape or "null"}, "properties": {written}}}'
            )
            stream.write(between + feature.encode())
            between = b",\n"
    stream.write(END)


def _plain(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
