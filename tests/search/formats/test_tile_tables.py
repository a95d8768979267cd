"""Tables of tiles in every format hold what the table holds."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from make_duplicates import made
from make_gallery import tiny_gallery
from refusals import refused

from rsh.analysis.duplicates import find_duplicates
from rsh.gallery.gallery import Gallery
from rsh.search.formats.tile_tables import check_table_file, write_tiles


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("tables") / "g"
    return tiny_gallery(folder, num_tiles=40, rename={"coast": '=1+"1"'})


def table_of(gallery: Gallery) -> pd.DataFrame:
    table = gallery.items.iloc[[3, 1, 7]][["id", "class", "split"]].copy()
    return table.assign(group=[1, 1, 2], keep=[True, False, True], similarity=[1, 0.987654, np.nan])


def written(gallery: Gallery, file: Path) -> Path:
    write_tiles(gallery, table_of(gallery), {"groups": []}, file)
    return file


def test_csv_has_the_columns_of_the_table_and_no_formulas(gallery: Gallery, tmp_path: Path):
    coast = gallery.items["class"][gallery.items["class"].str.startswith("=")].index[:1]
    table = table_of(gallery)
    table.loc[table.index[0], "class"] = gallery.items["class"][coast[0]]
    write_tiles(gallery, table, {}, tmp_path / "t.csv")
    read = pd.read_csv(tmp_path / "t.csv")
    assert read.columns.tolist() == table.columns.tolist()
    assert read["class"][0] == '\'=1+"1"' and read["keep"].tolist() == [True, False, True]
    assert read["similarity"].tolist()[:2] == [1, 0.987654] and np.isnan(read["similarity"][2])


def test_parquet_has_places_and_all_columns_of_the_gallery(gallery: Gallery, tmp_path: Path):
    read = pq.read_table(written(gallery, tmp_path / "t.parquet"))
    assert b"geo" in read.schema.metadata
    assert read["id"].to_pylist() == table_of(gallery)["id"].tolist()
    assert {"group", "keep", "longitude", "geometry"} <= {*read.column_names}


def test_parquet_without_places_is_a_plain_table(tmp_path: Path):
    bare = made(tmp_path / "g", np.ones((9, 8), np.int8), np.ones((9, 1)))
    read = pd.read_parquet(written(bare, tmp_path / "t.parquet"))
    assert read.columns.tolist() == table_of(bare).columns.tolist() and len(read) == 3
    for name in ("t.geojson", "t.gpkg"):
        with refused(names=bare.folder):
            check_table_file(bare, tmp_path / name)


def test_map_formats_hold_a_feature_for_each_tile(gallery: Gallery, tmp_path: Path):
    features = json.loads(written(gallery, tmp_path / "t.geojson").read_text())["features"]
    assert [each["properties"]["group"] for each in features] == [1, 1, 2]
    assert written(gallery, tmp_path / "t.gpkg").read_bytes()[:15] == b"SQLite format 3"


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".parquet"])
def test_a_gallery_may_have_columns_of_any_name(tmp_path: Path, suffix: str):
    own = {"group": 7, "group_2": "H", "keep": "k", "keep_2": 2}
    gallery = tiny_gallery(tmp_path / "g", num_tiles=40, more=lambda items: items.assign(**own))
    file = written(gallery, tmp_path / f"t{suffix}")
    if suffix == ".parquet":
        found = pq.read_table(file).to_pylist()
    elif suffix == ".geojson":
        found = [each["properties"] for each in json.loads(file.read_text())["features"]]
    else:
        with closing(sqlite3.connect(file)) as database:
            database.row_factory = sqlite3.Row
            found = [*map(dict, database.execute("SELECT * FROM tiles ORDER BY fid"))]
    assert [each["group"] for each in found] == [1, 1, 2]
    for each in found:
        assert (each["group_3"], each["group_2"]) == (7, "H")
        assert (each["keep_3"], each["keep_2"]) == ("k", 2)


def test_json_is_the_record(gallery: Gallery, tmp_path: Path):
    assert json.loads(written(gallery, tmp_path / "t.json").read_text()) == {"groups": []}


def test_an_empty_table_can_be_written(gallery: Gallery, tmp_path: Path):
    found = find_duplicates(gallery, radius=0, check="features", threshold=1, progress=False)
    table = found.table()
    for suffix in ("csv", "json", "parquet"):
        write_tiles(gallery, table, found.to_dict(), tmp_path / f"t.{suffix}")
    assert len(pd.read_csv(tmp_path / "t.csv")) == len(table)


def test_other_suffixes_are_refused_before_any_work(gallery: Gallery, tmp_path: Path):
    with refused("output", names=".parquet"):
        check_table_file(gallery, tmp_path / "t.txt")
    (tmp_path / "file").write_text("")
    with refused(names="file"):
        check_table_file(gallery, tmp_path / "file" / "t.csv")
