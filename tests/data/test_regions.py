"""A polygon holds the same places wherever on Earth its longitudes begin."""

import warnings

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from reference import is_inside
from refusals import refused

from rsh.data.places import footprint, wrap
from rsh.data.regions import Region, read_region
from rsh.errors import RshWarning
from rsh.gallery.filters import Filter

GRID = np.meshgrid(np.arange(-180, 180.1, 7.5), np.arange(-89, 90, 5.5))
LONGITUDE, LATITUDE = (each.ravel() for each in GRID)


def text_of(*rings: list[tuple[float, float]]) -> str:
    """Write an outline and its holes."""
    return ":".join(
        ",".join(f"{float(number)!r}" for corner in ring for number in corner) for ring in rings
    )


def held(text: str) -> np.ndarray:
    return read_region(text).contains(LONGITUDE, LATITUDE)


@st.composite
def stars(draw: st.DrawFn) -> list[tuple[float, float]]:
    """Draw a ring that does not cross itself, around 0, 0."""
    count = draw(st.integers(3, 12))
    radii = draw(st.lists(st.integers(3, 80), min_size=count, max_size=count))
    start = draw(st.floats(0, 1))
    turns = [2 * np.pi * (number + start) / count for number in range(count)]
    return [(round(radius * np.cos(turn), 3), round(radius * np.sin(turn), 3))
            for radius, turn in zip(radii, turns, strict=True)]  # fmt: skip


@given(stars())
def test_a_polygon_holds_what_a_ray_counts(ring: list[tuple[float, float]]):
    x, y = LONGITUDE + 0.0137, LATITUDE + 0.0071  # on no edge
    found = read_region(text_of(ring)).contains(x, y)
    assert found.tolist() == [is_inside(*place, ring) for place in zip(x, y, strict=True)]


@given(stars(), st.sampled_from([-180, -170, -90, 45, 120, 180, 200, 260]))
def test_a_turned_polygon_holds_the_turned_places(ring: list[tuple[float, float]], turn: int):
    x, y = LONGITUDE + 0.0137, LATITUDE + 0.0071
    expected = read_region(text_of(ring)).contains(wrap(x), y)
    for moved in (
        [(east + turn, north) for east, north in ring],
        [(float(wrap(east + turn)), north) for east, north in ring],
    ):
        with warnings.catch_warnings(action="ignore", category=RshWarning):
            region = read_region(text_of(moved))
        assert (region.contains(wrap(x + turn), y) == expected).all()


@given(st.integers(-180, 180), st.integers(1, 170), st.integers(-80, 60), st.integers(1, 30))
def test_a_box_is_a_polygon(west: int, width: int, south: int, height: int):
    items = pd.DataFrame({"longitude": LONGITUDE, "latitude": LATITUDE})
    east, north = west + width, south + height
    ring = text_of([(west, south), (east, south), (east, north), (west, north)])
    box = Filter.read([f"bbox={west},{south},{float(wrap(east))},{north}"]).mask(items)
    assert (Filter.read([f"polygon={ring}"]).mask(items) == box).all()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("first", [0, 77, 180])
def test_a_ring_around_the_earth_encloses_its_pole(sign: int, turn: int, first: int):
    ring = [(float(wrap(first + turn * step)), sign * 60.0) for step in range(0, 360, 30)]
    assert (held(text_of(ring)) == (sign * LATITUDE >= 60)).all()


def test_a_hole_around_the_pole_is_left_out():
    outer, inner = ([(east, north) for east in (-180, -90, 0, 90)] for north in (40, 70))
    found = held(text_of(outer, inner))
    assert (found == ((LATITUDE >= 40) & (LATITUDE <= 70))).all()


def test_a_corner_at_a_pole_has_all_longitudes():
    found = held(text_of([(0, 60), (90, 60), (30, 90)]))
    assert (found == ((LONGITUDE >= 0) & (LONGITUDE <= 90) & (LATITUDE >= 60))).all()


def test_the_whole_earth_holds_every_place():
    assert held("-180,-90,180,-90,180,90,-180,90").all()
    assert held("0,-90,360,-90,360,90,0,90").all()


def test_holes_and_parts():
    region = read_region("0,0,9,0,9,9,0,9:3,3,6,3,6,6,3,6/20,0,29,0,29,9")
    x, y = np.array([1.0, 4, 28, 22, 3, 15]), np.array([1.0, 4, 1, 8, 4, 1])
    assert region.contains(x, y).tolist() == [True, False, True, False, True, False]
    assert region.num_corners == 11
    assert region.shape.area == pytest.approx(81 - 9 + 81 / 2)


def test_parts_may_overlap():
    assert read_region("0,0,9,0,9,9,0,9/5,0,14,0,14,9,5,9").shape.area == pytest.approx(14 * 9)


