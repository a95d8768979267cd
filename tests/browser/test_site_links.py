"""Links and names lead to the same tiles on a site as in Python."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import pytest
from browser.site_probe import write_probe
from make_gallery import tiny_gallery
from static_host import hosting

from rsh.errors import InputError
from rsh.explorer.address import read_address, write_address
from rsh.explorer.panels.upload import found_words
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery

pytestmark = pytest.mark.browser
READ = """
async ({ addresses, galleries, states }, base, asks) => {
  const gallery = await galleries.Gallery.open(base);
  const ids = await gallery.ids();
  const found = [];
  for (const address of asks) {
    const state = new states.State(gallery);
    let leftOut;
    try {
      leftOut = await addresses.readAddress(address, state, async (id) => ids.indexOf(id));
    } catch (error) {
      leftOut = error.message;
    }
    const { query, settings, stacked } = state;
    const { row, positive, negative } = query;
    const { mode, topK, radius, order, includeHeldOut } = settings;
    found.push([
      leftOut,
      [row, positive, negative, state.past.length],
      [mode, topK, radius, order, includeHeldOut, stacked],
      addresses.writeAddress(state, (row) => ids[row]),
    ]);
  }
  return found;
}
"""
FIND = """
async ({ finding, galleries }, base, texts) => {
  const ids = await (await galleries.Gallery.open(base)).ids();
  return texts.map((text) => {
    const matching = finding.matching(ids, text, 12).map((row) => ids[row]);
    try {
      const { row, words } = finding.find(ids, text);
      return [matching, row, words];
    } catch (error) {
      return [matching, error.message, ""];
    }
  });
}
"""
WAIT = """
async ({ explorers, galleries }, base) => {
  const said = [];
  const post = (message) => said.push(message);
  const explorer = new explorers.Explorer(await galleries.Gallery.open(base), post);
  explorer.gallery.manifest.num_tiles = explorer.gallery.size = 1e6;
  explorer.gallery.idOf = async () => "a";
  explorer.gallery.ids = async () => ["a", "b"];
  await explorer.links.rowOf("b");
  explorer.first = null;
  await explorer.finder.suggest("B");
  return said;
}
"""
Site = Callable[[str, list[str]], list[Any]]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    def renamed(items: Any) -> Any:
        ids = items["id"].to_numpy(object)
        ids[::7] = [f"a&b=c, d/+{number} (!*').jpg" for number in range(len(ids[::7]))]
        ids[3::7] = [f"荒地?<b>#/ÄRGER {number}.jpg" for number in range(len(ids[3::7]))]
        return items.assign(id=ids)

    folder = tmp_path_factory.mktemp("links") / "g"
    return tiny_gallery(folder, num_tiles=150, look_bits=8, more=renamed)


@pytest.fixture(scope="module")
def site(gallery: Gallery, chromium: Any) -> Iterator[Site]:
    """Return what functions of a site's worker return."""
    with hosting(write_probe(gallery, gallery.folder.parent / "site")) as (url, _):
        page = chromium.new_page()
        page.goto(f"{url}/probe.html")

        def run(script: str, asks: list[str]) -> list[Any]:
            call = f"({script})(await import(`${{url}}/probe.js`), `${{url}}/`, asks)"
            found: list[Any] = page.evaluate(f"async ([url, asks]) => {call}", [url, asks])
            return json.loads(json.dumps(found))

        yield run
        page.close()


def read(gallery: Gallery, address: str) -> list[Any]:
    """Read an address in Python."""
    state = ExplorerState(gallery)
    try:
        left_out = read_address(address, state)
    except InputError as error:
        left_out = str(error)
    query, settings = state.query, state.settings
    return [
        left_out,
        [query.row, [*query.positive], [*query.negative], int(state.can_go_back)],
        [
            *(settings.mode, settings.top_k, settings.radius, settings.order),
            *(settings.include_held_out, state.stacked),
        ],
        write_address(state),
    ]


