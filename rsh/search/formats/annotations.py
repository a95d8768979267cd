"""Exports what visitors gave to tiles into files, and imports such files: see `label_files`."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from rsh.errors import InputError
from rsh.gallery.annotations.events import Event, Visitor
from rsh.gallery.annotations.overlay import LabelChoice, choose_labels
from rsh.gallery.gallery import Gallery
from rsh.gallery.items import DEGREES
from rsh.gallery.tile_ids import find_rows
from rsh.io.files import atomic_write
from rsh.labels import UNLABELED
from rsh.search.formats.geojson import SOURCES
from rsh.search.formats.label_files import Labels, read_labels, write_labels
from rsh.text import plural

SHOWN = 3  # unknown ids in a message
FIX = "fix them, or remove these rows"  # unknown ids


class Imported(NamedTuple):
    """What an import did.

    Attributes:
        event: which holds all of it, so that one undo takes it back.
        num_tiles: tiles of the gallery that the file names.
        num_unknown: rows that were skipped, since their id is of no tile.
    """

    event: Event
    num_tiles: int
    num_unknown: int


def annotation_table(gallery: Gallery, *, labels: LabelChoice = "given") -> pd.DataFrame:
    """Return what visitors gave to each tile, in the order of ids.

    Args:
        gallery: with its annotations.
        labels: "given", classes that visitors gave; "all", for other tiles those of the gallery's
            table, too; "file", those of the table alone.

    Returns:
        A row for each tile with a class or a set: id, class ("" for none), sets (a list of names),
        and longitude and latitude if the gallery has them. The index holds rows of the gallery.
    """
    state = gallery.annotations.state
    names, numbers = choose_labels(gallery, state, labels)
    sets: dict[int, list[str]] = {}
    for one in state.sets:
        for row in state.members(one.key).tolist():
            sets.setdefault(row, []).append(one.name)
    rows = np.union1d(np.flatnonzero(numbers != UNLABELED), np.fromiter(sets, np.int64, len(sets)))
    items = gallery.table.take(rows)
    columns = {
        "id": items["id"],
        "class": np.array([*names, ""], object)[numbers[rows]],
        "sets": pd.Series([sets.get(row, []) for row in rows.tolist()], items.index, object),
    }
    known = {name: items[name] for name in DEGREES if name in items}
    return pd.DataFrame(columns | known, items.index).sort_values("id")


def export_annotations(gallery: Gallery, file: Path, *, labels: LabelChoice = "given") -> int:
    """Write `annotation_table` into a file, by its suffix: .csv, .parquet or .geojson.

    Returns:
        The number of rows.

    Raises:
        InputError: the suffix is another, nothing was given, the gallery has no coordinates for
            GeoJSON, or the file cannot be written.
    """
    table = annotation_table(gallery, labels=labels)
    if not len(table):
        raise InputError(f"{gallery.folder} has no labels and no sets: give some first")
    if file.suffix.lower() in (".geojson", ".json") and not set(SOURCES) & {*gallery.table.columns}:
        raise InputError(f"{gallery.folder} has no coordinates: export CSV or Parquet")
    content = write_labels(table, gallery.table.take(table.index), file)
    with atomic_write(file) as stream:
        stream.write(content)
    return len(table)


def import_annotations(
    gallery: Gallery, file: Path, *, by: Visitor, skip_unknown: bool = False, fix: str = FIX
) -> Imported:
    """Give tiles the classes and sets of a file in one event; sets that are missing are created.

    Args:
        gallery: with its annotations.
        file: .csv, .parquet or .geojson; rows are matched by id, and an empty class changes none.
        by: who gives them.
        skip_unknown: leave out rows whose id is of no tile.
        fix: what to do about such rows, for the message about them.

    Raises:
        InputError: the file is no such table, names a tile twice with different classes, has ids of
            no tile, or gives nothing; or it cannot be saved.
    """
    labels = read_labels(file, num_tiles=len(gallery))
    return give_labels(gallery, labels, str(file), by=by, skip_unknown=skip_unknown, fix=fix)


def give_labels(
    gallery: Gallery,
    labels: Labels,
    file: str,
    *,
    by: Visitor,
    skip_unknown: bool = False,
    fix: str = FIX,
) -> Imported:
    """Give tiles the classes and sets that were read from a file: see `import_annotations`.

    Args:
        gallery: with its annotations.
        labels: what was read.
        file: its name in messages.
        by: who gives them.
        skip_unknown: leave out rows whose id is of no tile.
        fix: what to do about such rows, for the message about them.

    Raises:
        InputError: as there.
    """
    rows = _match(gallery, labels, file, skip_unknown=skip_unknown, fix=fix)
    classes, sets = _group(gallery, labels, rows.tolist(), file)
    if not classes and not sets:
        raise InputError(f"{file} gives no tile a class or a set: fill in one of these columns")
    event = gallery.annotations.give_all(classes, sets, by=by)
    found = rows[rows >= 0]
    return Imported(event, len(np.unique(found)), len(rows) - len(found))


def read_classes(gallery: Gallery, file: Path) -> dict[str, str]:
    """Return the class by id that a file of labels gives to tiles of a gallery.

    Raises:
        InputError: as for `import_annotations`; a file without any class is one that gives nothing.
    """
    labels = read_labels(file, num_tiles=len(gallery))
    rows = _match(gallery, labels, str(file), skip_unknown=False, fix=FIX)
    classes, _ = _group(gallery, labels, rows.tolist(), str(file))
    if not classes:
        raise InputError(f"{file} gives no tile a class: fill in the column class")
    return {gallery.ids[row]: name for name, members in classes.items() for row in members}


def _match(
    gallery: Gallery, labels: Labels, file: str, *, skip_unknown: bool, fix: str
) -> NDArray[np.int64]:
    """Find the row of each id of a file; -1 where no tile has it."""
    rows = find_rows(gallery.ids.texts, pa.array(labels.ids, pa.string())).astype(np.int64)
    unknown = [labels.ids[place] for place in np.flatnonzero(rows < 0)]
    if unknown and (len(unknown) == len(rows) or not skip_unknown):
        some = ", ".join(unknown[:SHOWN])
        hint = "check its ids" if len(unknown) == len(rows) else fix
        raise InputError(
            f"{file}: no tile of the gallery has {len(unknown):,} of its "
            f"{plural(len(rows), 'id')}, such as {some}: {hint}"
        )
    return rows


def _group(
    gallery: Gallery, labels: Labels, rows: Iterable[int], file: str
) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Return the rows of each class and of each set; those below 0 are left out."""
    classes: dict[str, list[int]] = {}
    sets: dict[str, list[int]] = {}
    seen: dict[int, str] = {}
    for row, tile, written, names in zip(rows, *labels, strict=True):
        if row < 0:
            continue
        if written.strip():
            name = gallery.annotations.class_name(written)
            if seen.setdefault(row, name) != name:
                raise InputError(
                    f"{file} gives {tile} two classes, {seen[row]} and {name}: keep one"
                )
            classes.setdefault(name, []).append(row)
        for one in names:
            sets.setdefault(one, []).append(row)
    return classes, sets
