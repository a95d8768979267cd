"""A site in coarse lists finds what an exact one finds, as far as its lists hold it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser.site_probe import write_probe
from make_gallery import tiny_gallery
from static_host import hosting
from tiers import RELEASE

from rsh.gallery.gallery import Gallery
from rsh.index.ivf import RECALL_AT

pytestmark = pytest.mark.browser
PROBE = """
export async function found(base, asks, nprobe) {
  const gallery = await site_web_gallery_js.Gallery.open(base);
  if (nprobe) gallery.lists.nprobe = nprobe === "all" ? gallery.lists.size : nprobe;
  const state = new site_web_state_js.State(gallery);
  const answers = [];
  for (const { settings, isBrief, ...asked } of asks) {
    const query = withImage(asked);
    state.query = query;
    state.searchBy(settings);
    const result = await site_web_search_js.search(gallery, query, state.options);
    if (isBrief) {
      answers.push({ distances: [...result.distances] });
      continue;
    }
    const shownRows = site_web_views_js.shownRows(result);
    await gallery.show([...site_web_query_js.rowsOf(query), ...shownRows]);
    const view = site_web_views_js.cardsView(result);
    const { agreement, query: shown } = site_web_views_js.codesView(result);
    state.selection = result.rows.slice().sort();
    answers.push({
      rows: [...result.rows],
      distances: [...result.distances],
      scores: result.scores && [...result.scores],
      counts: [...result.counts.items],
      precision: result.precision,
      cards: view.cards.map(({ thumb, ...card }) => card),
      summary: view.summary,
      compared: result.numCompared,
      agreement,
      query: shown.code,
      selected: site_web_views_js.selectedTiles(state),
    });
  }
  return answers;
}

