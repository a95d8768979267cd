"""Tables with geometries hold every column, and where each tile lies."""

import datetime

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from make_places import CUT, ITEMS, SQUARE
from refusals import refused

from rsh.data.geotable import GeoTable, unique_names


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        (["rank", "rank", "rank_2"], ["rank", "rank_3", "rank_2"]),
        (["rank", "rank_2", "Rank", "RANK_3"], ["rank", "rank_2", "Rank_4", "RANK_3"]),
        (["FID", "", "", "fid_2"], ["FID_3", "column", "column_2", "fid_2"]),
    ],
)
def test_names_of_columns_differ_in_more_than_case(names: list[str], expected: list[str]):
    assert unique_names(names, taken=["fid"]) == expected


@given(st.lists(st.sampled_from(["", "a", "A", "a_2", "A_2", "a_3", "fid", "column", "column_2"])))
def test_names_of_columns_are_unique(names: list[str]):
    found = [name.lower() for name in unique_names(names, taken=["fid"])]
    assert len(set(found)) == len(names)
    assert "" not in found and "fid" not in found


def geometries(table: GeoTable) -> list:
    return shapely.from_wkb(table.geometry.to_pylist()).tolist()


def test_footprints_are_areas_and_other_tiles_points():
    table = GeoTable.of_items(ITEMS)
    assert table.kinds == ("MultiPolygon", "Point", "Polygon")
    assert geometries(table) == [
        shapely.from_wkt(SQUARE), None, shapely.from_wkt(CUT), shapely.Point(5, 6),
    ]  # fmt: skip
    assert table.bounds == [-180, 0, 180, 6]
    assert (len(table), table.num_unknown) == (4, 1)
    assert table.columns.column_names == ["id", "class", "split", "longitude", "latitude"]


def test_points_are_taken_on_request():
    table = GeoTable.of_items(ITEMS, points=True)
    assert table.kinds == ("Point",) and table.bounds == [1, 2, 179.9, 6]
    assert geometries(table)[2] == shapely.Point(179.9, 3)


def test_tiles_without_any_place_have_no_bounds():
    table = GeoTable.of_items(ITEMS.iloc[1:2])
    assert (table.kinds, table.bounds, table.num_unknown) == ((), [], 1)
    assert GeoTable.of_items(ITEMS.iloc[:0]).bounds == []


@pytest.mark.parametrize(
    "text",
    [
        *("POINT (1 2)", "POLYGON EMPTY", "POLYGON ((nan 1, 2 1, 2 3, nan 1))"),
        *("nonsense", "LINESTRING (0 0, 1 1)"),
    ],
)
def test_what_is_no_footprint_is_a_point(text: str):
    table = GeoTable.of_items(ITEMS.assign(footprint=text))
    assert table.kinds == ("Point",)


def test_columns_keep_their_types_and_unknown_values_are_null():
    day = datetime.date(2021, 5, 3)
    table = GeoTable.of_items(
        ITEMS.assign(
            integer=[1, 2, 3, 4],
            part=[0.5, np.nan, 1, 2],
            flag=[True, None, False, True],
            when=pd.to_datetime(["2021-05-03", None, None, None], utc=True),
            day=[day, None, None, None],
            kind=pd.Categorical(["p", "q", "p", "q"]),
            mixed=["p", 1, None, 2.5],
            half=np.float16(0.5),
            none=None,
        ),
        {"rank": [1, 2, 3, 4]},
    )
    types = {field.name: str(field.type) for field in table.columns.schema}
    assert types.pop("when").startswith("timestamp[") and types.pop("kind").endswith("string")
    assert {name: types[name] for name in ("rank", "integer", "part", "flag", "day", "half")} == {
        "rank": "int64", "integer": "int64", "part": "double", "flag": "bool", "day": "date32[day]",
        "half": "float",
    }  # fmt: skip
    rows = table.columns.to_pylist()
    assert rows[1]["class"] is None and rows[0]["split"] is None and rows[0]["class"] == "x"
    assert rows[1]["part"] is None and rows[1]["flag"] is None and rows[1]["longitude"] is None
    assert [row["mixed"] for row in rows] == ["p", "1", None, "2.5"]
    assert table.columns.column_names[0] == "rank" and rows[3]["none"] is None


def test_tiles_without_coordinates_are_refused():
    with refused(names="items.csv"):
        GeoTable.of_items(ITEMS[["id", "class"]])
    with refused(names="items.csv"):
        GeoTable.of_items(ITEMS[["id", "footprint"]], points=True)
    assert GeoTable.of_items(ITEMS[["id", "footprint"]]).num_unknown == 2
