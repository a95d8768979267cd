"""Exports the tiles of a gallery, or some, for geographic information systems."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rsh.data.geojson_writer import write_geojson
from rsh.data.geopackage import write_geopackage
from rsh.data.geoparquet_writer import write_geoparquet
from rsh.data.geotable import GeoTable
from rsh.errors import InputError
from rsh.gallery.filters import NO_FILTER, Filter
from rsh.gallery.gallery import Gallery
from rsh.io.files import atomic_write

GEOPACKAGE, GEOPARQUET, GEOJSON = ".gpkg", (".parquet", ".geoparquet"), ".geojson"
SUFFIXES = (GEOPACKAGE, *GEOPARQUET, GEOJSON)


def export_tiles(
    gallery: Gallery,
    file: str | Path,
    *,
    filter: Filter = NO_FILTER,
    rows: ArrayLike | None = None,
    more: Mapping[str, Sequence[Any]] = MappingProxyType({}),
    points: bool = False,
) -> GeoTable:
    """Write all columns of tiles, and their footprints or centers, into a file.

    Held-out tiles are among them.

    Args:
        gallery: an opened gallery.
        file: .gpkg (GeoPackage), .parquet or .geoparquet (GeoParquet), or .geojson; is replaced if
            it exists.
        filter: conditions that the tiles must meet.
        rows: of the tiles, in this order; by default all.
        more: further columns, each with a value for every tile of the gallery.
        points: write centers also where footprints are known.

    Returns:
        What was written.

    Raises:
        InputError: another suffix, no such column or tile, a gallery without coordinates, or the
            file cannot be written.
    """
    file = Path(file)
    if file.suffix.lower() == ".csv":
        raise InputError(
            f"choose {', '.join(SUFFIXES)}; labels go to a table with `rsh labels export`",
            parameter="output",
            value=file,
        )
    check_suffix(file, SUFFIXES)
    chosen = np.arange(len(gallery)) if rows is None else np.asarray(rows, dtype=np.int64)
    items = gallery.table.take(chosen[gallery.passes(filter)[chosen]])
    if not len(items):
        raise InputError("no tile meets this; relax it", parameter="filter", value=filter)
    if not gallery.classes:
        items = items.drop(columns="class")
    values = {name: [column[row] for row in items.index] for name, column in more.items()}
    table = GeoTable.of_items(items, values, points=points)
    write_table(table, file)
    return table


def check_suffix(file: Path, suffixes: tuple[str, ...]) -> None:
    """Raise InputError unless the name of a file ends with one of these."""
    if file.suffix.lower() not in suffixes:
        raise InputError(
            f"choose a file that ends with {', '.join(suffixes[:-1])} or {suffixes[-1]}",
            parameter="output",
            value=file,
        )


def write_table(table: GeoTable, file: Path) -> None:
    """Write a table in the format that the file's name ends with, whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    suffix = file.suffix.lower()
    if suffix == GEOPACKAGE:
        write_geopackage(table, file)
        return
    with atomic_write(file) as stream:
        (write_geojson if suffix == GEOJSON else write_geoparquet)(table, stream)
