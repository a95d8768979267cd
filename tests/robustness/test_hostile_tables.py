"""Tables of a gallery that Arrow reads, and that were made to do harm or to mislead."""

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_gallery import tiny_gallery
from make_hostile import SEGMENT, arrow, sealed, sealed_table, table
from refusals import refused

from rsh.errors import InputError
from rsh.gallery.columns import TEXT, Columns, map_columns
from rsh.gallery.gallery import Gallery
from rsh.gallery.items import ItemTable, read_items, store_items
from rsh.gallery.planes import read_planes

NUMBERS = pa.array(np.arange(12))
ODD = (b"\0" * 8, b"\xff" * 8, b"\x01" + b"\0" * 7, b"\xff" * 7 + b"\x7f", b"\xc3(\xa0\xa1 \x80{7")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A gallery that may be spoilt."""
    return tiny_gallery(tmp_path / "gallery", num_tiles=12, num_bits=12).folder


def in_arrow(columns: Columns, *, batches: int = 1, **options: Any) -> bytes:
    """Return an Arrow file, with options of its writer."""
    stream, batch = io.BytesIO(), pa.record_batch(columns)
    how = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_file(stream, batch.schema, options=how) as writer:
        for part in np.array_split(np.arange(len(batch)), batches) if batches else []:
            writer.write_batch(batch[part[0] : part[-1] + 1])
    return stream.getvalue()


def one_name_twice(columns: Columns) -> bytes:
    names = ["id", "class", "split", "split"]
    batch = pa.record_batch([columns[name] for name in names], names)
    stream = io.BytesIO()
    with pa.ipc.new_file(stream, batch.schema) as writer:
        writer.write_batch(batch)
    return stream.getvalue()


def category(number: int, name: str | None) -> pa.Array:
    """Return twelve times the number of a category, of which there is one."""
    numbers, names = pa.array(np.full(12, number), pa.int8()), pa.array([name], TEXT)
    return pa.DictionaryArray.from_arrays(numbers, names, safe=False)


SPOILT: dict[str, Callable[[Columns], bytes]] = {
    "compressed": lambda t: in_arrow(t, compression="zstd"),
    "two batches": lambda t: in_arrow(t, batches=2),
    "no batch": lambda t: in_arrow(t, batches=0),
    "no file but a stream": lambda t: in_arrow(t)[8:],
    "short texts": lambda t: in_arrow(t | {"id": t["id"].cast(pa.string())}),
    "lists": lambda t: in_arrow(t | {"x": pa.array([[1]] * 12)}),
    "nothing": lambda t: in_arrow(t | {"x": pa.nulls(12)}),
    "objects": lambda t: in_arrow(t | {"x": pa.array([{"a": 1}] * 12)}),
    "unsigned categories": lambda t: in_arrow(
        t | {"split": t["split"].cast(pa.dictionary(pa.uint8(), TEXT))}
    ),
    "numbers as categories": lambda t: in_arrow(t | {"x": NUMBERS.dictionary_encode()}),
    "a zone": lambda t: in_arrow(t | {"x": NUMBERS.cast(pa.timestamp("s", "Mars/Crater"))}),
    "a category outside": lambda t: in_arrow(t | {"class": category(9, "a")}),
    "an unknown category": lambda t: in_arrow(t | {"class": category(0, None)}),
    "unknown ids": lambda t: in_arrow(t | {"id": pa.array([None] * 12, TEXT)}),
    "one name twice": one_name_twice,
    "cut": lambda t: in_arrow(t)[:-1500],
    "empty": lambda t: b"",
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=list(SPOILT))
def test_arrow_file_that_is_no_table_of_a_gallery_is_refused(
    folder: Path, spoil: Callable[[Columns], bytes]
):
    columns = store_items(Gallery.open(folder).items)
    assert len(Gallery.open(sealed(folder, "items.arrow", in_arrow(columns)))) == 12
    with refused(names="items.arrow"):
        Gallery.open(sealed(folder, "items.arrow", spoil(columns)))


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_compressed_table_is_refused_before_it_is_unpacked(tmp_path: Path, codec: str):
    long = pa.array(["x" * 5_000_000] * 12, TEXT)
    for column in (long, long[:1].dictionary_encode()):
        (tmp_path / "x.arrow").write_bytes(in_arrow({"id": column}, compression=codec))
        assert (tmp_path / "x.arrow").stat().st_size < 1_000_000
        peak = pa.default_memory_pool().max_memory()
        before = pa.total_allocated_bytes()
        with refused(names=("x.arrow", "compressed")):
            map_columns(tmp_path / "x.arrow")
        assert pa.total_allocated_bytes() == before
        assert pa.default_memory_pool().max_memory() == peak


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.drop(columns="class"), "class"),
        (lambda t: t.assign(id=range(12)), "id"),
        (lambda t: t.assign(split=None), "items.arrow"),
        (lambda t: t.assign(id=t["id"].where(t.index > 3)), "id"),
        (lambda t: t.assign(**{"class": [b"x"] * 12}), "class"),
        (lambda t: t.assign(id="a"), "a twice"),
        (lambda t: t.assign(longitude="east"), "longitude"),
        (lambda t: t.assign(footprint=12), "footprint"),
        (lambda t: t.iloc[:5], (5, 12)),
    ],
)
def test_table_without_what_readers_count_on_is_refused(folder: Path, change, told: object):
    with refused(names=told):
        Gallery.open(sealed_table(folder, change))


def test_ids_with_the_hashes_of_others_are_refused(folder: Path):
    def change(items: pd.DataFrame) -> pd.DataFrame:
        return items.assign(id=[*items["id"][:-1], "other"])

    with refused(names="hashes.npy"):
        Gallery.open(sealed(folder, "items.arrow", table(folder, change)))


def test_text_that_is_none_is_refused(folder: Path):
    """Fuzzing found it: Arrow reads any bytes as text, and says so when they are looked at."""
    whole = Gallery.open(folder).items.assign(remark="XYZ")
    texts = [table(folder, lambda t, name=name: t.assign(**{name: "XYZ"})) for name in ("x", "id")]
    for content in (*texts, in_arrow(store_items(whole))):  # text by text, and as a category
        assert b"XYZ" in content
        with refused(names="items.arrow"):
            Gallery.open(sealed(folder, "items.arrow", content.replace(b"XYZ", b"X\xffZ")))


@settings(max_examples=300)
@given(seed=st.integers(0, 10**9))
def test_a_table_with_any_bytes_changed_is_refused_or_whole(
    tmp_path_factory: pytest.TempPathFactory, seed: int
):
    folder, draw = tmp_path_factory.getbasetemp() / "altered", random.Random(seed)
    if not folder.exists():
        tiny_gallery(folder, num_tiles=12, num_bits=12)
    content = bytearray((folder / SEGMENT / "items.arrow").read_bytes())
    for _ in range(draw.choice((1, 2, 8))):
        width = draw.choice((1, 4, 8))
        place = draw.randrange(len(content)) // width * width
        content[place : place + width] = draw.choice(ODD)[:width]
    (folder / "x.arrow").write_bytes(content)
    try:
        items = ItemTable([read_items(folder / "x.arrow", 12)])
    except InputError as error:
        assert "x.arrow" in str(error) and "\n" not in str(error)
        return
    assert items.frame().shape == (12, len(items.columns))
    for name in items.columns:
        json.dumps(items.take([0, 11], [name]).astype(str).to_dict())
    items.categories("class"), items.categories("id"), items.positions()


def test_projection_of_other_columns_is_refused_when_it_is_looked_at(folder: Path):
    head = json.loads((folder / "gallery.json").read_text())
    file = folder / head["projection"]["file"]
    planes = pd.read_feather(file)
    for change, told in (
        (planes.drop(columns="code_x"), "code_x"),
        (planes.assign(feature_y="x"), "feature_y"),
        (planes.assign(feature_y=1.0), "feature_y"),
        (planes.assign(feature_y=pd.array([None] * 12, "Float32")), "feature_y"),
        (planes.assign(code_x=np.float32(np.inf)), "tile"),
        (planes.assign(feature_landmark=1), "landmark"),
        (planes.assign(code_landmark=pd.array([None] * 12, "boolean")), "landmark"),
        (planes.assign(hash="x"), "hash"),
    ):
        file.write_bytes(arrow(change))
        with refused(names=(file.name, told)):
            read_planes(file, np.arange(12))
