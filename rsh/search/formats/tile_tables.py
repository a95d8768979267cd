"""Tables of tiles, such as duplicates, in the format that a file's name ends with."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd

from rsh.data.geotable import GeoTable
from rsh.errors import InputError
from rsh.gallery.export import GEOJSON, GEOPACKAGE, GEOPARQUET, SUFFIXES, check_suffix, write_table
from rsh.gallery.gallery import Gallery
from rsh.io.files import atomic_write, check_writable
from rsh.search.formats.geojson import SOURCES
from rsh.search.formats.tables import csv_cell

OF_ITEMS = ("id", "class", "split")  # columns that the items table has as well


def check_table_file(gallery: Gallery, file: Path) -> None:
    """Check that a table can be written into a file, before it is computed.

    Raises:
        InputError: its name ends with another suffix, its folder cannot be written, or the gallery
            has no coordinates for a map's format.
    """
    check_suffix(file, (".csv", ".json", *SUFFIXES))
    check_writable(file.absolute().parent)
    if file.suffix.lower() in (GEOPACKAGE, GEOJSON) and not _has_places(gallery):
        raise InputError(f"{gallery.folder} has no coordinates: choose .csv, .json or .parquet")


def write_tiles(gallery: Gallery, table: pd.DataFrame, record: dict[str, Any], file: Path) -> None:
    """Write a table of tiles, whole or not at all.

    Args:
        gallery: that has the tiles.
        table: columns of each tile; the index holds its row in the gallery.
        record: the same as an object, for .json.
        file: .csv or .json; .parquet, with geometries if the gallery has coordinates; or .gpkg or
            .geojson with all columns of the gallery. It is replaced if it exists.

    Raises:
        InputError: another suffix, the gallery has no coordinates for a map's format, or the file
            cannot be written.
    """
    check_table_file(gallery, file)
    suffix = file.suffix.lower()
    if suffix == ".csv":
        content = _to_csv(table)
    elif suffix == ".json":
        content = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False).encode()
    elif suffix in GEOPARQUET and not _has_places(gallery):
        content = table.to_parquet(index=False)
    else:
        items = gallery.table.take(table.index)
        more = table.drop(columns=[name for name in OF_ITEMS if name in table])
        if not gallery.classes:
            items = items.drop(columns="class")
        write_table(GeoTable.of_items(items, {str(name): more[name] for name in more}), file)
        return
    with atomic_write(file) as stream:
        stream.write(content)


def _has_places(gallery: Gallery) -> bool:
    return bool(set(SOURCES) & set(gallery.table.columns))


def _to_csv(table: pd.DataFrame) -> bytes:
    """Return a table as CSV, see `rsh.search.formats.tables.to_csv`; unknown values are empty."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(table.columns)
    known = table.astype(object).where(table.notna(), None)
    writer.writerows([csv_cell(value) for value in row] for row in known.itertuples(index=False))
    return stream.getvalue().encode()
