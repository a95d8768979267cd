"""EuroSAT with all bands: GeoTIFFs in a zip, without names of bands."""

import io
from collections.abc import Iterator
from pathlib import Path

from rsh.data.catalog_entry import CatalogEntry
from rsh.data.published.geotiff import write_tile
from rsh.data.published.zips import show_progress, write_zip
from rsh.data.raster import TIFF, open_tile
from rsh.data.sources.zip import ZipSource
from rsh.errors import InputError


def build_bands(entry: CatalogEntry, file: Path, target: Path, *, progress: bool) -> None:
    """Write the tiles of a zip again, with the names of their bands and the scale to reflectance.

    Args:
        entry: with the names, in the order of the files' bands.
        file: the zip.
        target: the zip to write.
        progress: show a progress bar.

    Raises:
        InputError: a tile cannot be read or has another number of bands; the message names it.
    """
    source = ZipSource.open(file)
    tiles = show_progress(
        _named(entry, source), len(source.paths), f"{entry.title}, bands", progress=progress
    )
    write_zip(target, tiles)


def _named(entry: CatalogEntry, source: ZipSource) -> Iterator[tuple[str, bytes]]:
    for path in source.paths:
        yield path, name_bands(source.read(path), entry.bands, path)


def name_bands(content: bytes, names: tuple[str, ...], path: str) -> bytes:
    """Return a GeoTIFF of digital numbers with names of its bands and the scale to reflectance.

    Args:
        content: of the file.
        names: of the bands, in the order of the file.
        path: of the file, for messages.

    Raises:
        InputError: it cannot be read, or has another number of bands.
    """
    with open_tile(io.BytesIO(content), TIFF, path) as raster:
        source = raster.source
        if source.count != len(names):
            raise InputError(
                f"{path} has {source.count} bands and not {len(names)}: it is of another data set"
            )
        return write_tile(source.read(), names, source.crs, source.transform)
