"""Search results as GeoParquet and GeoPackage, each tile with all its columns and its place."""

import io
from typing import Any

from rsh.data.geopackage import geopackage_bytes
from rsh.data.geoparquet_writer import write_geoparquet
from rsh.data.geotable import GeoTable
from rsh.search.formats.labels import label_columns
from rsh.search.results import SearchResult

LAYER = "results"


def to_geoparquet(result: SearchResult) -> bytes:
    """Return the tiles as GeoParquet: see `to_geotable`.

    Raises:
        InputError: the gallery has no coordinates.
    """
    stream = io.BytesIO()
    write_geoparquet(to_geotable(result), stream)
    return stream.getvalue()


def to_geopackage(result: SearchResult) -> bytes:
    """Return the tiles as a GeoPackage with the layer "results": see `to_geotable`.

    Raises:
        InputError: the gallery has no coordinates.
    """
    return geopackage_bytes(to_geotable(result), layer=LAYER)


def to_geotable(result: SearchResult) -> GeoTable:
    """Return the tiles with rank, distance (bits), score and relevance, then all other columns.

    Relevance is null where the query or the tile has no label; without labels the column
    is left out, and the score where tiles are ordered by distance alone. The columns of
    `OF_LABELS` are there if any tile was given a label. A column of the gallery that has
    one of these names gets _2 behind it, or the next number that is free.

    Raises:
        InputError: the gallery has no coordinates.
    """
    items = result.gallery.table.take(result.rows)
    more: dict[str, Any] = {"rank": result.ranks, "distance": result.distances}
    if result.scores is not None:
        more["score"] = result.scores
    more |= label_columns(result.gallery, result.rows)
    if result.gallery.label_names:
        more["relevant"] = [hit.relevant for hit in result]
    if not result.gallery.classes:
        items = items.drop(columns="class")
    return GeoTable.of_items(items, more)
