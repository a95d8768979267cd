"""Compares a data set with what was published."""

import io

import pandas as pd

from rsh.data.bands import LISTED
from rsh.data.catalog_entry import CatalogEntry
from rsh.data.raster import HEAD, find_driver, open_tile
from rsh.data.sources.base import Source
from rsh.errors import InputError
from rsh.labels import SEVERAL


def check_published(
    entry: CatalogEntry, source: Source, items: pd.DataFrame, *, where: str, hint: str
) -> None:
    """Compare the tiles with what was published.

    Args:
        entry: of the data set.
        source: of the tiles.
        items: one row a tile.
        where: path or URL of the tiles, for the message.
        hint: how to fix it, for the message.

    Raises:
        InputError: a class or part of the split has another number of tiles, tiles have no labels,
            or their bands have no names.
    """
    groups = items.get("class" if entry.has_classes else "given_split", pd.Series(dtype=str))
    entry.check(groups.tolist(), where=where, hint=hint)
    if entry.labels and SEVERAL not in items:
        raise InputError(f"{where} has no table with the labels of {entry.title}: {hint}")
    if entry.bands:
        tile = str(items["id"].iloc[0])
        content = source.read(tile)
        if not (driver := find_driver(content[:HEAD])):
            raise InputError(f"{tile} in {where} is no raster of {len(entry.bands)} bands: {hint}")
        with open_tile(io.BytesIO(content), driver, tile) as raster:
            names = raster.band_names
        if names != entry.bands:
            raise InputError(
                f"{tile} in {where} calls its bands {', '.join(names[:LISTED])} and not "
                f"{', '.join(entry.bands)}: {hint}"
            )
