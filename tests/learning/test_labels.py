"""Labels that are given, and files of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_learning import cluster_gallery
from refusals import refused

from rsh.gallery.gallery import Gallery
from rsh.learning.labels import find_labels, read_labels

LABELS = {"coast/1.png": "coast", "forest/2.png": "=forest", "x,y.png": "Küste"}


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return cluster_gallery(tmp_path_factory.mktemp("labels") / "gallery", per_class=5)


def table(**more: list) -> pd.DataFrame:
    columns = {"note": ["", "b", "c"], "id": list(LABELS), "class": list(LABELS.values())}
    return pd.DataFrame(columns | more)


def test_both_kinds_of_files_are_read(tmp_path: Path):
    table().to_csv(tmp_path / "labels.csv", index=False)
    table().to_parquet(tmp_path / "labels.parquet")
    assert read_labels(tmp_path / "labels.csv") == LABELS
    assert read_labels(tmp_path / "labels.parquet") == LABELS


@pytest.mark.parametrize("nothing", ["", None])
def test_rows_without_a_class_are_left_out_and_equal_ones_count_once(tmp_path: Path, nothing):
    rows = pd.concat([table(**{"class": ["coast", nothing, "NA"]}), table().iloc[:1]])
    rows.to_csv(tmp_path / "labels.csv", index=False)
    assert read_labels(tmp_path / "labels.csv") == {"coast/1.png": "coast", "x,y.png": "NA"}
    rows.to_parquet(tmp_path / "labels.parquet")
    assert read_labels(tmp_path / "labels.parquet") == {"coast/1.png": "coast", "x,y.png": "NA"}


def test_file_of_a_spreadsheet_is_read(tmp_path: Path):
    (tmp_path / "labels.CSV").write_bytes(b"\xef\xbb\xbfid,class\r\na.png,town\r\n")
    assert read_labels(tmp_path / "labels.CSV") == {"a.png": "town"}


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("labels.txt", b"id,class\na,b\n", "labels.txt"),
        ("labels.csv", b"path,kind\na,b\n", "labels.csv"),
        ("labels.csv", b"", "labels.csv"),
        ("labels.csv", b"id,class\n\xff,b\n", "labels.csv"),
        ("labels.csv", b"id,class\na,b\na,c\n", "a two classes"),
        ("labels.parquet", b"id,class\na,b\n", "labels.parquet"),
    ],
)
def test_file_that_holds_no_labels_is_refused(tmp_path: Path, name: str, content: bytes, named):
    (tmp_path / name).write_bytes(content)
    with refused(names=named):
        read_labels(tmp_path / name)


def test_file_that_is_not_there_is_refused(tmp_path: Path):
    with refused(names="gone.csv"):
        read_labels(tmp_path / "gone.csv")


def test_numbers_in_place_of_names_are_refused(tmp_path: Path):
    table(id=[1, 2, 3]).to_parquet(tmp_path / "labels.parquet")
    with refused(names="labels.parquet"):
        read_labels(tmp_path / "labels.parquet")


def test_labels_are_found_in_the_order_of_rows(gallery: Gallery):
    ids = gallery.items["id"]
    given = find_labels(gallery, {ids[7]: "b", ids[3]: "c", ids[11]: "b", ids[2]: "a"})
    assert given.rows.tolist() == [2, 3, 7, 11]
    assert given.classes == ["a", "b", "c"] and given.numbers.tolist() == [0, 2, 1, 1]
    part = given.select(np.array([True, False, True, False]))
    assert part.rows.tolist() == [2, 7] and part.numbers.tolist() == [0, 1]
    assert len(find_labels(gallery, {})) == 0


def test_labels_of_unknown_tiles_and_without_a_name_are_refused(gallery: Gallery):
    with refused("labels", value="nowhere.png"):
        find_labels(gallery, {"nowhere.png": "coast"})
    for name in ("", "  ", None, 3):
        with refused(names=gallery.items["id"][0]):
            find_labels(gallery, {gallery.items["id"][0]: name})
