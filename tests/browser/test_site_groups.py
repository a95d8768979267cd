"""Groups of a site: the worker shows, names, selects, labels and filters as Python does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from browser.site_probe import probing
from browser.steps import ANSWER, open_page, tab_to, violations
from browser.test_site_filters import python
from browser.test_site_views import plain
from make_gallery import read_sample, tiny_gallery, without_classes, write
from static_host import hosting

import rsh.gallery.gallery
from rsh.explorer.page import Explorer
from rsh.explorer.settings import PageSettings
from rsh.explorer.site.build import build_site
from rsh.explorer.state import ExplorerState
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.annotations.store import AnnotationStore
from rsh.gallery.gallery import Gallery
from rsh.gallery.groups import find_groups
from rsh.gallery.writer import write_groups

pytestmark = pytest.mark.browser
PROBE = """
const { Explorer } = site_web_explorer_js;
const { Gallery } = site_web_gallery_js;
const write = (value) =>
  JSON.stringify(value, (_, one) =>
    one instanceof DataView ? btoa(String.fromCharCode(...new Uint8Array(one.buffer))) : one);

async function opened(base, dump, address = "") {
  const traits = {};
  const explorer = new Explorer(await Gallery.open(base), (message) => {
    if (message.kind === "panels") for (const one of message.panels) traits[one.id] = one.traits;
    const changed = message.kind === "traits" ? Object.entries(message.panels) : [];
    for (const [panel, some] of changed) traits[panel] = { ...traits[panel], ...some };
  });
  await explorer.start(address);
  explorer.receive("labels", { kind: "visitor", token: "someone-1", author: "", dump }, []);
  const done = async () => {
    do { await explorer.last; await 0; explorer.flush(); } while (explorer.unsent);
  };
  await done();
  await explorer.parts[0].met.catch(() => {});
  await done();
  return { explorer, traits, done };
}

export async function act(base, { steps, dump = null }) {
  const { explorer, traits, done } = await opened(base, dump);
  explorer.changed("dock", { tab: "groups" });
  await done();
  const all = Array.from({ length: explorer.gallery.size }, (_, row) => row);
  const look = () => ({
    groups: traits.groups.view,
    view: traits.labels.view,
    texts: traits.filter.view.texts,
    found: traits.filter.view.found,
    message: traits.header.message,
    given: explorer.parts[0].labeling.given(all),
    selection: Array.from(explorer.state.selection),
  });
  const shown = [look()];
  for (const step of steps) {
    explorer.receive("groups", step, []);
    await done();
    shown.push({ ...look(), said: traits.tray.said });
  }
  return write(shown);
}

export async function filtered(base, { asks, dump = null }) {
  const { explorer } = await opened(base, dump);
  const { readFilter, titleOf } = site_web_filters_js;
  const found = [];
  for (const texts of asks) {
    try {
      const conditions = readFilter(texts);
      await explorer.state.filterBy(conditions);
      const { passes } = explorer.state.filter;
      const rows = [...passes].flatMap((one, row) => (one ? [row] : []));
      found.push({ rows, titles: conditions.map(titleOf), count: explorer.state.countFound() });
    } catch (error) {
      found.push(error.message);
    }
  }
  return write(found);
}

