"""What a site keeps in memory, and what it asks for again."""

from pathlib import Path
from typing import Any

import pytest
from browser.site_probe import write_probe
from make_gallery import tiny_gallery
from static_host import hosting

pytestmark = pytest.mark.browser


def test_tiles_on_the_page_stay_in_memory_and_others_do_not(tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=60)
    script = """
    async (url) => {
      const { galleries } = await import(`${url}/probe.js`);
      const gallery = await galleries.Gallery.open(`${url}/`);
      gallery.itemsKept = 10;
      await gallery.show([3, 1, 2]);
      const rows = (from, to) => Array.from({ length: to - from }, (_, place) => from + place);
      for (const start of [10, 20, 30]) await gallery.load(rows(start, start + 10));
      await gallery.load([35, 50]);
      const many = rows(0, 40);
      const kept = [...gallery.items.keys()];
      await gallery.load(many);
      const ids = [1, 2, 3].map((row) => gallery.describe(row).id);
      return [kept, ids, many.map((row) => gallery.describe(row).row)];
    }
    """
    with hosting(write_probe(gallery, tmp_path / "site")) as (url, _):
        page = chromium.new_page()
        page.goto(f"{url}/probe.html")
        kept, ids, many = page.evaluate(script, url)
        page.close()
    assert len(kept) == 10 and {1, 2, 3, 35, 50} <= set(kept)
    assert ids == gallery.items["id"].iloc[[1, 2, 3]].tolist() and many == list(range(40))


def test_a_host_that_did_not_answer_is_asked_again(tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=60)
    script = """
    async (url) => {
      const { galleries } = await import(`${url}/probe.js`);
      const gallery = await galleries.Gallery.open(`${url}/`);
      const told = [];
      for (const act of [() => gallery.softBits([5]), () => gallery.ids()]) {
        await act().catch((error) => told.push(error.message));
        window.online = true;
        await act();
        window.online = false;
      }
      return told;
    }
    """
    with hosting(write_probe(gallery, tmp_path / "site")) as (url, _):
        page = chromium.new_page()

        def answer(route: Any) -> None:
            is_part = "range" in route.request.headers
            if is_part and not page.evaluate("window.online"):
                route.abort()
            else:
                route.continue_()

        page.goto(f"{url}/probe.html")
        page.route("**/data/*", answer)
        told = page.evaluate(script, url)
        page.close()
    assert len(told) == 2 and all("cannot be loaded: check the connection" in each for each in told)
