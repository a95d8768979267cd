import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from rsh.data.regions import Region
from rsh.gallery.filters import Condition, Filter

ITEMS = pd.DataFrame(
    {
        "id": list("abcdef"),
        "class": ["forest", "forest", "desert", "coast", "coast", 'it\'s "one"'],
        "split": ["train", "query", "train", "val", "train", "train"],
        "longitude": [10.0, -175.0, 175.0, np.nan, 0.0, 20.0],
        "latitude": [50.0, 0.0, 0.0, 10.0, -89.0, 50.0],
        "cloud cover": [0, 10, 20, 30, 40, 50],
        "date": ["2021-05-03", None, "2021-12-31", "2022-01-01", "2020-02-02", ""],
        "labels": ["sea", "sand;sea", "rock", "ice", None, ""],
    }
)


def found(*texts: str) -> str:
    return "".join(ITEMS["id"][Filter.read(texts).mask(ITEMS)])


@pytest.mark.parametrize(
    ("texts", "ids"),
    [
        ((), "abcdef"),
        (("class=forest",), "ab"),
        (("class=forest,desert",), "abc"),
        (("class!=forest",), "cdef"),
        (('class=it\'s "one"',), "f"),
        (("class=forest", "split=train"), "a"),
        (("cloud cover=10..30",), "bcd"),
        (("cloud cover!=10..30",), "aef"),
        (("cloud cover=10,50",), "bf"),
        (("cloud cover=10.0",), "b"),
        (("longitude!=0",), "abcf"),  # of d it is not known
        (("longitude=-180..180",), "abcef"),
        (("date=2021..2021-12-31",), "ac"),
        (("date=2021-01..2021-12",), "ac"),  # a range to a month has all its days
        (("date=2021-05..2021-12",), "ac"),
        (("date!=2021..2021-12",), "def"),
        (("date=2021-12-01..2021-12",), "c"),
        (("date!=2022-01-01",), "acef"),  # of b it is not known
        (("bbox=5,45,15,55",), "a"),
        (("bbox=170,-10,-170,10",), "bc"),
        (("bbox=-180,-90,180,90",), "abcef"),
        (("polygon=5,45,15,45,15,55,5,55",), "a"),
        (("polygon!=5,45,15,45,15,55,5,55",), "bcef"),  # of d it is not known
        (("polygon=170,-10,190,-10,190,10,170,10",), "bc"),
        (("polygon=0,-60,120,-60,-120,-60",), "e"),
        (("polygon=5,45,25,45,25,55,5,55:15,45,16,45,16,55,15,55", "class=forest"), "a"),
        ((" class = forest , desert ",), "abc"),
        (("id=a,f",), "af"),
        (("labels=sea",), "ab"),  # of several labels
        (("labels=sea,ice",), "abd"),
        (("labels!=sea",), "cd"),  # of e and f they are not known
        (("labels=sand;sea",), "b"),
        (("labels=se",), ""),
    ],
)
def test_conditions_mean_what_they_say(texts: tuple[str, ...], ids: str):
    assert found(*texts) == ids


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("class", "COLUMN=VALUE"),
        ("=forest", "COLUMN=VALUE"),
        ("class=", "COLUMN=VALUE"),
        ("class=forest,", "COLUMN=VALUE"),
        ("cloud cover=1..", "COLUMN=VALUE"),
        ("color=red", "color"),
        ("cloud cover=some", "some"),
        ("cloud cover=nan", "nan"),
        ("cloud cover=20..10", ".."),
        ("date=2022..2021", ".."),
        ("bbox=1,2,3", "bbox=WEST,SOUTH,EAST,NORTH"),
        ("bbox!=1,2,3,4", "bbox=WEST,SOUTH,EAST,NORTH"),
        ("bbox=1,x,3,4", "x"),
        ("bbox=1,20,3,4", "south"),
        ("bbox=1,2,400,4", "degrees"),
        ("polygon=1,2,3", "3 numbers"),
        ("polygon=fields.geojson", "fields.geojson"),
        ("overlaps=1,2,3,4,5,9", "no footprints"),
    ],
)
def test_what_makes_no_sense_is_named(text: str, named: str):
    with refused("filter", names=(text, named)):
        Filter.read([text]).mask(ITEMS)


def test_a_box_needs_coordinates():
    for text in ("bbox=1,2,3,4", "polygon=1,2,3,4,5,9"):
        with refused("filter", names=("items.csv", text)):
            Filter.read([text]).mask(ITEMS[["id", "class"]])


