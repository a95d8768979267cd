r"""Tables with one column of 0 and 1 a label, and the images that they are of.

IMAGE\LABEL     airplane  bare-soil  ...      UC Merced and AID, separated by tabs
agricultural00  0         0

image,airplane,airport,...                    MLRSNet, a table a class
airplane_00001.jpg,1,1,...
"""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from rsh.data.archive import member_names, open_zip, read_member
from rsh.data.catalog_entry import CatalogEntry
from rsh.data.metadata import CSV_ERRORS
from rsh.data.published.zips import show_progress, write_zip
from rsh.data.rendering import AS_IS
from rsh.data.sources.open import open_source
from rsh.data.tile_grid import DEFAULT_TILING
from rsh.errors import InputError
from rsh.labels import SEPARATOR, SEVERAL
from rsh.text import plural

TABLE_SUFFIX = ".txt"  # of the table in a zip that holds it in several formats
PARTS = ("train", "val", "test")  # of a table in three files


def build_labels(
    entry: CatalogEntry, files: Sequence[Path], target: Path, images: Path, *, progress: bool
) -> None:
    """Write a zip of the images that tables are of, with their labels.

    Args:
        entry: of the labels.
        files: the table, in a zip or not, or its parts of a split.
        target: the zip to write.
        images: the data set that the images are from.
        progress: show a progress bar.

    Raises:
        InputError: a table is of another data set; a row has no image, or two; an image has no row,
            unless only some of the images have labels.
    """
    rows = read_tables(entry, files)
    source = open_source(images, DEFAULT_TILING, AS_IS, AS_IS)
    paths: dict[str, str] = {}
    for path in source.items()["id"]:
        stem = name_key(path)
        if stem in paths:
            raise InputError(f"{images} has two images called {stem}: {paths[stem]} and {path}")
        paths[stem] = str(path)
    if lost := [name for name in rows.index if name not in paths]:
        raise InputError(
            f"{images} has no image {lost[0]}, of which the table of {entry.title} has labels, nor "
            f"{len(lost) - 1} others: fetch {entry.images} again"
        )
    if len(rows) < len(paths) and entry.tiles >= len(paths):
        lost = [paths[name] for name in paths if name not in rows.index]
        raise InputError(f"the table of {entry.title} has no row for {lost[0]}: fetch it again")
    rows.insert(0, "path", [paths[name] for name in rows.index])
    tiles = ((path, source.read(path)) for path in rows["path"])
    shown = show_progress(tiles, len(rows), f"{entry.title}, images", progress=progress)
    write_zip(target, shown, rows)


def read_tables(entry: CatalogEntry, files: Sequence[Path]) -> pd.DataFrame:
    """Return the labels of each image by its name, and the part of the split if there are several.

    Raises:
        InputError: a table is of another data set, or has an image twice.
    """
    tables = [read_table(_content(file), entry) for file in files]
    if len(tables) > 1:
        tables = [table.assign(split=part) for table, part in zip(tables, PARTS, strict=True)]
    rows = pd.concat(tables)
    check_labels(rows, entry)
    return rows


def read_table(content: bytes, entry: CatalogEntry) -> pd.DataFrame:
    """Return the labels in a table of 0 and 1, by the name of the image.

    Args:
        content: of the file.
        entry: with the labels that the table must have.

    Returns:
        With the column `labels`.

    Raises:
        InputError: it is no such table.
    """
    separator = "\t" if b"\t" in content.partition(b"\n")[0] else ","
    try:
        table = pd.read_csv(io.BytesIO(content), sep=separator, index_col=0)
    except CSV_ERRORS:
        table = pd.DataFrame()
    found = tuple(map(str, table.columns))
    if found != entry.labels:
        raise InputError(
            f"the table is not of {entry.title}, it has {plural(len(found), 'label')} such as "
            f"{', '.join(found[:3]) or 'none'} and not {len(entry.labels)} such as "
            f"{', '.join(entry.labels[:3])}: fetch it again"
        )
    table.index = table.index.map(name_key)
    strange = ~table.isin((0, 1)).all(axis=1)
    if strange.any():
        raise InputError(
            f"the table of {entry.title} gives {table.index[strange][0]} another value than 0 and "
            "1: fetch it again"
        )
    names = [
        SEPARATOR.join(label for label, has in zip(entry.labels, row, strict=True) if has)
        for row in table.to_numpy()
    ]
    return pd.DataFrame({SEVERAL: names}, index=table.index)


def check_labels(rows: pd.DataFrame, entry: CatalogEntry) -> None:
    """Refuse labels that are not those of a data set.

    Args:
        rows: with the column `labels`, and the names of the images as the index.
        entry: of the data set.

    Raises:
        InputError: an image is there twice, a label is not one of the data set, or no image has it.
    """
    if rows.index.has_duplicates:
        twice = rows.index[rows.index.duplicated()][0]
        raise InputError(f"the table of {entry.title} has {twice} twice: fetch it again")
    found = set(rows[SEVERAL].str.split(SEPARATOR).explode()) - {""}
    for name in sorted(found ^ set(entry.labels)):
        fault = "gives no image the label" if name in entry.labels else "has an unknown label"
        raise InputError(f"the table of {entry.title} {fault} {name!r}: fetch it again")


def name_key(path: str) -> str:
    """Return the name of an image without folder and suffix, as tables write it."""
    return PurePosixPath(path).stem.lower()


def _content(file: Path) -> bytes:
    """Return the content of a table, which may be in a zip."""
    if not zipfile.is_zipfile(file):
        return file.read_bytes()
    with open_zip(file) as packed:
        members = member_names(packed)
        names = [member for path, member in members.items() if path.endswith(TABLE_SUFFIX)]
        if len(names) != 1:
            raise InputError(f"{file} holds {plural(len(names), 'table')}, not one: fetch it again")
        return read_member(packed, names[0])
