"""The table of a gallery's tiles: columns that are mapped, each read when it is used."""

from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from rsh.errors import InputError
from rsh.gallery.columns import (
    TEXT,
    Columns,
    is_number,
    is_text,
    map_columns,
    numbers,
    side_by_side,
)
from rsh.gallery.row_order import RowOrder

TEXTS = ("id", "class", "split")
DEGREES = ("longitude", "latitude")
MOST_CATEGORIES = 4096  # a column with more different texts is stored text by text
UNKNOWN = -1  # number of the category of an unknown text


class ItemTable:
    """The columns of a gallery's tiles, in the order of its rows; texts and numbers stay on disk.

    A pandas column shares its memory with the file, unless its texts are stored as categories, or
    the gallery has several segments.
    """

    def __init__(self, parts: Sequence[Columns], order: RowOrder | None = None) -> None:
        """Join the columns of all segments; without an order there is one, as it is."""
        self._parts, self._order = parts, order
        self._more: dict[str, pd.Series[Any]] = {}
        self._categories: dict[str, tuple[list[str], NDArray[np.signedinteger[Any]]]] = {}
        self.columns = list(dict.fromkeys(name for part in parts for name in part))

    def __len__(self) -> int:
        return len(self._parts[0]["id"]) if self._order is None else len(self._order)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> "pd.Series[Any]":
        return self._more[name] if name in self._more else to_pandas(self.array(name), name)

    def with_columns(self, columns: Mapping[str, NDArray[Any]]) -> "ItemTable":
        """Return the same table with further columns, for a filter; nothing is copied."""
        table = copy(self)
        table._more = {name: pd.Series(values) for name, values in columns.items()}
        table.columns = [*self.columns, *columns]
        return table

    def array(self, name: str) -> pa.Array:
        """Return a column as Arrow has it; perhaps with categories."""
        if self._order is None:
            return self._parts[0][name]
        return self._gather(name, np.arange(len(self)))

    def take(self, rows: ArrayLike, names: Sequence[str] | None = None) -> pd.DataFrame:
        """Return some columns of some tiles, by default all of them.

        Args:
            rows: of the tiles, (k,), in any order; they are the index of the result.
            names: of the columns; those that there are not are left out.
        """
        wanted = np.asarray(rows, dtype=np.int64)
        found = [name for name in (self.columns if names is None else names) if name in self]
        columns = {name: to_pandas(self._gather(name, wanted), name).array for name in found}
        return pd.DataFrame(columns, index=wanted)

    def frame(self) -> pd.DataFrame:
        """Return all columns; those with categories are copied."""
        return pd.DataFrame({name: self[name] for name in self.columns}, copy=False)

    def texts(self, name: str, rows: ArrayLike) -> list[str]:
        """Return a column of some tiles as texts, "" where it is unknown."""
        column = self._gather(name, np.atleast_1d(np.asarray(rows, dtype=np.int64)))
        return [text or "" for text in column.cast(TEXT).to_pylist()]

    def varies(self, name: str) -> bool:
        """Return whether tiles differ in a column of texts or times."""
        column = self.array(name)
        if is_number(column.type):
            return False
        if pa.types.is_dictionary(column.type):
            column = column.indices
        found = pc.min_max(column)
        return bool(found["min"] != found["max"])

    def categories(self, name: str) -> tuple[list[str], NDArray[np.signedinteger[Any]]]:
        """Return the different texts of a column, and the number of that of each tile.

        Returns:
            The texts, in any order, some perhaps of no tile; and (n,), UNKNOWN for an unknown one.
        """
        if name not in self._categories:
            column = self.array(name)
            if not pa.types.is_dictionary(column.type):
                column = column.cast(TEXT).dictionary_encode()
            codes = numbers(column.indices.fill_null(UNKNOWN))
            self._categories[name] = column.dictionary.to_pylist(), codes
        return self._categories[name]

    def positions(self) -> NDArray[np.float64] | None:
        """Return longitude and latitude of each tile, (n, 2); None if it has no such columns."""
        if not {*DEGREES} <= {*self.columns}:
            return None
        longitude, latitude = (_float64(self.array(name)) for name in DEGREES)
        return side_by_side(longitude, latitude)

    def forget_pages(self) -> None:
        """Stop counting what was read of the files as memory of this process."""
        for part in self._parts:
            part.forget_pages()

    def _gather(self, name: str, rows: NDArray[np.int64]) -> pa.Array:
        """Return a column of some rows."""
        if self._order is None:
            return self._parts[0][name].take(pa.array(rows))
        pieces, places = [self._nothing(name)], [rows[:0]]
        for piece in self._order.split(rows):
            column = self._parts[piece.segment].get(name)
            empty = pa.nulls(len(piece.rows))  # a segment may lack a column that others have
            pieces.append(empty if column is None else column.take(pa.array(piece.rows)))
            places.append(piece.places)
        back = np.argsort(np.concatenate(places), kind="stable")
        return _join(pieces).take(pa.array(back))

    def _nothing(self, name: str) -> pa.Array:
        """Return no rows of a column, of the type that it has in the first segment with it."""
        return next(part[name] for part in self._parts if name in part)[:0]


