"""The worker of a site says of each query what Python says of it."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser.site_probe import write_probe
from make_gallery import tiny_gallery, without_classes
from static_host import hosting

from rsh.codes.parts import code_parts
from rsh.explorer.address import write_address
from rsh.explorer.panels.cards import cards_view
from rsh.explorer.panels.class_browser import class_browser_view
from rsh.explorer.panels.codes import codes_view
from rsh.explorer.panels.controls import controls_view, search_view
from rsh.explorer.panels.filter import filter_view, list_columns
from rsh.explorer.panels.legend import list_verdicts
from rsh.explorer.panels.query import query_view
from rsh.explorer.panels.scatter import marks_view
from rsh.explorer.panels.selected import selected_view
from rsh.explorer.site.layout import SOFT_SCALE
from rsh.explorer.state import ExplorerState, SearchSettings
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.index.base import Hits
from rsh.search.query import Query, QueryImage
from rsh.search.rerank import RERANK_DEPTH
from rsh.search.results import SearchResult

pytestmark = pytest.mark.browser
PROBE = """
function imageOf({ name, code, soft, thumb }) {
  const words = Uint32Array.from(code);
  const bytes = Uint8Array.from(atob(thumb), (sign) => sign.charCodeAt(0));
  return { name, code: words, soft: Int8Array.from(soft), thumb: new DataView(bytes.buffer) };
}

