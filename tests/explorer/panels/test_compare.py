"""Two answers beside each other, and what a visitor takes away."""

import csv
import io
import json
import shlex

import pyarrow.parquet as pq
import pytest
from make_gallery import tiny_gallery
from PIL import Image

from rsh.analysis.compare_rankings import RankingPair, Side
from rsh.cli.main import main
from rsh.explorer.app import show_gallery
from rsh.explorer.page import Explorer, box
from rsh.explorer.panels.compare import ComparePanel, Comparison
from rsh.explorer.panels.export import FILES
from rsh.explorer.server.registry import Registry
from rsh.explorer.settings import PageSettings
from rsh.gallery.filters import Filter
from rsh.search.retrieve import search


@pytest.fixture(scope="module")
def site(gallery, tmp_path_factory) -> Registry:
    folder = tmp_path_factory.mktemp("others")
    short = tiny_gallery(folder / "short", num_bits=16)
    few = tiny_gallery(folder / "few", num_tiles=7)
    return Registry([gallery.folder, short.folder, few.folder])


@pytest.fixture
def page(site, state) -> Explorer:
    return Explorer(state, site=site, name=site.names[0])


def tell(panel, **content):
    panel._handle_custom_msg(content, [])


@pytest.fixture
def given(page, monkeypatch):
    """What the page sends when something is taken away."""
    sent = []
    monkeypatch.setattr(
        page.export, "send", lambda head, buffers=(): sent.append((head, *buffers)), raising=False
    )
    return sent


def test_each_other_gallery_can_be_compared_with_by_both_measures(page):
    choices = [key for key, _ in page.sides.choices]
    assert choices == [
        "features",
        *("short/bits", "short/features"),
        *("few/bits", "few/features"),
    ]
    assert page.sides.view == {}


@pytest.mark.parametrize("chosen", ["features", "short/bits", "short/features"])
def test_the_page_shows_what_the_library_says(page, site, state, chosen):
    page.dock.tab = "compare"
    page.sides.chosen = chosen
    name, _, by = chosen.rpartition("/")
    right = Side(site.open(name) if name else state.gallery, by)
    expected = RankingPair(Side(state.gallery), right).compare(
        state.gallery.items["id"][state.query.row], top_k=20
    )
    view = page.sides.view
    assert f"overlap@20 = {expected.overlap.expected:.2f}" in view["note"]
    low, high = (20 * end for end in (expected.overlap.least, expected.overlap.most))
    assert ("(mean over the order of ties, " in view["note"]) == (low < high)
    assert ("Dimmed: found by both in some order" in view["note"]) == (low < high)
    assert view["note"].startswith(
        f"{20 * expected.overlap.expected:.1f} of" if low < high else f"{low:.0f} of"
    )
    for shown, answer in zip(view["sides"], (expected.left, expected.right), strict=True):
        assert [card["row"] for card in shown["cards"]] == answer.rows.tolist()
        assert [card["only"] for card in shown["cards"]] == answer.only_here.tolist()
        assert f"precision@20 = {answer.precision:.2f}" in shown["figures"]
    assert [side["mine"] for side in view["sides"]] == [True, not name]
    tell(page.cards, kind="choose", row=page.cards.view["cards"][0]["row"])
    assert page.sides.view["note"] != "" and page.sides.view != view


def test_a_link_opens_the_comparison_again(page, site, gallery):
    tell(page.header, kind="address", text="?k=5&compare=short/bits")
    assert (page.dock.tab, page.sides.chosen) == ("compare", "short/bits")
    assert len(page.sides.view["sides"]) == 2
    assert page.header.address.endswith("&k=5&compare=short/bits")
    shown = box("page", [])
    show_gallery(shown, site, site.names[0], address=page.header.address)
    others = [
        panel for part in shown.children[1].children for panel in getattr(part, "children", ())
    ]
    (sides,) = (panel for panel in others if isinstance(panel, ComparePanel))
    assert sides.chosen == "short/bits" and sides.view["note"] == page.sides.view["note"]
    page.sides.chosen = ""
    assert "compare" not in page.header.address
    tell(page.header, kind="address", text="?compare=gone/bits")
    assert "compare=gone/bits (choose one of features, short/bits" in page.header.message
    assert page.sides.chosen == ""


