"""Results for a map hold their ranks, and every column of the gallery."""

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from make_gallery import in_town, tiny_gallery, without_classes
from refusals import refused

from rsh.gallery.gallery import Gallery
from rsh.search.formats.files import FORMATS, write_result
from rsh.search.formats.geotables import to_geopackage, to_geoparquet
from rsh.search.results import SearchResult
from rsh.search.retrieve import search


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    more = lambda items: in_town(items).assign(rank="own", cloud=range(len(items)))  # noqa: E731
    return tiny_gallery(tmp_path_factory.mktemp("geo") / "town", num_tiles=60, more=more)


def as_parquet(result: SearchResult) -> pd.DataFrame:
    return pq.read_table(io.BytesIO(to_geoparquet(result))).to_pandas()


def as_geopackage(result: SearchResult) -> pd.DataFrame:
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(to_geopackage(result))
        return pd.read_sql_query("SELECT * FROM results ORDER BY fid", database)


@pytest.mark.parametrize("read", [as_parquet, as_geopackage])
@pytest.mark.parametrize("rerank", [None, "features"])
def test_results_have_their_ranks_and_all_columns(town: Gallery, read, rerank):
    result = search(town, town.items["id"][0], top_k=9, rerank=rerank).take([0, 3, 8])
    found = read(result)
    assert found["rank"].tolist() == [1, 4, 9]
    assert found["distance"].tolist() == result.distances.tolist()
    assert ("score" in found) == (rerank is not None)
    items = town.items.iloc[result.rows]
    for name in ("id", "class", "longitude", "cloud"):
        assert found[name].tolist() == items[name].tolist()
    assert found["rank_2"].tolist() == ["own"] * 3
    assert found["relevant"].astype(bool).tolist() == result.relevant.tolist()


@pytest.mark.parametrize("read", [as_parquet, as_geopackage])
def test_columns_of_the_gallery_keep_their_values_under_free_names(tmp_path: Path, read):
    own = {"rank": "own", "rank_2": "second", "Distance": "far", "distance_2": "farther"}
    gallery = tiny_gallery(tmp_path / "g", num_tiles=30, more=lambda items: items.assign(**own))
    found = read(search(gallery, gallery.items["id"][0], top_k=3))
    assert found["rank"].tolist() == [1, 2, 3]
    expected = {"rank_3": "own", "rank_2": "second", "Distance_3": "far", "distance_2": "farther"}
    for name, value in expected.items():
        assert found[name].tolist() == [value] * 3


def test_without_classes_there_is_no_verdict(tmp_path: Path):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=30, more=without_classes)
    found = as_parquet(search(gallery, gallery.items["id"][0], top_k=3))
    assert not {"class", "relevant"} & set(found)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_has_the_format_of_its_name(town: Gallery, tmp_path: Path, suffix: str):
    result = search(town, town.items["id"][0], top_k=3)
    write_result(result, tmp_path / f"x{suffix}")
    content = (tmp_path / f"x{suffix}").read_bytes()
    starts = {".csv": b"rank,id", ".json": b"{", ".geojson": b"{", ".gpkg": b"SQLite format 3"}
    assert content.startswith(starts.get(suffix, b"PAR1"))
    if suffix in (".json", ".geojson"):
        json.loads(content)


def test_a_wrong_name_or_a_gallery_without_places_is_refused(town: Gallery, tmp_path: Path):
    result = search(town, town.items["id"][0], top_k=3)
    with refused("output", names=("x.kml", ".gpkg")):
        write_result(result, tmp_path / "x.kml")
    nowhere = tiny_gallery(tmp_path / "g", num_tiles=30, coordinates=False)
    result = search(nowhere, nowhere.items["id"][0], top_k=3)
    for suffix in (".gpkg", ".parquet", ".geojson"):
        with refused(names="items.csv"):
            write_result(result, tmp_path / f"x{suffix}")
    write_result(result, tmp_path / "x.csv")
    assert [path.name for path in tmp_path.glob("x.*")] == ["x.csv"]
