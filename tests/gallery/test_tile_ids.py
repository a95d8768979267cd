import base64
import zlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsh.gallery import tile_ids
from rsh.gallery.tile_ids import find_rows, pack_ids, take_ids, unpack_ids

IDS = ["007", "7", "1E5", "NA", "", "ä/林.png", "a\u0308", "\x00", "a,b;c", "nan", "None"]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_rows_are_found_by_exact_ids(kind: pa.DataType):
    ids = pa.array(IDS, kind)
    assert find_rows(ids, pa.array(IDS[::-1], pa.string())).tolist() == [*range(len(IDS))][::-1]
    assert find_rows(ids, pa.array(["07", "7", "x", "7"], pa.string())).tolist() == [-1, 1, -1, 1]
    assert find_rows(ids, pa.array([], pa.string())).tolist() == []
    assert take_ids(ids, np.array([3, 0])).to_pylist() == ["NA", "007"]


@given(st.lists(texts, unique=True))
def test_packed_ids_come_back(ids: list[str]):
    packed = pack_ids(pa.array(ids, pa.string()))
    assert packed.isascii() and packed.isprintable()
    assert unpack_ids(packed, len(ids)).to_pylist() == sorted(ids, key=str.encode)


def test_a_part_of_an_array_is_packed_alone():
    assert unpack_ids(pack_ids(pa.array(IDS)[2:5]), 3).to_pylist() == ["", "1E5", "NA"]


def packed(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw)).decode()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("%%", 1),
        (packed(b""), 1),
        (packed(b"\1\0\0\0ab"), 1),  # letters too many
        (packed(b"\3\0\0\0ab"), 1),  # and too few
        (packed(b"\xff\xff\xff\xffab"), 1),
        (packed(b"\1\0\0\0\xff"), 1),  # no UTF-8
        (packed(b"\1\0\0\0a")[:-8], 1),
        (packed(b"\1\0\0\0a"), -1),
        (packed(b"\1\0\0\0a"), 10**12),
    ],
)
def test_what_was_not_packed_is_refused(text: str, count: int):
    with pytest.raises(ValueError):
        unpack_ids(text, count)


def test_little_does_not_unpack_to_much(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tile_ids, "MAX_PACKED_BYTES", 1000)
    with pytest.raises(ValueError):
        unpack_ids(packed(b"\0\1\0\0" + bytes(10**6)), 1)