def test_links_are_read_as_in_python(gallery: Gallery, site: Site) -> None:
    random = np.random.default_rng(5)
    ids = list(gallery.ids)
    asks = []
    for number in range(200):
        some: list[tuple[str, str]] = [
            ("q", ids[random.integers(len(ids))]),
            ("q", "nowhere.jpg"),
            ("k", str(random.integers(0, 200))),
            ("k", random.choice(["many", "٣", "-1", "1e3", "9" * 30])),
            ("r", str(random.integers(0, 70))),
            ("order", random.choice(["bits", "asymmetric", "class-bits", "look-bits"])),
            ("include_held_out", random.choice(["yes", "no", "perhaps"])),
            ("stack", random.choice(["yes", "no", "1"])),
            ("where", random.choice(["split=train,val", "split=query", "nothing"])),
            ("where", random.choice(["class=coast", "class!=coast", "latitude=-60..60"])),
            ("like", ids[random.integers(len(ids))]),
            ("like", ids[random.integers(len(ids))]),
            ("unlike", ids[random.integers(len(ids))]),
            ("unlike", random.choice(["gone.jpg", ids[1]])),
            ("gallery", ""),
            ("k2", "ignored"),
        ]
        chosen = random.choice(len(some), random.integers(1, 9), replace=False)
        way = quote if number % 2 else None
        pairs = [some[place] for place in chosen]
        asks.append("?" + (urlencode(pairs, quote_via=way) if way else urlencode(pairs)))
    asks += [
        "",
        "?",
        "q",
        "?q&k=3",
        "?&&",
        "?k=7;r=3",
        "?k=5&k=",
        "?where=class=coast&where=class=tundra",
    ]
    asks += [
        "?text=solar+farm&k=4",
        f"?q={ids[7]}&text=sea",
        "?bands=sepia&k=6",
        "?brightness=2",
        "?brightness=x",
    ]
    asks += ["?" + "k=1&" * 200, "?q=" + "x" * 8000, "?where=" + "x" * 7000, "?q=%FF%20&k=4"]
    for address, shown in zip(asks, site(READ, asks), strict=True):
        assert shown == read(gallery, address), address


def test_what_a_site_cannot_do_is_left_out_of_a_link(gallery: Gallery, site: Site) -> None:
    found = site(READ, ["?order=features&k=3", "?order=magic", "?gallery=other", "?gallery=tiny"])
    others = "this page orders by bits, asymmetric, class-bits, look-bits: choose one of them"
    assert [each[0] for each in found] == [
        f"this was left out of the link: order=features ({others})",
        f"this was left out of the link: order=magic ({others})",
        "this was left out of the link: gallery=other (this page shows tiny alone)",
        "",
    ]
    assert [each[2][1] for each in found] == [3, 20, 20, 20]


def test_names_lead_to_the_tiles_that_python_finds(gallery: Gallery, site: Site) -> None:
    state = ExplorerState(gallery)
    texts = ["coast", "COAST", "ärger", "*')", ".JPG", "  tundra ", "", "a&b=c, d/+1 (!*').jpg"]
    texts += ["荒地?<b>#/ÄRGER 1", "no such tile", "^coast", "[a-z]", gallery.ids[40], "\\d"]
    for text, (matching, row, words) in zip(texts, site(FIND, texts), strict=True):
        assert matching == state.matching(text), text
        try:
            wanted = state.find_row(text), found_words(state, text)
        except InputError as error:
            assert str(error) == row
        else:
            assert (row, words) == wanted


def test_a_visitor_of_a_large_gallery_is_told_to_wait(site: Site) -> None:
    words = "Loading the names of 1,000,000 tiles…"
    opening, opened, asked, done, idle, found = site(WAIT, [])
    assert [opening, opened] == [{"kind": "waiting", "words": each} for each in (words, "")]
    assert asked == {"kind": "traits", "panels": {"upload": {"working": words}}}
    assert done == {"kind": "traits", "panels": {"upload": {"working": ""}}}
    assert idle["content"] == {"kind": "idle"}
    assert found["panels"] == {"upload": {"matching": ["b"]}}
