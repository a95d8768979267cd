"""Ids of tiles: the rows that they have in a gallery, and many of them in few bytes."""

import base64
import zlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Rows = NDArray[np.int32]
NO_ROWS: Rows = np.empty(0, np.int32)
MAX_PACKED_IDS = 5_000_000
MAX_PACKED_BYTES = 1 << 28  # of them, unpacked
LEVEL = 1  # of compression: level 6 takes three times as long for a tenth less


def find_rows(ids: pa.Array, wanted: pa.Array) -> Rows:
    """Return the row of each wanted id, -1 for one that there is not.

    It reads all ids once and keeps no table of them: 25 ms for a million.

    Args:
        ids: of all tiles, distinct, (n,).
        wanted: texts, (m,).
    """
    if not len(wanted):
        return NO_ROWS
    encoded = wanted.dictionary_encode()
    places = pc.index_in(ids, value_set=encoded.dictionary.cast(ids.type))
    rows = np.full(len(encoded.dictionary), -1, np.int32)
    found = np.flatnonzero(_numbers(places.is_valid()))
    rows[_numbers(places.drop_null())] = found
    return np.asarray(rows[_numbers(encoded.indices)])


def take_ids(ids: pa.Array, rows: NDArray[np.integer[Any]]) -> pa.Array:
    """Return the ids of rows."""
    return ids.take(pa.array(rows)).cast(pa.string())


def pack_ids(ids: pa.Array) -> str:
    """Return ids in the order of the alphabet as text: lengths and letters, zlib, base64."""
    ordered = ids.take(pc.sort_indices(ids))  # neighbors begin alike, and take half of the bytes
    _, ends, letters = ordered.buffers()
    bounds = np.frombuffer(ends, np.int32, len(ordered) + 1)
    lengths = np.diff(bounds).astype("<u4").tobytes()
    return base64.b64encode(
        zlib.compress(lengths + memoryview(letters)[bounds[0] : bounds[-1]], LEVEL)
    ).decode()


def unpack_ids(packed: str, count: int) -> pa.Array:
    """Return the ids that `pack_ids` packed.

    Args:
        packed: the text; any text may be given.
        count: how many ids it holds.

    Raises:
        ValueError: it holds something else, or too much.
    """
    if not 0 <= count <= MAX_PACKED_IDS:
        raise ValueError(f"{count} ids")
    inflate = zlib.decompressobj()
    try:
        raw = inflate.decompress(base64.b64decode(packed, validate=True), MAX_PACKED_BYTES)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    lengths = np.frombuffer(raw, "<u4", count)
    ends = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    letters = memoryview(raw)[lengths.nbytes :]
    if not inflate.eof or ends[-1] != len(letters):
        raise ValueError("lengths that do not fit")
    buffers = pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(letters)
    ids = pa.StringArray.from_buffers(count, *buffers)
    ids.validate(full=True)  # that they are UTF-8
    return ids


def _numbers(column: pa.Array) -> NDArray[Any]:
    return np.asarray(column.to_numpy(zero_copy_only=False))