export async function views(base, asks) {
  const { Explorer } = site_web_explorer_js;
  const { Gallery } = site_web_gallery_js;
  const explorer = new Explorer(await Gallery.open(base), () => {});
  const found = [];
  for (const { settings, tab, where, ...query } of asks) {
    if (query.image) query.image = imageOf(query.image);
    explorer.first = {};
    explorer.tab = tab;
    explorer.class = -1; // so that the browser follows each query
    await explorer.state.filterBy([]);
    explorer.state.query = query;
    explorer.state.past = [];
    explorer.state.searchBy(settings);
    await explorer.state.filterBy(site_web_filters_js.readFilter(where));
    await explorer.refresh();
    found.push(explorer.first);
  }
  const bytes = (view) => btoa(String.fromCharCode(...new Uint8Array(view.buffer)));
  return JSON.stringify(found, (_, value) => (value instanceof DataView ? bytes(value) : value));
}
"""
Ask = dict[str, Any]


def asked(page: Any, url: str, asks: list[Ask]) -> list[dict[str, Any]]:
    """Return what each panel of the site shows for each query."""
    page.goto(f"{url}/probe.html")
    script = "async ([url, asks]) => (await import(`${url}/probe.js`)).views(`${url}/`, asks)"
    return json.loads(page.evaluate(script, [url, asks]), parse_float=rounded)


def expected(gallery: Gallery, ask: Ask) -> dict[str, Any]:
    """Return the same from Python, for the tiles in the order of the site."""
    wanted = ask["settings"]
    state = ExplorerState(gallery)
    marks = {"positive": tuple(ask["positive"]), "negative": tuple(ask["negative"])}
    image = ask.get("python")
    state.query = Query(image=image, **marks) if image else Query(ask["row"], **marks)
    state.settings = SearchSettings(
        mode=wanted["mode"],
        top_k=wanted["topK"],
        radius=wanted["radius"],
        order=wanted["order"],
        include_held_out=wanted["includeHeldOut"],
        filter=Filter.read(ask["where"]),
    )
    result = ranked(state)
    labels = gallery.list_labels(ask["row"])
    number = gallery.label_names.index(labels[0]) if labels else len(gallery.label_names)
    return {
        "cards": cards_view(result),
        "query": query_view(state) | {"novelty": ""},
        "search": search_view(state),
        "controls": controls_view(state),
        "address": write_address(state),
        "filter": filter_view(state, list_columns(state)),
        "class_browser": class_browser_view(state, number),
        "marks": marks_view(result) | {"spots": {}},
        "verdicts": list_verdicts(result),
        "codes": codes_view(result),
        "selected": selected_view(state),
    }


def ranked(state: ExplorerState) -> SearchResult:
    """Rank tiles as a site does: by distance or score, then by soft bits, and by row."""
    gallery, query, options = state.gallery, state.query, state.options
    soft = soft_of(gallery.relaxed[:])
    own = query.encodings(gallery)
    scale, weights = SOFT_SCALE, soft_of(own.relaxed[0])
    if query.has_feedback:  # whole numbers, so that ties are exact
        plus, minus = max(len(query.positive), 1), max(len(query.negative), 1)
        weights = 4 * plus * minus * weights
        weights += 4 * minus * soft[list(query.positive)].sum(axis=0)
        weights -= 3 * plus * soft[list(query.negative)].sum(axis=0)
        scale *= 4 * plus * minus * (1 + bool(query.positive) + 0.75 * bool(query.negative))
    codes = gallery.codes.astype(np.int64)
    scores = codes @ weights / (len(weights) * scale)
    distances = (gallery.codes != own.codes[0]).sum(axis=1)
    by_part = {
        f"{part.name}-bits": (codes * own.codes[0].astype(int))[:, part.start : part.stop].mean(
            axis=1
        )
        for part in code_parts(gallery.num_bits, gallery.look_bits)
    }
    rows = np.setdiff1d(gallery.searchable_rows(**options.among()), query.excluded)
    order = "score" if query.has_feedback else options.rerank or "bits"
    if not query.has_feedback:
        least = len(rows) if options.radius is not None else options.top_k
        depth = least if order == "bits" else min(max(least, RERANK_DEPTH), len(rows))
        reach = np.sort(distances[rows])[depth - 1] if options.radius is None else options.radius
        rows = rows[distances[rows] <= reach]
    first = {"bits": None, "score": scores, "asymmetric": scores, **by_part}[order]
    keys = [rows, distances[rows], -scores[rows]]
    keys.append(distances[rows] if first is None else -first[rows])
    rows = rows[np.lexsort(keys)]
    given = None if first is None else first[rows]
    if query.has_feedback:  # all that tie with the last
        tied = given >= given[options.top_k - 1]
        rows, given = rows[tied], given[tied]
    hits = Hits(rows, distances[rows].astype(np.int32))
    return SearchResult.of_hits(gallery, query, options, hits, given, top_k=options.top_k)


def soft_of(relaxed: Any) -> Any:
    return np.rint(np.tanh(relaxed.astype(np.float32)) * SOFT_SCALE).astype(np.int64)


def plain(value: Any) -> Any:
    """Return a view as JSON has it."""

    def write(other: Any) -> Any:
        return base64.b64encode(other).decode() if isinstance(other, bytes) else other.item()

    return json.loads(json.dumps(value, default=write), parse_float=rounded)


def rounded(text: str) -> float:
    """Return a number that does not depend on the order of a sum."""
    return round(float(text), 9)


@pytest.mark.parametrize(
    ("num_bits", "look_bits"), [(16, 0), (32, 0), (64, 16), (100, 20), (256, 0)]
)
@pytest.mark.parametrize("ranges", [True, False])
def test_all_views_are_those_of_python(
    num_bits: int, look_bits: int, ranges: bool, tmp_path: Path, chromium: Any
) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=240, num_bits=num_bits, look_bits=look_bits)
    wheres = [["split=train,val"], ["latitude=-60..50", "class!=coast"], ["bbox=1_00,-80,20,80"]]
    check_views(gallery, wheres, ranges, tmp_path, chromium)


@pytest.mark.parametrize("classless", [True, False])
def test_all_views_of_several_labels_are_those_of_python(
    classless: bool, tmp_path: Path, chromium: Any
) -> None:
    more = without_classes if classless else None
    gallery = tiny_gallery(tmp_path / "g", num_tiles=240, several=True, more=more)
    wheres = [["labels=wet"], ["labels!=sea_ice", "latitude=-60..50"], ["split=train"]]
    check_views(gallery, wheres, True, tmp_path, chromium)


def test_scenes_and_dates_are_those_of_python(tmp_path: Path, chromium: Any) -> None:
    def more(items: Any) -> Any:
        places = np.arange(len(items))
        scenes = np.where(places % 2, "2017-05-06", "S2A_west")
        return without_classes(items).assign(scene=scenes, date=np.where(places % 3, "2017", None))

    gallery = tiny_gallery(tmp_path / "g", num_tiles=240, more=more)
    check_views(
        gallery, [["scene=S2A_west"], ["date=2017"], ["split=train"]], True, tmp_path, chromium
    )


def check_views(
    gallery: Gallery, wheres: list[list[str]], ranges: bool, tmp_path: Path, chromium: Any
) -> None:
    """Compare all panels of a site with Python's for some queries."""
    num_bits, look_bits = gallery.num_bits, gallery.look_bits
    random = np.random.default_rng(num_bits)
    orders = ["bits", "asymmetric", *(["class-bits", "look-bits"] if look_bits else [])]
    asks = []
    for number in range(24):
        row, *others = random.choice(len(gallery), 4, replace=False).tolist()
        marked = number % 3 == 2
        asks.append(
            {
                "row": row,
                "positive": others[:1] if marked else [],
                "negative": others[1 : number % 2 + 1] if marked else [],
                "where": wheres[number // 4 % 3] if number % 4 == 2 else [],
                "tab": ["codes", "selected"][number % 2],
                "settings": {
                    "mode": ["top_k", "radius"][number % 5 == 0],
                    "topK": int(random.integers(1, 60)),
                    "radius": int(random.integers(0, num_bits // 2)),
                    "order": "bits" if marked else orders[number % len(orders)],
                    "includeHeldOut": number % 4 == 1,
                },
            }
        )
    with hosting(write_probe(gallery, tmp_path / "site", PROBE), ranges=ranges) as (url, _):
        page = chromium.new_page()
        found = asked(page, url, asks)
        page.close()
    for ask, shown in zip(asks, found, strict=True):
        compare(gallery, ask, shown)


def test_all_views_of_an_own_image_are_those_of_python(tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=240, num_bits=100, look_bits=20)
    encodings = gallery.encoded(7)
    encodings.codes[0, ::9] *= -1  # no tile has this code
    image = QueryImage("mine.jpg", gallery.thumbnail(7), encodings)
    padded = np.pad(encodings.packed[0], (0, -encodings.packed.shape[1] % 4))
    sent = {
        "name": image.name,
        "code": padded.view("<u4").tolist(),
        "soft": soft_of(encodings.relaxed[0]).tolist(),
        "thumb": base64.b64encode(image.thumbnail).decode(),
    }
    usual = {"mode": "top_k", "topK": 20, "radius": 30, "order": "bits", "includeHeldOut": False}
    own = {"row": -1, "image": sent, "where": [], "positive": [], "negative": []}
    asks: list[Ask] = [
        own | {"tab": "codes", "settings": usual},
        own | {"tab": "selected", "settings": usual | {"mode": "radius"}},
        own | {"tab": "codes", "settings": usual | {"order": "asymmetric"}},
        own | {"tab": "codes", "settings": usual | {"order": "look-bits"}},
        own | {"tab": "selected", "settings": usual, "positive": [3, 9], "negative": [20]},
    ]
    with hosting(write_probe(gallery, tmp_path / "site", PROBE)) as (url, _):
        page = chromium.new_page()
        found = asked(page, url, asks)
        page.close()
    for ask, shown in zip(asks, found, strict=True):
        assert shown["export"]["own_image"]
        compare(gallery, ask | {"python": image}, shown)


def compare(gallery: Gallery, ask: Ask, shown: Ask) -> None:
    """Compare all panels with Python's; an own image has no class that the browser follows."""
    wanted = plain(expected(gallery, ask))
    for name in ("orders", "order_note"):  # a site has no features to order by
        del wanted["controls"][name], shown["controls"]["view"][name]
    tab = ask["tab"]
    pairs = {
        "cards": shown["cards"]["view"],
        "query": shown["query"]["view"],
        "search": shown["controls"]["search"],
        "controls": shown["controls"]["view"],
        "address": shown["header"]["address"],
        "filter": shown["filter"]["view"],
        "marks": shown["plane-code"]["marks"],
        "verdicts": shown["legend"]["verdicts"],
        tab: shown[tab]["view"],
    }
    if "python" not in ask:
        pairs["class_browser"] = shown["class_browser"]["view"]
    for name, view in pairs.items():
        assert list(differences(view, wanted[name], name)) == [], ask


def differences(one: Any, other: Any, path: str) -> Iterator[str]:
    """Yield where two views differ, in words that are short enough to read."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from differences(one[name], other[name], f"{path}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{path}[{place}]")
    elif path.startswith("codes.") and isinstance(other, float):  # Python rounds what it sends
        if abs(one - other) > 0.5e-4 + 1e-9:
            yield f"{path}: {one} and not {other}"
    elif one != other:
        yield f"{path}: {str(one)[:200]} and not {str(other)[:200]}"
