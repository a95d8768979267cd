"""What a site keeps in memory, what it asks for again, and what it does without it."""

import json
from pathlib import Path
from typing import Any

import pytest
from browser.site_probe import probing, write_probe
from make_gallery import tiny_gallery
from static_host import hosting

from rsh.config import EXACT_UP_TO
from rsh.explorer.site.build import build_site

pytestmark = pytest.mark.browser
SEARCHES = """
export async function searches(base, { rows, broken }) {
  const { Explorer } = site_web_explorer_js;
  const { Gallery } = site_web_gallery_js;
  const [shown, files] = [{ header: {} }, []];
  const take = (panel, traits) => Object.assign((shown[panel] ??= {}), traits);
  const explorer = new Explorer(await Gallery.open(base), ({ kind, panels, content, buffers }) => {
    if (kind === "panels") for (const { id, traits } of panels) take(id, traits);
    if (kind === "traits") for (const [id, traits] of Object.entries(panels)) take(id, traits);
    if (content?.kind === "file") files.push(JSON.parse(new TextDecoder().decode(buffers[0])));
  });
  const ask = async (content) => {
    explorer.receive("", content, []);
    await explorer.last;
    return shown.header.message;
  };
  const { fetch } = globalThis;
  let isCut = false;
  globalThis.fetch = (url, options) =>
    isCut && url.pathname.includes(broken) ? Promise.reject(Error("cut off")) : fetch(url, options);
  await explorer.start("");
  const found = [];
  for (const row of rows) {
    isCut = row % 2 === 1;
    for (const kept of [explorer.gallery.store.packs, explorer.gallery.starts]) kept.clear();
    const said = await ask({ kind: "choose", row });
    isCut = false;
    await ask({ kind: "take", form: "json", what: "answer" });
    await ask({ kind: "select results" });
    await ask({ kind: "take", form: "json", what: "selection" });
    const { cards } = shown.cards.view;
    const { query, can_go_back: canGoBack } = shown.query.view;
    found.push({ said, cards, query, canGoBack, files: files.splice(0) });
  }
  await ask({ kind: "back" });
  found.push(shown.query.view.query.row);
  return JSON.stringify(found, (name, value) => (name === "thumb" ? undefined : value));
}
"""


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


@pytest.mark.parametrize("read_before", [False, True])
@pytest.mark.parametrize("most", [EXACT_UP_TO, 0])
def test_files_of_two_versions_of_a_site_are_not_mixed(
    most: int, read_before: bool, tmp_path: Path, chromium: Any
) -> None:
    before = tiny_gallery(tmp_path / "g", num_tiles=300, num_bits=16)
    after = tiny_gallery(tmp_path / "other", num_tiles=300, num_bits=16, look_bits=4)
    assert before.ids[7] == after.ids[7]
    script = """
    async ([url, row]) => {
      const { galleries } = await import(`${url}/probe.js`);
      window.gallery ??= await galleries.Gallery.open(`${url}/`);
      if (row < 0) return "";
      await gallery.locate([row]);
      await gallery.softBits([row]);
      return gallery.idOf(row);
    }
    """
    softs = "soft-0.bin" if read_before else "soft-checksums-0.json"
    site = write_probe(before, tmp_path / "site", exact_up_to=most)
    with hosting(site) as (url, _):
        page = chromium.new_page()
        page.goto(f"{url}/probe.html")
        page.evaluate(script, [url, 3 if read_before else -1])
        for file in ("probe.js", "probe.html"):
            (site / file).unlink()
        build_site(after, site, exact_up_to=most)
        for row in (7, 90, 250):
            with pytest.raises(Exception, match=r"data/\S+ (was altered|is cut): reload the page"):
                page.evaluate(script.replace("await import", "0 && await import"), [url, row])
        if most:
            with pytest.raises(Exception, match=f"data/{softs} was altered: reload the page"):
                page.evaluate("() => gallery.softBits([7])")
        page.close()


def test_a_host_that_answers_only_some_parts_sends_the_whole_file(
    tmp_path: Path, chromium: Any
) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=60)
    script = """
    async (url) => {
      const { galleries } = await import(`${url}/probe.js`);
      const gallery = await galleries.Gallery.open(`${url}/`);
      return [await gallery.idOf(5), await gallery.idOf(40)];
    }
    """
    with hosting(write_probe(gallery, tmp_path / "site")) as (url, asked):
        page = chromium.new_page()

        def answer(route: Any) -> None:
            given = route.request.headers.items()
            route.continue_(headers={name: text for name, text in given if name != "range"})

        page.goto(f"{url}/probe.html")
        page.route("**/data/tiles-0.bin", answer)
        ids = page.evaluate(script, url)
        page.close()
    assert ids == [gallery.ids[5], gallery.ids[40]]
    assert asked.count("/data/tiles-0.bin") == 1


@pytest.mark.parametrize(
    ("most", "broken"),
    [(EXACT_UP_TO, "tiles-"), (EXACT_UP_TO, "soft-"), (0, "list-"), (0, "order-"), (0, "tiles-")],
)
def test_a_page_goes_on_with_the_query_that_it_shows_where_a_file_did_not_come(
    most: int, broken: str, tmp_path: Path, chromium: Any
) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=600, num_bits=64)
    asked = {"rows": [10, 301, 455, 150, 599], "broken": broken}  # odd ones cannot be loaded
    with probing(chromium, gallery, tmp_path / "site", SEARCHES, exact_up_to=most) as call:
        *found, last = json.loads(call("searches", asked))
    for one, query in zip(found, [10, 10, 10, 150, 150], strict=True):
        assert one["query"]["row"] == query and one["canGoBack"]
        cards = [(card["id"], card["distance"]) for card in one["cards"]]
        for file in one["files"]:
            assert file["query"]["id"] == gallery.ids[query]
            assert sorted((hit["id"], hit["distance"]) for hit in file["hits"]) == sorted(cards)
    assert ["cannot be loaded" in one["said"] for one in found] == [False, True, True, False, True]
    assert last == 10
