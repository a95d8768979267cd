"""The worker of a site says of bits and of confused classes what the dashboard says."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from browser.site_probe import probing
from make_gallery import tiny_gallery
from static_host import hosting

from rsh.explorer.page import Explorer
from rsh.explorer.panels.explain import Explained
from rsh.explorer.site.build import build_site
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.text import humanize

pytestmark = pytest.mark.browser
PROBE = """
export async function explained(base, asks) {
  const { Explorer } = site_web_explorer_js;
  const { Gallery } = site_web_gallery_js;
  const explorer = new Explorer(await Gallery.open(base), () => {});
  const found = [];
  for (const [tab, asked] of asks) {
    explorer.tab = tab;
    explorer.changed("explain", { asked });
    await explorer.last;
    found.push(explorer.first.explain.view);
  }
  const bytes = (view) => btoa(String.fromCharCode(...new Uint8Array(view.buffer)));
  return JSON.stringify(found, (_, value) => (value instanceof DataView ? bytes(value) : value));
}
"""


@pytest.mark.parametrize(("num_bits", "look_bits"), [(32, 0), (100, 0), (64, 16)])
def test_both_say_the_same(num_bits: int, look_bits: int, tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=150, num_bits=num_bits, look_bits=look_bits)
    asks = [("bit", {"bit": bit, "pair": 0}) for bit in (0, 1, num_bits - 1)]
    asks += [("pairs", {"bit": 0, "pair": pair}) for pair in (0, 5, 11, 99)]
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        found = json.loads(call("explained", asks))
    assert found == [said_by_python(gallery, tab, asked) for tab, asked in asks]


def said_by_python(gallery: Gallery, tab: str, asked: dict[str, int]) -> dict[str, Any]:
    view = Explained(gallery).view(ExplorerState(gallery), asked, tab)
    encode = lambda thumb: base64.b64encode(thumb).decode()  # noqa: E731
    said: dict[str, Any] = json.loads(json.dumps(view, default=encode))
    return said


def test_one_class_has_no_pairs_and_no_class_no_tab(tmp_path: Path, chromium: Any) -> None:
    several = tiny_gallery(tmp_path / "several").classes
    alone = tiny_gallery(tmp_path / "one", num_tiles=20, rename=dict.fromkeys(several, "all"))
    with probing(chromium, alone, tmp_path / "site", PROBE) as call:
        (found,) = json.loads(call("explained", [("pairs", {"bit": 0, "pair": 0})]))
    assert found == said_by_python(alone, "pairs", {"bit": 0, "pair": 0})
    nothing = tiny_gallery(tmp_path / "none", num_tiles=20, rename=dict.fromkeys(several, ""))
    labels = tiny_gallery(tmp_path / "labels", num_tiles=20, several=True)
    for number, gallery in enumerate([nothing, labels]):
        check_no_pairs(gallery, tmp_path / str(number), chromium)


def check_no_pairs(gallery: Gallery, folder: Path, chromium: Any) -> None:
    """Check that neither the dashboard nor a site has a tab on confused classes."""
    assert "pairs" not in dict(Explorer(ExplorerState(gallery)).dock.tabs)
    build_site(gallery, folder)
    page = chromium.new_page()
    with hosting(folder) as (url, _):
        page.goto(url)
        page.wait_for_selector(".rsh-cards .rsh-card")
        page.keyboard.press("Escape")  # the tour
        tabs = page.locator(".rsh-dock-tabs button").all_inner_texts()
        assert "Bits" in tabs and "Confusion" not in tabs
        page.get_by_role("button", name="Bits", exact=True).click()
        page.locator(".rsh-bit-choice select").select_option("bit 3")
        page.get_by_text("This bit is 1 in").wait_for()
        page.get_by_role("button", name="Select all").last.click()
        page.locator(".rsh-dock-tabs button").get_by_text("Selected").click()
        first = page.locator(".rsh-selected .rsh-card").first
        row = int(first.get_attribute("data-row"))
        labels = ", ".join(map(humanize, gallery.list_labels(row)))
        assert first.locator(".rsh-class").inner_text() == (labels or Path(gallery.ids[row]).name)
        assert page.get_by_text("This site was published without its network").is_visible()
        assert page.get_by_text("Click a tile to search with it.", exact=True).is_visible()
    page.close()