def test_what_cannot_be_compared_is_said_in_its_place(page, site, state):
    page.dock.tab = "compare"
    page.sides.chosen = "few/bits"
    held = set(site.open("few").items["id"])
    row = next(row for row, tile in enumerate(state.gallery.items["id"]) if tile not in held)
    tell(page.cards, kind="choose", row=row)
    assert page.sides.view["sides"] == [] and "few" in page.sides.view["note"]
    assert page.header.message == "" and page.state.query.row == row
    page.sides.chosen = "features"
    state.filter_by(Filter.read(["split=train"]))
    page.refresh()
    assert "clear feedback and filters" in page.sides.view["note"]


def test_a_gallery_alone_is_compared_with_its_features(gallery):
    assert [key for key, _ in Comparison(gallery, Registry([gallery.folder]), "").choices] == [
        "features"
    ]


def test_a_file_is_made_once_for_the_same_results(page, given, monkeypatch):
    name, kind, make = FILES["sheet"]
    made = []
    counted = (name, kind, lambda result, **more: made.append(more) or make(result, **more))
    monkeypatch.setitem(FILES, "sheet", counted)
    page.state.select([3, 17])
    for act in ("random", "back", "back"):  # back in an empty history changes nothing
        tell(page.export, kind="take", form="sheet")
        tell(page.header, kind=act)
    tell(page.export, kind="take", form="sheet", what="selection")
    assert given[1] != given[0] == given[2] and len(made) == 4
    assert [more["selection"] for more in made] == [False, False, False, True]
    tell(page.export, kind="take", form="sheet", what="selection")
    assert given[4] == given[3] and len(made) == 4


@pytest.mark.parametrize("form", FILES)
def test_a_file_holds_what_is_shown(page, given, form):
    tell(page.export, kind="take", form=form)
    ((head, data),) = given
    assert head["kind"] == "file" and head["name"].startswith("results.")
    ids = [page.state.gallery.items["id"][card["row"]] for card in page.cards.view["cards"]]
    if form == "csv":
        assert [row["id"] for row in csv.DictReader(io.StringIO(data.decode()))] == ids
    elif form == "sheet":
        assert Image.open(io.BytesIO(data)).width > 500
    elif form == "geoparquet":
        assert pq.read_table(io.BytesIO(data))["id"].to_pylist() == ids
    elif form == "geopackage":
        assert data.startswith(b"SQLite format 3") and all(tile.encode() in data for tile in ids)
    else:
        assert all(tile in data.decode() for tile in ids) and json.loads(data)


def test_lines_for_visitors_do_not_say_where_the_gallery_lies(page, given, state):
    page._settings = PageSettings(start="")
    state.search_by("radius", top_k=9, radius=7, order="features")
    state.filter_by(Filter.read(["split=train,val"]))
    page.refresh()
    for form in ("python", "command"):
        tell(page.export, kind="take", form=form)
    (python,), (command,) = ((head["text"],) for head, *_ in given)
    folder = state.gallery.folder
    assert str(folder) not in python + command
    assert f"galleries/{folder.name}" in shlex.split(command)
    names: dict = {}
    exec(python.replace(f"galleries/{folder.name}", str(folder)), names)
    shown = [hit.row for hit in state.results().hits]
    assert [state.gallery.items["id"][row] for row in shown] == [h.id for h in names["shown"]]


@pytest.mark.parametrize("above", [1, 2, 0])
def test_lines_run_where_the_dashboard_was_started(
    page, given, state, monkeypatch, tmp_path, above
):
    folder = state.gallery.folder.resolve()
    start = folder.parents[above - 1] if above else tmp_path
    page._settings = PageSettings(start=str(start))
    state.select([3, 8])
    tell(page.export, kind="take", form="python")
    tell(page.export, kind="take", form="command")
    tell(page.export, kind="take", form="python", what="selection")
    (python, command, chosen) = (head["text"] for head, *_ in given)
    words = shlex.split(command)
    assert words[2] == (str(folder.relative_to(start)) if above else str(folder))
    assert {head["note"] for head, *_ in given} == {f"Run it in {start}." if above else ""}
    monkeypatch.chdir(start)
    for text in (python, chosen):
        exec(text, {})
    main(words[1:])


def test_feedback_is_part_of_the_exported_options(state):
    positive, negative = (hit.row for hit in state.results().hits[:2])
    state.mark(positive, "positive")
    state.mark(negative, "negative")
    result = state.results()
    again = search(state.gallery, result.name, **result.options.given(), **result.feedback())
    assert [hit.id for hit in again] == [hit.id for hit in result]


def test_a_form_that_is_none_is_named(page):
    tell(page.export, kind="take", form="exe")
    assert page.header.message == (
        "form 'exe': choose one of csv, json, geojson, geopackage, geoparquet, sheet, python, "
        "command"
    )
