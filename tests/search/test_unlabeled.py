"""Results where the class of the query, of the tiles, or of all is unknown."""

import csv
import io
import json
from fractions import Fraction
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_gallery import half_labeled, tiny_gallery, without_classes, write

from rsh.codes.binary import hamming
from rsh.gallery.gallery import Gallery
from rsh.search.formats import contact_sheet
from rsh.search.formats.contact_sheet import to_contact_sheet
from rsh.search.formats.tables import to_csv, to_geojson, to_json
from rsh.search.query import Query, SearchOptions
from rsh.search.results import SearchResult
from rsh.search.retrieve import retrieve


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("plain") / "g", num_tiles=90, more=without_classes)


@pytest.fixture(scope="module")
def partly(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("partly") / "g", num_tiles=90, more=half_labeled)


def found(gallery: Gallery, row: int, **options) -> SearchResult:
    return retrieve(gallery, Query(row), SearchOptions(**({"top_k": 20} | options)))


def row_of(gallery: Gallery, *, labeled: bool) -> int:
    return int(np.flatnonzero((gallery.labels >= 0) == labeled)[0])


def test_nothing_is_relevant_or_irrelevant_without_classes(plain):
    for options in ({}, {"rerank": "features"}, {"radius": 12, "top_k": None}):
        result = found(plain, 3, **options)
        assert result.relevant is None and result.precision is None
        assert (result.num_relevant, result.num_judged, result.judged.any()) == (0, 0, False)
        assert {hit.relevant for hit in result} == {None}
        assert not result.counts.relevant.any() and result.counts.items.sum() > 0
        assert result.class_name == "" and result.to_dict()["precision"] is None


def test_two_tiles_without_a_class_are_not_of_one_class(partly):
    result = found(partly, row_of(partly, labeled=False))
    assert result.relevant is None and not result.counts.relevant.any()
    assert not result.labeled_counts.relevant.any() and result.precision is None


def test_tiles_without_a_class_are_not_judged(partly):
    row = row_of(partly, labeled=True)
    result = found(partly, row)
    for hit in result:
        other = partly.items["class"][hit.row]
        assert hit.relevant == (None if other == "" else other == partly.items["class"][row])
    assert 0 < result.num_judged < 20
    assert result.counts.items.sum() > result.labeled_counts.items.sum() > 0
    assert (result.labeled_counts.relevant == result.counts.relevant).all()


@pytest.mark.parametrize("seed", range(8))
def test_precision_is_the_mean_over_orders_of_the_tiles_with_a_class(tmp_path: Path, seed: int):
    """Against all permutations of a tiny gallery, its unlabeled tiles left out."""
    rng = np.random.default_rng(seed)
    classes = rng.choice(["a", "b", ""], 8, p=[0.4, 0.3, 0.3])
    classes[:2] = "a"
    items = pd.DataFrame({"id": [f"{n}" for n in range(8)], "class": classes, "split": ""})
    codes = rng.choice(np.array([-1, 1], np.int8), (8, 4))
    gallery = write(
        tmp_path / "g",
        info={"name": "", "model": {}, "data": {}},
        items=items,
        codes=codes,
        features=np.ones((8, 1)),
        thumbnails=[b"jpeg"] * 8,
    )
    row = gallery.find_row("0")
    result = found(gallery, row, top_k=5)
    rest = [other for other in range(8) if other != row and gallery.items["class"][other]]
    far = hamming(gallery.packed[[row]], gallery.packed)[0]
    shares = []
    for order in permutations(rest):
        if list(far[list(order)]) == sorted(far[list(order)]):
            first = order[: result.num_judged]
            shares.append(
                Fraction(sum(gallery.items["class"][n] == "a" for n in first), len(first) or 1)
            )
    if result.num_judged:
        assert result.precision == pytest.approx(float(sum(shares) / len(shares)))
    else:
        assert result.precision is None


def test_reranked_precision_is_of_the_judged_tiles(partly):
    result = found(partly, row_of(partly, labeled=True), rerank="features")
    known = [hit.relevant for hit in result if hit.relevant is not None]
    assert result.precision == pytest.approx(np.mean(known))


def test_printed_results_say_of_what_they_are_the_share(partly, plain):
    result = found(partly, row_of(partly, labeled=True))
    last = str(result).splitlines()
    words = f"precision@{result.num_judged} of the tiles with a class = "
    assert any(line.startswith(words) for line in last)
    text = str(found(plain, 0))
    assert "precision" not in text and "class" not in text
    assert text.splitlines()[1].split() == ["rank", "bits", "id"]
    assert text.splitlines()[0].startswith("query  tiles/")
    assert "class" in str(found(partly, row_of(partly, labeled=False)))


def test_exports_without_classes_have_no_columns_for_them(plain):
    result = found(plain, 0)
    header = to_csv(result).decode().splitlines()[0]
    assert header == "rank,id,distance,score,split,longitude,latitude"
    record = json.loads(to_json(result))
    assert set(record["query"]) == {"id", "code"}
    assert all(not {"class", "relevant"} & set(hit) for hit in record["hits"])
    assert "class" not in json.loads(to_geojson(result))["features"][0]["properties"]


def test_exports_leave_unknown_classes_empty(partly):
    result = found(partly, row_of(partly, labeled=True))
    rows = list(csv.DictReader(io.StringIO(to_csv(result).decode(), newline="")))
    for hit, row in zip(result, rows, strict=True):
        verdict = {None: "", True: "true", False: "false"}[hit.relevant]
        assert (row["class"], row["relevant"]) == (hit.class_name, verdict)
    hits = json.loads(to_json(result))["hits"]
    assert [hit["relevant"] for hit in hits] == [hit.relevant for hit in result]
    shapes = json.loads(to_geojson(result))["features"]
    assert {None} < {shape["properties"]["class"] for shape in shapes}


def test_contact_sheet_says_what_is_known(partly, plain, monkeypatch):
    said: list[str] = []
    write_words = contact_sheet._Pen.words

    def note(pen, place, text, *more):
        said.append(text)
        return write_words(pen, place, text, *more)

    monkeypatch.setattr(contact_sheet._Pen, "words", note)
    to_contact_sheet(found(plain, 0))
    assert "a tile" in said and "20 tiles" in said
    assert not any("class" in text or "no name" in text for text in said)
    said.clear()
    result = found(partly, row_of(partly, labeled=True))
    to_contact_sheet(result)
    assert any(f"of the {result.num_judged} tiles with a class" in text for text in said)
    marks = [text for text in said if text in ("same class", "another class")]
    assert len(marks) == result.num_judged
