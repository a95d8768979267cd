"""Vectors in files that were made elsewhere: found, checked, and read in parts of bounded memory.

    x.npy               an array (n, d), or (height, width, d) with a vector a pixel
    x_scales.npy        beside it, one number a vector: whole numbers are multiplied by it
    x.parquet           a column of lists of d numbers each, or d columns such as A00 to A63

Whole numbers are multiplied by a column of scales, too, as TESSERA stores them. Plain int8 without
scales is used as it is: it orders by cosine as its products with any one scale do.
"""

import hashlib
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rsh.data.geoparquet import Columns, read_columns, reading
from rsh.errors import InputError, RshWarning
from rsh.io.array_cache import cached
from rsh.io.arrays import ARRAY_ERRORS
from rsh.io.files import sha256
from rsh.text import first_sentence, plural

NUMBERS = 1 << 22  # that are read at once
BUFFER = 1 << 20  # bytes of a file that are read ahead
WIDE = 16  # columns of one prefix, from which on they are taken for a vector
NUMBERED = re.compile(r"(.*?)(\d+)", re.DOTALL)
BOXES = re.compile(r"(.*[._:])?(bbox|bounds)|proj:.*", re.IGNORECASE)  # lists, but no vectors
# Types whose numbers are kept as they are: exact, and smaller than float32.
COMPACT = frozenset({np.dtype(np.float16), np.dtype(np.int8)})
FLOAT = np.dtype(np.float32)
Array = NDArray[Any]
Floats = NDArray[np.float32]


class File(Protocol):
    """A file of vectors."""

    @property
    def path(self) -> Path:
        """Path of the file."""

    @property
    def rows(self) -> int:
        """Number of vectors."""

    @property
    def dim(self) -> int:
        """Numbers in each."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Float32, or a smaller type that holds the same numbers."""

    @property
    def column(self) -> str:
        """Column of the vectors; empty in an array."""

    @property
    def files(self) -> list[Path]:
        """All files that decide the numbers."""

    def read(self, start: int) -> Iterator[Array]:
        """Yield the vectors from a row on, (m, dim), as numbers of any type, NaN if missing.

        Raises:
            InputError: a vector has another length, or the file is damaged.
        """


