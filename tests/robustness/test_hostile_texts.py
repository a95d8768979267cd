"""Names, texts and messages that were made to do harm stay text, on one line, wherever they go."""

import csv
import io
import json
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_gallery import tiny_gallery
from make_hostile import sealed_table
from make_scenes import make
from make_shards import make_tar, png
from PIL import Image
from refusals import refused

from rsh.cli.main import main
from rsh.data.metadata import add_metadata
from rsh.data.places import parse_rings
from rsh.data.tiles import TileDataset
from rsh.errors import InputError
from rsh.explorer.address import gallery_in, read_address
from rsh.explorer.state import ExplorerState
from rsh.explorer.uploads.messages import packed_message, read_message
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import with_checksum as with_checksum
from rsh.index.milvus import to_expression
from rsh.io.files import read_json
from rsh.search.formats.contact_sheet import to_contact_sheet
from rsh.search.formats.snippets import to_command, to_python
from rsh.search.formats.tables import to_csv, to_geojson, to_json
from rsh.search.retrieve import search
from rsh.text import escape_control_chars

HARM = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b]0;owned\x07\x1b[2J",
    "\u202egnp.tac\u202c",
    "a\r\nb\x00c",
    "=cmd|' /C calc'!A0",
    "＝1+1",  # noqa: RUF001
    "$(touch x); `touch x`",
    '"); import os; os.mkdir("x") #',
    "../../etc/passwd",
    "</b>\u2028{{7*7}}${7*7}%s%n",
)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """Classes, ids and a column of texts that were made to do harm."""
    folder = tmp_path_factory.mktemp("hostile") / "g"
    tiny_gallery(folder, num_tiles=len(HARM), num_bits=16)

    def change(items: pd.DataFrame) -> pd.DataFrame:
        names = [f"{name}/{row}.png" for row, name in enumerate(HARM)]
        return items.assign(id=names, remark=HARM, split="train", **{"class": HARM})

    return Gallery.open(sealed_table(folder, change))


@pytest.mark.parametrize("row", range(len(HARM)))
def test_names_stay_text_in_all_that_is_taken_away(gallery: Gallery, row: int):
    query = gallery.items["id"][row]
    result = search(gallery, query, top_k=len(HARM) - 1)
    others = [name for number, name in enumerate(HARM) if number != row]
    assert sorted(hit["class"] for hit in json.loads(to_json(result))["hits"]) == sorted(others)
    features = json.loads(to_geojson(result))["features"]
    assert sorted(feature["properties"]["class"] for feature in features) == sorted(others)
    cells = [
        each["class"] for each in csv.DictReader(io.StringIO(to_csv(result).decode(), newline=""))
    ]
    assert not any(cell.lstrip("\"' ")[:1] in tuple("=+-@＝") for cell in cells if cell[0] != "'")  # noqa: RUF001
    if query == escape_control_chars(query):
        assert shlex.split(to_command(result))[-1] == query
    else:
        with refused("query"):
            to_command(result)
    compile(to_python(result), "view", "exec")
    with Image.open(io.BytesIO(to_contact_sheet(result))) as sheet:
        assert not sheet.text


def test_no_name_steers_the_terminal(gallery: Gallery, capsys: pytest.CaptureFixture):
    for query in gallery.items["id"]:
        print(search(gallery, query))
        with pytest.raises(SystemExit):
            main(["search", str(gallery.folder), f"{query}?".replace("\0", "0")])
    head = json.loads((gallery.folder / "gallery.json").read_text())
    head["model"]["run"] = "\x1b[2J"
    (gallery.folder / "gallery.json").write_text(
        json.dumps(with_checksum(head | {"name": "\x1b[2J\nx"}))
    )
    main(["gallery", "info", str(gallery.folder)])
    shown = capsys.readouterr()
    assert all(line.isprintable() for line in (shown.out + shown.err).split("\n"))


@given(st.text())
def test_message_is_one_line_that_can_be_seen(text: str):
    shown = str(InputError(text))
    assert "".join(shown.split()).isprintable() and len(shown.splitlines()) <= 1
    assert shown == escape_control_chars(shown)
    if text.isprintable():
        assert shown == text


def test_spaces_of_other_scripts_stay_and_halves_of_characters_do_not():
    assert str(InputError("森\u3000林\xa0")) == "森\u3000林\xa0"
    assert str(InputError("a\ud800b\u202e")) == r"a\ud800b\u202e"


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":' * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b"\xef\xbb\xbf{}",
        b'{"a": 1}{"b": 2}',
        b"",
        b"\0" * 100,
        b"NaN",
    ],
)
@pytest.mark.parametrize("what", ["gallery", "run"])
def test_json_that_is_none_is_refused(tmp_path: Path, what: str, content: bytes):
    file = tmp_path / "x.json"
    file.write_bytes(content)
    with refused(names="x.json"):
        read_json(file, what=what)


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-1e999", b"1e400", b"9" * 4000])
@pytest.mark.parametrize("key", [b"num_bits", b"num_items", b"version"])
def test_numbers_that_cannot_be_are_refused_also_where_a_key_comes_twice(
    gallery: Gallery, tmp_path: Path, key: bytes, value: bytes
):
    content = (gallery.folder / "gallery.json").read_bytes()
    end = content.rindex(b"}")
    (tmp_path / "gallery.json").write_bytes(content[:end] + b', "' + key + b'": ' + value + b"}")
    with refused(names="gallery.json"):
        Gallery.open(tmp_path)


