"""Writes search results into a file, in the format that its name ends with."""

from collections.abc import Callable
from pathlib import Path

from rsh.gallery.export import check_suffix
from rsh.io.files import atomic_write, check_writable
from rsh.search.formats.geotables import to_geopackage, to_geoparquet
from rsh.search.formats.tables import to_csv, to_geojson, to_json
from rsh.search.results import SearchResult

FORMATS: dict[str, Callable[[SearchResult], bytes]] = {
    ".csv": to_csv,
    ".json": to_json,
    ".geojson": to_geojson,
    ".parquet": to_geoparquet,
    ".geoparquet": to_geoparquet,
    ".gpkg": to_geopackage,
}


def check_file(file: Path) -> None:
    """Check that results can be written into a file, before they are searched.

    Raises:
        InputError: its name ends with another suffix, or its folder cannot be written.
    """
    check_suffix(file, tuple(FORMATS))
    check_writable(file.absolute().parent)


def write_result(result: SearchResult, file: Path) -> None:
    """Write results, whole or not at all.

    Args:
        result: the tiles.
        file: ends with one of `FORMATS`; is replaced if it exists.

    Raises:
        InputError: another suffix, the gallery has no coordinates for a map's format, or the file
            cannot be written.
    """
    check_file(file)
    content = FORMATS[file.suffix.lower()](result)
    with atomic_write(file) as stream:
        stream.write(content)
