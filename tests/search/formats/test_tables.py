"""Exports hold the results as they are, whatever the classes are called."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_gallery import retabled, tiny_gallery
from refusals import refused

from rsh.explorer.state import ExplorerState
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import ModelInfo
from rsh.labels import SEVERAL
from rsh.learning.confidence import confidence
from rsh.search.formats.geotables import to_geopackage, to_geoparquet, to_geotable
from rsh.search.formats.labels import OF_LABELS
from rsh.search.formats.tables import COLUMNS, escape_formula, to_csv, to_geojson, to_json
from rsh.search.query import Query, QueryImage, SearchOptions
from rsh.search.results import SearchedTiles, SearchResult
from rsh.search.retrieve import retrieve, search

AWKWARD = {
    "barren": '=HYPERLINK("http://x";"y")',
    "coast": "<b>森林</b>",
    "tundra": '@SUM(1)\n"two", lines',
    "savanna": "-1",
    "grassland": "a;+1",
}
UNLABELED_COLUMNS = [
    name for name in COLUMNS if name not in (*OF_LABELS, SEVERAL)
]  # no visitor gave a class
STARTS = "=+-@\t\r\n\0＝＋－＠"  # noqa: RUF001


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("take") / "g", num_tiles=90, rename=AWKWARD)


def everything(gallery: Gallery) -> SearchResult:
    rows = np.arange(len(gallery))
    options = SearchOptions(top_k=90, rerank="features")
    distances, scores = (rows % 7).astype(np.int32), (rows / -90).astype(np.float32)
    searched = SearchedTiles(gallery, Query(0), options)
    return SearchResult(searched, rows, distances, scores, rows + 1)


def cells(result: SearchResult) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(result).decode(), newline="")))


def test_table_holds_every_tile_in_order(gallery):
    result = search(gallery, gallery.items["id"][0], top_k=30)
    for row, hit in zip(cells(result), result, strict=True):
        item = gallery.items.iloc[hit.row]
        assert row["id"] == hit.id
        assert (int(row["rank"]), int(row["distance"])) == (hit.rank, hit.distance)
        assert row["relevant"] == ("true" if hit.relevant else "false") and row["score"] == ""
        assert float(row["latitude"]) == item["latitude"] and row["split"] == item["split"]
        assert row["class"].replace("'", "", 1) == item["class"] or row["class"] == item["class"]


def test_results_of_the_dashboard_and_selections_can_be_exported(gallery):
    state = ExplorerState(gallery)
    state.search_by("radius", top_k=1, radius=9, order="features")
    result = state.results()
    same = search(gallery, result.name, radius=9, rerank="features")
    assert len(result) > 3 and to_csv(result) == to_csv(same) and to_json(result) == to_json(same)
    assert [row["score"] for row in cells(result)] == [str(hit.score) for hit in result]
    assert [int(row["rank"]) for row in cells(result.take([0, 2]))] == [1, 3]


def test_formulas_are_escaped_and_numbers_stay_numbers(gallery):
    result = everything(gallery)
    rows = cells(result)
    escaped_names = {
        "'=HYPERLINK(\"http://x\";\"y\")", "'@SUM(1)\n\"two\", lines", "'-1", "a;'+1"
    }  # fmt: skip
    assert {row["class"] for row in rows} >= {*escaped_names, "<b>森林</b>"}
    assert [float(row["score"]) for row in rows] == [hit.score for hit in result]
    read = pd.read_csv(io.BytesIO(to_csv(result)))
    assert read["relevant"].dtype == bool and read["longitude"].dtype == float
    assert (read["score"] <= 0).all() and (read["longitude"] < 0).any()


@given(st.text(alphabet=st.sampled_from([*STARTS, *";,\"' ax"])))
def test_no_cell_begins_a_formula_however_it_is_split(text):
    found = escape_formula(text)
    for separators in ("\t\r\n", ";\t\r\n"):  # quotes heeded or not
        parts = [found]
        for separator in separators:
            parts = [part for whole in parts for part in whole.split(separator)]
        starts = [part.lstrip("\"' ")[:1] for part in parts if not part.startswith("'")]
        assert not any(start and start in STARTS for start in starts)
    assert found.replace("'", "") == text.replace("'", "")
    if not any(start in text for start in STARTS):
        assert found == text


def test_record_can_be_traced(gallery):
    query = gallery.items["id"][0]
    gallery.manifest.model = ModelInfo("b", fingerprint="f00d", run="/home/a user/run")
    result = search(
        gallery, query, top_k=9, rerank="asymmetric", rerank_depth=40,
        filter=Filter.read(["split=train,val", "latitude=-60..60"]),
    )  # fmt: skip
    found = json.loads(to_json(result))
    code = gallery.packed[0].tobytes().hex()
    assert found["query"] == {"id": query, "class": gallery.items["class"][0], "code": code}
    conditions = found["options"].pop("filter")
    assert found["options"] == {"top_k": 9, "rerank": "asymmetric", "rerank_depth": 40}
    assert [condition["column"] for condition in conditions] == ["split", "latitude"]
    assert found["gallery"]["model"]["fingerprint"] == "f00d"
    assert found["gallery"]["name"] == "tiny" and "a user" not in to_json(result).decode()
    assert list(found["hits"][0]) == UNLABELED_COLUMNS
    assert [hit["score"] for hit in found["hits"]] == [hit.score for hit in result]
    assert [hit["id"] for hit in found["hits"]] == [hit.id for hit in result]


def test_texts_in_the_record_are_as_they_are(gallery):
    hits = json.loads(to_json(everything(gallery)))["hits"]
    assert [hit["class"] for hit in hits] == gallery.items["class"].tolist()


def test_unknown_values_are_empty(tmp_path):
    bare = tiny_gallery(tmp_path / "bare", num_tiles=30, coordinates=False)
    retabled(bare, split="")
    result = search(bare, bare.items["id"][0], top_k=3)
    assert all((r["split"], r["longitude"], r["score"]) == ("", "", "") for r in cells(result))
    hits = json.loads(to_json(result))["hits"]
    assert all((hit["split"], hit["longitude"], hit["score"]) == (None,) * 3 for hit in hits)
    with refused(names="items.csv"):
        to_geojson(result)


def test_map_leaves_out_and_counts_tiles_without_coordinates(tmp_path):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=40)
    result = search(gallery, gallery.items["id"][0], top_k=6, rerank="features")
    longitude = gallery.items["longitude"].copy()
    longitude[result.rows[:2]] = np.inf
    retabled(gallery, longitude=longitude)
    found = json.loads(to_geojson(result))
    assert (found["left_out"], len(found["features"])) == (2, 4)
    assert found["features"][0]["properties"]["score"] == result.hits[2].score
    assert json.loads(to_json(result))["hits"][0]["longitude"] is None
    retabled(gallery, longitude=np.nan)
    assert json.loads(to_geojson(result)) == {
        "type": "FeatureCollection", "features": [], "left_out": 6,
    }  # fmt: skip


def test_an_empty_result_is_well_formed(gallery):
    result = search(gallery, gallery.items["id"][0], radius=12).take([])
    assert to_csv(result).decode() == ",".join(UNLABELED_COLUMNS) + "\r\n"
    assert json.loads(to_json(result))["hits"] == []
    assert json.loads(to_geojson(result))["features"] == []


def test_an_image_has_no_class(gallery: Gallery):
    image = QueryImage("mine.jpg", b"", gallery.encoded(3))
    result = retrieve(gallery, Query(image=image), SearchOptions(top_k=2))
    assert cells(result)[0]["relevant"] == ""
    assert json.loads(to_json(result))["query"] == {"id": "mine.jpg"}


def test_given_classes_are_a_column_once_there_are_any(tmp_path):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=30)
    result = everything(gallery)
    assert "label" not in cells(result)[0] and "label" not in json.loads(to_json(result))["hits"][0]
    gallery.annotations.give_class([3], "=wet", by=Visitor("visitor-1"))
    found = [row["label"] for row in cells(result)]
    assert found == ["'=wet" if row == 3 else "" for row in range(30)]
    hits = json.loads(to_json(result))["hits"]
    assert [hit["label"] for hit in hits] == ["=wet" if row == 3 else None for row in range(30)]
    features = json.loads(to_geojson(result))["features"]
    assert [one["properties"]["label"] for one in features] == [hit["label"] for hit in hits]
    table = to_geotable(result).columns
    assert table["label"].to_pylist() == [hit["label"] for hit in hits]


def test_predictions_are_columns_once_there_are_labels(tmp_path):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=40)
    result = everything(gallery)
    assert "predicted" not in cells(result)[0] and "predicted" not in to_geotable(result).columns
    names = np.array(gallery.classes)[gallery.labels]
    for name in gallery.classes[:2]:
        given = np.flatnonzero(names == name)[:4].tolist()
        gallery.annotations.give_class(given, name, by=Visitor("visitor-1"))
    scores = confidence(gallery).scores[result.rows]
    expected = [gallery.classes[number] for number in scores.argmax(axis=1)]
    sure = scores.max(axis=1)
    hits = json.loads(to_json(result))["hits"]
    features = [one["properties"] for one in json.loads(to_geojson(result))["features"]]
    for rows in (cells(result), hits, features, to_geotable(result).columns.to_pylist()):
        assert [row["predicted"] for row in rows] == expected
        assert [float(row["confidence"]) for row in rows] == pytest.approx(sure.tolist(), abs=1e-4)
    some = result.take([5, 2, 9])
    assert [row["predicted"] for row in cells(some)] == [expected[place] for place in (5, 2, 9)]


def test_one_class_for_all_tiles_predicts_nothing(tmp_path):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=10)
    gallery.annotations.give_class(range(10), "wet", by=Visitor("visitor-1"))
    result = everything(gallery)
    (first, *_) = json.loads(to_json(result))["hits"]
    assert to_geopackage(result) and to_geoparquet(result)
    assert (first["label"], first["predicted"], first["confidence"]) == ("wet", None, None)
