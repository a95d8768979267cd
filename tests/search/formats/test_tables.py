"""What is taken away says what the view shows, whatever the classes are called."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_gallery import tiny_gallery

from rsh.analysis.compare_rankings import RankingPair, Side
from rsh.errors import InputError
from rsh.explorer.state import ExplorerState
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.search.formats.tables import COLUMNS, escape_formula, to_csv, to_geojson, to_json
from rsh.search.results import Question, Tile, View

AWKWARD = {
    "barren": '=HYPERLINK("http://x";"y")',
    "coast": "<b>森林</b>",
    "tundra": '@SUM(1)\n"two", lines',
    "savanna": "-1",
    "grassland": "a;+1",
}
STARTS = "=+-@\t\r\n\0＝＋－＠"  # noqa: RUF001


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("take") / "g", num_tiles=90, rename=AWKWARD)


def everything(gallery: Gallery) -> View:
    tiles = [Tile(row, row + 1, row % 7, row / -90, row % 2 == 0) for row in range(len(gallery))]
    return View(gallery, Question(gallery.items["id"][0], top_k=90, rerank="features"), tiles)


def cells(view: View) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(view).decode(), newline="")))


def test_table_holds_every_tile_in_order(gallery):
    view = View.of(gallery, Question(gallery.items["id"][0], top_k=30))
    rows = cells(view)
    assert [row["id"] for row in rows] == [hit.id for hit in view.question.ask(gallery).hits]
    for row, tile in zip(rows, view.tiles, strict=True):
        item = gallery.items.iloc[tile.row]
        assert (int(row["rank"]), int(row["distance"])) == (tile.rank, tile.distance)
        assert row["relevant"] == ("true" if tile.relevant else "false") and row["score"] == ""
        assert float(row["latitude"]) == item["latitude"] and row["split"] == item["split"]
        assert row["class"].replace("'", "", 1) == item["class"] or row["class"] == item["class"]


def test_tiles_of_the_page_and_of_two_sides_can_be_taken_away(gallery):
    state = ExplorerState(gallery)
    state.search_by("radius", top_k=1, radius=9, order="features")
    query = gallery.items["id"][state.query]
    found = state.ranking().hits
    view = View(gallery, Question(query, radius=9, rerank="features"), found)
    assert len(found) > 3 and view.tiles == found
    assert [dict(row)["score"] for row in cells(view)] == [str(tile.score) for tile in found]
    assert [tile.row for tile in View.of(gallery, view.question).tiles] == [t.row for t in found]
    side = RankingPair(Side(gallery), Side(gallery, "features")).ask(query, top_k=8).right
    shown = cells(View(gallery, Question(query, top_k=8), side.hits))
    assert [row["id"] for row in shown] == [hit.id for hit in side.hits]


def test_formulas_are_defused_and_numbers_stay_numbers(gallery):
    view = everything(gallery)
    rows = cells(view)
    defused_names = {
        "'=HYPERLINK(\"http://x\";\"y\")", "'@SUM(1)\n\"two\", lines", "'-1", "a;'+1"
    }  # fmt: skip
    assert {row["class"] for row in rows} >= {*defused_names, "<b>森林</b>"}
    assert [float(row["score"]) for row in rows] == [tile.score for tile in view.tiles]
    read = pd.read_csv(io.BytesIO(to_csv(view)))
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
    question = Question(
        gallery.items["id"][0], top_k=9, rerank="asymmetric", pool=40,
        where=Filter.read(["split=train,val", "latitude=-60..60"]),
    )  # fmt: skip
    gallery.info["model"] = {"fingerprint": "f00d", "backbone": "b", "run": "/home/somebody/run"}
    view = View.of(gallery, question)
    found = json.loads(to_json(view))
    assert found["query"]["id"] == question.query
    assert found["query"]["class"] == gallery.items["class"][0]
    assert found["query"]["code"] == gallery.packed[0].tobytes().hex()
    assert {name: found["asked"][name] for name in ("top_k", "rerank", "pool")} == {
        "top_k": 9, "rerank": "asymmetric", "pool": 40,
    }  # fmt: skip
    assert [where["column"] for where in found["asked"]["where"]] == ["split", "latitude"]
    assert found["gallery"]["model"]["fingerprint"] == "f00d"
    assert found["gallery"]["name"] == "tiny" and "somebody" not in to_json(view).decode()
    assert list(found["hits"][0]) == list(COLUMNS)
    assert [hit["score"] for hit in found["hits"]] == [tile.score for tile in view.tiles]
    assert [hit["id"] for hit in found["hits"]] == [hit.id for hit in view.hits]


def test_texts_in_the_record_are_as_they_are(gallery):
    view = everything(gallery)
    hits = json.loads(to_json(view))["hits"]
    assert [hit["class"] for hit in hits] == gallery.items["class"].tolist()


def test_what_is_not_known_is_empty(tmp_path):
    bare = tiny_gallery(tmp_path / "bare", num_tiles=30, coordinates=False)
    bare.items["split"] = ""
    view = View.of(bare, Question(bare.items["id"][0], top_k=3))
    assert all((r["split"], r["longitude"], r["score"]) == ("", "", "") for r in cells(view))
    hits = json.loads(to_json(view))["hits"]
    assert all((hit["split"], hit["longitude"], hit["score"]) == (None,) * 3 for hit in hits)
    with pytest.raises(InputError, match="has no places"):
        to_geojson(view)


def test_map_leaves_out_and_counts_what_has_no_place(tmp_path):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=40)
    view = View.of(gallery, Question(gallery.items["id"][0], top_k=6, rerank="features"))
    gallery.items.loc[[tile.row for tile in view.tiles[:2]], "longitude"] = np.inf
    found = json.loads(to_geojson(view))
    assert (found["left_out"], len(found["features"])) == (2, 4)
    assert found["features"][0]["properties"]["score"] == view.tiles[2].score
    assert json.loads(to_json(view))["hits"][0]["longitude"] is None
    gallery.items["longitude"] = np.nan
    assert json.loads(to_geojson(view)) == {
        "type": "FeatureCollection", "features": [], "left_out": 6,
    }  # fmt: skip


def test_view_of_nothing_is_well_formed(gallery):
    view = View(gallery, Question(gallery.items["id"][0], radius=0), [])
    assert to_csv(view).decode() == ",".join(COLUMNS) + "\r\n"
    assert json.loads(to_json(view))["hits"] == []
    assert json.loads(to_geojson(view))["features"] == []


def test_unknown_rows_and_questions_that_contradict_themselves_are_refused(gallery, tmp_path):
    question = Question(gallery.items["id"][0])
    for row in (-1, 90):
        with pytest.raises(InputError, match=f"there is no tile {row}: choose 0 to 89"):
            View(gallery, question, [Tile(row, 1, 0)])
    with pytest.raises(InputError, match="radius=2: top_k=3 is given too"):
        Question("x", top_k=3, radius=2)
    with pytest.raises(InputError, match="pool=9: it is for rerank"):
        Question("x", pool=9)
    with pytest.raises(InputError, match="neither an image file nor the id"):
        View.of(gallery, Question(str(tmp_path / "nowhere.jpg")))


def test_image_that_is_no_tile_has_no_class(gallery: Gallery, tmp_path: Path):
    view = View(gallery, Question(str(tmp_path / "mine.jpg")), [Tile(3, 1, 2)])
    assert view.row is None
    assert cells(view)[0]["relevant"] == ""
    assert json.loads(to_json(view))["query"] == {"id": str(tmp_path / "mine.jpg")}