def test_a_hole_is_cut_at_the_antimeridian_like_its_outline():
    ring = [(170, -10), (190, -10), (190, 10), (170, 10)]
    hole = [(-178, -5), (-178, 5), (178, 5), (178, -5)]
    with warnings.catch_warnings(action="ignore", category=RshWarning):
        region = read_region(text_of(ring, hole))
    x = np.array([179.0, -179, 175, -175, 180, -180])
    assert region.contains(x, np.zeros(6)).tolist() == [False, False, True, True, False, False]


def test_180_and_minus_180_are_one_meridian():
    east = read_region("170,0,180,0,180,10,170,10")
    assert east.contains(np.array([180.0, -180, np.nan]), np.array([5.0, 5, 5])).tolist() == [
        True, True, False,
    ]  # fmt: skip


def test_an_edge_that_may_go_either_way_is_told():
    with pytest.warns(RshWarning, match="from 170 to -170 .* shorter way"):
        region = read_region("170,-11,-170,-11,-170,11,170,11")
    assert region.shape.area == pytest.approx(20 * 22)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "''"),
        ("5,45", "1 different"),
        ("5,45,10,45", "2 different"),
        ("5,45,10,45,5,45", "2 different"),
        ("5,45,10,45,10", "5 numbers"),
        ("5,45,10,45,ten,50", "'ten'"),
        ("5,45,10,45,nan,50", "'nan'"),
        ("5,45,10,45,1e999,50", "inf"),
        ("0,0,5,5,10,10", "no area"),
        ("0,0,10,10,10,0,0,10", "crosses or touches itself at 5,5"),
        ("0,0,10,0,10,10,5,0", "itself at 5,0"),
        ("5,45,10,45,10,91", "10,91"),
        ("45,5,45,100,50,100", "longitude first"),
        ("5,45,400,45,10,50", "400,45"),
        ("0,0,9,0,9,9:30,3,60,3,60,6", "hole lies outside"),
        ("0,-10,90,10,180,-10,-90,10", "both sides of the equator"),
        ("-360,0,360,0,360,9,-360,9", "wider than the Earth"),
        ("0,0,9,0,9,9/", "''"),
    ],
)
def test_what_is_no_polygon_is_named(text: str, named: str):
    with refused(names=named):
        read_region(text)
    with refused("filter", names=named if text else "COLUMN=VALUE"):
        Filter.read([f"polygon={text}"])


@given(stars(), st.sampled_from([0, 100, 175, 200]))
def test_a_text_is_read_as_the_region_that_wrote_it(ring: list[tuple[float, float]], turn: int):
    region = read_region(text_of([(east + turn, north) for east, north in ring]))
    again = read_region(region.to_text())
    assert again.to_text() == region.to_text()
    assert again.shape.symmetric_difference(region.shape).area < 1e-4


@pytest.mark.parametrize("most", [4000, 500, 120])
def test_a_long_polygon_is_simplified_until_it_fits(most: int):
    turn = np.linspace(0, 2 * np.pi, 900, endpoint=False)
    radius = 20 + np.sin(40 * turn)
    region = Region.drawn(np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1), most=most)
    assert len(region.to_text()) <= most
    assert region.shape.area == pytest.approx(np.pi * 400, rel=0.1 if most > 200 else 0.4)
    with refused(names="fit"):
        region.simplified(10)


def test_edges_go_as_they_were_drawn():
    region = Region.drawn([(-170, -60), (170, -60), (170, 60), (-170, 60)], most=4000)
    assert region.shape.area == pytest.approx(340 * 120)
    assert read_region(region.to_text()).shape.area == pytest.approx(340 * 120)


@pytest.mark.parametrize("corners", [[], [(0, 0)], [(0, 0), (1, 1)]])
def test_a_drawing_of_too_few_corners_is_refused(corners: list[tuple[float, float]]):
    with refused(names="polygon"):
        Region.drawn(corners, most=4000)


def test_footprints_overlap_where_shapes_do():
    rng = np.random.default_rng(0)
    west, south = rng.uniform(-180, 178, 300), rng.uniform(-80, 78, 300)
    corners = [np.array([[x, y], [x + 4, y], [x + 4, y + 2], [x, y + 2]]) for x, y in
               zip(west, south, strict=True)]  # fmt: skip
    texts = pd.Series([footprint(wrap(ring[:, 0]), ring[:, 1]) for ring in corners] + ["", "x"])
    region = read_region("-90,-30,60,-40,80,50,-20,70/170,-80,190,-80,190,80,170,80")
    found = region.overlaps(texts)
    assert 30 < found.sum() < 200 and not found[-2:].any()
    for ring, overlaps in zip(corners, found, strict=False):
        moved = [shapely.Polygon(ring + np.array([turn, 0])) for turn in (-360, 0, 360)]
        assert overlaps == any(shape.intersects(region.shape) for shape in moved)
