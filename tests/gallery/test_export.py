"""A gallery is exported whole, one class of it, or some rows."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from make_gallery import in_town, tiny_gallery
from refusals import refused

from rsh.gallery.export import SUFFIXES, export_tiles
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("export") / "town", num_tiles=60, more=in_town)


def read(file: Path) -> pd.DataFrame:
    if file.suffix == ".gpkg":
        with closing(sqlite3.connect(file)) as database:
            return pd.read_sql_query("SELECT * FROM tiles ORDER BY fid", database)
    if file.suffix == ".geojson":
        features = json.loads(file.read_text())["features"]
        return pd.DataFrame([feature["properties"] for feature in features])
    return pq.read_table(file).to_pandas()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_whole_gallery_is_exported(town: Gallery, tmp_path: Path, suffix: str):
    table = export_tiles(town, tmp_path / f"x{suffix}")
    found = read(tmp_path / f"x{suffix}")
    assert len(table) == 60 and table.kinds == ("Point", "Polygon")
    for name in ("id", "class", "split", "longitude", "latitude"):
        assert found[name].tolist() == town.items[name].tolist()


def test_one_class_is_exported_with_the_held_out_tiles(town: Gallery, tmp_path: Path):
    export_tiles(town, tmp_path / "x.gpkg", filter=Filter.read(["class=barren"]), points=True)
    found = read(tmp_path / "x.gpkg")
    expected = town.items[town.items["class"] == "barren"]
    assert found["id"].tolist() == expected["id"].tolist()
    assert (found["split"] == "query").any()


def test_rows_are_exported_in_their_order(town: Gallery, tmp_path: Path):
    export_tiles(town, tmp_path / "x.parquet", rows=[7, 3, 20])
    assert read(tmp_path / "x.parquet")["id"].tolist() == town.items["id"].iloc[[7, 3, 20]].tolist()


def test_a_region_is_exported(town: Gallery, tmp_path: Path):
    filter = Filter.read(["polygon=11.5,48.1,11.52,48.1,11.52,48.11,11.5,48.11"])
    table = export_tiles(town, tmp_path / "x.geojson", filter=filter)
    assert 0 < len(table) == filter.mask(town.items).sum() < 60


def test_what_cannot_be_exported_is_named(town: Gallery, tmp_path: Path):
    with refused("output", names="x.shp"):
        export_tiles(town, tmp_path / "x.shp")
    with refused("output", names="rsh labels export"):
        export_tiles(town, tmp_path / "x.CSV")
    with refused("filter", names="class=desert"):
        export_tiles(town, tmp_path / "x.gpkg", filter=Filter.read(["class=desert"]))
    (tmp_path / "file").write_text("")
    with refused(names="file"):
        export_tiles(town, tmp_path / "file" / "x.gpkg")
    nowhere = tiny_gallery(tmp_path / "nowhere", num_tiles=20, coordinates=False)
    with refused(names="items.csv"):
        export_tiles(nowhere, tmp_path / "x.gpkg")
    assert not list(tmp_path.glob("x.*"))
