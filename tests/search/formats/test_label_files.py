"""Labels and sets come back from every format exactly as they were written."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from rsh.search.formats import label_files
from rsh.search.formats.label_files import Labels, read_labels, write_labels
from rsh.search.formats.tables import escape_formula, unescape_formula

FORMATS = ("csv", "parquet", "geojson")
letters = st.characters(exclude_categories=["Cs"])
texts = st.text(st.one_of(letters, st.sampled_from("=+-@;'\"\t\r\n\0, ")), max_size=8)
names = texts.map(str.strip).filter(lambda name: name and ";" not in name)
ODD = [
    "007",
    "7",
    "1E5",
    "NA",
    "nan",
    "null",
    "True",
    "1.10",
    " a",
    "ä/林.png",
    "=1+1",
    "'=x",
    "a\nb",
]


def write(file: Path, ids: list[str], classes: list[str], sets: list[list[str]]) -> Path:
    index = pd.RangeIndex(len(ids))
    columns = {"id": pd.Series(ids, index, dtype=object), "class": classes}
    table = pd.DataFrame(columns | {"sets": pd.Series(sets, index, dtype=object)})
    file.write_bytes(
        write_labels(table, pd.DataFrame({"longitude": 1.0, "latitude": 2.0}, index), file)
    )
    return file


@pytest.mark.parametrize("kind", FORMATS)
def test_odd_ids_come_back(tmp_path: Path, kind: str):
    classes = ["", *ODD[1:]]
    sets = [["a", "=b"], [], *([name.strip()] for name in ODD[2:])]
    file = write(tmp_path / f"x.{kind}", ODD, classes, sets)
    assert read_labels(file, num_tiles=9) == Labels(ODD, classes, sets)


@pytest.mark.parametrize("kind", FORMATS)
@given(rows=st.lists(st.tuples(texts.filter(bool), texts, st.lists(names)), min_size=1))
def test_any_texts_come_back(tmp_path_factory, kind: str, rows: list):
    ids, classes, sets = map(list, zip(*rows, strict=True))
    file = write(tmp_path_factory.mktemp("labels") / f"x.{kind}", ids, classes, sets)
    assert read_labels(file, num_tiles=9) == Labels(ids, classes, sets)


@given(texts)
def test_escaped_formulas_come_back(text: str):
    assert unescape_formula(escape_formula(text)) == text


def test_csv_is_plain(tmp_path: Path):
    file = write(tmp_path / "x.csv", ["a", "b"], ["sea", ""], [["one", "two"], ["one"]])
    assert file.read_bytes() == b"id,class,sets\r\na,sea,one;two\r\nb,,one\r\n"


def test_tables_by_others_are_read(tmp_path: Path):
    (tmp_path / "x.CSV").write_text("\ufeffpath,label,more\na, sea ,1\nb,,2\n", encoding="utf-8")
    assert read_labels(tmp_path / "x.CSV", num_tiles=9) == Labels(
        ["a", "b"], [" sea ", ""], [[], []]
    )
    (tmp_path / "x.csv").write_text("sets,id\n one ; two;,007\n")
    assert read_labels(tmp_path / "x.csv", num_tiles=9) == Labels(["007"], [""], [["one", "two"]])
    table = pa.table({
        "id": pa.array([7, 8]), "category": pa.array(["x", None]).dictionary_encode(),
        "geometry": pa.array([b"\0", b"\1"]), "sets": pa.array(["one;two", None]),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "x.geoparquet")
    expected = Labels(["7", "8"], ["x", ""], [["one", "two"], []])
    assert read_labels(tmp_path / "x.geoparquet", num_tiles=9) == expected
    features = [
        {"type": "Feature", "id": 7, "geometry": None, "properties": {"label": 1}},
        {"type": "Feature", "geometry": None, "properties": {"id": "b", "sets": "one;two"}},
        {"type": "Feature", "id": "x", "geometry": None, "properties": None},
    ]
    (tmp_path / "x.json").write_text(json.dumps({"features": features}))
    expected = Labels(["7", "b", "x"], ["1", "", ""], [[], ["one", "two"], []])
    assert read_labels(tmp_path / "x.json", num_tiles=9) == expected


def test_a_given_label_counts_before_the_class_that_was_encoded(tmp_path: Path):
    expected = Labels(["a", "b"], ["", "ice"], [[], []])
    (tmp_path / "x.csv").write_text("id,class,label\na,sea,\nb,sea,ice\n")
    assert read_labels(tmp_path / "x.csv", num_tiles=9) == expected
    table = pa.table({"id": ["a", "b"], "class": ["sea", "sea"], "label": [None, "ice"]})
    pq.write_table(table, tmp_path / "x.parquet")
    assert read_labels(tmp_path / "x.parquet", num_tiles=9) == expected
    rows = [{"id": "a", "class": "sea"}, {"id": "b", "class": "sea", "label": "ice"}]
    features = [{"properties": row} for row in rows]
    (tmp_path / "x.geojson").write_text(json.dumps({"features": features}))
    assert read_labels(tmp_path / "x.geojson", num_tiles=9) == expected


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({"id": "a", "class": True}, "true as class"),
        ({"id": "a", "class": {"n": 1}}, '{"n": 1} as class'),
        ({"id": "a", "class": float("nan")}, "NaN as class"),
        ({"id": False, "class": "sea"}, "false as id"),
        ({"id": "a", "sets": [None, "one"]}, "null as sets"),
        ({"id": "a", "sets": ["one", ["two"]]}, '["two"] as sets'),
        ({"id": "a", "sets": {"one": 1}}, '{"one": 1} as sets'),
    ],
)
def test_values_are_texts_or_numbers(tmp_path: Path, properties: dict, named: str):
    file = tmp_path / "x.geojson"
    file.write_text(json.dumps({"features": [{"properties": properties}]}))
    with refused(names=(file, named)):
        read_labels(file, num_tiles=9)


def test_other_columns_may_hold_anything(tmp_path: Path):
    odd = {"id": "a", "class": 7, "sure": True, "more": {"n": [None]}}
    (tmp_path / "x.geojson").write_text(json.dumps({"features": [{"properties": odd}]}))
    expected = Labels(["a"], ["7"], [[]])
    assert read_labels(tmp_path / "x.geojson", num_tiles=9) == expected


@pytest.mark.parametrize("column", [{"class": [True]}, {"sets": [[True]]}, {"sets": [[None, "a"]]}])
def test_values_of_parquet_are_texts_or_numbers(tmp_path: Path, column: dict):
    pq.write_table(pa.table({"id": ["a"]} | column), tmp_path / "x.parquet")
    with refused(names=("x.parquet", *column)):
        read_labels(tmp_path / "x.parquet", num_tiles=9)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.txt", b"id,class\n"),
        ("x", b"id,class\n"),
        ("x.csv", b""),
        ("x.csv", b"id,class\na\n\xff,b\n"),
        ("x.csv", b"id,id\n1,2\n"),
        ("x.csv", b"id\na\n"),
        ("x.csv", b"class\nsea\n"),
        ("x.csv", b"id,class\n,sea\n"),
        ("x.csv", b"id,class\n" + b"a,b\n" * 200_001),
        ("x.parquet", b""),
        ("x.parquet", b"PAR1PAR1"),
        ("x.geojson", b""),
        ("x.geojson", b"[]"),
        ("x.geojson", b'{"features": 7}'),
        ("x.geojson", b'{"features": [7]}'),
        ("x.geojson", b'{"features": [{"type": "Feature"}]}'),
        ("x.geojson", b'{"features": [{"properties": 7}]}'),
        ("x.geojson", b'{"features": [{"properties": {"id": "\\ud800"}}]}'),
        ("x.geojson", b'{"features": []}'),
        ("x.geojson", b'{"features": [{"properties": {"class": "a"}}]}'),
        ("x.geojson", b'{"features": [{"properties": {"id": ["a"], "class": "b"}}]}'),
        ("x.geojson", b'{"features": [{"properties": {"id": "a", "class": ["b"]}}]}'),
        ("x.geojson", b"[" * 10**5),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path: Path, name: str, content: bytes):
    file = tmp_path / name
    file.write_bytes(content)
    with refused(names=file):
        read_labels(file, num_tiles=9)


def test_parquet_of_other_types_is_refused(tmp_path: Path):
    columns = (pa.array([[[1]]]), pa.array([["a"]]), pa.array([{"a": 1}]), pa.array([b"\xff"]))
    for column in columns:
        pq.write_table(pa.table({"id": pa.array(["a"]), "class": column}), tmp_path / "x.parquet")
        with refused(names="x.parquet"):
            read_labels(tmp_path / "x.parquet", num_tiles=9)
    many = pa.table({"id": pa.array(["a"] * 200_000), "class": ["x"] * 200_000})
    pq.write_table(many, tmp_path / "x.parquet")
    with refused(names="x.parquet"):
        read_labels(tmp_path / "x.parquet", num_tiles=9)


def test_files_that_are_missing_or_large_are_refused(tmp_path: Path, monkeypatch):
    with refused(names="gone.csv"):
        read_labels(tmp_path / "gone.csv", num_tiles=9)
    (tmp_path / "folder.csv").mkdir()
    with refused(names="folder.csv"):
        read_labels(tmp_path / "folder.csv", num_tiles=9)
    (tmp_path / "x.csv").write_text("id,class\na,b\n")
    monkeypatch.setattr(label_files, "MAX_FILE", 3)
    with refused(names="x.csv"):
        read_labels(tmp_path / "x.csv", num_tiles=9)
