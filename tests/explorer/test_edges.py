"""Galleries at the edge of what there is: every panel answers, and says why there is nothing."""

import numpy as np
import pytest
from make_gallery import tiny_gallery

from rsh.explorer.page import Explorer
from rsh.explorer.panels.export import FILES, OF_MAPS
from rsh.explorer.state import ExplorerState

HTML = "<img src=x onerror=alert(1)>"
GALLERIES = {
    "one tile": {"num_tiles": 1},
    "two tiles": {"num_tiles": 2},
    "no planes": {"num_tiles": 12, "projection": False, "coordinates": False},
    "odd names": {"num_tiles": 60, "rename": {"tundra": HTML, "coast": "海岸" * 40}},
}


@pytest.fixture(params=GALLERIES)
def page(request, tmp_path) -> Explorer:
    return Explorer(ExplorerState(tiny_gallery(tmp_path / "g", **GALLERIES[request.param])))


def ask(page, panel, *buffers, **content) -> str:
    """Send what the browser would send; returns the alert."""
    panel._handle_custom_msg(content, list(buffers))
    return page.header.message


def test_every_panel_answers(page):
    gallery = page.state.gallery
    page.dock.tab = "codes"
    assert page.codes.view["query"]["row"] == page.state.query.row
    page.dock.tab = "compare"
    page.sides.chosen = page.sides.choices[0][0]
    note = page.sides.view["note"]
    assert "overlap@" in note if len(gallery) > 1 else "no tile that could be found" in note
    assert str(gallery.folder) not in note
    page.dock.tab = "bit"
    assert " of all tiles" in page.reasons.view["bit"]["note"]
    page.dock.tab = "pairs"
    assert page.reasons.view["pairs"]["note"]
    assert page.header.message == ""
    rows = np.arange(len(gallery), dtype=np.int32)
    page.dock.tab = "selected"
    ask(page, page.legend, memoryview(rows.tobytes()), kind="select")
    assert page.selected.view["heading"].startswith(f"{len(gallery)} selected tile")
    for by, _ in page.legend.ways:
        assert ask(page, page.legend, kind="color", by=by) == ""
    for order in ("features", "asymmetric", "bits"):
        page.controls.search = {**page.controls.search, "order": order}
        assert page.header.message == "" and page.cards.view["heading"]


@pytest.mark.parametrize("what", ["answer", "selection"])
def test_everything_can_be_taken_away(page, what):
    ask(page, page.legend, memoryview(np.zeros(1, dtype=np.int32).tobytes()), kind="select")
    for form in FILES:
        said = ask(page, page.export, kind="take", form=form, what=what)
        assert said == "" or "nothing to export" in said or "no coordinates" in said
        assert ("nothing to export" in said) == (what == "answer" and len(page.state.gallery) == 1)
        assert "no coordinates" not in said or form in OF_MAPS
        assert str(page.state.gallery.folder) not in said