@dataclass(frozen=True)
class ArrayFile:
    """Vectors in a .npy file; see `File`."""

    path: Path
    array: Array  # (n, dim), a memory map
    scales: Array | None  # (n, 1) or (n, dim)
    width: int  # pixels of a row, 0 if the array is no raster
    column: str = ""

    @classmethod
    def open(cls, path: Path) -> "ArrayFile":
        """Open an array.

        Raises:
            InputError: it holds no vectors, is damaged, or its scales do not fit.
        """
        array = _map(path)
        kind = array.dtype
        if kind.kind not in "fiu" or kind.itemsize > 8 or array.ndim not in (2, 3):
            raise InputError(
                f"{path} holds {kind} of {plural(array.ndim, 'dimension')}: save float32 of two, a "
                "row for each vector"
            )
        shape, width = array.shape, array.shape[1] if array.ndim == 3 else 0
        dim = shape[-1]
        if 0 in shape:
            raise InputError(f"{path} has no vectors, its shape is {shape}: {NO_ROWS}")
        if dim == 1:
            raise InputError(f"{path} has {ONE_NUMBER}")
        scales = None
        if kind.kind in "iu" and (beside := _scales_file(path)):
            scales = _map(beside)
            if scales.dtype.kind != "f" or scales.shape not in (
                *(shape, shape[:-1], (*shape[:-1], 1)),
            ):
                raise InputError(
                    f"{beside} holds {scales.dtype} of shape {scales.shape}: it needs one float "
                    f"for each vector of {path.name}, whose shape is {shape}"
                )
            scales = scales.reshape(np.prod(shape[:-1]), -1)
        else:
            _check_unscaled(kind, str(path), f"{path.stem}_scales.npy")
        return cls(path, array.reshape(-1, dim), scales, width)

    @property
    def rows(self) -> int:  # noqa: D102
        return len(self.array)

    @property
    def dim(self) -> int:  # noqa: D102
        return int(self.array.shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:  # noqa: D102
        return self.array.dtype if self.scales is None and self.array.dtype in COMPACT else FLOAT

    @property
    def files(self) -> list[Path]:  # noqa: D102
        beside = _scales_file(self.path)
        return [self.path] if self.scales is None or beside is None else [self.path, beside]

    @property
    def ids(self) -> list[str]:
        """Row numbers; row and column of each pixel of a raster."""
        rows = range(self.rows)
        if not self.width:
            return list(map(str, rows))
        return [f"{row // self.width},{row % self.width}" for row in rows]

    def read(self, start: int) -> Iterator[Array]:  # noqa: D102
        size = max(1, NUMBERS // self.dim)
        for first in range(start, self.rows, size):
            batch = self.array[first : first + size]
            if self.scales is not None:
                batch = batch * self.scales[first : first + size].astype(FLOAT)
            yield batch


@dataclass(frozen=True)
class TableFile:
    """Vectors in a Parquet file; see `File`."""

    path: Path
    rows: int
    dim: int
    dtype: np.dtype[Any]
    column: str
    columns: tuple[str, ...]  # one of lists, or one for each number
    scale: str  # column, "" for none

    @classmethod
    def open(cls, path: Path, vectors: str = "") -> "TableFile":
        """Open a table.

        Args:
            path: of the file.
            vectors: column of lists, or what the names of a column per number begin with; by
                default the only one that there is.

        Raises:
            InputError: there are no vectors, or several columns of them; the file is damaged.
        """
        where = str(path)
        with reading(where), _open(path) as file:
            rows = file.metadata.num_rows
            if not rows:
                names = ", ".join(file.schema_arrow.names)
                raise InputError(f"{where} has no rows, only the columns {names}: {NO_ROWS}")
            name, columns = _choose(file, vectors, where)
            kinds = [_number_type(file.schema_arrow.field(column).type) for column in columns]
            kind = np.result_type(*(known.to_pandas_dtype() for known in kinds if known))
            scale = "" if kind.kind == "f" else _scale_column(file.schema_arrow, name, where)
            if not scale:
                _check_unscaled(kind, f"{where}, {name},", f"{name}_scale")
            dim = len(columns) if len(columns) > 1 else _length(file, name, where)
        if dim == 1:
            raise InputError(f"{where} has in its column {name} {ONE_NUMBER}")
        dtype = kind if kind in COMPACT and not scale else FLOAT
        return cls(path, rows, dim, dtype, name, columns, scale)

    @property
    def files(self) -> list[Path]:  # noqa: D102
        return [self.path]

    def attributes(self, crs: str) -> tuple[Columns, Columns]:
        """Return all other columns, and the places: see `read_columns`."""
        where = str(self.path)
        with reading(where), _open(self.path) as file:
            return read_columns(file, where, apart=self.columns, crs=crs)

    def read(self, start: int) -> Iterator[Array]:  # noqa: D102
        where = str(self.path)
        names = [*self.columns, *([self.scale] if self.scale else [])]
        size = max(1, NUMBERS // self.dim)
        with reading(where), _open(self.path) as file:
            end = 0
            for group in range(file.num_row_groups):
                first, end = end, end + file.metadata.row_group(group).num_rows
                if end <= start:
                    continue
                for batch in file.iter_batches(size, row_groups=[group], columns=names):
                    if first + len(batch) > start:
                        yield self._matrix(batch, first)[max(0, start - first) :]
                    first += len(batch)

    def _matrix(self, batch: pa.RecordBatch, first: int) -> Array:
        """Return the vectors of these rows, (m, dim), the first of which is row `first`."""
        if len(self.columns) > 1:
            columns = [batch.column(name) for name in self.columns]
            matrix = np.stack([column.to_numpy(zero_copy_only=False) for column in columns], axis=1)
        else:
            matrix = self._lists(batch.column(self.column), first)
        if not self.scale:
            return matrix
        scales = batch.column(self.scale).to_numpy(zero_copy_only=False)
        product: Array = matrix * scales[:, None].astype(FLOAT)
        return product

    def _lists(self, column: pa.Array, first: int) -> Array:
        """Return a column of lists, (m, dim), see `_matrix`; NaN where values are missing."""
        column = getattr(column, "storage", column)
        known = column.is_valid().to_numpy(zero_copy_only=False)
        lengths = column.value_lengths().fill_null(self.dim).to_numpy(zero_copy_only=False)
        if (wrong := np.flatnonzero(lengths != self.dim)).size:
            row = int(wrong[0])
            raise InputError(
                f"{self.path}, {self.column}, has {plural(int(lengths[row]), 'number')} in row "
                f"{first + row} and {self.dim} in others: vectors are of one length, so fix or "
                "remove that row"
            )
        values: Array = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, self.dim)
        if known.all():
            return values
        matrix = np.full((len(column), self.dim), np.nan, np.result_type(values, np.float16))
        matrix[known] = values
        return matrix


NO_ROWS = "give a file with one row for each vector"
ONE_NUMBER = "one number in each row: vectors have two or more, name another column"
MISSING = "compute it again, or skip such rows with --skip-unreadable"


class Vectors:
    """The vectors of one or more files, in order.

    A single array of floats, or of int8, is used where it is. All else is written once into the
    cache, see `rsh.io.array_cache`: as float16 or int8 if the file has these, which lose nothing,
    and else as float32. Half floats would lose much: they end at 65,504, keep 11 bits, and
    standardization magnifies what is small beside a large mean.

    Args:
        files: at least one, all of one dim.
        ids: of all vectors, (n,), for error messages.
        keep_missing: vectors that lack a number are kept, with NaN, and not refused.
    """

    def __init__(
        self, files: Sequence[File], ids: "pd.Series[str]", *, keep_missing: bool = False
    ) -> None:
        self.files, self.ids, self.keep_missing = tuple(files), ids.to_numpy(), keep_missing
        self.dim = files[0].dim
        self._stamps = {path: _stamp(path) for file in files for path in file.files}

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, rows: NDArray[np.int64] | slice) -> Floats:
        """Return these vectors, (n, dim)."""
        with np.errstate(over="ignore"):
            return np.array(self._array[rows], FLOAT)

    def unreadable(self) -> NDArray[np.int64]:
        """Return the rows of vectors that lack a finite number."""
        size = max(1, NUMBERS // self.dim)
        parts = [
            first + np.flatnonzero(~np.isfinite(self.read(slice(first, first + size))).all(axis=1))
            for first in range(0, len(self), size)
        ]
        return np.concatenate(parts)

    @cached_property
    def _array(self) -> Array:
        """All vectors, (n, dim), a memory map of numbers that float32 holds."""
        changed = [path for path, stamp in self._stamps.items() if _stamp(path) != stamp]
        if changed:
            raise InputError(f"{changed[0]} was changed after it was opened: open it again")
        file = self.files[0]
        if len(self.files) == 1 and isinstance(file, ArrayFile) and file.scales is None:
            array = file.array
        else:
            kinds = {file.dtype for file in self.files}
            dtype = kinds.pop() if len(kinds) == 1 and not self.keep_missing else FLOAT
            shape = (len(self), self.dim)
            array = cached("embeddings", self._key(), self._rows, shape=shape, dtype=dtype)
        size = max(1, NUMBERS // self.dim)
        zeros = 0
        for first in range(0, len(array), size):
            batch = self._checked(array[first : first + size], first)
            zeros += len(batch) - int(batch.any(axis=1).sum())
        if zeros:
            warnings.warn(
                f"{file.path if len(self.files) == 1 else file.path.parent} has "
                f"{plural(zeros, 'vector')} of zeros alone: they have no direction, so cosines "
                "with them mean nothing",
                RshWarning,
                stacklevel=3,
            )
        return array

    def _key(self) -> str:
        """Return what decides the content of the cached array."""
        digest = hashlib.sha256(b"missing" if self.keep_missing else b"")
        for file in self.files:
            names = [file.column, *(sha256(path) for path in file.files)]
            digest.update("\0".join(names).encode())
        return digest.hexdigest()

    def _rows(self, start: int) -> Iterator[Array]:
        """Yield all vectors from a row on."""
        end = 0
        for file in self.files:
            first, end = end, end + file.rows
            if start < end:
                at = max(start, first)
                for batch in file.read(at - first):
                    yield self._checked(batch, at)
                    at += len(batch)

    def _checked(self, batch: Array, first: int) -> Floats:
        """Return vectors as float32, the first of which is row `first`, if all are finite."""
        with np.errstate(over="ignore"):
            floats = batch.astype(FLOAT, copy=False)
        if self.keep_missing or np.isfinite(floats).all():
            return floats
        row, column = map(int, np.argwhere(~np.isfinite(floats))[0])
        value = batch[row, column]
        fault = "lacks a number" if np.isnan(value) else f"holds {value}, no finite 32-bit number"
        path, local = self._place(first + row)
        raise InputError(
            f"{path}: the vector of row {local}, id {self.ids[first + row]}, {fault}: {MISSING}"
        )

    def _place(self, row: int) -> tuple[Path, int]:
        """Return the file of a row, and its number there."""
        for file in self.files:
            if row < file.rows:
                return file.path, row
            row -= file.rows
        raise IndexError(row)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what differs once a file was changed; None of a missing one."""
    with suppress(OSError):
        about = path.stat()
        return about.st_size, about.st_mtime_ns
    return None


def is_scales(path: Path) -> bool:
    """Whether an array holds the scales of another one beside it."""
    stem = re.sub("_scales?$", "", path.stem)
    return stem != path.stem and path.with_name(f"{stem}.npy").is_file()


def _scales_file(path: Path) -> Path | None:
    names = [path.with_name(f"{path.stem}_{word}.npy") for word in ("scales", "scale")]
    return next((name for name in names if name.is_file()), None)


def _map(path: Path) -> Array:
    """Return the array of a .npy file as a memory map."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except ARRAY_ERRORS as error:
        raise InputError(
            f"{path} holds no array of numbers ({first_sentence(error)}): download it again, or "
            "save float32 by numpy.save"
        ) from None
    if path.stat().st_size != array.offset + array.nbytes:
        raise InputError(f"{path} is longer than its array: download or save it again")
    return array


def _check_unscaled(kind: np.dtype[Any], where: str, scales: str) -> None:
    """Tell of int8 without scales, and refuse other whole numbers, whose zero is unknown."""
    if kind.kind == "f":
        return
    if kind != np.int8:
        raise InputError(
            f"{where} has {kind} without scales: write floats, or the scale of each vector as "
            f"{scales}"
        )
    warnings.warn(
        f"{where} has int8 without scales: it is used as it is, which is right if all vectors were "
        f"divided by one number; else write the scale of each vector as {scales}",
        RshWarning,
        stacklevel=4,
    )


def _open(path: Path) -> pq.ParquetFile:
    """Open a table so that row groups of any size are read in parts."""
    return pq.ParquetFile(
        path, buffer_size=BUFFER, pre_buffer=False, page_checksum_verification=True
    )


def _number_type(kind: pa.DataType) -> pa.DataType | None:
    """Return the type of the numbers in a column of lists or of numbers, else None."""
    kind = getattr(kind, "storage_type", kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
    return kind if pa.types.is_floating(kind) or pa.types.is_integer(kind) else None


def _is_list(kind: pa.DataType) -> bool:
    is_nested = pa.types.is_nested(getattr(kind, "storage_type", kind))
    return is_nested and _number_type(kind) is not None


def _choose(file: pq.ParquetFile, named: str, where: str) -> tuple[str, tuple[str, ...]]:
    """Return the name of the vectors, and their column or columns."""
    schema = file.schema_arrow
    lists = [field.name for field in schema if _is_list(field.type)]
    groups = _groups(schema)
    if named:
        if named in lists:
            return named, (named,)
        if named in groups and len(groups[named]) > 1:
            return named, groups[named]
        kind = f"holds {schema.field(named).type}" if named in schema.names else "is missing"
        raise InputError(
            f"{where} has no vectors of that name, the column {kind}; its columns are "
            f"{', '.join(schema.names[:20])}: name one of lists of numbers",
            parameter="vector_column",
            value=named,
        )
    lists = [name for name in lists if not BOXES.fullmatch(name)]
    lengths = {name: _usual_length(file, name) for name in lists}
    longer = [name for name, length in lengths.items() if length is None or length > 1]
    likely = [name for name in longer if _is_small(_number_type(schema.field(name).type))]
    found: dict[str, tuple[str, ...]] = {name: (name,) for name in likely or longer or lists}
    found |= {name: columns for name, columns in groups.items() if len(columns) >= WIDE}
    if len(found) == 1:
        return next(iter(found.items()))
    if found:
        names = " and ".join(map(_shown, found.values()))
        raise InputError(
            f"{where} has {len(found)} columns of vectors, {names}: name one with --vector-column"
        )
    raise InputError(
        f"{where} has no column of vectors, but {', '.join(schema.names[:20])}: write them as a "
        "column of lists of numbers, or as one column for each number, such as A00 to A63"
    )


def _is_small(kind: pa.DataType | None) -> bool:
    """Whether numbers are as in vectors: floats, or whole ones of 8 bits."""
    return kind is not None and (pa.types.is_floating(kind) or kind.bit_width == 8)


def _shown(columns: tuple[str, ...]) -> str:
    return columns[0] if len(columns) == 1 else f"{columns[0]} to {columns[-1]}"


def _groups(schema: pa.Schema) -> dict[str, tuple[str, ...]]:
    """Return the columns of numbers whose names count from 0 or 1, by what precedes the count."""
    found: dict[str, dict[int, str]] = {}
    for field in schema:
        match = NUMBERED.fullmatch(field.name)
        kind = field.type
        if match and not pa.types.is_nested(kind) and _is_small(_number_type(kind)):
            found.setdefault(match[1], {}).setdefault(int(match[2]), field.name)
    return {
        prefix: tuple(columns[number] for number in sorted(columns))
        for prefix, columns in found.items()
        if min(columns) < 2 and max(columns) - min(columns) == len(columns) - 1
    }


def _scale_column(schema: pa.Schema, name: str, where: str) -> str:
    """Return the column of scales, "" if there is none."""
    zero = next((zero for zero in (f"{name}_zero_point", "zero_point") if zero in schema.names), "")
    if zero:
        raise InputError(
            f"{where} states a zero for {name} in {zero}, which is not read: write floats"
        )
    names = (f"{name}_scale", f"{name}_scales", "scale", "scales")
    floats = {field.name for field in schema if pa.types.is_floating(field.type)}
    return next((name for name in names if name in floats), "")


def _usual_length(file: pq.ParquetFile, name: str) -> int | None:
    """Return the length of the lists of a column, None if they differ by the file's metadata."""
    about = file.metadata
    leaf = next(
        number
        for number in range(about.num_columns)
        if about.schema.column(number).path.startswith(f"{name}.")
    )
    found = set()
    for group in map(about.row_group, range(about.num_row_groups)):
        if group.num_rows:
            length, rest = divmod(group.column(leaf).num_values, group.num_rows)
            found.add(None if rest else length)
    return found.pop() if len(found) == 1 else None


def _length(file: pq.ParquetFile, name: str, where: str) -> int:
    """Return the length of the first vector."""
    for batch in file.iter_batches(1024, columns=[name]):
        column = getattr(batch.column(0), "storage", batch.column(0)).drop_null()
        if len(column):
            return int(column.value_lengths()[0].as_py())
    raise InputError(f"{where} has no vector in any row of {name}: {NO_ROWS}")
