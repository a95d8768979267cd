"""The map of a site outlines the tiles that Python outlines, and reads them when they are near."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser.plane_steps import wait_until_drawn
from browser.site_probe import probing, write_probe
from browser.test_site_views import PROBE as VIEWS
from browser.test_site_views import asked, expected, plain
from make_gallery import in_town, tiny_gallery, with_footprints
from PIL import Image
from static_host import hosting

from rsh.data.backgrounds import Background
from rsh.explorer.site.build import build_site
from rsh.gallery.footprints import open_footprints

pytestmark = pytest.mark.browser
# How many pixels of a canvas are as bright as the outlines on the dark Earth.
BRIGHT = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
  .data.filter((value, place) => place % 4 === 0 && value > 110).length"""
# The values of blue of those without red, as scenes have them here.
BLUES = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return [...new Set(data.filter((value, place) => place % 4 === 2 && !data[place - 2]))];
}"""
PROBE = """
export async function outlined(base, { views, most }) {
  const gallery = await site_web_gallery_js.Gallery.open(base);
  const bytes = (array) => btoa(String.fromCharCode(...new Uint8Array(array.buffer)));
  const found = [];
  for (const view of views) {
    const { starts, corners } = await site_web_footprints_js.footprintsIn(gallery, view, most);
    found.push([bytes(starts), bytes(corners)]);
  }
  return found;
}
"""


def webp(blue: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (0, 0, blue)).save(stream, "WEBP", lossless=True)
    return stream.getvalue()


@pytest.mark.parametrize("most", [2000, 25])
def test_the_same_tiles_are_outlined_in_a_view(most: int, tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=300, more=with_footprints)
    random = np.random.default_rng(6)
    ends = np.sort(random.uniform(-90, 90, (30, 2)), axis=1)
    sides = random.uniform(-180, 180, (30, 2))  # half of them across the 180th meridian
    views = [[w, s, e, n] for (w, e), (s, n) in zip(sides.tolist(), ends.tolist(), strict=True)]
    views += [[170, -80, 195, 80], [-180, -90, 180, 90], [0, 89.9, 0.1, 90]]
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        found = call("outlined", {"views": views, "most": most})
    for view, shown in zip(views, found, strict=True):
        outlines, _ = open_footprints(gallery).in_view(tuple(view), most=most)
        assert [base64.b64decode(part) for part in shown] == outlines.to_bytes()[1:], view
    assert max(len(shown[0]) for shown in found) > 8 * most / 100


def test_results_are_outlined(tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=120, more=with_footprints)
    settings = {"mode": "top_k", "topK": 30, "radius": 2, "order": "bits", "includeHeldOut": False}
    common = {"positive": [], "negative": [], "where": [], "tab": "codes", "settings": settings}
    asks = [common | {"row": row} for row in (0, 7, 51)]
    with hosting(write_probe(gallery, tmp_path / "site", VIEWS)) as (url, _):
        page = chromium.new_page()
        found = asked(page, url, asks)
        page.close()
    for ask, shown in zip(asks, found, strict=True):
        wanted = plain(expected(gallery, ask)["marks"])
        assert shown["plane-world"]["marks"] == wanted and wanted["rings"]
    assert all(shown["plane-world"].keys() == {"marks"} for shown in found)


def test_near_tiles_are_outlined_and_read_then(tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=100, more=in_town)
    scenes = [Background("a.tif", (11.5, 48.1, 11.54, 48.12), webp(200))]
    scenes += [Background("b.tif", (11.54, 48.1, 11.6, 48.12), webp(250))]
    vars(gallery)["backgrounds"] = scenes
    manifest = build_site(gallery, tmp_path / "site")
    assert manifest.reach == list(open_footprints(gallery).reach)
    drawn, blues, asked_for = [], [], []
    for reach in (manifest.reach, []):  # with outlines, and then the same without
        file = tmp_path / "site" / "site.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"reach": reach}))
        page = chromium.new_page()
        page.add_init_script("localStorage.setItem('rsh-toured', 'yes')")
        with hosting(tmp_path / "site") as (url, paths):
            page.goto(url)
            page.wait_for_selector(".rsh-cards .rsh-card")
            assert not any("footprints" in path or "near" in path for path in paths)
            page.get_by_role("button", name="World", exact=True).click()
            stage = page.get_by_role("application", name="World")
            stage.scroll_into_view_if_needed()
            for _ in range(3):
                wait_until_drawn(page)
                stage.press("+")
            page.wait_for_timeout(1500)
            wait_until_drawn(page)
            blues.append(stage.locator("canvas").first.evaluate(BLUES))
            drawn.append(stage.locator("canvas").first.evaluate(BRIGHT))
            asked_for.append(any("footprints-0" in path for path in paths))
        page.close()
    assert [{200, 250} <= set(each) for each in blues] == [True, True]
    assert asked_for == [True, False]
    assert drawn[0] > 1.5 * drawn[1]


def test_a_gallery_without_footprints_has_no_files_of_them(tmp_path: Path) -> None:
    manifest = build_site(tiny_gallery(tmp_path / "g", num_tiles=30), tmp_path / "site")
    assert manifest.reach == []
    assert not [name for name in manifest.files if "near" in name or "footprint" in name]
