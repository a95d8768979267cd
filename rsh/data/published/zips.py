"""Writes a data set as one zip: class folders and, for several labels a tile, a table."""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from rsh.data.listing import TABLE
from rsh.io.files import atomic_path


def write_zip(
    target: Path, tiles: Iterable[tuple[str, bytes]], table: pd.DataFrame | None = None
) -> None:
    """Write a zip. Tiles are stored as they are, since most formats are compressed already.

    Args:
        target: the zip.
        tiles: path and content of each.
        table: with the column path, if the folders do not say all.

    Raises:
        InputError: it cannot be written; what a tile raises.
    """
    with atomic_path(target) as temporary, zipfile.ZipFile(temporary, "w") as packed:
        for path, content in tiles:
            packed.writestr(path, content)
        if table is not None:
            packed.writestr(TABLE, table.to_csv(index=False), zipfile.ZIP_DEFLATED)


def show_progress(
    tiles: Iterable[tuple[str, bytes]], total: int, title: str, *, progress: bool
) -> Iterator[tuple[str, bytes]]:
    """Yield tiles, and show how many are done."""
    from tqdm import tqdm

    yield from tqdm(tiles, total=total, unit=" tiles", desc=title, disable=not progress)
