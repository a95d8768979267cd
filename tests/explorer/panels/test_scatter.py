"""What a plane is told: which tiles to mark, and on the map the ground that they show."""

import pytest
from make_gallery import in_town, tiny_gallery

from rsh.explorer.panels.scatter import make_maps, marks_view
from rsh.explorer.panels.tiles import describe
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("town") / "town", num_tiles=100, more=in_town)


def test_the_footprints_of_query_and_hits_are_told(town):
    state = ExplorerState(town)
    state.choose(7)
    marks = marks_view(state.results())
    wanted = {7, *(row for row, _ in marks["hits"])}
    known = {str(row) for row in wanted if town.items["footprint"].iloc[row]}
    assert set(marks["rings"]) == known and "7" in known
    longitude, latitude = town.items.loc[7, ["longitude", "latitude"]]
    assert marks["rings"]["7"][0][0] == [longitude, latitude]
    assert len(marks["rings"]["7"][0]) == 4


def test_without_footprints_or_places_there_are_no_rings(state, tmp_path):
    assert marks_view(state.results())["rings"] == {}
    nowhere = ExplorerState(tiny_gallery(tmp_path / "g", num_tiles=40, coordinates=False))
    assert marks_view(nowhere.results())["rings"] == {}
    assert [plane.space for plane in make_maps(nowhere.gallery, "p")] == ["feature", "code"]


def test_a_tile_says_where_a_map_shows_it(town):
    assert describe(town, 7)["map"].endswith("#map=9/{1:.5f}/{0:.5f}".format(
        *town.items.loc[7, ["longitude", "latitude"]]
    ))  # fmt: skip


def test_the_map_knows_of_an_online_map_that_was_named(town, monkeypatch: pytest.MonkeyPatch):
    assert [plane.basemap for plane in make_maps(town, "p")] == [{}, {}, {}]
    monkeypatch.setenv("RSH_BASEMAP", "https://tile.example.org/{z}/{x}/{y}.png")
    monkeypatch.setenv("RSH_BASEMAP_CREDIT", "© Example")
    *planes, world = make_maps(town, "p")
    assert [plane.basemap for plane in planes] == [{}, {}]
    assert world.basemap == {
        "url": "https://tile.example.org/{z}/{x}/{y}.png",
        "credit": "© Example",
        "origin": "https://tile.example.org",
    }


def test_places_have_the_decimals_of_the_gallery(town):
    assert describe(town, 7)["place"] == "48.100° N, 11.528° E"
