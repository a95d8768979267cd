"""A filter that leaves out the query's class: no result is right or wrong, in any output."""

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsh.cli.main import main
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.search.formats import contact_sheet
from rsh.search.formats.tables import to_csv, to_geojson, to_json
from rsh.search.query import Query, SearchOptions
from rsh.search.results import SearchResult
from rsh.search.retrieve import retrieve

HOW = [
    {"top_k": 20},
    {"radius": 24},
    {"top_k": 20, "rerank": "features"},
    {"top_k": 20, "include_held_out": True},
]


def found(gallery: Gallery, row: int, *texts: str, **how) -> SearchResult:
    options = SearchOptions(**({"top_k": 20} | how), filter=Filter.read(texts))
    return retrieve(gallery, Query(row), options)


def other_class(gallery: Gallery, row: int) -> str:
    return next(name for name in gallery.classes if name != gallery.items["class"][row])


@pytest.mark.parametrize("how", HOW, ids=str)
def test_no_result_is_judged(gallery: Gallery, how: dict) -> None:
    how = {"top_k": None} | how
    result = found(gallery, 5, f"class={other_class(gallery, 5)}", **how)
    assert result.class_left_out and not result.has_verdicts and len(result) > 2
    for each in (result, result.take(slice(2)), result.take([1, 0])):
        assert each.relevant is None and not each.judged.any()
        assert {hit.relevant for hit in each} == {None}
        assert (each.num_relevant, each.num_judged) == (0, 0)
        assert each.precision is None and each.precision_by_bits is None
    own = found(gallery, 5, f"class={gallery.items['class'][5]}", **how)
    assert not own.class_left_out and own.relevant is not None and own.relevant.all()
    assert own.precision == 1


def test_no_result_of_feedback_is_judged(gallery: Gallery) -> None:
    options = SearchOptions(top_k=20, filter=Filter.read([f"class={other_class(gallery, 5)}"]))
    result = retrieve(gallery, Query(5, positive=(9, 11)), options)
    assert result.class_left_out and result.precision is None and result.relevant is None


def test_every_output_leaves_precision_open(gallery: Gallery) -> None:
    result = found(gallery, 5, f"class={other_class(gallery, 5)}")
    sentence = f"no precision: the filter leaves out the query's class, {result.class_name}"
    text = str(result).splitlines()
    assert sentence in text and not any("precision@" in line for line in text)
    assert result.to_dict()["precision"] is None
    table = list(csv.DictReader(io.StringIO(to_csv(result).decode(), newline="")))
    assert {row["relevant"] for row in table} == {""} and len(table) == 20
    record = json.loads(to_json(result))
    assert {hit["relevant"] for hit in record["hits"]} == {None}
    places = json.loads(to_geojson(result))
    assert not any("relevant" in each["properties"] for each in places["features"])
    words = "20 tiles: the filter leaves out the query's class"
    assert contact_sheet._relevance_words(result) == words
    drawn = contact_sheet.to_contact_sheet(result)
    judged = contact_sheet.to_contact_sheet(found(gallery, 5))
    colors = (contact_sheet.RIGHT, contact_sheet.WRONG)
    assert not any(has_color(drawn, color) for color in colors)
    assert any(has_color(judged, color) for color in colors)


def has_color(png: bytes, color: str) -> bool:
    from PIL import Image, ImageColor

    image = np.asarray(Image.open(io.BytesIO(png)))
    return bool((image == ImageColor.getrgb(color)).all(axis=-1).any())


def test_the_command_says_it(gallery: Gallery, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(gallery.folder), gallery.ids[5], f"--filter=class={other_class(gallery, 5)}"]
    main(["search", *words])
    printed = capsys.readouterr().out
    assert "the filter leaves out the query's class" in printed and "precision@" not in printed
    main(["search", *words, "--json"])
    assert json.loads(capsys.readouterr().out)["precision"] is None


def test_a_class_of_one_tile_is_not_left_out_by_a_filter(gallery: Gallery) -> None:
    """Its results are wrong with and without the filter: precision is 0."""
    alone = Gallery.open(gallery.folder)
    alone.labels[5] = alone.labels.max() + 1
    assert found(alone, 5).precision == 0
    result = found(alone, 5, f"class={other_class(gallery, 5)}")
    assert not result.class_left_out and result.precision == 0


@given(
    row=st.integers(0, 299),
    negated=st.booleans(),
    names=st.sets(st.integers(0, 8), min_size=1, max_size=8),
    include_held_out=st.booleans(),
)
def test_only_a_filter_leaves_a_class_out(
    gallery: Gallery, row: int, negated: bool, names: set[int], include_held_out: bool
) -> None:
    sign = "!=" if negated else "="
    text = f"class{sign}{','.join(gallery.classes[number] for number in names)}"
    can_find = [
        number
        for number, split in enumerate(gallery.items["split"])
        if number != row and (include_held_out or split != "query")
    ]
    labels = gallery.labels.tolist()
    passing = [number for number in can_find if (labels[number] in names) != negated]
    own = [number for number in can_find if labels[number] == labels[row]]
    expected = bool(own) and not set(own) & set(passing)
    how = {"top_k": 1, "include_held_out": include_held_out}
    assert found(gallery, row, text, **how).class_left_out == expected
    assert not found(gallery, row, **how).class_left_out
