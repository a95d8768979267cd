"""Embeddings that were made elsewhere: vectors, and what is known of each.

Clay, Earth Index, Major TOM, AlphaEarth, TESSERA and others publish vectors rather than images, in
Parquet, GeoParquet and NumPy files. See `rsh.data.vectors` for how the vectors are found.
"""

import hashlib
import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from rsh.data.dataset import Dataset
from rsh.data.geoparquet import Columns, read_columns, reading
from rsh.data.images import SUFFIXES as IMAGES
from rsh.data.linked_images import image_stamp, read_linked_image
from rsh.data.listing import PARQUET_TABLES, TABLE, is_hidden, walk_files, warn_left_out
from rsh.data.metadata import check_metadata, clean_classes, read_texts, typed
from rsh.data.vectors import ArrayFile, Floats, TableFile, Vectors, is_scales
from rsh.errors import InputError, RshWarning
from rsh.labels import LabelSource, check_label_source, describe_labels
from rsh.text import plural

ARRAY, TABLES = ".npy", (".parquet", ".geoparquet", ".gpq")
IDS = ("id", "unique_id", "tile_id", "chip_id", "index", "name")
MAY_REPEAT = ("index", "name")  # then the number of the row takes their place, with a note
ROW = "row"  # instead of a column of ids: the number of the row
LABELS = ("class", "label")
GIVEN = {name: f"given_{name}" for name in ("id", "class")}  # columns of other meaning
URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class ColumnOptions:
    """Which columns of a table hold what, and the coordinate system: see `Embeddings.open`."""

    vector_column: str = ""
    id_column: str = ""
    class_column: str = ""
    image_column: str = ""
    crs: str = ""

    def over(self, other: "ColumnOptions") -> "ColumnOptions":
        """Return these options, and those of another where these say nothing."""
        given = {name: value for name, value in vars(self).items() if value}
        return replace(other, **given)


DEFAULT_COLUMNS = ColumnOptions()


