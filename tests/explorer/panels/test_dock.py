"""The drawer: which tabs there are, and that a tab is computed while it is open, and only then."""

import pytest

import rsh.explorer.page as explorer_page
from rsh.analysis.compare_rankings import RankingPair
from rsh.explorer.page import Explorer
from rsh.explorer.panels import explain
from rsh.explorer.panels.codes import codes_view
from rsh.explorer.panels.dock import TABS, list_tabs

# What each tab computes: where it is looked up, and its name there.
COSTLY = {
    "codes": (explorer_page, "codes_view"),
    "compare": (RankingPair, "compare"),
    "bit": (explain, "profile_bit"),
    "pairs": (explain, "class_margins"),
}


@pytest.fixture
def made(monkeypatch) -> list[str]:
    """The tabs that something was computed for, in order."""
    tabs: list[str] = []
    for tab, (module, name) in COSTLY.items():
        real = getattr(module, name)

        def noted(*args, tab=tab, real=real, **options):
            tabs.append(tab)
            return real(*args, **options)

        monkeypatch.setattr(module, name, noted)
    return tabs


@pytest.fixture
def page(state, made) -> Explorer:
    return Explorer(state)


def random(page) -> None:
    page.receive(page.query, {"kind": "random"}, [])


def test_a_gallery_has_the_tabs_that_it_can_fill():
    assert [name for name, _ in list_tabs(classes=True, images=True)] == list(TABS)
    assert [name for name, _ in list_tabs(classes=False, images=True)] == [
        name for name in TABS if name != "pairs"
    ]
    assert [name for name, _ in list_tabs(classes=True, images=False)] == [
        name for name in TABS if name != "parts"
    ]


def test_nothing_is_computed_while_the_drawer_is_closed(page, made):
    page.sides.chosen = "features"
    made.clear()  # a choice is made in an open tab, and kept when it closes
    random(page)
    page.controls.search = page.controls.search | {"top_k": 7}
    page.receive(page.filter, {"kind": "where", "texts": ["split=train"]}, [])
    assert page.dock.tab == "" and made == [] and page.codes.view == {}


def test_each_tab_is_computed_when_it_opens_and_again_for_a_new_query(page, made):
    page.sides.chosen = "features"
    made.clear()
    for tab in COSTLY:
        page.dock.tab = tab
        assert set(made) == {tab} and page.header.message == ""
        made.clear()
    page.dock.tab = "codes"
    made.clear()
    random(page)
    assert page.dock.tab == "codes" and made == ["codes"]
    page.dock.tab = ""
    made.clear()
    random(page)
    assert made == []


def test_a_tab_that_opens_later_shows_the_query_of_now(page, state):
    page.dock.tab, page.sides.chosen = "compare", "features"
    before = page.sides.view
    page.dock.tab = ""
    random(page)
    page.dock.tab = "codes"
    assert page.codes.view == codes_view(state.results())
    page.dock.tab = "compare"
    assert page.sides.view != before and page.sides.view["sides"]