/** A query with its image as a page has it. */
function withImage({ image, ...query }) {
  if (!image) return query;
  const code = new Uint32Array(Uint8Array.from(image.code).buffer);
  const soft = Int8Array.from(image.soft);
  return { ...query, image: { ...image, code, soft, thumb: new DataView(code.buffer) } };
}
"""
Ask = dict[str, Any]
QUERIES = 90  # for which recall is measured


@pytest.fixture(scope="module", params=[100, pytest.param(32, marks=RELEASE)])
def gallery(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("lists") / "g"
    return tiny_gallery(folder, num_tiles=900, num_bits=request.param, look_bits=8)


@pytest.fixture(scope="module")
def sites(gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Serve an exact site and one in lists."""
    folder = tmp_path_factory.mktemp("www")
    write_probe(gallery, folder / "exact", PROBE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rsh.explorer.site.lists.RECALL_QUERIES", QUERIES)
        write_probe(gallery, folder / "lists", PROBE, exact_up_to=100)
    with hosting(folder) as (url, _):
        yield url, folder


def found(chromium: Any, url: str, asks: list[Ask], nprobe: int | str = 0) -> list[Any]:
    page = chromium.new_page()
    page.goto(f"{url}/probe.html")
    script = (
        "([url, asks, nprobe]) => "
        "import(`${url}/probe.js`).then((m) => m.found(`${url}/`, asks, nprobe))"
    )
    answers = page.evaluate(script, [url, asks, nprobe])
    page.close()
    return answers


def ask(row: int, **more: Any) -> Ask:
    settings = {"mode": "top_k", "topK": 20, "radius": 3, "order": "bits", "includeHeldOut": False}
    marks = {name: more.pop(name, []) for name in ("positive", "negative")}
    return {"row": row, **marks, "settings": settings | more}


def many_asks(count: int) -> list[Ask]:
    kinds: list[dict[str, Any]] = [
        {},
        {"mode": "radius", "radius": 5},
        {"order": "asymmetric", "topK": 7},
        {"order": "look-bits", "includeHeldOut": True},
        {"positive": [3], "negative": [8, 9], "topK": 33},
    ]
    rows = np.random.default_rng(0).integers(20, count, 20).tolist()
    return [ask(row, **kinds[number % len(kinds)]) for number, row in enumerate(rows)]


def with_images(gallery: Gallery, asks: list[Ask]) -> list[Ask]:
    """Return the same with images, each with a code two bits from that of its tile."""
    random = np.random.default_rng(1)
    images = []
    for one in asks:
        soft = gallery.codes[one["row"]] * random.integers(1, 128, gallery.num_bits)
        soft[random.choice(gallery.num_bits, 2, replace=False)] *= -1
        code = np.packbits(soft > 0)
        padded = np.pad(code, (0, -len(code) % 4)).tolist()
        images.append({"name": "mine.png", "code": padded, "soft": soft.tolist()})
    return [one | {"row": -1, "image": image} for one, image in zip(asks, images, strict=True)]


def test_all_lists_find_what_an_exact_search_finds(
    gallery: Gallery, sites: tuple[str, Path], chromium: Any
) -> None:
    asks = many_asks(len(gallery))
    asks += with_images(gallery, asks)
    exact = found(chromium, f"{sites[0]}/exact", asks)
    listed = found(chromium, f"{sites[0]}/lists", asks, "all")
    for one, other in zip(exact, listed, strict=True):
        assert "Searched 100% of the tiles" in other.pop("summary")
        assert "Searched" not in one.pop("summary")
        assert one == other
        assert_tiles_are_compared(gallery, one)


def assert_tiles_are_compared(gallery: Gallery, answer: dict[str, Any]) -> None:
    """Check what codes say of the tiles found, and how far the selected ones are."""
    rows = sorted(answer["rows"])
    own = np.frombuffer(bytes.fromhex(answer["query"].ljust(64, "0")), np.uint8)
    codes = gallery.packed[rows]
    apart = np.unpackbits(codes ^ own[: codes.shape[1]], axis=1)[:, : gallery.num_bits]
    assert rows and answer["agreement"] == pytest.approx(1 - apart.mean(axis=0))
    pairs = zip(apart.sum(axis=1).tolist(), rows, strict=True)
    assert answer["selected"] == [[row, far] for far, row in sorted(pairs)]


def test_few_lists_find_a_part_at_exact_distances(
    gallery: Gallery, sites: tuple[str, Path], chromium: Any
) -> None:
    asks = [ask(row) for row in range(0, len(gallery), 31)]
    answers = found(chromium, f"{sites[0]}/lists", asks, 2)
    for query, answer in zip(asks, answers, strict=True):
        assert 0 < answer["compared"] < len(gallery) / 2
        away = (gallery.codes[answer["rows"]] != gallery.codes[query["row"]]).sum(axis=1)
        assert answer["distances"] == away.tolist() == sorted(away)
        assert not gallery.is_held_out[answer["rows"]].any()
        assert query["row"] not in answer["rows"]


def test_recall_is_what_the_site_states(
    gallery: Gallery, sites: tuple[str, Path], chromium: Any
) -> None:
    url, folder = sites
    stated = json.loads((folder / "lists" / "site.json").read_text())["lists"]
    assert 0 < stated["nprobe"] < len(list((folder / "lists" / "data").glob("list-*.bin")))
    rows = np.linspace(0, len(gallery) - 1, QUERIES).astype(int)
    asks = [ask(row, topK=RECALL_AT) | {"isBrief": row > 0} for row in rows.tolist()]
    exact = found(chromium, f"{url}/exact", asks)
    listed = found(chromium, f"{url}/lists", asks)
    recalls = [
        sum(far <= best["distances"][-1] for far in some["distances"]) / RECALL_AT
        for best, some in zip(exact, listed, strict=True)
    ]
    assert np.mean(recalls) == pytest.approx(stated["recall"], abs=1e-9) and min(recalls) < 1
    assert f"this finds {100 * stated['recall']:.1f}% of the nearest 20." in listed[0]["summary"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_visitor_searches_in_lists(
    gallery: Gallery, sites: tuple[str, Path], chromium: Any, ranges: bool, tmp_path: Path
) -> None:
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script("localStorage.setItem('rsh-toured', 'yes')")
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "console", lambda message: said.append(message.text) if message.type == "error" else None
    )
    tile, other = gallery.items["id"].iloc[[77, 500]]
    with hosting(sites[1] / "lists", ranges=ranges) as (url, asked):
        page.goto(f"{url}/?q={tile}&k=20&where=split=train")
        page.get_by_text("a site of so many tiles has no filters").wait_for()
        summary = page.locator(".rsh-summary")
        assert "of the tiles, those in the nearest lists, and all" in summary.inner_text()
        assert "approximate: recall@20 = " in page.locator(".rsh-head").inner_text()
        for absent in ("Browse by class", "Filters", "Duplicates", "Labels", "Compare"):
            assert page.get_by_text(absent, exact=True).count() == 0
        field = page.get_by_label("Go to tile")
        field.fill(other)
        field.press("Enter")
        page.wait_for_url(f"**?q={other}&k=20")
        field.fill("no such tile")
        field.press("Enter")
        page.get_by_text("no tile has the id 'no such tile'").wait_for()
        page.get_by_role("button", name="Select all").click()
        page.get_by_role("button", name="Selected (20)").click()
        page.get_by_role("heading", name="20 selected tiles").wait_for()
        page.get_by_text("Export", exact=True).first.click()
        files = {form: exported(page, form) for form in ("CSV", "JSON", "GeoJSON")}
        assert len(files["CSV"].splitlines()) == 21
        record, places = json.loads(files["JSON"]), json.loads(files["GeoJSON"])["features"]
        assert record["gallery"]["index"] == "ivf" and len(record["hits"]) == len(places) == 20
        for hit, feature in zip(record["hits"], places, strict=True):
            item = gallery.items[gallery.items["id"] == hit["id"]].iloc[0]
            assert feature["properties"]["id"] == hit["id"] and hit["class"] == item["class"]
            assert feature["geometry"]["coordinates"] == [item["longitude"], item["latitude"]]
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Codes", exact=True).click()
        page.get_by_text("tiles searched").first.wait_for()
        assert page.get_by_text("Precision and recall").is_hidden()
        page.get_by_role("button", name="Bits", exact=True).click()
        page.get_by_text("of all tiles; 50% is best").wait_for()
        page.get_by_role("button", name="Confusion", exact=True).click()
        page.get_by_text("Ties count").wait_for()
        page.get_by_text("Random", exact=True).click()
        page.wait_for_url(lambda address: other not in address)
        page.screenshot(path=tmp_path / "page.png")
        lists = {path for path in asked if "/data/list-" in path}
        assert lists and not any("codes.bin" in path or "items" in path for path in asked)
    assert said == []
    page.close()


def exported(page: Any, form: str) -> str:
    """Return the text of a file that the open menu of exports gives."""
    menu = page.locator(".rsh-export-menu")
    with page.expect_download() as saved:
        menu.get_by_role("button", name=form, exact=True).click()
    return Path(saved.value.path()).read_text()
