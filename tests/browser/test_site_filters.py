"""Conditions pass the same tiles on a site as in Python, and are refused with the same words."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from browser.site_probe import write_probe
from make_gallery import half_labeled, tiny_gallery, with_footprints
from static_host import hosting

from rsh.errors import InputError
from rsh.explorer.alerts import explain
from rsh.explorer.state import ExplorerState
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.annotations.store import AnnotationStore
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery

pytestmark = pytest.mark.browser
PROBE = """
async ([url, asks, dump]) => {
  const { filters, galleries, states } = await import(`${url}/probe.js`);
  const state = new states.State(await galleries.Gallery.open(`${url}/`));
  if (dump) await state.gallery.annotations.read(dump);
  const found = [];
  for (const texts of asks) {
    try {
      const conditions = filters.readFilter(texts);
      await state.filterBy(conditions);
      const rows = [...state.filter.passes].flatMap((passes, row) => (passes ? [row] : []));
      found.push({ rows, titles: conditions.map(filters.titleOf), count: state.countFound() });
    } catch (error) {
      found.push(error.message);
    }
  }
  return JSON.stringify(found);
}
"""
RING = ",".join(f"{30 * np.cos(t):.4f},{30 * np.sin(t):.4f}" for t in np.linspace(0, 6, 90))


FRAME = (
    "-170,-60,0,-60,170,-60,170,60,0,60,-170,60"  # and a hole in it
    ":-120,-50,0,-50,120,-50,120,50,0,50,-120,50"
)


def with_columns(items: pd.DataFrame) -> pd.DataFrame:
    """Add columns of all kinds, each with values that are not known."""
    count = np.arange(len(items))
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(7 * count, unit="D")
    missing = count % 5 == 0
    return (
        half_labeled(items)
        .assign(
            **{
                "cloud cover": np.where(missing, np.nan, count % 101 / 2),
                "orbit": count % 7,
                "date": pd.Series(days.strftime("%Y-%m-%d"), dtype=object).where(~missing, None),
                "taken": pd.Series(days + pd.Timedelta(minutes=90)).where(~missing),
                "day": pd.Series(days),
                "clear": count % 3 == 0,
                "checked": pd.Series(count % 2 == 0, dtype=object).where(~missing, None),
                "labels": np.array(["sand;sea", "sea", "", "ice;rock;sand", "rock"])[count % 5],
                "sensor": np.array(["A", "it's", 'say "it\'s"', "Ärmel", "", "荒地"])[count % 6],
                "longitude": np.where(count % 11 == 0, np.nan, items["longitude"]),
            }
        )
        .astype({"sensor": object})
    )


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("filters") / "g"
    return tiny_gallery(folder, num_tiles=200, more=with_columns)


@pytest.fixture(scope="module")
def site(gallery: Gallery, chromium: Any) -> Iterator[Any]:
    """Return what a site says of conditions."""
    with hosting(write_probe(gallery, gallery.folder.parent / "site")) as (url, _):
        page = chromium.new_page()
        page.goto(f"{url}/probe.html")
        yield lambda asks, dump=None: json.loads(page.evaluate(PROBE, [url, asks, dump]))
        page.close()


def python(gallery: Gallery, texts: list[str]) -> dict[str, Any] | str:
    state = ExplorerState(gallery)
    try:
        filter = Filter.read(texts)
        state.filter_by(filter)
    except InputError as error:
        return explain(error)
    return {
        "rows": np.flatnonzero(gallery.passes(filter)).tolist(),
        "titles": [condition.title for condition in filter.conditions],
        "count": int(np.count_nonzero(gallery.can_find(filter))),
    }


def check(gallery: Gallery, site: Any, asks: list[list[str]]) -> list[Any]:
    found = site(asks)
    for texts, shown in zip(asks, found, strict=True):
        assert shown == python(gallery, texts), texts
    return found


def test_conditions_pass_the_same_tiles(gallery: Gallery, site: Any) -> None:
    asks = [
        ["class=coast"],
        ["class!=coast"],
        [" class = coast , tundra ", "split=train"],
        ["split!=train"],
        ["cloud cover=10..30"],
        ["cloud cover!=10..30"],
        ["cloud cover=.5,1e1,+20.0,1_0.5"],
        ["orbit=3"],
        ["orbit!=2..4"],
        ["date=2020-01-15,2020-01-22,2020-01-29"],
        ["date=2021..2021-12-31"],
        ["date=2020-01..2020-01"],
        ["date!=2020..2020"],
        ["date=2020-01-15..2020-01"],
        ["date!=2020-01-08"],
        ["taken=2021-01..2022"],
        ["day=2020-02-05"],
        ["clear=True"],
        ["clear!=True"],
        ["checked=False"],
        ["checked!=False"],
        ["sensor=it's,荒地"],
        ["sensor!=A"],
        ["sensor=A..Ä"],
        ["labels=sand"],
        ["labels=ice, sea"],
        ["labels!=sand"],
        ["labels=sand;sea"],
        ["labels=i..s"],
        [f"id={gallery.ids[7]},{gallery.ids[8]}"],
        ["longitude=-20..90"],
        ["longitude!=0"],
        ["latitude=0..360"],
        ["bbox=-20,-50,90,60"],
        ["bbox=150,-60,-120,70"],
        ["bbox=-180,-90,180,90"],
        ["bbox=0,-90,360,90"],
        ["bbox=180,-80,-60,80"],
        ["bbox=200,-80,350,80"],
        ["polygon=-20,-50,90,-50,90,60,-20,60"],
        ["polygon!=-20,-50,90,-50,90,60,-20,60"],
        ["polygon=150,-60,240,-60,240,70,150,70"],
        ["polygon=150,-60,180,-60,-120,-60,-120,70,180,70,150,70"],
        ["polygon=0,40,120,40,-120,40"],
        ["polygon=0,20,100,20,50,90"],
        ["polygon=-80,-60,90,-60,90,70,-80,70:-50,-20,50,-20,0,50/110,-50,170,-50,140,60"],
        [f"polygon={RING}", "class!=coast"],
    ]
    found = check(gallery, site, asks)
    assert [each for each in found if isinstance(each, str)] == []
    assert all(0 < len(each["rows"]) < len(gallery) for each in found), found


def test_random_boxes_and_polygons_hold_the_same_tiles(gallery: Gallery, site: Any) -> None:
    random = np.random.default_rng(3)
    known = gallery.positions[np.isfinite(gallery.positions).all(axis=1)]
    asks = []
    for number in range(60):
        ends = known[random.choice(len(known), 2)]  # tiles lie on the borders
        (x0, y0), (x1, y1) = ends.tolist()
        south, north = sorted([y0, y1])
        asks.append([f"bbox={x0},{south},{x1},{north}"])
        turns = np.sort(random.uniform(0, 2 * np.pi, 3 + number % 9))
        reach = random.uniform(10, 80, len(turns))
        x = x0 + reach * np.cos(turns)
        y = np.clip(y0 + reach * np.sin(turns) / 2, -89, 89)
        corners = np.stack([np.clip(x, -359, 359), y], axis=1).round(3).ravel().tolist()
        asks.append([f"polygon{'!' * (number % 2)}={','.join(map(str, corners))}"])
    found = site(asks)
    for texts, shown in zip(asks, found, strict=True):
        wanted = python(gallery, texts)
        if isinstance(wanted, str) and " crosses " in wanted:  # at one of several places
            assert isinstance(shown, str) and " crosses " in shown
        else:
            assert shown == wanted, texts
    assert sum(isinstance(shown, dict) for shown in found) > 80


def test_wrong_conditions_are_named_alike(gallery: Gallery, site: Any) -> None:
    far = ",".join(f"{x / 9:.9f},{x * x / 900:.9f}" for x in range(300))
    asks = [
        ["class"],
        ["=forest"],
        ["class="],
        ["class=forest,"],
        ["cloud cover=1.."],
        ["cloud cover= , "],
        ["cloud cover=some"],
        ["cloud cover=nan"],
        ["cloud cover=0x10"],
        ["cloud cover=20..10"],
        ["date=2022..2021"],
        ["sensor=1..20"],
        ["class=1..20"],
        ["split=1..20"],
        ["checked=1..20"],
        ["bbox=1,2,3"],
        ["bbox!=1,2,3,4"],
        ["bbox=1,x,3,4"],
        ["bbox=1,20,3,4"],
        ["bbox=1,2,400,4"],
        ["polygon=1,2,3"],
        ["polygon=1,2,3,4"],
        ["polygon=1,2,3,4,5,6"],
        ["polygon=1,2,500,4,5,9"],
        ["polygon=0,0,4,4,4,0,0,4"],
        ["polygon=0,0,4,0,4,4,2,0,0,4"],
        ["polygon=0,0,90,0,180,10,-90,-10"],
        ["polygon=0,0,360,0,-360,10"],
        ["polygon=fields.geojson"],
        [f"polygon={far}"],
        ["split=query"],
        ["class=nowhere"],
        [f"id={'x' * 5990}", "class=a b/ü"],
    ]
    assert all(isinstance(each, str) for each in check(gallery, site, asks))
    (told,) = site([["color=red"]])
    assert told.startswith("the filter “color=red”: there is no column color, choose one of id, ")
    (told,) = site([["polygon=0,0,9,0,9,9,0,9:30,30,36,30,36,36"]])
    assert "a hole lies outside its outline at 30,30: begin another part with /" in told


@pytest.fixture
def labeled(gallery: Gallery) -> Iterator[AnnotationStore]:
    """A store of a visitor's labels in place of the gallery's."""
    before = gallery.annotations
    gallery.annotations = store = AnnotationStore.in_memory(gallery)
    by = Visitor("someone-1")
    store.give_class(range(60), "forest, dense", by=by)
    store.give_class(range(40, 90), "tundra", by=by)
    store.give_class(range(100, 120), "forest", by=by)
    store.create_set("to check", range(0, 150, 3), by=by)
    store.create_set("Wälder..1", range(50, 80), by=by)
    store.delete_set(store.create_set("gone", [7], by=by).key, by=by)
    yield store
    gallery.annotations = before


def test_sets_and_labels_of_a_visitor_filter_alike(
    gallery: Gallery, labeled: AnnotationStore, site: Any
) -> None:
    asks = [
        ["set=to check"],
        ["set!=to check"],
        ["set= Wälder..1 , to check "],
        ["label=forest, dense"],
        ["label=forest, dense,tundra"],
        ["label=dense,forest"],
        ["label!=tundra"],
        ["label=coast", "set=to check", "split!=val"],
        ["label!=no such name"],
        ["label!=tundra", "class=coast"],
        ["set=gone"],
        ["set=to check,,gone"],
        ["label= , "],
        ["label=no such name"],
        ["set=to check", "color=red"],
        ["color=red", "set=gone"],
        ["color=red"],
    ]
    found = site(asks, labeled.dump())
    for texts, shown in zip(asks, found, strict=True):
        wanted = python(gallery, texts)
        if isinstance(wanted, str) and "no column" in wanted:  # the table of a site has others
            assert shown.partition("choose")[0] == wanted.partition("choose")[0]
            assert shown.endswith(", set, label, group")
        else:
            assert shown == wanted, texts
    assert sum(isinstance(shown, dict) for shown in found) == 8
    (told,) = site([["set=to check"]])
    assert told == "the filter “set=to check”: there is no set to check: create it first"


def test_footprints_overlap_the_same_regions(tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=200, more=with_footprints)
    random = np.random.default_rng(4)
    asks = [
        [f"overlaps={FRAME}"],
        [f"overlaps!={FRAME}"],
        ["overlaps=170,-80,190,-80,190,80,170,80"],
        ["overlaps=0,60,120,60,-120,60"],
        ["overlaps=10,10,10.1,10,10.1,10.1/-60,-20,20,-20,20,40"],
        ["overlaps=1,2,3"],
    ]
    for number in range(40):
        turns = np.sort(random.uniform(0, 2 * np.pi, 3 + number % 7))
        reach = random.uniform(1, 60, len(turns))
        x = np.clip(random.uniform(-180, 180) + reach * np.cos(turns), -300, 300)
        y = np.clip(random.uniform(-60, 60) + reach * np.sin(turns) / 2, -89, 89)
        corners = np.stack([x, y], axis=1).round(3).ravel().tolist()
        asks.append([f"overlaps{'!' * (number % 2)}={','.join(map(str, corners))}"])
    with hosting(write_probe(gallery, tmp_path / "site")) as (url, _):
        page = chromium.new_page()
        page.goto(f"{url}/probe.html")
        found = json.loads(page.evaluate(PROBE, [url, asks, None]))
        page.close()
    for texts, shown in zip(asks, found, strict=True):
        wanted = python(gallery, texts)
        if not isinstance(wanted, str) or " crosses " not in wanted:  # at one of several places
            assert shown == wanted, texts
    assert sum(isinstance(shown, dict) for shown in found) > 30


def test_a_gallery_without_footprints_says_so(gallery: Gallery, site: Any) -> None:
    check(gallery, site, [["overlaps=-20,-50,90,-50,90,60"]])