@pytest.mark.parametrize("words", [{"class": "\ud800"}, {"class": "a", "\ud800": 1}])
def test_half_a_character_is_no_word_of_a_tile(tmp_path: Path, words: dict):
    with refused(names=1):
        TileDataset.open(make_tar(tmp_path / "x.tar", {"1.png": png(0), "1.json": words}))


def test_names_without_end_in_the_json_of_a_shard_are_refused(tmp_path: Path):
    words = {f"column{number}": number for number in range(1001)}
    with refused(names=1000):
        TileDataset.open(make_tar(tmp_path / "x.tar", {"1.png": png(0), "1.json": words}))
    with refused(names=1000000):
        TileDataset.open(str(tmp_path / "x-{0..99999}-{0..99999}.tar"))


@pytest.fixture(scope="module")
def ids(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder = make(tmp_path_factory.mktemp("table") / "data")
    return folder, TileDataset.open(folder).items[["id", "class"]]


@pytest.mark.parametrize(
    "content",
    [
        b"path" + b"," * 100_000,
        b"path\n" + b"," * 100_000,
        b'path,"' + b"x" * 200_000 + b'"\n',
        b"path,longitude\n" + b"\0" * 1000,
        b"path\n" + b'"' * 100_001,
        "path,\u202e\ncoast/0.png,1\n".encode("utf-16"),
        b"\xff\xfe\xff",
    ],
)
def test_table_of_places_that_is_none_is_refused(ids, content: bytes):
    (ids[0] / "items.csv").write_bytes(content)
    with refused(names="items.csv"):
        add_metadata(ids[1], ids[0], "")


@pytest.mark.parametrize(
    "footprint", ["POLYGON ((x y, 1 2))", "1", "POLYGON ((" + "9" * 400 + " 1, 1 2, 3 4, 1 2))"]
)
def test_footprint_that_is_none_is_not_known(footprint: str):
    """A gallery's table may say anything; items.csv is checked before."""
    assert parse_rings(footprint) == []


ITEMS = pd.DataFrame(
    {
        "id": ["a", "b"],
        "class": ["x", None],
        "cloud": [1.5, np.nan],
        "sunny": [True, False],
        "longitude": [1.0, 2],
        "latitude": [3.0, 4],
    }
)
COLUMNS = st.sampled_from([*ITEMS.columns, "bbox"]) | st.text(max_size=5)
WORDS = st.text(max_size=9) | st.floats().map(str) | st.integers().map(str)


@given(
    COLUMNS, st.sampled_from(["=", "!=", "==", ""]), st.lists(WORDS), st.sampled_from((",", ".."))
)
def test_any_condition_is_answered_or_refused(
    column: str, sign: str, words: list[str], between: str
):
    try:
        conditions = Filter.read([f"{column}{sign}{between.join(words)}"])
        assert conditions.mask(ITEMS).shape == (2,)
        assert isinstance(to_expression(conditions.tests(ITEMS)), str)
    except InputError as error:
        assert str(error).startswith("filter=")


@pytest.fixture(scope="module")
def state(gallery: Gallery) -> ExplorerState:
    return ExplorerState(gallery)


PARTS = ("gallery", "q", "k", "r", "order", "where", "like", "unlike", "x")
ADDRESSES = st.lists(st.tuples(st.sampled_from(PARTS), st.text(max_size=12)), max_size=6).map(
    lambda pairs: "?" + "&".join(f"{name}={value}" for name, value in pairs)
)


@given(ADDRESSES | st.text(max_size=40))
def test_any_address_is_followed_as_far_as_it_makes_sense(state: ExplorerState, address: str):
    before = state.query, state.settings
    try:
        gallery_in(address)
        assert read_address(address, state).isprintable()
        state.results()
    except InputError as error:
        assert "\n" not in str(error)
        assert (state.query, state.settings) == before
    state.query, state.settings = before


@pytest.mark.parametrize(
    "address",
    [
        *("?q=%", "?q=%zz", "?q=%00", "?q=%ff%fe", "?k=%D9%A3", "?r=1e9", "?where=\0=\0"),
        *("?k=" + "9" * 7000, "?" + "&" * 7000, "?like=&like=%0d%0a"),
        "?where=split=train&order=x",
    ],
)
def test_address_that_is_spoilt_changes_no_query(state: ExplorerState, address: str):
    before = state.query, state.settings
    try:
        assert read_address(address, state).isprintable()
    except InputError as error:
        assert str(error).isprintable()
    assert state.query == before[0]
    state.settings = before[1]


@given(st.binary(max_size=60) | st.tuples(st.binary(max_size=20), st.binary(max_size=9)).map(
    lambda parts: len(parts[0]).to_bytes(4) + len(parts[1]).to_bytes(4) + b"".join(parts)
))  # fmt: skip
def test_message_that_is_none_ends_the_talk(data: bytes):
    try:
        head, body = read_message(io.BytesIO(data))
        assert isinstance(head, dict) and isinstance(body, bytes)
    except EOFError:
        pass


@pytest.mark.parametrize("head", [b"[]", b"{", b"[" * 100_000, b"\xff", b"1"])
def test_message_without_an_object_is_none(head: bytes):
    with pytest.raises(EOFError):
        read_message(io.BytesIO(len(head).to_bytes(4) + bytes(4) + head))
    with pytest.raises(EOFError, match="is too long"):
        read_message(io.BytesIO(b"\xff" * 8))
    assert read_message(io.BytesIO(packed_message({"a": 1}, b"x"))) == ({"a": 1}, b"x")
