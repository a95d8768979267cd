"""A map asks for the footprints of a few tiles, or of those within its view."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_gallery import in_town, parts, tiny_gallery, write

from rsh.data.places import footprint, parse_rings, wrap
from rsh.gallery.footprints import Footprints, open_footprints
from rsh.gallery.gallery import Gallery

WIDTH, HEIGHT = 1.0, 0.5


def scattered(folder: Path, count: int = 400) -> Gallery:
    """Write tiles all over the Earth, also across the 180th meridian."""
    made = parts(count)
    x, y = made["items"]["longitude"], made["items"]["latitude"].clip(-88, 88)
    rings = [(wrap(np.array([a, a + WIDTH, a + WIDTH, a]) - WIDTH / 2),
              np.array([b, b, b + HEIGHT, b + HEIGHT]) - HEIGHT / 2)
             for a, b in zip(x, y, strict=True)]  # fmt: skip
    made["items"] = made["items"].assign(latitude=y, footprint=[footprint(*ring) for ring in rings])
    return write(folder, **made)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return scattered(tmp_path_factory.mktemp("footprints") / "g")


def test_rows_are_given_as_they_are_asked_for(gallery: Gallery):
    found = Footprints(gallery).of_rows([30, 4, 4, 17])
    assert set(found.rows.tolist()) == {4, 17, 30}
    first = found.xy[found.starts[0] : found.starts[1]]
    ring = parse_rings(gallery.items["footprint"][4])[0]
    assert np.allclose(first, np.float32(ring[:-1]))
    assert set(Footprints(gallery).of_rows([30, 4, 17], most=2).rows.tolist()) == {4, 30}


@pytest.mark.parametrize(
    "view",
    [
        (-20, -10, 30, 40),
        (170, -90, -170, 90),
        (150, -90, 200, 90),
        (-190, -60, -150, 0),
        (-180, -90, 180, 90),
        (-400, -90, 400, 90),
        (7.2, 30, 7.3, 30.1),
    ],
)
def test_a_view_holds_all_that_overlap_it(gallery: Gallery, view: tuple[float, ...]):
    west, south, east, north = view
    places = gallery.positions
    assert places is not None
    span = min((east - west) % 360 if east < west else east - west, 360)
    off = np.abs(wrap(places[:, 0] - (west + span / 2))) - span / 2
    inside = (off <= WIDTH / 2 - 1e-6) & (places[:, 1] > south - HEIGHT / 2 + 1e-6)
    inside &= places[:, 1] < north + HEIGHT / 2 - 1e-6
    found, left_out = Footprints(gallery).in_view(view)
    assert left_out == 0
    assert set(np.flatnonzero(inside)) <= set(found.rows.tolist())
    far = (off > WIDTH / 2 + 1e-6) | (places[:, 1] < south - HEIGHT / 2 - 1e-6)
    assert not set(np.flatnonzero(far)) & set(found.rows.tolist())


def test_too_many_are_counted(gallery: Gallery):
    found, left_out = Footprints(gallery).in_view((-180, -90, 180, 90), most=50)
    assert len(set(found.rows.tolist())) == 50 and left_out == 350


def test_sizes_are_those_of_the_tiles(gallery: Gallery):
    assert Footprints(gallery).reach == pytest.approx((WIDTH / 2, HEIGHT / 2))


def test_a_gallery_without_footprints_gives_none(tmp_path: Path):
    plain = Footprints(tiny_gallery(tmp_path / "plain", num_tiles=30))
    nowhere = Footprints(tiny_gallery(tmp_path / "nowhere", num_tiles=30, coordinates=False))
    for footprints in (plain, nowhere):
        assert not footprints.are_known
        assert not len(footprints.of_rows([1, 2]).rows)
        assert not len(footprints.in_view((-180, -90, 180, 90))[0].rows)
    assert (plain.decimals, nowhere.decimals) == (3, 1)  # as many as there are


def test_places_have_the_decimals_that_tell_tiles_apart(gallery: Gallery, tmp_path: Path):
    assert open_footprints(gallery).decimals == 1
    town = tiny_gallery(tmp_path / "town", num_tiles=40, more=in_town)
    assert open_footprints(town).decimals == 3  # all that there are
    assert open_footprints(town) is open_footprints(town)
    fine = tiny_gallery(
        tmp_path / "fine", num_tiles=40,
        more=lambda items: in_town(items).assign(longitude=11.5 + np.arange(40) / 7),
    )  # fmt: skip
    assert open_footprints(fine).decimals == 4  # a tenth of a tile of 0.004 degrees


def test_an_unknown_footprint_is_left_out(tmp_path: Path):
    town = tiny_gallery(tmp_path / "town", num_tiles=40, more=in_town)
    known = (town.items["footprint"] != "").to_numpy()
    found, left_out = Footprints(town).in_view((11, 48, 12, 49))
    assert set(found.rows.tolist()) == set(np.flatnonzero(known)) and left_out == 0
    assert isinstance(town.items, pd.DataFrame)
