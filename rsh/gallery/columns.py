"""Tables of a gallery: Arrow files of named columns, which are mapped and not read into memory.

A file may come from anybody. So it must hold exactly one batch of columns of a few plain types,
uncompressed, that lie in the file; Arrow checks that texts are UTF-8 and that offsets and numbers
of categories are within their bounds.

Source: https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format
"""

import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rsh.errors import InputError
from rsh.text import first_sentence

MAGIC = b"ARROW1\0\0"  # the messages follow it
TEXT = pa.large_string()  # which pandas takes as it is


class Columns(dict[str, pa.Array]):
    """The columns of a table by name.

    Attributes:
        mapped: the file that they are in, if they are mapped.
    """

    mapped: mmap.mmap | None = None

    def forget_pages(self) -> None:
        """Stop counting what was read of the file as memory of this process."""
        if self.mapped and hasattr(self.mapped, "madvise"):
            self.mapped.madvise(mmap.MADV_DONTNEED)


def write_columns(stream: BinaryIO, columns: Mapping[str, pa.Array]) -> None:
    """Write a table that `map_columns` maps; other programs know it as Feather or Arrow IPC.

    Args:
        stream: of a new file.
        columns: by name, of one length; texts are `TEXT`, or numbers of categories that are.
    """
    batch = pa.record_batch(dict(columns))
    with pa.ipc.new_file(stream, batch.schema) as writer:
        writer.write_batch(batch)


def map_columns(file: Path, num_rows: int | None = None) -> Columns:
    """Return the columns of a table as views of the mapped file.

    Args:
        file: as `write_columns` wrote it, or made by anybody.
        num_rows: required number of rows; by default any.

    Raises:
        InputError: the file is no such table, or of another length.
    """
    try:
        with file.open("rb") as stream:
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        batch = _read_batch(pa.py_buffer(mapped))
    except Exception as error:  # pyarrow raises errors of many kinds
        raise InputError(f"{file} holds no table ({first_sentence(error)})") from None
    if num_rows is not None and len(batch) != num_rows:
        raise InputError(f"{file} holds no table ({len(batch)} rows and not {num_rows})")
    if len(set(batch.schema.names)) < batch.num_columns:
        raise InputError(f"{file} has two columns of one name")
    columns = Columns(zip(batch.schema.names, batch.columns, strict=True))
    columns.mapped = mapped
    columns.forget_pages()  # which only had to be checked
    return columns


def numbers(column: pa.Array) -> NDArray[Any]:
    """Return a column of numbers without unknown values as an array, which shares its memory."""
    found: NDArray[Any] = column.to_numpy(zero_copy_only=column.null_count == 0)
    return found


class _Pair:
    """Two columns that lie anywhere in memory, as numpy takes them for one array, (n, 2)."""

    def __init__(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
        self.columns = first, second  # so that their memory stays
        self.__array_interface__ = first.__array_interface__ | {
            "shape": (len(first), 2),
            "strides": (first.itemsize, second.ctypes.data - first.ctypes.data),
        }


def side_by_side(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Return two columns of numbers as one array, (n, 2), read-only and without a copy."""
    return np.asarray(_Pair(first, second))


def _read_batch(buffer: pa.Buffer) -> pa.RecordBatch:
    """Read the one batch of a table.

    Raises:
        Exception: the bytes are no such table.
    """
    if buffer[: len(MAGIC)].to_pybytes() != MAGIC:
        raise ValueError("it does not begin as an Arrow file")
    content = buffer[len(MAGIC) :]
    _check_messages(content)
    reader = pa.ipc.open_stream(pa.BufferReader(content))
    batch = reader.read_next_batch()
    batch.validate(full=True)
    for field, column in zip(batch.schema, batch.columns, strict=True):
        _check_type(field)
        _check_place(column, buffer)
        if pa.types.is_dictionary(column.type):
            _check_place(column.dictionary, buffer)
            if column.dictionary.null_count:
                raise ValueError("a category is no text")
    return batch


def _check_messages(content: pa.Buffer) -> None:
    """Raise ValueError unless there is one batch, after a schema and perhaps categories.

    A compressed batch is refused before it is read, since a few bytes can become gigabytes.
    """
    kinds = []
    for message in pa.ipc.MessageReader.open_stream(content):
        kinds.append(message.type)
        if message.type != "schema" and _is_compressed(message):
            raise ValueError("it is compressed")
    if kinds.count("record batch") != 1 or {*kinds} - {"schema", "dictionary", "record batch"}:
        raise ValueError(f"it holds {', '.join(kinds)}")


def _is_compressed(message: pa.Message) -> bool:
    """Whether a batch, or the batch of a dictionary, says that it is compressed.

    Source: https://github.com/apache/arrow/blob/main/format/Message.fbs, in FlatBuffers
    """
    data = message.metadata.to_pybytes()
    batch = _follow(data, _follow(data, 0), 2)  # Message.header
    if message.type == "dictionary":
        batch = _follow(data, batch, 1)  # DictionaryBatch.data
    return _field(data, batch, 3) > 0  # RecordBatch.compression


def _follow(data: bytes, table: int, field: int | None = None) -> int:
    """Return where a table begins that a field of another one refers to, or the first one."""
    place = table if field is None else table + _field(data, table, field)
    return place + int(struct.unpack_from("<I", data, place)[0])


def _field(data: bytes, table: int, field: int) -> int:
    """Return where a field of a table lies, relative to the table; 0 if it is not there."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    size = struct.unpack_from("<H", data, vtable)[0]
    place = 4 + 2 * field
    return int(struct.unpack_from("<H", data, vtable + place)[0]) if place < size else 0


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds texts, perhaps as signed numbers of categories."""
    if pa.types.is_dictionary(kind):
        return bool(kind.value_type == TEXT and pa.types.is_signed_integer(kind.index_type))
    return bool(kind == TEXT)


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers."""
    return bool(pa.types.is_integer(kind) or kind in (pa.float32(), pa.float64()))


def _check_type(field: pa.Field) -> None:
    """Raise ValueError unless a column holds texts, numbers, times or truth values."""
    kind = field.type
    is_time = pa.types.is_timestamp(kind) and kind.tz in (None, "UTC")
    if not (is_text(kind) or is_number(kind) or is_time or pa.types.is_boolean(kind)):
        raise ValueError(f"the column {field.name!r} holds {kind}")


def _check_place(column: pa.Array, buffer: pa.Buffer) -> None:
    """Raise ValueError unless a column lies in the file, where the processor can read it."""
    for part in column.buffers():
        if part is None or not part.size:
            continue
        start = part.address - buffer.address
        if not (0 <= start <= buffer.size - part.size) or start % 8:
            raise ValueError("a column does not lie in the file")
