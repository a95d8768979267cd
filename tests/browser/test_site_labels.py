"""Labels and sets of a site: the worker records, shows and says what Python does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser.site_probe import probing
from browser.test_site_views import plain
from make_gallery import in_town, tiny_gallery

from rsh.explorer.page import Explorer
from rsh.explorer.panels.coloring import make_coloring
from rsh.explorer.panels.selected import selected_view
from rsh.explorer.settings import PageSettings
from rsh.explorer.state import ExplorerState
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.annotations.store import AnnotationStore
from rsh.gallery.gallery import Gallery
from rsh.search.formats.annotations import export_annotations

pytestmark = pytest.mark.browser
PROBE = """
const { Explorer } = site_web_explorer_js;
const { Gallery } = site_web_gallery_js;
const write = (value) =>
  JSON.stringify(value, (_, one) =>
    one instanceof DataView ? btoa(String.fromCharCode(...new Uint8Array(one.buffer))) : one);

export async function act(base, { steps, dump = null }) {
  const traits = {};
  let [kept, file] = [null, null];
  const explorer = new Explorer(await Gallery.open(base), (message) => {
    if (message.kind === "panels") for (const one of message.panels) traits[one.id] = one.traits;
    const changed = message.kind === "traits" ? Object.entries(message.panels) : [];
    for (const [panel, some] of changed) traits[panel] = { ...traits[panel], ...some };
    if (message.content?.kind === "keep") kept = JSON.stringify(message.content.dump);
    if (message.content?.kind === "file") file = new TextDecoder().decode(message.buffers[0]);
  });
  await explorer.start();
  const all = Array.from({ length: explorer.gallery.size }, (_, row) => row);
  const shown = [];
  explorer.receive("labels", { kind: "visitor", token: "someone-1", author: "", dump }, []);
  for (const { rows, text, ...content } of steps) {
    if (rows) explorer.state.selection = Int32Array.from(rows);
    const buffers = text === undefined ? [] : [new TextEncoder().encode(text).buffer];
    explorer.receive("tray", { kind: "label", ...content }, buffers);
    do { await explorer.last; await 0; explorer.flush(); } while (explorer.unsent);
    const { labeling } = explorer.parts[0];
    shown.push({
      view: traits.labels.view,
      said: traits.tray.said,
      facts: traits.header.facts,
      message: traits.header.message,
      given: labeling.given(all),
      selection: Array.from(explorer.state.selection),
    });
  }
  explorer.tab = "selected";
  await explorer.showTab();
  await explorer.color("given");
  explorer.flush();
  const { coloring } = traits.legend;
  return write({ shown, kept, file, coloring, selected: traits.selected.view });
}
"""
FILTERED = """
export async function filtered(base, { steps, address }) {
  const traits = {};
  const explorer = new Explorer(await Gallery.open(base), (message) => {
    if (message.kind === "panels") for (const one of message.panels) traits[one.id] = one.traits;
    const changed = message.kind === "traits" ? Object.entries(message.panels) : [];
    for (const [panel, some] of changed) traits[panel] = { ...traits[panel], ...some };
  });
  await explorer.start(address ?? "");
  const shown = [];
  for (const { rows, ...content } of steps) {
    if (rows) explorer.state.selection = Int32Array.from(rows);
    explorer.receive("tray", { kind: "label", ...content }, []);
    await explorer.last;
    await explorer.parts[0].met;
    do { await explorer.last; await 0; explorer.flush(); } while (explorer.unsent);
    const cards = traits.cards.view.cards.map(({ row }) => row).sort((one, other) => one - other);
    shown.push([traits.filter.view, traits.header.message, cards]);
  }
  return write(shown);
}
"""
NAMES = ("forest", " Burned  area ", "Zürich", "a;b", "x" * 61, "", "tab\tbed", "\ufeffhidden")
VISITOR = {"kind": "visitor", "token": "someone-1", "author": "", "dump": None}
SETS = ("to check", "clouds", "a,b", "")
Step = dict[str, Any]


def draw_steps(seed: int, classes: list[str], size: int, count: int) -> list[Step]:
    """Draw what a visitor does, most of it possible."""
    random = np.random.default_rng(seed)
    made = [*classes[:3], *NAMES]
    pick = lambda some: some[int(random.integers(len(some)))]  # noqa: E731
    steps: list[Step] = []
    for _ in range(count):
        rows = np.sort(random.choice(size, int(pick((0, 1, 2, 5, 90))), replace=False)).tolist()
        step = pick(
            (
                *[{"do": "give", "name": pick(made), "rows": rows}] * 4,
                {"do": "number", "number": int(random.integers(0, 12)), "rows": rows},
                {"do": "number", "number": 2, "row": int(random.integers(size))},
                *[{"do": "put", "name": pick(SETS), "rows": rows}] * 3,
                {"do": "take", "name": pick(SETS), "rows": rows},
                {"do": "settle", "name": pick(made), "rows": rows},
                *[{"do": "undo"}] * 5,
                *[{"do": "redo"}] * 2,
                {"do": "rename class", "name": pick(made), "new": pick(made)},
                {"do": "remove class", "name": pick(made)},
                {"do": "rename set", "name": pick(SETS), "new": pick(SETS)},
                {"do": "delete set", "name": pick(SETS)},
                {"do": "select class", "name": pick(made)},
                {"do": "select set", "name": pick(SETS)},
                {"do": "give", "name": "late", "row": pick((3, size, -1))},
            )
        )
        steps.append(step)
    return steps


def in_python(
    gallery: Gallery, steps: list[Step], dump: object = None
) -> tuple[Explorer, list[dict[str, Any]]]:
    """Do the same on the dashboard, with labels kept in the browser."""
    page = Explorer(ExplorerState(gallery), settings=PageSettings(labels="visitor"))
    page.receive(page.labels.tray, VISITOR | {"dump": dump}, [])
    shown = []
    for step in steps:
        content = {"kind": "label", **step}
        if "rows" in content:
            page.state.select(content.pop("rows"))
        page.receive(page.labels.tray, content, [])
        shown.append(
            {
                "view": page.labels.list.view,
                "said": page.labels.tray.said,
                "facts": page.header.facts,
                "message": page.header.message,
                "given": page.labels.labeling.given(range(len(gallery))),
                "selection": page.state.selection.tolist(),
            }
        )
    return page, shown


@pytest.mark.parametrize("seed", range(4))
def test_a_site_records_and_says_what_python_does(seed: int, tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=120, rename={"coast": ""})
    steps = draw_steps(seed, gallery.classes, len(gallery), 80)
    page, expected = in_python(gallery, steps)
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        found = json.loads(call("act", {"steps": steps}))
    for step, shown, wanted in zip(steps, found["shown"], expected, strict=True):
        assert shown == plain(wanted), step
    coloring = make_coloring(page.state.results(), "given")
    assert found["coloring"] == plain(coloring)
    selected = plain(selected_view(page.state))
    by_row = lambda cards: sorted(cards, key=lambda card: card["row"])  # noqa: E731
    if len(page.state.selection) <= 48:
        assert by_row(found["selected"]["cards"]) == by_row(selected["cards"])
    store = AnnotationStore.in_memory(gallery, json.loads(found["kept"]))  # the dump of the site
    assert store.notes == [] and store.state.classes == page.labels.labeling.store.state.classes
    assert np.array_equal(store.state.given.numbers, gallery.annotations.state.given.numbers)
    assert [one[1:] for one in store.state.sets] == [
        one[1:] for one in gallery.annotations.state.sets
    ]


ANA, BEN = Visitor("a-token", "Ana"), Visitor("b-token")


def test_a_site_reads_what_any_rsh_kept(tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=120)
    store = AnnotationStore.in_memory(gallery)
    store.give_class(range(90), "forest", by=ANA)  # so many that ids are packed
    store.give_class(range(80, 95), "Wald", by=BEN)
    store.give_class([3, 4], "coast", by=Visitor("someone-1"))
    chosen = store.create_set("Wälder; und".replace(";", ""), range(70), by=BEN, color="#AABBCC")
    store.take(chosen.key, [1, 2], by=ANA)
    store.name_group("g1", "lake", by=ANA)
    store.undo(by=BEN)
    store.remove_class("coast", by=ANA)
    dump = store.dump()
    unknown = {"kind": "a later one", "x": 1}
    event = json.loads(json.dumps(dump["events"][0]))
    dump["events"] += [
        {"no": "event"},
        event | {"id": "later", "changes": [unknown]},
        event | {"id": "wrong", "changes": []},
        event | {"id": "packed", "changes": [{**event["changes"][0], "count": 7}]},
        event | {"id": "lone", "changes": [{"kind": "undo", "event": "x"}, unknown]},
        event | {"id": "gone", "changes": [{"kind": "class", "class": "x", "ids": ["no tile"]}]},
        event | {"id": "spaced", "author": " Ana"},
    ]
    steps: list[Step] = [{"do": "undo"}, {"do": "settle", "row": 85, "name": "Wald"}]
    _page, expected = in_python(gallery, steps, dump)
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        found = json.loads(call("act", {"steps": steps, "dump": dump}))
    assert found["shown"] == plain(expected)
    view = expected[-1]["view"]
    assert len(view["notes"]) == 2 and len(view["conflicts"]) == 9, view
    kept = AnnotationStore.in_memory(gallery, json.loads(found["kept"]))
    assert len(kept.dump()["events"]) == len(dump["events"]) + 2  # the unread ones among them
    assert np.array_equal(kept.state.given.numbers, gallery.annotations.state.given.numbers)


def test_a_filter_follows_labels_and_sets(tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=60)
    rows = gallery.searchable.tolist()
    steps: list[Step] = [
        {"do": "put", "name": "to check", "rows": rows[:9]},
        {"kind": "where", "texts": ["set=to check"]},
        {"do": "put", "name": "to check", "rows": rows[5:15]},
        {"do": "undo"},
        {"do": "rename set", "name": "to check", "new": "done"},
        {"kind": "where", "texts": []},
        {"kind": "where", "texts": ["label=lake"]},
        {"do": "give", "name": "lake", "rows": rows[20:24]},
        {"kind": "where", "texts": ["label=lake", "label!=coast"]},
        {"do": "give", "name": "", "rows": rows[20:22]},
    ]
    page = Explorer(ExplorerState(gallery), settings=PageSettings(labels="visitor"))
    page.receive(page.labels.tray, VISITOR, [])
    expected = []
    for step in steps:
        content = {"kind": "label", **step}
        if "rows" in content:
            page.state.select(content.pop("rows"))
        page.receive(page.labels.tray, content, [])
        cards = sorted(card["row"] for card in page.cards.view["cards"])
        expected.append([page.filter.view, page.header.message, cards])
    with probing(chromium, gallery, tmp_path / "site", PROBE + FILTERED) as call:
        visitor = dict(VISITOR)
        found = json.loads(call("filtered", {"steps": [visitor, *steps]}))[1:]
        dump = page.labels.labeling.store.dump()
        link = f"?q={gallery.ids[rows[30]]}&where=label=lake"
        ask = {"steps": [visitor | {"dump": dump}], "address": link}
        ((opened, message, cards),) = json.loads(call("filtered", ask))
    renamed = 4  # a filter on a set that has another name now: Python asks for another one
    for number, (shown, wanted) in enumerate(zip(found, plain(expected), strict=True)):
        if number != renamed:
            assert shown[:2] == wanted[:2], steps[number]
        if number != renamed and shown[0]["texts"]:  # else tiles tie for the last place
            assert shown[2] == wanted[2], steps[number]
    told = "the filter “set=to check”: there is no set to check: choose one of done"
    assert (expected[renamed][1], found[renamed][1]) == (told, told)
    assert found[renamed][0]["texts"] == []  # and a site searches without it
    assert (opened["texts"], message, cards) == (["label=lake"], "", rows[22:24])


@pytest.mark.parametrize("form", ["csv", "geojson"])
@pytest.mark.parametrize("in_degrees", [True, False])
def test_files_of_labels_are_those_of_python(
    form: str, in_degrees: bool, tmp_path: Path, chromium: Any
) -> None:
    gallery = tiny_gallery(
        tmp_path / "g", num_tiles=60, coordinates=in_degrees, more=in_town if in_degrees else None
    )
    steps: list[Step] = [
        {"do": "give", "rows": [3, 0, 17], "name": '=SUM("A1"), x'},
        {"do": "put", "rows": [17, 40], "name": "to check"},
        {"do": "put", "rows": [0, 17], "name": "Wälder"},
        {"do": "export", "form": form},
    ]
    page, expected = in_python(gallery, steps)
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        found = json.loads(call("act", {"steps": steps}))
        if not in_degrees and form == "geojson":
            assert found["file"] is None
            assert "no coordinates" in found["shown"][-1]["message"]
            return
        export_annotations(gallery, file := tmp_path / f"labels.{form}")
        assert found["file"].encode() == file.read_bytes()
        taken = {"do": "import", "name": f"C:\\mine\\labels.{form}", "text": found["file"]}
        again = json.loads(call("act", {"steps": [taken, {"do": "undo"}, {"do": "redo"}]}))
        other = {"do": "give", "rows": [3, 5], "name": "lake"}
        over = json.loads(call("act", {"steps": [other, taken]}))["shown"][-1]["said"]
    first, undone, redone = again["shown"]
    assert first["given"] == redone["given"] == expected[-1]["given"] and not undone["given"]
    assert sorted(first["view"]["sets"]) == sorted(plain(expected[-1]["view"]["sets"]))
    assert first["said"] == f"labels.{form}: labels and sets of 4 tiles"
    assert over == f"{first['said']}, 1 of another class before"
    labeling = page.labels.labeling
    labeling.give(np.array([3, 5]), "lake")
    assert labeling.read_file(file.read_bytes(), file.name) == f"{over}. Undo takes them back."


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("x.csv", "id,class\nnone.png,forest\n", "no tile of the gallery has 1 of its 1 id"),
        ("x.csv", "name,class\nnone.png,forest\n", "needs the columns id, and class or sets"),
        ("x.csv", 'id,class\n"none.png,forest\n', "quotes do not match"),
        ("x.csv", "id,class\na,b,c\n", "more cells than columns in row 2"),
        ("x.csv", "id;class\nnone.png;forest\n", "it has id;class: separate columns by commas"),
        ("x.csv", "", "needs the columns id, and class or sets; it has none"),
        ("x.csv", "id,class\n{0},a\n{0},b\n", "two classes, a and b: keep one"),
        ("x.csv", "id,class\n{0},\n", "gives no tile a class or a set"),
        ("x.csv", "id,class\n,forest\n", "a row without an id"),
        ("x.csv", "id,class\n{0}," + "x" * 61, "write 1 to 60 characters, not 61"),
        ("x.geojson", "[]", "is no FeatureCollection"),
        ("x.parquet", "PAR1", "choose a name that ends in .csv or .geojson"),
    ],
)
def test_wrong_files_are_refused(
    name: str, text: str, told: str, site: tuple[Any, Gallery]
) -> None:
    call, gallery = site
    step = {"do": "import", "name": name, "text": text.replace("{0}", gallery.ids[0])}
    (shown,) = json.loads(call("act", {"steps": [step]}))["shown"]
    assert told in shown["message"] and not shown["given"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[tuple[Any, Gallery]]:
    folder = tmp_path_factory.mktemp("site")
    gallery = tiny_gallery(folder / "g", num_tiles=40)
    with probing(chromium, gallery, folder / "site", PROBE) as call:
        yield call, gallery
