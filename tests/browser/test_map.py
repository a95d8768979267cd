"""The map: a gallery of one town opens on the town, not on the Earth."""

import numpy as np
import pytest
from browser.plane_steps import wait_until_drawn
from browser.steps import loneliest, open_page, plane_named, query_of, wait_for_query
from make_gallery import in_town, tiny_gallery

pytestmark = pytest.mark.browser
# How many pixels of a canvas are drawn on.
OPAQUE = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
  .data.filter((value, place) => place % 4 === 3 && value).length"""


@pytest.fixture(scope="module")
def town(serving, tmp_path_factory):
    return serving(
        tiny_gallery(tmp_path_factory.mktemp("town") / "town", num_tiles=100, more=in_town)
    )


def on_map(xy, row, box):
    """Where the map draws a row when it opens: four fifths of it are full of places."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    size = np.array([box["width"], box["height"]])
    scale = (size / [360, 180]).min() * (0.8 * np.array([360, 180]) / (high - low)).min()
    x, y = (xy[row] - (low + high) / 2) * scale
    return {"x": float(size[0] / 2 + x), "y": float(size[1] / 2 - y)}


def test_a_town_fills_the_map_and_its_tiles_are_outlined_when_near(visit, town):
    page, gallery = open_page(visit, town), town.gallery
    stage = plane_named(page, "World")
    stage.scroll_into_view_if_needed()
    wait_until_drawn(page)
    xy = gallery.items[["longitude", "latitude"]].to_numpy(np.float32).astype(float)
    row = loneliest(xy)
    assert row != query_of(page)
    stage.click(position=on_map(xy, row, stage.bounding_box()))
    wait_for_query(page, row)
    wait_until_drawn(page)
    over = stage.locator("canvas").nth(1)
    far = over.evaluate(OPAQUE)
    for _ in range(4):
        stage.press("+")
    wait_until_drawn(page)
    assert over.evaluate(OPAQUE) > 1.3 * far, "outlines cover more than spokes and stars"
    for _ in range(30):
        stage.press("-")
    wait_until_drawn(page)
    assert over.evaluate(OPAQUE) < far, "the whole Earth: all hits on one spot"
    place = page.locator(".rsh-place a")
    assert place.get_attribute("href").startswith("https://www.openstreetmap.org/?mlat=48.1")
    assert place.get_attribute("rel") == "noreferrer"
