"""Several labels a tile: read from any kind of table, checked, and part of the data set."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_scenes import make, tile, zipped
from make_shards import make_tar
from make_shards import png as png_bytes
from refusals import refused

from rsh.data.check import check_data, draw_sheet, to_text
from rsh.data.embeddings import Embeddings
from rsh.data.label_sets import join_labels
from rsh.data.open import open_dataset
from rsh.data.tiles import TileDataset
from rsh.errors import RshWarning
from rsh.labels import number_label_sets

PATHS = [f"{name}/{number}.png" for name in ("coast", "forest") for number in range(2)]
SETS = ["sea;sand", "sea", "wood;sand", "wood"]
CANONICAL = ["sand;sea", "sea", "sand;wood", "wood"]
MATRIX = [[1, 1, 0], [0, 1, 0], [1, 0, 1], [0, 0, 1]]
ONES = {"label:sand": [1, 0, 1, 0], "label:sea": [1, 1, 0, 0], "label:wood": [0, 0, 1, 1]}


def folder_with(tmp_path: Path, **columns) -> Path:
    folder = make(tmp_path / "data", count=2)
    pd.DataFrame({"path": PATHS, **columns}).to_csv(folder / "items.csv", index=False)
    return folder


def check_sets(dataset, matrix=MATRIX) -> None:
    assert dataset.label_source == "multi" and dataset.has_several
    assert dataset.label_names == ["sand", "sea", "wood"]
    assert dataset.label_matrix.dtype == bool
    assert (dataset.label_matrix == np.array(matrix, dtype=bool)).all()


@pytest.mark.parametrize("packed", [False, True])
def test_text_with_semicolons(tmp_path: Path, packed: bool):
    folder = folder_with(tmp_path, labels=[" sea; sand;", "sea", "wood;sand", "wood"])
    where = zipped(folder, tmp_path / "data.zip") if packed else folder
    dataset = TileDataset.open(where, labels="multi")
    check_sets(dataset)
    assert dataset.items["labels"].tolist() == CANONICAL
    assert dataset.classes == ["coast", "forest"]  # the class of the folder stays
    assert "4 tiles, 3 labels, several a tile" in repr(dataset)


def test_one_column_a_label(tmp_path: Path):
    dataset = TileDataset.open(folder_with(tmp_path, **ONES), labels="multi")
    check_sets(dataset)
    assert dataset.items["labels"].tolist() == CANONICAL
    assert dataset.items["label:sea"].tolist() == [1, 1, 0, 0]  # still there for filters


@pytest.mark.parametrize(
    "columns",
    [
        {"labels": [["sea", "sand"], ["sea"], ["wood", "sand"], ["wood"]]},
        {name: [value == 1 for value in values] for name, values in ONES.items()},
        {name: [float(value) for value in values] for name, values in ONES.items()},
    ],
    ids=["lists", "booleans", "floats"],
)
def test_parquet(tmp_path: Path, columns):
    folder = make(tmp_path / "data", count=2)
    pd.DataFrame({"path": PATHS, **columns}).to_parquet(folder / "items.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RshWarning)
        check_sets(TileDataset.open(folder, labels="multi"))


def test_shards(tmp_path: Path):
    members = {}
    for number, labels in enumerate(CANONICAL):
        members[f"{number}.png"] = png_bytes(number)
        members[f"{number}.json"] = json.dumps({"labels": labels.split(";")}).encode()
    check_sets(TileDataset.open(make_tar(tmp_path / "x.tar", members)))


@pytest.mark.parametrize("columns", [{"labels": [text.split(";") for text in SETS]}, ONES])
def test_embeddings(tmp_path: Path, columns):
    vectors = np.random.default_rng(0).random((4, 8)).astype(np.float32)
    table = pd.DataFrame({"id": list("abcd"), "vector": list(vectors), **columns})
    table.to_parquet(tmp_path / "x.parquet")
    check_sets(open_dataset(tmp_path / "x.parquet", labels="multi"))
    check_sets(Embeddings.open(tmp_path / "x.parquet"))


def test_auto_takes_the_class_if_there_is_one(tmp_path: Path):
    where = folder_with(tmp_path, labels=SETS)
    dataset, plain = TileDataset.open(where), make(tmp_path / "plain", count=2)
    assert dataset.label_source == "auto" and not dataset.has_several
    assert dataset.items["labels"].tolist() == SETS  # as it was written
    assert dataset.label_names == ["coast", "forest"]
    assert (dataset.label_matrix == np.array([[1, 0], [1, 0], [0, 1], [0, 1]])).all()
    assert dataset.fingerprint == TileDataset.open(plain).fingerprint
    several = dataset.labeled_by("multi")
    check_sets(several)
    assert several.fingerprint != dataset.fingerprint
    assert several.fingerprint == TileDataset.open(where, labels="multi").fingerprint
    assert not TileDataset.open(where, labels="none").has_several


def test_labels_count_in_the_fingerprint_but_not_their_order(tmp_path: Path):
    where = folder_with(tmp_path, labels=SETS)
    first = TileDataset.open(where, labels="multi").fingerprint
    for labels, same in (("sand;sea", True), ("sea", False)):
        table = pd.DataFrame({"path": PATHS, "labels": [labels, *SETS[1:]]})
        table.to_csv(where / "items.csv", index=False)
        assert (TileDataset.open(where, labels="multi").fingerprint == first) == same


@pytest.mark.parametrize("columns", [{"labels": SETS}, ONES])
def test_auto_takes_several_labels_where_there_is_no_class(tmp_path: Path, columns):
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(4):
        tile(number).save(folder / f"{number}.png")
    names = [f"{number}.png" for number in range(4)]
    pd.DataFrame({"path": names, **columns}).to_csv(folder / "items.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RshWarning)
        check_sets(TileDataset.open(folder))


def test_tiles_without_a_label_are_told(tmp_path: Path):
    where = folder_with(tmp_path, labels=["sea;sand", "", "wood", ""])
    with pytest.warns(RshWarning, match="2 of 4 tiles have no label, such as coast/1.png"):
        dataset = TileDataset.open(where, labels="multi")
    assert dataset.has_label.tolist() == [True, False, True, False]
    assert dataset.num_labeled == 2 and "2 of 4 tiles have a label" in repr(dataset)


@pytest.mark.parametrize(
    ("columns", "parameter", "named"),
    [
        ({"date": [1, 2, 3, 4]}, "labels", ("labels", "label:sand")),
        ({"labels": ["sea;sea", *SETS[1:]]}, None, ("coast/0.png", "'sea' twice")),
        ({"labels": [None] * 4}, None, ("no tile a label", 4)),
        ({"labels": SETS, **ONES}, None, ("labels", "label:sand")),
        ({**ONES, "label:snow": [0] * 4}, None, ("no tile the label 'snow'", "label:snow")),
        ({**ONES, "label:snow": [0, 2, 1, 0]}, None, ("coast/1.png", "'2'", "label:snow")),
        ({**ONES, "label:snow": [0, None, 1, 0]}, None, ("coast/1.png", "label:snow")),
        ({**ONES, "label: sea": [0, 0, 1, 0]}, None, ("'sea' in two columns", "label: sea")),
        ({**ONES, "label:": [0, 0, 1, 0]}, None, "names no label"),
        ({**ONES, "label:a;b": [0, 0, 1, 0]}, None, "label:a;b"),
    ],
)
def test_wrong_tables_are_refused(tmp_path: Path, columns, parameter, named):
    where = folder_with(tmp_path, **columns)
    with refused(parameter, names=named):
        TileDataset.open(where, labels="multi")


def test_a_label_of_a_list_has_no_semicolon(tmp_path: Path):
    folder = make(tmp_path / "data", count=2)
    table = pd.DataFrame({"path": PATHS, "labels": [["a;b"], ["a"], ["b"], []]})
    table.to_parquet(folder / "items.parquet")
    with refused(names=("'a;b'", "items.parquet")):
        TileDataset.open(folder, labels="multi")


def test_labels_that_look_the_same_are_told(tmp_path: Path):
    where = folder_with(tmp_path, labels=["Sea", "sea", "wood", "wood;sea"])
    with pytest.warns(RshWarning, match="the labels 'Sea' and 'sea' differ only in case"):
        TileDataset.open(where, labels="multi")


def test_each_set_of_labels_has_a_number():
    texts = ["b;a", "unused", "", "c"]
    names, sets, numbers = number_label_sets(texts, np.array([0, 2, 3, 0, -1]))
    assert names == ["a", "b", "c"]
    assert sets.tolist() == [[1, 1, 0], [0, 0, 1]]
    assert numbers.tolist() == [0, -1, 1, 0, -1]
    names, sets, numbers = number_label_sets([""], np.array([0, 0]))
    assert names == [] and sets.shape == (0, 0) and numbers.tolist() == [-1, -1]


def test_the_sample_has_several_labels():
    dataset = TileDataset.open("bluemarble", labels="multi")
    assert len(dataset.label_names) == 15 and dataset.has_label.all()
    assert dataset.label_matrix.sum() == 3450
    single = TileDataset.open("bluemarble")
    assert single.label_source == "auto" and len(single.classes) == 9


def test_check_reports_labels(tmp_path: Path):
    where = folder_with(tmp_path, labels=["sea;sand", "sea", "", "wood;sea"])
    report = check_data(where, labels="multi", progress=False)
    assert report.classes == {"sea": 3, "sand": 1, "wood": 1} and report.unlabeled == 1
    text = to_text(report)
    assert "4 tiles, 3 labels, several a tile, 3 of 4 tiles have a label" in text
    assert "sea (3), sand (1), wood (1), no label (1)" in text
    assert "drawn so that each label keeps its share" in text
    assert any("2 labels such as 'sand' with fewer than 3 tiles" in w for w in report.warnings)
    dataset = TileDataset.open(where, labels="multi")
    drawn = [text.get_text() for axes in draw_sheet(dataset, range(4)).axes for text in axes.texts]
    assert drawn == ["sand\n1", "sea\n3", "wood\n1", "no label\n1"]


def test_missing_values_in_a_list_are_no_labels():
    assert join_labels(["sea", None, float("nan"), "sand"], "x") == "sea;sand"
    assert join_labels(("a", "b"), "x") == join_labels(np.array(["a", "b"]), "x") == "a;b"
    assert join_labels(None, "x") == join_labels([], "x") == ""
    assert join_labels("sea;sand", "x") == "sea;sand"
