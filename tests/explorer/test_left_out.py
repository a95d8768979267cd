"""A filter that leaves out the query's class: nothing on the page calls a result wrong."""

import pytest

from rsh.explorer.page import Explorer
from rsh.explorer.state import ExplorerState
from rsh.text import humanize


@pytest.fixture
def page(gallery):
    return Explorer(ExplorerState(gallery))


def where(page, *texts):
    page.receive(page.filter, {"kind": "where", "texts": list(texts)}, [])


def test_results_that_cannot_be_right_are_not_called_wrong(page, gallery):
    page.dock.tab = "codes"
    own = gallery.items["class"][page.state.query.row]
    other = next(name for name in gallery.classes if name != own)
    page.legend.color(page.state.results(), "found")
    assert page.legend.coloring["names"] == ["same class", "another class"]
    for text in (f"class={other}", f"class!={own}"):
        where(page, text)
        view = page.cards.view
        words = f"The filter leaves out the query's class, {humanize(own)}. Of the "
        assert view["summary"].startswith(words)
        assert "precision" not in view["summary"] and "✗" not in view["note"]
        assert {card["relevant"] for card in view["cards"]} == {None}
        assert not any("another class" in card["alt"] for card in view["cards"])
        assert {relevant for _, relevant in page.planes[0].marks["hits"]} == {None}
        assert not page.codes.view["judged"] and not any(page.codes.view["histogram"]["other"])
        assert page.legend.verdicts == ["unknown"]
        assert page.legend.coloring["names"] == ["result"]
    where(page, f"class={own},{other}")
    assert "precision@20" in page.cards.view["summary"]
    assert None not in {card["relevant"] for card in page.cards.view["cards"]}
    assert page.codes.view["judged"] and page.legend.verdicts[:2] == ["right", "wrong"]
