import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from rsh.gallery.filters import Filter

ITEMS = pd.DataFrame(
    {
        "id": list("abcdef"),
        "class": ["forest", "forest", "desert", "coast", "coast", 'it\'s "one"'],
        "split": ["train", "query", "train", "val", "train", "train"],
        "longitude": [10.0, -175.0, 175.0, np.nan, 0.0, 20.0],
        "latitude": [50.0, 0.0, 0.0, 10.0, -89.0, 50.0],
        "cloud cover": [0, 10, 20, 30, 40, 50],
        "date": ["2021-05-03", None, "2021-12-31", "2022-01-01", "2020-02-02", ""],
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
        (("date!=2022-01-01",), "acef"),  # of b it is not known
        (("bbox=5,45,15,55",), "a"),
        (("bbox=170,-10,-170,10",), "bc"),
        (("bbox=-180,-90,180,90",), "abcef"),
        ((" class = forest , desert ",), "abc"),
        (("id=a,f",), "af"),
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
    ],
)
def test_what_makes_no_sense_is_named(text: str, named: str):
    with refused("filter", names=(text, named)):
        Filter.read([text]).mask(ITEMS)


def test_a_box_needs_coordinates():
    with refused(names="bbox"):
        Filter.read(["bbox=1,2,3,4"]).mask(ITEMS[["id", "class"]])


def test_conditions_are_shown_as_they_were_written():
    texts = ["class=forest,desert", "split!=train", "cloud cover=1..2", "bbox=1,2,3,4"]
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
