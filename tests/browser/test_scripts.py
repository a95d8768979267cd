"""Names of classes and files that hold scripts stay text on the map and in what is saved."""

import json

import numpy as np
import pytest
from browser.plane_steps import wait_until_drawn
from browser.steps import loneliest, on_stage, open_menu, open_page, plane_named
from make_gallery import tiny_gallery

pytestmark = pytest.mark.browser
NAME = "<img src=x onerror=document.title='run'>"
FILE = "<script>document.title='run'</script>'\"{}.jpg"


@pytest.fixture(scope="module")
def odd(serving, tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd") / "odd"

    def with_files(items):
        return items.assign(id=[FILE.format(row) for row in range(len(items))])

    first = tiny_gallery(folder, num_tiles=80).classes
    renamed = {name: f"{NAME}{name}" for name in first}
    return serving(tiny_gallery(folder, num_tiles=80, rename=renamed, more=with_files))


def test_the_map_shows_names_as_text(visit, odd):
    page, items = open_page(visit, odd), odd.gallery.items
    stage = plane_named(page, "World")
    stage.scroll_into_view_if_needed()
    wait_until_drawn(page)
    xy = items[["longitude", "latitude"]].to_numpy(float)
    row = loneliest(xy)
    stage.hover(position=on_stage(xy, row, stage.bounding_box(), world=True))
    card = stage.locator("xpath=..").locator(".rsh-hover")
    card.wait_for(state="visible")
    assert items["class"][row] in card.inner_text()
    stage.press("Enter")
    assert page.locator('img[src="x"], .rsh-page script').count() == 0
    assert page.title() != "run"


def test_geojson_holds_names_as_they_are(visit, odd, tmp_path):
    page, items = open_page(visit, odd), odd.gallery.items
    open_menu(page, "Export")
    with page.expect_download() as download:
        page.get_by_role("button", name="GeoJSON").click()
    download.value.save_as(tmp_path / "results.geojson")
    features = json.loads((tmp_path / "results.geojson").read_text())["features"]
    assert len(features) > 1
    for feature in features:
        (row,) = np.flatnonzero(items["id"] == feature["properties"]["id"])
        assert feature["properties"]["class"] == items["class"][row]
        place = items[["longitude", "latitude"]].to_numpy()[row]
        assert feature["geometry"] == {"type": "Point", "coordinates": place.tolist()}
    assert page.title() != "run"