def store_items(items: pd.DataFrame) -> Columns:
    """Return a table of tiles as a gallery stores it.

    Class, split and other texts that recur become numbers of categories. What is neither a text, a
    number, a truth value nor a time becomes a text.

    Raises:
        InputError: id, class or split is missing or no text, or a longitude or latitude no number.
    """
    columns = Columns({str(name): to_column(str(name), items[name]) for name in items.columns})
    check_items(columns, "the table of tiles")
    return columns


def read_items(file: Path, num_items: int) -> Columns:
    """Map the table of a segment.

    Args:
        file: as `rsh.gallery.columns` describes it.
        num_items: required number of rows.

    Raises:
        InputError: no table, of another length, or a column is missing or of another type.
    """
    columns = map_columns(file, num_items)
    check_items(columns, str(file))
    return columns


def check_items(columns: Columns, where: str) -> None:
    """Check the columns that readers rely on.

    Args:
        columns: of some tiles.
        where: name of the table in messages.

    Raises:
        InputError: id, class or split is missing or no text, a footprint is no text, or a longitude
            or latitude no number.
    """
    for name in TEXTS:
        if name not in columns:
            raise InputError(f"{where} has no column {name}")
        if columns[name].null_count:
            raise InputError(f"{where} has a value of {name} that is no text")
    for name in (*TEXTS, "footprint"):
        if name in columns and not is_text(columns[name].type):
            raise InputError(f"{where} has a value of {name} that is no text")
    for name in DEGREES:
        if name in columns and not is_number(columns[name].type):
            raise InputError(f"{where} has a value of {name} that is no number")


def _float64(column: pa.Array) -> NDArray[np.float64]:
    """Return a column of numbers, NaN where one is unknown; a view if it is stored so."""
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def to_pandas(column: pa.Array, name: str) -> "pd.Series[Any]":
    """Return a column as pandas has it; it shares the memory unless it has categories."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(TEXT)
    found: pd.Series[Any] = column.to_pandas()
    return found.rename(name)


def _join(pieces: Sequence[pa.Array]) -> pa.Array:
    """Return the columns of several segments as one, of numbers if all are, else of texts."""
    kinds = {piece.type for piece in pieces if not pa.types.is_null(piece.type)} or {TEXT}
    kind = next(iter(kinds))
    if len(kinds) > 1 or pa.types.is_dictionary(kind):
        kind = pa.float64() if all(map(is_number, kinds)) else TEXT
    return pa.concat_arrays([piece.cast(kind) for piece in pieces])


def to_column(name: str, column: "pd.Series[Any]") -> pa.Array:
    """Return a column as it is stored."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    try:
        stored = pa.array(column, from_pandas=True)
    except (pa.ArrowException, OverflowError):  # of several kinds, or beyond 64 bits
        stored = None
    if isinstance(stored, pa.ChunkedArray):
        stored = stored.combine_chunks()
    if stored is not None and is_number(stored.type):
        if name in DEGREES or pa.types.is_floating(stored.type):
            stored = stored.cast(pa.float64()).fill_null(np.nan)  # so that it can be mapped
        return stored
    if stored is not None and pa.types.is_boolean(stored.type):
        return stored
    if stored is not None and pa.types.is_timestamp(stored.type):
        return stored.cast(pa.timestamp(stored.type.unit, stored.type.tz and "UTC"))
    if stored is None or not (is_text(stored.type) or pa.types.is_null(stored.type)):
        stored = pa.array(column.map(str, na_action="ignore").astype(object), from_pandas=True)
    texts = stored.cast(TEXT)
    return texts if name == "id" else _with_categories(name, texts)


def _with_categories(name: str, texts: pa.Array) -> pa.Array:
    """Return texts as numbers of categories if these are few, or they are class or split."""
    encoded = texts.dictionary_encode()
    count = len(encoded.dictionary)
    if count > MOST_CATEGORIES and name not in TEXTS:
        return texts
    kind = next(
        each for each in (pa.int8(), pa.int16(), pa.int32()) if count < 1 << each.bit_width - 1
    )
    return encoded.cast(pa.dictionary(kind, TEXT))