export async function followed(base, { address, dump }) {
  const { explorer, traits } = await opened(base, dump, address);
  const rows = traits.cards.view.cards.map(({ row }) => row);
  return write([traits.dock.tab, traits.filter.view, rows, traits.header.message]);
}
"""
NAMES = (
    "forest",
    "dark forest",
    " Burned  area ",
    "a, b",
    "$& {name}",
    "",
    " ",
    "x" * 61,
    "tab\tb",
)
VISITOR = {"kind": "visitor", "token": "someone-1", "author": ""}
Step = dict[str, Any]


def many_groups(folder: Path, groups: int = 30, size: int = 12) -> Gallery:
    """Write a gallery with so many groups, and some tiles in none."""
    random = np.random.default_rng(2)
    center = random.integers(2, size=(groups, 64))
    codes = np.repeat(center, size, axis=0) ^ (random.random((groups * size, 64)) < 0.03)
    codes = np.vstack([codes, random.integers(2, size=(6, 64))]).astype(np.int8) * 2 - 1
    ids = [f"some, where/{number}.png" for number in range(len(codes))]
    features = random.normal(size=(len(codes), 6))
    return write(
        folder,
        info={"name": "many", "model": {}, "data": {}},
        items=pd.DataFrame({"id": ids, "class": "", "split": "train"}),
        codes=codes,
        features=features / np.linalg.norm(features, axis=1, keepdims=True),
        thumbnails=read_sample(1)[1] * len(codes),
    )


def draw_steps(gallery: Gallery, seed: int, count: int) -> list[Step]:
    """Draw what a visitor does with groups, most of it possible."""
    random = np.random.default_rng(seed)
    assert gallery.groups is not None
    pick = lambda some: some[int(random.integers(len(some)))]  # noqa: E731
    steps: list[Step] = [{"kind": "groups", "do": "more"}]
    for _ in range(count):
        group = pick([*gallery.groups][:4])
        tile = gallery.ids[int(pick(group.rows))]
        key = {"key": pick((*[group.key] * 4, *[tile] * 3, "no/such tile", gallery.ids[0]))}
        give = {"do": "label", "words": f"Give all the class {pick(NAMES).strip()}"}
        steps.append(
            pick(
                (
                    *[{"kind": "groups", "do": "rename", "name": pick(NAMES)} | key] * 6,
                    *[{"kind": "groups"} | give | key] * 6,
                    {"kind": "groups", "do": "select"} | key,
                    {"kind": "groups", "do": "select unusual"},
                    *[{"kind": "label", "do": "undo"}] * 3,
                    {"kind": "label", "do": "redo"},
                    {"kind": "label", "do": "rename class", "name": "forest", "new": "wood"},
                    {"kind": "label", "do": "remove class", "name": pick(NAMES)},
                    {"kind": "label", "do": "give", "name": "forest", "row": 3},
                )
            )
        )
    return steps


def in_python(
    gallery: Gallery, steps: list[Step], dump: object = None
) -> tuple[Explorer, list[dict[str, Any]]]:
    """Do the same on the dashboard, with labels kept in the browser."""
    page = Explorer(ExplorerState(gallery), settings=PageSettings(labels="visitor"))
    page.receive(page.labels.tray, VISITOR | {"dump": dump}, [])
    page.dock.tab = "groups"

    def look() -> dict[str, Any]:
        return {
            "groups": page.groups.strips.view,
            "view": page.labels.list.view,
            "texts": page.filter.view["texts"],
            "found": page.filter.view["found"],
            "message": page.header.message,
            "given": page.labels.labeling.given(range(len(gallery))),
            "selection": page.state.selection.tolist(),
        }

    shown = [look()]
    for step in steps:
        before = len(page.labels.labeling.store.state.events)
        page.receive(page.groups.strips, step, [])
        is_recorded = len(page.labels.labeling.store.state.events) > before
        shown.append(look() | ({"said": page.labels.tray.said} if is_recorded else {}))
    return page, shown


def compared(gallery: Gallery, steps: list[Step], found: str, dump: object = None) -> Explorer:
    page, expected = in_python(gallery, steps, dump)
    every = [{"at": "first"}, *steps]
    for step, shown, wanted in zip(every, json.loads(found), expected, strict=True):
        assert {name: shown[name] for name in wanted} == plain(wanted), step
    return page


@pytest.mark.parametrize("seed", range(3))
def test_a_site_does_with_groups_what_python_does(seed: int, tmp_path: Path, chromium: Any) -> None:
    gallery = many_groups(tmp_path / "g")
    assert gallery.groups is not None and len(gallery.groups) == 30
    steps = draw_steps(gallery, seed, 60)
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        page = compared(gallery, steps, call("act", {"steps": steps}))
    assert page.labels.labeling.store.state.events


@pytest.mark.parametrize("look_bits", [0, 8])
def test_both_say_the_same_of_groups_with_classes(
    look_bits: int, tmp_path: Path, chromium: Any
) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=150, look_bits=look_bits)
    write_groups(gallery, find_groups(gallery, prominence=0.5))
    steps = draw_steps(gallery, 7, 20)
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        page = compared(gallery, steps, call("act", {"steps": steps}))
    assert ("say what a tile is" in page.groups.strips.view["note"]) == bool(look_bits)


def with_names(gallery: Gallery) -> AnnotationStore:
    """Name groups by tiles of them that are not their keys, some of them twice."""
    assert gallery.groups is not None
    store, by = AnnotationStore.in_memory(gallery), Visitor("someone-1")
    first, second, third = (gallery.groups[number].rows.tolist() for number in range(3))
    store.name_group(gallery.ids[first[5]], "old", by=by)
    store.name_group(gallery.ids[first[3]], "3", by=by)
    store.name_group(gallery.ids[second[0]], "a, b", by=by)
    store.name_group(gallery.ids[third[2]], "3", by=by)
    store.name_group("no/such tile", "lost", by=by)
    store.name_group(gallery.groups[3].key, "taken", by=by)
    store.name_group(gallery.groups[3].key, "", by=by)
    return store


def test_a_name_belongs_to_the_group_that_holds_its_tile(tmp_path: Path, chromium: Any) -> None:
    gallery = many_groups(tmp_path / "g")
    dump = with_names(gallery).dump()
    steps: list[Step] = [{"kind": "label", "do": "undo"}] * 2
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        page = compared(gallery, steps, call("act", {"steps": steps, "dump": dump}), dump)
    titles = [strip["title"] for strip in page.groups.strips.view["strips"][1:5]]
    assert titles == ["3", "a, b", "3", "Group 4"]
    assert {"lost", "old"} & {*page.labels.labeling.classes} == {"lost"}


def test_a_filter_follows_the_names_of_groups(tmp_path: Path, chromium: Any) -> None:
    gallery = many_groups(tmp_path / "g")
    assert gallery.groups is not None
    one, two = ({"kind": "groups", "key": key} for key in gallery.groups.keys[:2])
    first, second = len(gallery.groups[0]), len(gallery.groups[1])
    steps: list[Step] = [
        {"kind": "where", "texts": ["group=lake"]},
        one | {"do": "rename", "name": "lake"},
        {"kind": "where", "texts": ["group=lake"]},
        two | {"do": "rename", "name": "lake"},
        one | {"do": "rename", "name": "sea"},
        {"kind": "where", "texts": ["group=lake", "split=train"]},
        {"kind": "label", "do": "undo"},
    ]
    last = {"kind": "label", "do": "remove class", "name": "lake"}
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        found = call("act", {"steps": [*steps, {"kind": "where", "texts": ["group=lake"]}, last]})
    *most, _same, dropped = json.loads(found)
    assert [one["found"] for one in most[3:6]] == [
        f"{many} of {len(gallery)} tiles match" for many in (first, first + second, second)
    ]
    compared(gallery, steps, json.dumps(most))
    told = (
        "the filter “group=lake”: no group holds a tile lake, nor has this name: give one of these"
    )
    assert (dropped["message"], dropped["texts"]) == (told, [])  # and a site searches without it


def test_conditions_on_groups_filter_alike(tmp_path: Path, chromium: Any) -> None:
    gallery = many_groups(tmp_path / "g")
    groups = gallery.groups
    assert groups is not None
    gallery.annotations = store = with_names(gallery)
    keys = groups.keys
    alone = gallery.ids[int(groups.ungrouped[0])]
    asks = [
        ["group=3"],
        ["group!=3"],
        ["group= 3 "],
        ["group=a, b"],
        ["group=a, b,3"],
        [f"group={keys[7]}"],
        [f"group={gallery.ids[int(groups[7].rows[4])]}", "split=train"],
        [f"group!={keys[0]}", "group!=a, b"],
        [f"group={alone}"],
        ["group=old"],
        ["group=taken"],
        ["group=lost"],
        ["group=99"],
        ["group= , "],
        ["group=3,,a, b"],
        ["set=gone", "group=99"],
        ["group=3", "set=gone"],
        ["group=3..9"],
        ["color=red", "group=99"],
    ]
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        found = json.loads(call("filtered", {"asks": asks, "dump": store.dump()}))
    for texts, shown in zip(asks, found, strict=True):
        assert shown == python(gallery, texts), texts
    assert sum(isinstance(shown, dict) for shown in found) == 8


def test_a_link_leads_to_a_group_by_its_name(tmp_path: Path, chromium: Any) -> None:
    gallery = many_groups(tmp_path / "g")
    gallery.annotations = store = with_names(gallery)
    wanted = python(gallery, ["group=3"])
    assert isinstance(wanted, dict)
    query = gallery.ids[wanted["rows"][0]]
    ask = {"address": f"?q={query}&where=group=3", "dump": store.dump()}
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        tab, view, rows, message = json.loads(call("followed", ask))
        unnamed = json.loads(call("followed", ask | {"dump": None}))
    assert (tab, view["texts"], message) == ("groups", ["group=3"], "")
    assert len(rows) == 20 and {*rows} <= {*wanted["rows"]}
    assert view["found"] == f"{wanted['count']} of {len(gallery)} tiles match"
    assert unnamed[1]["texts"] == [] and len(unnamed[2]) == 20


def test_groups_that_are_not_known_are_not_there(
    tmp_path: Path, chromium: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rsh.gallery.gallery, "AT_ONCE", 10)
    gallery = tiny_gallery(tmp_path / "g", num_tiles=40, more=without_classes)
    assert gallery.groups is None
    steps: list[Step] = [
        {"kind": "groups", "do": "rename", "key": gallery.ids[0], "name": "x"},
        {"kind": "groups", "do": "select", "key": gallery.ids[0]},
        {"kind": "groups", "do": "more"},
    ]
    asks = [["group=x"], [f"group={gallery.ids[0]}"]]
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        page = compared(gallery, steps, call("act", {"steps": steps}))
        found = json.loads(call("filtered", {"asks": asks}))
        tab, *_others = json.loads(call("followed", {"address": "", "dump": None}))
    assert "run `rsh groups`" in page.groups.strips.view["note"]
    assert found == [python(gallery, texts) for texts in asks]
    assert tab == ""


def test_a_gallery_without_classes_is_explored_by_keyboard(tmp_path: Path, visit: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=120, more=without_classes)
    assert gallery.groups is not None
    group = gallery.groups[0]
    build_site(gallery, tmp_path / "site")
    with hosting(tmp_path / "site") as (url, asked):
        page = open_page(visit, None, url=url)
        strips = page.locator(".rsh-strips.is-groups section")
        strips.nth(1).wait_for(timeout=ANSWER)
        assert strips.count() == 1 + min(len(gallery.groups), 24)
        assert "/data/typical-0.bin" in asked and "/data/groups.bin" not in asked
        tab_to(page, f'.is-groups input[data-key="{group.key}"]')
        page.keyboard.type("dark forest")
        page.keyboard.press("Enter")
        named = strips.nth(1).get_by_role("heading", name="dark forest", exact=True)
        named.wait_for(timeout=ANSWER)
        page.locator(f'.is-groups [data-action="label {group.key}"]').focus()
        page.keyboard.press("Enter")
        strips.nth(1).locator(".rsh-given").nth(8).wait_for(timeout=ANSWER)
        assert strips.nth(2).locator(".rsh-given").count() == 0
        page.locator(f'.is-groups [data-action="select {group.key}"]').focus()
        page.keyboard.press("Enter")
        page.wait_for_selector(".rsh-tray.is-open", timeout=ANSWER)
        assert f"{len(group)} " in page.inner_text(".rsh-tray")
        assert violations(page) == []
        page.reload()
        named.wait_for(timeout=ANSWER)  # this browser has kept the name
        strips.nth(1).locator(".rsh-given").nth(8).wait_for(timeout=ANSWER)
        page.keyboard.press("Control+z")
        page.wait_for_function(
            "() => !document.querySelector('.is-groups .rsh-given')", timeout=ANSWER
        )
        assert page.locator(".rsh-alert:not([hidden])").count() == 0