def test_conditions_are_shown_as_they_were_written():
    texts = ["class=forest,desert", "split!=train", "cloud cover=1..2", "bbox=1,2,3,4"]
    texts += ["polygon=1,2,3,4,5,9", "overlaps!=1,2,3,4,5,9:2.5,4,3,4.5,3,5"]
    assert str(Filter.read(texts)) == " and ".join(texts)
    assert not Filter() and Filter.read(texts)
    assert Filter.read(texts) == Filter.read(texts)


@given(
    st.lists(st.integers(-50, 50) | st.none(), min_size=1, max_size=20),
    st.integers(-60, 60),
    st.integers(0, 60),
    st.booleans(),
)
def test_a_range_is_a_loop_over_the_tiles(values, low, span, negated):
    items = pd.DataFrame({"x": pd.Series(values, dtype="float64")})
    sign = "!=" if negated else "="
    mask = Filter.read([f"x{sign}{low}..{low + span}"]).mask(items)
    expected = [v is not None and (low <= v <= low + span) != negated for v in values]
    assert mask.tolist() == expected


SQUARES = [f"POLYGON (({x} 0, {x + 2} 0, {x + 2} 2, {x} 2, {x} 0))" for x in range(0, 12, 2)]


def test_footprints_overlap_where_centers_are_outside():
    items = ITEMS.assign(footprint=SQUARES, longitude=range(1, 13, 2), latitude=1.0)
    inside, over = (f"{name}=3.5,0.5,6.5,0.5,6.5,1.5,3.5,1.5" for name in ("polygon", "overlaps"))
    assert "".join(items["id"][Filter.read([inside]).mask(items)]) == "c"
    assert "".join(items["id"][Filter.read([over]).mask(items)]) == "bcd"
    assert "".join(items["id"][Filter.read([over.replace("=", "!=")]).mask(items)]) == "aef"


def test_a_tile_without_a_footprint_overlaps_by_its_center():
    items = ITEMS.assign(footprint=["", None, *SQUARES[2:]])
    found = Filter.read(["overlaps=5,45,15,45,15,55,5,55"]).mask(items)
    assert "".join(items["id"][found]) == "a"
    without = items.assign(footprint="", longitude=np.nan)
    assert not Filter.read(["overlaps!=5,45,15,45,15,55"]).mask(without).any()


def test_a_long_polygon_is_named_in_short():
    turn = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    ring = ",".join(f"{20 * np.cos(t):.4f},{20 * np.sin(t):.4f}" for t in turn)
    filter = Filter.read([f"polygon={ring}", "class=forest"])
    assert len(str(filter)) < 120 and "100 corners" in str(filter)
    assert str(filter.conditions[0]) == f"polygon={ring}"
    with refused("filter", names=("4,000", "polygon=FILE")) as told:
        Filter.read([f"polygon={','.join([ring] * 4)}"])
    assert len(str(told.value)) < 400


def test_a_condition_on_a_region_has_any_number_of_corners():
    turn = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    ring = np.stack([20 * np.cos(turn), 20 * np.sin(turn)], axis=1)
    condition = Condition.of_region(Region.of_parts([[ring]]), negated=True)
    assert condition.values[0].count(",") == 5999
    items = pd.DataFrame({"longitude": [0.0, 19, 21, np.nan], "latitude": [0.0, 0, 0, 0]})
    assert Filter((condition,)).mask(items).tolist() == [False, False, True, False]


def test_a_server_is_asked_for_ids_where_a_region_decides():
    texts = ["class=forest", "polygon=1,2,3,4,5,9"]
    assert Filter.read(texts).tests(ITEMS) == []
    assert len(Filter.read(texts[:1]).tests(ITEMS)) == 1


def test_outlines_are_those_of_boxes_and_regions():
    assert Filter.read(["class=a", "polygon=5,45,10,45,10,50"]).outlines() == [
        [(5.0, 45.0), (10.0, 45.0), (10.0, 50.0)]
    ]
    box, across, whole = "bbox=5,45,10,50", "bbox=170,-10,-170,10", "bbox=-180,-90,180,90"
    assert Filter.read([box]).outlines() == [[(5, 45), (10, 45), (10, 50), (5, 50)]]
    assert Filter.read([across]).outlines() == [
        [(170, -10), (180, -10), (180, 10), (170, 10)],
        [(-180, -10), (-170, -10), (-170, 10), (-180, 10)],
    ]
    assert Filter.read([whole]).outlines() == [[(-180, -90), (180, -90), (180, 90), (-180, 90)]]
    assert Filter.read(["class=a"]).outlines() == []
