"""What visitors gave is exported and imported by ids."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_annotations import ANA, BEN, told
from make_gallery import in_town, tiny_gallery
from refusals import refused

from rsh.gallery.annotations.store import AnnotationStore
from rsh.gallery.gallery import Gallery
from rsh.search.formats.annotations import (
    annotation_table,
    export_annotations,
    import_annotations,
    read_classes,
)

IDS = ["007", "7", "1E5", "NA", "ä/林.png", "=1+1", "a,b", 'say "x"', "a b", "nan", "None", "0.10"]


def odd(items: pd.DataFrame) -> pd.DataFrame:
    return in_town(items).assign(id=IDS)


@pytest.fixture
def opened(tmp_path: Path) -> Gallery:
    return tiny_gallery(
        tmp_path / "gallery", num_tiles=len(IDS), num_bits=16, projection=False, more=odd
    )


def give(opened: Gallery) -> None:
    store = opened.annotations
    store.give_class([0, 3, 5], "sea; deep <b>", by=ANA)
    store.give_class([1], "=forest", by=BEN)
    store.create_set("to check", [3, 4], by=ANA)
    store.create_set("=2", [4, 7], by=ANA)
    store.create_set("empty", by=ANA)


def without_empty(found: dict) -> dict:
    return found | {"sets": {name: one for name, one in found["sets"].items() if one[1]}}


@pytest.mark.parametrize("kind", ["csv", "parquet", "geojson"])
def test_what_is_exported_comes_back(opened: Gallery, tmp_path: Path, kind: str):
    give(opened)
    file = tmp_path / f"labels.{kind}"
    assert export_annotations(opened, file) == 6
    before, opened.annotations = told(opened.annotations), AnnotationStore.in_memory(opened)
    done = import_annotations(opened, file, by=BEN)
    assert (done.num_tiles, done.num_unknown) == (6, 0)
    assert told(opened.annotations) == without_empty(before)
    opened.annotations.undo(by=BEN)  # all of it
    assert told(opened.annotations)["classes"] == told(opened.annotations)["sets"] == {}


def test_the_table_has_a_row_for_each_tile_with_anything(opened: Gallery):
    assert len(annotation_table(opened)) == 0
    give(opened)
    table = annotation_table(opened)
    assert list(table.columns) == ["id", "class", "sets", "longitude", "latitude"]
    assert sorted(table.index) == [0, 1, 3, 4, 5, 7]
    assert table["id"].tolist() == sorted(opened.items["id"].iloc[[0, 1, 3, 4, 5, 7]])
    assert table.loc[4, "sets"] == ["to check", "=2"] and table.loc[4, "class"] == ""
    assert table.loc[0, "longitude"] == opened.items.loc[0, "longitude"]
    everything = annotation_table(opened, labels="all")
    assert len(everything) == len(opened)
    expected = opened.items["class"].tolist()
    expected[1] = "=forest"
    for row in (0, 3, 5):
        expected[row] = "sea; deep <b>"
    assert everything["class"].sort_index().tolist() == expected
    assert annotation_table(opened, labels="file")["class"].sort_index().tolist() == (
        opened.items["class"].tolist()
    )


def test_geojson_has_footprints_and_points(opened: Gallery, tmp_path: Path):
    give(opened)
    export_annotations(opened, tmp_path / "x.geojson")
    features = json.loads((tmp_path / "x.geojson").read_text())["features"]
    by_id = {feature["properties"]["id"]: feature for feature in features}
    first = by_id[opened.items["id"][0]]
    assert first["geometry"]["type"] == "Point"  # of unknown extent
    assert first["properties"] == {
        "id": opened.items["id"][0], "class": "sea; deep <b>", "sets": [],
    }  # fmt: skip
    assert by_id[opened.items["id"][4]]["geometry"]["type"] == "Polygon"
    assert by_id[opened.items["id"][4]]["properties"]["class"] is None


def test_a_tile_of_no_place_has_no_geometry(tmp_path: Path):
    def more(items):
        return items.assign(longitude=[np.nan, *[1.0] * 4], latitude=2.0)

    opened = tiny_gallery(tmp_path / "gallery", num_tiles=5, num_bits=16, more=more)
    opened.annotations.give_class([0, 1], "sea", by=ANA)
    export_annotations(opened, tmp_path / "x.geojson")
    features = json.loads((tmp_path / "x.geojson").read_text())["features"]
    found = {f["properties"]["id"]: f["geometry"] for f in features}
    assert found[opened.items["id"][0]] is None and found[opened.items["id"][1]] is not None


def test_exports_that_make_no_sense_are_refused(tmp_path: Path):
    opened = tiny_gallery(tmp_path / "gallery", num_tiles=5, num_bits=16, coordinates=False)
    with refused(names=opened.folder):
        export_annotations(opened, tmp_path / "x.csv")
    opened.annotations.give_class([1], "sea", by=ANA)
    assert export_annotations(opened, tmp_path / "x.csv") == 1
    with refused(names=(opened.folder, "coordinates")):
        export_annotations(opened, tmp_path / "x.geojson")
    with refused(names="x.xlsx"):
        export_annotations(opened, tmp_path / "x.xlsx")
    with refused(names="cannot write"):
        export_annotations(opened, tmp_path / "x.csv" / "y.csv")


def csv(file: Path, *lines: str) -> Path:
    file.write_text("\n".join(["id,class,sets", *lines]))
    return file


def test_unknown_ids_are_named_and_counted(opened: Gallery, tmp_path: Path):
    file = csv(tmp_path / "x.csv", "007,sea,", "7.0,sea,", "07,,one", "na,sea,", "N A,sea,")
    with refused(names=(file, 5, 4, "7.0, 07, na", "remove these rows")) as error:
        import_annotations(opened, file, by=ANA)
    assert "--skip-unknown" not in str(error.value)
    with refused(names=(file, "remove these rows")):
        read_classes(opened, file)
    assert told(opened.annotations)["classes"] == {}
    done = import_annotations(opened, file, by=ANA, skip_unknown=True)
    assert (done.num_tiles, done.num_unknown) == (1, 4)
    assert told(opened.annotations)["classes"] == {"007": "sea"}
    assert told(opened.annotations)["sets"] == {}


def test_a_table_of_another_gallery_is_refused_even_if_told_to_skip(opened, tmp_path: Path):
    file = csv(tmp_path / "x.csv", "a,sea,", "b,sea,")
    with refused(names=(file, "check its ids")):
        import_annotations(opened, file, by=ANA, skip_unknown=True)


def test_rows_of_one_tile_agree(opened: Gallery, tmp_path: Path):
    import_annotations(opened, csv(tmp_path / "x.csv", "7,sea,a", "7,,b;a", "7,sea,"), by=ANA)
    assert told(opened.annotations)["classes"] == {"7": "sea"}
    assert told(opened.annotations)["sets"] == {"a": ("", ["7"]), "b": ("", ["7"])}
    with refused(names=("7", "sea and ice")):
        import_annotations(opened, csv(tmp_path / "y.csv", "7,sea,a", "7,ice,"), by=ANA)


def test_two_spellings_of_one_class_are_one(opened: Gallery, tmp_path: Path):
    file = csv(
        tmp_path / "x.csv", "7,caf\u00e9,", "7,cafe\u0301 ,", "NA,cafe\u0301,", "7,café\u00a0,"
    )
    import_annotations(opened, file, by=ANA)
    assert told(opened.annotations)["classes"] == {"7": "café", "NA": "café"}
    assert read_classes(opened, file) == {"7": "café", "NA": "café"}


def test_a_table_changes_what_it_names_alone(opened: Gallery, tmp_path: Path):
    give(opened)
    before = told(opened.annotations)
    import_annotations(opened, csv(tmp_path / "x.csv", "007,,to check", "7,ice,"), by=BEN)
    after = told(opened.annotations)
    assert after["classes"] == before["classes"] | {"7": "ice"}
    assert set(after["sets"]["to check"][1]) == {*before["sets"]["to check"][1], "007"}


@pytest.mark.parametrize(
    "lines", [["007,,"], ["007, , ; "], [f"007,{'x' * 80},"], [f"007,,{'x' * 80}"], ["007,a\x1bb,"]]
)
def test_tables_that_give_nothing_or_wrong_names_are_refused(opened, tmp_path: Path, lines):
    with refused():
        import_annotations(opened, csv(tmp_path / "x.csv", *lines), by=ANA)
    assert not opened.annotations.state.events
