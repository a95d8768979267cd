"""Files that a site exports: the same bytes as Python's, but for what a site does not compute."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser.site_probe import probing
from browser.test_site_views import ranked
from make_gallery import in_town, tiny_gallery

from rsh.explorer.state import ExplorerState
from rsh.gallery.annotations.events import Visitor
from rsh.index.base import Hits
from rsh.search.formats.tables import to_csv, to_geojson, to_json
from rsh.search.query import Query
from rsh.search.results import SearchResult

pytestmark = pytest.mark.browser
PROBE = """
export async function files(base, { settings, selected, given, ...query }) {
  const { Explorer } = site_web_explorer_js;
  const { Gallery } = site_web_gallery_js;
  const found = {};
  const explorer = new Explorer(await Gallery.open(base), ({ content, buffers }) => {
    if (content?.kind === "file") found[content.name] = new TextDecoder().decode(buffers[0]);
  });
  await explorer.start();
  if (given) await explorer.parts[0].labeling.give(Int32Array.from(given), "forest");
  explorer.state.query = query;
  explorer.state.searchBy(settings);
  await explorer.refresh();
  await explorer.selected(Int32Array.from(selected));
  for (const form of ["csv", "json", "geojson"]) {
    for (const what of ["answer", "selection"]) {
      explorer.receive("export", { kind: "take", form, what }, []);
      await explorer.last;
    }
  }
  return found;
}
"""
MAKE = {"csv": to_csv, "json": to_json, "geojson": to_geojson}
ASKS = [
    ("top_k", "bits", (), (), False),
    ("radius", "bits", (), (), True),
    ("top_k", "asymmetric", (), (), False),
    ("top_k", "bits", (7, 30), (11,), False),
]


def nearest(state: ExplorerState, rows: list[int]) -> SearchResult:
    """Rank selected tiles as a site does: by distance, then by row."""
    codes, query = state.gallery.codes, state.query
    distances = (codes[rows] != codes[query.row]).sum(axis=1)
    order = np.lexsort([rows, distances])
    hits = Hits(np.array(rows)[order], distances[order].astype(np.int32))
    return SearchResult.of_hits(state.gallery, query, state.options, hits)


def odd(gallery_items: Any) -> Any:
    """Give tiles places that are written with exponents and whole numbers, and hostile ids."""
    items = in_town(gallery_items)
    items.loc[[2, 3], "longitude"] = [1e-7, 12.0]
    items.loc[[2, 3, 4], "footprint"] = ""
    items.loc[4, ["longitude", "latitude"]] = np.nan
    items.loc[2, "id"] = '=1+2,"x".png'
    return items


@pytest.mark.parametrize("labels", ["class", "", "several"])
@pytest.mark.parametrize(("mode", "order", "positive", "negative", "held_out"), ASKS)
def test_files_have_the_bytes_of_python(
    *,
    mode: str,
    order: str,
    positive: tuple[int, ...],
    negative: tuple[int, ...],
    held_out: bool,
    labels: str,
    tmp_path: Path,
    chromium: Any,
) -> None:
    def more(items: Any) -> Any:
        return odd(items).assign(**({} if labels == "class" else {"class": ""}))

    gallery = tiny_gallery(
        tmp_path / "g",
        num_tiles=90,
        more=more,
        rename={"coast": ""},
        several=labels == "several",
    )
    settings = {"mode": mode, "topK": 80, "radius": 12, "order": order, "includeHeldOut": held_out}
    marks = {"positive": list(positive), "negative": list(negative)}
    ask = {"row": 5, "settings": settings, "selected": [*range(40)], **marks}
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        found = call("files", ask)
    state = ExplorerState(gallery)
    state.query = Query(5, positive=positive, negative=negative)
    state.search_by(mode, top_k=80, radius=12, order=order, include_held_out=held_out)
    for form, make in MAKE.items():
        assert found[f"results.{form}"].encode() == make(ranked(state)), form
        expected = make(nearest(state, ask["selected"]))
        assert found[f"selection.{form}"].encode() == expected, form


def test_a_site_exports_given_labels_but_no_guesses(tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=60)
    settings = {"mode": "top_k", "topK": 9, "radius": 1, "order": "bits", "includeHeldOut": False}
    ask = {"row": 5, "positive": [], "negative": [], "settings": settings, "selected": [3, 4]}
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        found = call("files", ask | {"given": [3]})
    gallery.annotations.give_class([3], "forest", by=Visitor("someone"))
    state = ExplorerState(gallery)
    state.query = Query(5)
    wanted = list(csv.DictReader(io.StringIO(to_csv(nearest(state, [3, 4])).decode())))
    for row in wanted:
        del row["predicted"], row["confidence"]
    shown = list(csv.DictReader(io.StringIO(found["selection.csv"])))
    assert shown == wanted and [list(row) for row in shown] == [list(row) for row in wanted]
    features = json.loads(found["selection.geojson"])["features"]
    assert {each["properties"]["label"] for each in features} == {"forest", None}


def test_an_empty_selection_is_refused(tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=60, coordinates=False)
    settings = {"mode": "top_k", "topK": 9, "radius": 1, "order": "bits", "includeHeldOut": False}
    ask = {"row": 5, "positive": [], "negative": [], "settings": settings, "selected": []}
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        assert set(call("files", ask)) == {"results.csv", "results.json"}