@dataclass(frozen=True, eq=False, kw_only=True)
class Embeddings(Dataset):
    """Vectors made elsewhere, and a table of what is known of each.

    Attributes:
        where: file or folder.
        vectors: those of all files.
        rows: of `vectors`, one per item, (n,) int64.
        image: column of `items` that names the images, "" if none does.
        columns: as they were given.
        fetch_images: whether images are downloaded whose addresses `image` holds.
    """

    where: Path
    vectors: Vectors = field(repr=False)
    rows: Rows = field(repr=False)
    image: str = ""
    columns: ColumnOptions = DEFAULT_COLUMNS
    fetch_images: bool = False

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        vector_column: str = "",
        id_column: str = "",
        class_column: str = "",
        image_column: str = "",
        crs: str = "",
        skip_unreadable: bool = False,
        labels: LabelSource = "auto",
    ) -> "Embeddings":
        """Open a .npy, .parquet, .geoparquet or .gpq file, or a folder of them.

        A table beside x.npy, x.csv or x.parquet, or items.csv or items.parquet if it is the only
        array of its folder, has one row for each vector in the same order. Vectors are read and
        checked when they are first used; those of tables are then written into the cache, once.

        Args:
            path: of the file or folder. Files of a folder hold vectors of one length, in columns of
                one name.
            vector_column: column of lists of numbers, or the prefix of a column per number, such as
                A for A00 to A63; by default the only such column.
            id_column: column of unique names; by default the first of id, unique_id, tile_id,
                chip_id, index and name whose values are complete and unique; "row", and the default
                without such columns, is the number of the row. If files of a folder use an id
                twice, the file's name precedes all ids, since many count from 0 in each file.
            class_column: column of classes, empty where there is none; by default class or label.
            image_column: column of paths or addresses of the images; by default the first such
                column.
            crs: coordinate system of the geometries, such as EPSG:4326, if what the file states is
                wrong or missing; or else of the columns x, y and footprint.
            skip_unreadable: read all vectors now, and skip those that are missing or lack a finite
                number.
            labels: "none" drops all classes; "multi" takes several labels a tile, see
                `Dataset.labeled_by`.

        Raises:
            InputError: there are no vectors, or several columns of them; a column is missing; ids
                repeat; a file is damaged, or its geometries cannot lie where it says.
        """
        check_label_source(labels)
        path = Path(path)
        given = ColumnOptions(vector_column, id_column, class_column, image_column, crs)
        arrays, tables = _find_files(path)
        if arrays and vector_column:
            raise InputError(f"{path} is an array, which has no columns: leave it out",
                             parameter="vector_column", value=vector_column)  # fmt: skip
        files: list[ArrayFile] | list[TableFile]
        if arrays:
            files = [ArrayFile.open(file) for file in arrays]
            read = [_beside(file, len(arrays), crs) for file in files]
        else:
            files = _open_tables(tables, vector_column)
            read = [file.attributes(crs) for file in files]
        for file in files[1:]:
            if file.dim != files[0].dim:
                raise InputError(
                    f"{file.path} has vectors of {file.dim} numbers, and {files[0].path.name} of "
                    f"{files[0].dim}: keep files of one model in a folder"
                )
        sizes = [file.rows for file in files]
        columns = _join([found for found, _ in read], sizes)
        places = _join([found for _, found in read], sizes)
        names = [file.path.relative_to(path).as_posix() for file in files] if path.is_dir() else []
        defaults = [name for file in files if isinstance(file, ArrayFile) for name in file.ids]
        id_column, ids = _ids(columns, id_column, defaults, sizes, names, path)
        class_column, classes = _classes(columns, class_column, path, len(ids))
        if image_column and image_column not in columns:
            raise _no_column(columns, path, "image_column", image_column)
        image = image_column or _image_column(columns)
        others = {
            GIVEN.get(name, name): column
            for name, column in columns.items()
            if name not in (id_column, class_column) or name == image
        }
        others = {name: values for name, values in others.items() if name not in places}
        table = pd.DataFrame(others).set_axis(pd.Index(ids), axis=0) if others else pd.DataFrame()
        placed = "longitude" in places
        checked = check_metadata(table, str(path), "" if placed else crs, placed=placed)
        items = pd.DataFrame({"id": ids, "class": classes, "split": ""})
        for name, values in {**places, **checked}.items():
            items[name] = values.to_numpy() if values.dtype != "string" else values.array
        name = path.name if path.is_dir() else path.stem
        found = Vectors(files, items["id"], keep_missing=skip_unreadable)
        opened = cls(
            name=name,
            where=path,
            items=items,
            vectors=found,
            rows=np.arange(len(ids)),
            image=GIVEN.get(image, image),
            columns=given,
        )
        opened = opened.labeled_by(labels)
        opened.tell_labels()
        return opened._drop_unreadable() if skip_unreadable else opened

    def __repr__(self) -> str:
        words = describe_labels(
            len(self), self.num_labeled, len(self.label_names), several=self.has_several
        )
        return f"Embeddings({self.name!r}, {len(self)} vectors of {self.dim} numbers, {words})"

    @property
    def path(self) -> Path:
        """The path to open these vectors from."""
        return self.where

    @property
    def dim(self) -> int:
        """Number of numbers in a vector."""
        return self.vectors.dim

    @cached_property
    def digests(self) -> list[bytes]:
        """Sha256 of the numbers of each vector as 32-bit floats."""
        return [
            hashlib.sha256(vector.data).digest()
            for batch in self.batches(1 + READ_AT_ONCE // self.dim)
            for vector in batch.astype("<f4", copy=False)
        ]

    def stamps(self, rows: range) -> Iterator[str]:
        """Yield a text for each vector that changes whenever the vector or its image does."""
        for row, name in zip(rows, self.image_names(rows), strict=True):
            image = image_stamp(name, self._folder, fetch=self.fetch_images) if name else ""
            yield f"{self.digests[row].hex()} {image}"

    def linked_image(self, name: str) -> Image.Image | None:
        """Return an image of these names; None if it cannot be read."""
        return read_linked_image(name, self._folder, fetch=self.fetch_images)

    def image_names(self, rows: range) -> list[str]:
        """Return the path or address of the image of each vector, "" where there is none."""
        if not self.image:
            return [""] * len(rows)
        names = self.items[self.image].iloc[rows.start : rows.stop].tolist()
        return [name if isinstance(name, str) else "" for name in names]

    @property
    def _folder(self) -> Path:
        return self.where if self.where.is_dir() else self.where.parent

    def read(self, rows: Rows) -> Floats:
        """Return the vectors of these rows, (n, dim) float32.

        Raises:
            InputError: on first use, if a vector of any row cannot be used; the message names it.
        """
        return self.vectors.read(self.rows[rows])

    def batches(self, size: int) -> Iterator[Floats]:
        """Yield all vectors in order, (size, dim) float32, the last ones (at most size, dim).

        Raises:
            InputError: as for `read`.
        """
        for start in range(0, len(self), size):
            yield self.vectors.read(self.rows[start : start + size])

    def find_outlier(self) -> tuple[str, float] | None:
        """Find a vector with a number that is very far from the same number of the others.

        Returns:
            Id of the first such vector, and the number: 10,000 times as far from the median as the
            quartiles of a sample of the vectors are from each other. None if there is none.
        """
        sample = np.unique(np.linspace(0, len(self) - 1, 2000).astype(np.int64))
        low, median, high = np.quantile(self.read(sample), (0.25, 0.5, 0.75), axis=0)
        most = np.where(high > low, FAR * (high - low), np.inf)
        start = 0
        for batch in self.batches(1 + READ_AT_ONCE // self.dim):
            far = np.abs(batch.astype(np.float64) - median) > most
            if far.any():
                row, column = np.argwhere(far)[0]
                return str(self.items["id"].iloc[start + row]), float(batch[row, column])
            start += len(batch)
        return None

    def _drop_unreadable(self) -> "Embeddings":
        """Return the vectors without those that lack a number, and tell of these."""
        rows = self.vectors.unreadable()
        if len(rows) == len(self):
            raise InputError(f"{self.path} has no vector of finite numbers: compute them again")
        if not len(rows):
            return replace(self, skip_unreadable=True)
        warnings.warn(
            f"{self.path}: left out {plural(len(rows), 'vector')} without finite numbers, such "
            f"as that of {self.items['id'].iloc[rows[0]]}",
            RshWarning,
            stacklevel=3,
        )
        kept = self.select(np.delete(np.arange(len(self)), rows))
        return replace(kept, skip_unreadable=True)

    def select(self, rows: Rows) -> Self:
        """Return the vectors of these rows, in this order."""
        return replace(super().select(rows), rows=self.rows[rows])

    def _near_pairs(self) -> list[tuple[int, int]]:
        raise InputError(
            "nearly equal tiles are found by their images, which embeddings lack: leave it out",
            parameter="near_duplicates",
            value=True,
        )


READ_AT_ONCE = 1 << 22  # numbers
FAR = 1e4  # distances between the quartiles


def _find_files(path: Path) -> tuple[list[Path], list[Path]]:
    """Return the arrays, or the tables, at a path."""
    kinds = f"{ARRAY}, {', '.join(TABLES[:-1])} or {TABLES[-1]}"
    if path.is_file():
        suffix = path.suffix.lower()
        if suffix != ARRAY and suffix not in TABLES:
            raise InputError(f"{path} is no file of embeddings: give a {kinds} file")
        return ([path], []) if suffix == ARRAY else ([], [path])
    if not path.is_dir():
        raise InputError(f"{path} is no file or folder: give a {kinds} file, or a folder of them")
    files = [path / name for name in sorted(walk_files(path)) if not is_hidden(name)]
    arrays = [file for file in files if file.suffix.lower() == ARRAY and not is_scales(file)]
    tables = [file for file in files if file.suffix.lower() in TABLES]
    if arrays:
        about = {file.with_suffix("") for file in arrays}
        strange = [
            file
            for file in tables
            if file.with_suffix("") not in about and file.name not in PARQUET_TABLES
        ]
        if strange:
            raise InputError(
                f"{path} holds vectors in {arrays[0].name} and in {strange[0].name}: keep arrays "
                "and tables in two folders"
            )
        return arrays, []
    if not tables:
        raise InputError(f"{path} holds no {kinds} file: give a folder of them")
    return [], tables


def _open_tables(paths: list[Path], vectors: str) -> list[TableFile]:
    """Open the tables of a folder that have rows."""
    if len(paths) == 1:
        return [TableFile.open(paths[0], vectors)]
    files: list[TableFile] = []
    empty: list[str] = []
    for path in paths:
        with reading(str(path)):
            rows = pq.read_metadata(path).num_rows
        if not rows:
            empty.append(path.name)
            continue
        file = TableFile.open(path, vectors)
        if files and file.column != files[0].column:
            raise InputError(
                f"{path} has its vectors in {file.column}, and {files[0].path.name} in "
                f"{files[0].column}: keep files of one model in a folder, or name one with "
                "--vector-column"
            )
        files.append(file)
    if not files:
        return [TableFile.open(paths[0], vectors)]  # which tells that it is empty
    warn_left_out(paths[0].parent, empty, "no rows")
    return files


def _beside(file: ArrayFile, arrays: int, crs: str) -> tuple[Columns, Columns]:
    """Return the columns of the table beside an array, and its places, if there is one."""
    folder = file.path.parent
    own = [file.path.with_suffix(suffix) for suffix in (".csv", *TABLES)]
    shared = [folder / name for name in (TABLE, *PARQUET_TABLES)]
    found = [table for table in own if table.is_file()]
    if not found:
        found = [table for table in shared if table.is_file()]
        others = [other for other in folder.glob(f"*{ARRAY}") if not is_scales(other)]
        if found and len(others) > 1:
            warnings.warn(
                f"{found[0]} is not used, since {plural(len(others), 'file')} of vectors lie "
                f"beside it: call that of {file.path.name} {own[0].name}",
                RshWarning,
                stacklevel=3,
            )
            return {}, {}
    if not found:
        return {}, {}
    if len(found) > 1:
        raise InputError(f"{folder} holds {found[0].name} and {found[1].name}: keep one of them")
    where = str(found[0])
    with reading(where):
        content = found[0].read_bytes()
        if found[0].suffix == ".csv":
            read: tuple[Columns, Columns] = _read_csv(content, where), {}
        else:
            read = read_columns(pq.ParquetFile(io.BytesIO(content)), where, crs=crs)
    rows = max((len(column) for column in read[0].values()), default=0)
    if rows != file.rows:
        raise InputError(
            f"{where} has {plural(rows, 'row')}, and {file.path.name} "
            f"{plural(file.rows, 'vector')}: write one row for each vector, in the same order"
        )
    for name in (name for name in IDS if name in read[0]):
        _check_order(read[0][name], where)
    return read


def _read_csv(content: bytes, where: str) -> Columns:
    """Return the columns of a table as `rsh.data.metadata` reads them."""
    table = read_texts(content, where)
    return {str(name): typed(table[name]) for name in table}


def _check_order(column: pd.Series, where: str) -> None:
    """Refuse the numbers of all rows in another order: ids, or which rows the table is about?"""
    if not pd.api.types.is_numeric_dtype(column):
        return
    rows = np.arange(len(column))
    if (np.sort(column) == rows).all() and (column != rows).any():
        raise InputError(
            f"{where} numbers its rows in {column.name}, but not in order: sort it by "
            f"{column.name}, or give the column another name if its rows are in order"
        )


def _join(tables: list[Columns], sizes: list[int]) -> Columns:
    """Return the columns of several tables below each other.

    A column that holds numbers in one table and texts in another holds texts. Where a table lacks a
    column, values are missing.
    """
    if len(tables) == 1:
        return tables[0]
    joined: Columns = {}
    for name in dict.fromkeys(str(name) for columns in tables for name in columns):
        parts = [columns.get(name) for columns in tables]
        is_number = all(pd.api.types.is_numeric_dtype(part) for part in parts if part is not None)
        filled = [
            pd.Series(np.full(size, np.nan)) if part is None else part
            for part, size in zip(parts, sizes, strict=True)
        ]
        if not is_number:
            filled = [_strings(part) for part in filled]
        joined[name] = pd.concat(filled, ignore_index=True)
    return joined


def _no_column(columns: Columns, path: Path, parameter: str, value: str) -> InputError:
    return InputError(
        f"{path} has no such column of single values: name one of {', '.join([*columns][:20])}",
        parameter=parameter,
        value=value,
    )


def _ids(
    columns: Columns,
    named: str,
    defaults: list[str],
    sizes: list[int],
    files: list[str],
    path: Path,
) -> tuple[str, list[str]]:
    """Return the column of ids, "" for row numbers, and unique ids of all rows."""
    count = np.repeat(np.arange(len(sizes)), sizes)
    by_row = named == ROW and ROW not in columns
    if named and named not in columns and not by_row:
        raise _no_column(columns, path, "id_column", named)
    faults = []
    candidates = [] if by_row else [named] if named else [name for name in IDS if name in columns]
    for name in candidates:
        ids = _texts(columns[name])
        fault = _fault(ids, count)
        if not fault:
            break
        faults.append(f"{name} {fault}")
    else:
        name, ids = "", pd.Series(defaults or [str(row) for size in sizes for row in range(size)])
    if named and faults:
        raise InputError(
            f"{path}: the column {faults[0]}: every vector needs an id of its own",
            parameter="id_column",
            value=named,
        )
    if not name and faults and not set(candidates) <= set(MAY_REPEAT):
        raise InputError(
            f"{path}: {' and '.join(faults)}, and every vector needs an id of its own: mend it, "
            f"or name another column with --id-column, or {ROW} for the number of the row"
        )
    others = [other for other in IDS if other in columns and other != name]
    if faults or (name and not named and others):
        used = f"the column {name}" if name else "the number of the row"
        why = f", since {' and '.join(faults)}" if faults else f", and not {', '.join(others)}"
        warnings.warn(
            f"{path}: the id of a vector is {used}{why}: choose otherwise with --id-column",
            RshWarning,
            stacklevel=3,
        )
    if ids.duplicated().any():  # within each file they are unique
        warnings.warn(
            f"{path}: ids such as {ids[ids.duplicated()].iloc[0]} are in several files, so the "
            "file's name precedes them",
            RshWarning,
            stacklevel=3,
        )
        ids = pd.Series(np.array(files, dtype=object)[count]) + "/" + ids
    return name, ids.tolist()


def _fault(ids: pd.Series, count: Rows) -> str:
    """Return what is wrong with ids, "" if they are complete, and unique in each file."""
    if (ids == "").any():
        return f"is empty in row {int(np.flatnonzero(ids == '')[0])}"
    twice = pd.DataFrame({"id": ids, "file": count}).duplicated()
    if not twice.any():
        return ""
    row = int(np.flatnonzero(twice)[0])
    return f"has {ids[row]} twice, again in row {row}"


def _classes(columns: Columns, named: str, path: Path, count: int) -> tuple[str, list[str]]:
    """Return the column of classes, "" if there is none, and the class of each row."""
    if named and named not in columns:
        raise _no_column(columns, path, "class_column", named)
    found = [named] if named else [name for name in LABELS if name in columns]
    if not found:
        return "", [""] * count
    if len(found) > 1:
        warnings.warn(
            f"{path}: the classes are in the column {found[0]}, and not in {found[1]}: choose "
            "otherwise with --class-column",
            RshWarning,
            stacklevel=3,
        )
    return found[0], clean_classes(columns[found[0]]).tolist()


def _texts(column: pd.Series) -> pd.Series:
    """Return values as texts, empty for missing ones; whole numbers have no decimals."""
    return _strings(column).fillna("").astype(object)


def _strings(column: pd.Series) -> pd.Series:
    """Return values as texts, missing ones as they are; whole numbers have no decimals."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    return column.astype("string")


def _image_column(columns: Columns) -> str:
    """Return the first column of addresses or of names of images, small ones first, or ""."""
    for name in sorted(columns, key=lambda name: "thumb" not in name.lower()):
        texts = columns[name].dropna() if columns[name].dtype == "string" else pd.Series(dtype=str)
        if len(texts) and all(
            URL.fullmatch(text) or Path(text).suffix.lower() in IMAGES for text in texts
        ):
            return name
    return ""
