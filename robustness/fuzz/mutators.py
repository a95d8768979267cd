"""How inputs are changed: a change of bytes alone would seldom get past a checksum.

Each mutator takes an input, a largest size and a seed, and returns the input that is tried:
images with right checksums, archives packed again, tables and objects with one value altered. One
time in three the bytes themselves are changed.
"""

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import atheris
import numpy as np
import pandas as pd
import pyarrow as pa

from robustness.fuzz.targets import Mutator
from rsh.gallery.columns import TEXT, map_columns, write_columns
from rsh.gallery.items import to_pandas

Change = Callable[[bytes, random.Random], bytes]
PNG = b"\x89PNG\r\n\x1a\n"
BLOCK = 512  # bytes of a tar's header
NAMES = ("../x.png", "/x.png", "a/\0.png", "a/b.png", "items.csv", "a/" * 200 + "x.png", "a\\b.png")
ODD: tuple[Any, ...] = (
    *(None, True, "", "x", "\x00", "\ud800", "=1+1", "<b>", "../x", "a" * 5000, [], {}, [[]]),
    *(0, -1, 1.5, 2**31, -(2**63), 2**64, 10**30, float("nan"), float("inf"), {"a": 1}, [None]),
)
KINDS = ("int64", "float32", "bool", "str", "category", "datetime64[ns]", "complex64", "S8", "O")


def raw(data: bytes, max_size: int, seed: int) -> bytes:
    """Change bytes."""
    changed: bytes = atheris.Mutate(data, max_size)
    return changed


def fixed(fix: Callable[[bytes], bytes]) -> Mutator:
    """Change bytes, and then mend what a checksum says of them."""
    return lambda data, max_size, seed: fix(raw(data, max_size, seed))


def altered(change: Change) -> Mutator:
    """Change what the bytes stand for; bytes where that cannot be done, or one time in three."""

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() > 1 / 3:
            with suppress(Exception):  # no valid input to begin with
                found = change(data, rng)
                return found if len(found) <= max_size else raw(data, max_size, seed)
        return raw(data, max_size, seed)

    return mutate


def png_checked(data: bytes) -> bytes:
    """Give each chunk of a PNG its checksum; other images stay as they are."""
    if not data.startswith(PNG):
        return data
    parts, place = [PNG], len(PNG)
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 8 + length
        if end + 4 > len(data):
            break
        parts += [data[place:end], struct.pack(">I", zlib.crc32(data[place + 4 : end]))]
        place = end + 4
    return b"".join([*parts, data[place:]])


def tar_checked(data: bytes) -> bytes:
    """Give each block that looks like a header its checksum."""
    blocks = [bytearray(data[start : start + BLOCK]) for start in range(0, len(data), BLOCK)]
    for block in blocks:
        if block[257:262] == b"ustar" and len(block) == BLOCK:
            block[148:156] = b" " * 8
            block[148:156] = b"%06o\0 " % sum(block)
    return b"".join(blocks)


def zip_member(data: bytes, rng: random.Random) -> bytes:
    """Change content, name or packing of one file of a zip, and pack all again."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(i.filename, archive.read(i), i.compress_type) for i in archive.infolist()]
    number = rng.randrange(len(members))
    name, content, method = members[number]
    what = rng.randrange(6)
    if what == 0:
        name = rng.choice(NAMES)
    elif what == 1:
        method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    else:
        content = png_checked(raw(content, len(content) + 64, 0))
    members[number] = name, content, method
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content, method in members:
            archive.writestr(name, content, method)
    return stream.getvalue()


def json_value(data: bytes, rng: random.Random) -> bytes:
    """Delete, rename or replace one value of a JSON object, however deep it lies."""
    value = json.loads(data)
    inner, key = rng.choice(list(_places(value)))
    what = rng.randrange(4)
    if what == 0 and isinstance(inner, dict):
        del inner[key]
    elif what == 1 and isinstance(inner, dict):
        inner[f"{key}_"] = inner.pop(key)
    else:
        inner[key] = rng.choice(ODD)
    return json.dumps(value).encode()


def json_line(data: bytes, rng: random.Random) -> bytes:
    """Change one of several lines of JSON, repeat it, or leave it out."""
    lines = data.split(b"\n")
    number, what = rng.randrange(len(lines)), rng.randrange(8)
    if what == 0:
        lines.insert(rng.randrange(len(lines)), lines[number])
    elif what == 1:
        del lines[number]
    else:
        lines[number] = json_value(lines[number], rng)
    return b"\n".join(lines)


def _places(value: Any) -> Any:
    """Yield every object or list with a key in it."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def table_value(data: bytes, rng: random.Random) -> bytes:
    """Change a column, a value or the rows of a parquet table."""
    stream = io.BytesIO()
    _changed(pd.read_parquet(io.BytesIO(data)), rng).to_parquet(stream)
    return stream.getvalue()


def columns_value(data: bytes, rng: random.Random) -> bytes:
    """Change a column, a value or the rows of a table of a gallery."""
    with NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        before = map_columns(Path(file.name))  # pandas would read what is no table, and crash
        table = _changed(pd.DataFrame({key: to_pandas(before[key], key) for key in before}), rng)
    stream, columns = io.BytesIO(), {}
    for key in map(str, table.columns):
        with suppress(pa.ArrowException, OverflowError):
            columns[key] = pa.array(table[key], from_pandas=True)
            if columns[key].type == pa.string():
                columns[key] = columns[key].cast(TEXT)
    write_columns(stream, columns)
    return stream.getvalue()


def _changed(table: pd.DataFrame, rng: random.Random) -> pd.DataFrame:
    """Change a column, a value or the rows of a table."""
    name, what = rng.choice(list(table.columns)), rng.randrange(6)
    if what == 0:
        table = table.drop(columns=name)
    elif what == 1:
        table = table.rename(columns={name: rng.choice(("class", "id", "", "longitude", "x"))})
    elif what == 2:
        table = table.iloc[[rng.randrange(len(table)) for _ in range(len(table))]]
    elif what == 3:
        table[name] = [rng.choice(ODD)] * len(table)
    elif what == 4:
        table[name] = table[name].astype(rng.choice(KINDS))  # type: ignore[call-overload]
    else:
        column = list(table[name])
        column[rng.randrange(len(column))] = rng.choice(ODD)
        table[name] = column
    return table


def array_value(data: bytes, rng: random.Random) -> bytes:
    """Change kind, shape or a value of an array, or pickle it."""
    array = np.load(io.BytesIO(data))
    what = rng.randrange(5)
    if what == 0:
        array = array.astype(rng.choice(("u1", "i8", "f2", "f8", "c8", "U4", "O", "M8[s]", "?")))
    elif what == 1:
        array = rng.choice((array.T, array[None], array.ravel(), array[:-1], array[:0]))
    elif what == 2:
        array = np.asfortranarray(array)
    else:
        odd = rng.choice((0, 1, -1, 2**62, -(2**62), np.nan, np.inf))
        flat = array.ravel()
        with np.errstate(all="ignore"):
            flat[rng.randrange(flat.size)] = np.array(odd).astype(array.dtype)
        array = flat.reshape(array.shape)
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()
