"""Why: what the page says of parts, bits and classes is what the library says."""

import pytest
from in_loop import run
from make_gallery import tiny_gallery

from rsh.analysis.bits import profile_bit
from rsh.analysis.class_margins import boundary_tiles, class_margins
from rsh.explorer.page import Explorer
from rsh.explorer.panels import explain
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery


@pytest.fixture
def page(state) -> Explorer:
    return Explorer(state)


def look(page, tab: str, **asked) -> dict:
    """Open a tab of the drawer, and choose there; returns what it shows."""
    page.dock.tab = tab
    page.reasons.asked = page.reasons.asked | asked
    return page.reasons.view.get(tab, {})


def test_nothing_is_worked_out_before_it_is_opened(page):
    bits = [f"bit {number}" for number in range(1, 33)]
    assert page.reasons.view == {"bits": bits, "num_classes": 9}


@pytest.mark.parametrize("bit", [0, 17, 31])
def test_a_bit_shows_its_surest_tiles_and_classes(page, gallery, bit):
    view = look(page, "bit", bit=bit)
    expected = profile_bit(gallery, bit)
    assert [card["row"] for card in view["on"]] == expected.on.tolist()
    assert [card["row"] for card in view["off"]] == expected.off.tolist()
    assert f"1 in {expected.balance:.0%} of all tiles" in view["note"]
    assert [share for _, share in view["shares"]] == sorted(
        expected.share.round(3).tolist(), reverse=True
    )


def test_a_bit_that_is_none_is_an_alert(page):
    look(page, "bit", bit=32)
    assert "the bit “32”: " in page.header.message


def test_the_most_confused_classes_come_first_with_their_border(page, gallery):
    view = look(page, "pairs", pair=1)
    pairs = class_margins(gallery).pairs
    assert len(view["pairs"]) == 12
    assert view["pairs"][0][1] == f"{pairs[0].margin:+.1f} bits"
    expected = boundary_tiles(gallery, pairs[1].one, pairs[1].other, count=12)
    assert [card["row"] for card in view["tiles"]] == expected.rows.tolist()
    assert [card["other"]["row"] for card in view["tiles"]] == expected.nearest_other.tolist()
    assert view["note"].startswith(f"{expected.total} of {expected.tiles} tiles")


def test_one_class_has_no_pairs(tmp_path, gallery):
    rename = dict.fromkeys(gallery.classes, "all")
    alone = tiny_gallery(tmp_path / "alone", num_tiles=20, rename=rename)
    page = Explorer(ExplorerState(alone))
    assert look(page, "pairs")["pairs"] == []
    assert page.header.message == ""


def test_parts_are_drawn_for_the_query_they_were_found_for(tiny_run):
    page = Explorer(ExplorerState(Gallery.open(tiny_run.gallery)))

    async def visit() -> None:
        await page.look_for_parts()
        await page._uploads.close()

    assert look(page, "parts")["images"] == []
    run(visit())
    assert page.header.message == "" and page.reasons.working == ""
    whole, one = page.reasons.view["parts"]["images"]
    assert whole["png"].startswith(b"\x89PNG") and whole["title"] == "whole code"
    assert one["title"].startswith("bit 1, which is ")
    other = look(page, "parts", bit=3)["images"][1]
    assert other["title"].startswith("bit 4, which is ") and other["png"] != one["png"]
    page.receive(page.cards, {"kind": "choose", "row": page.state.results().hits[0].row}, [])
    assert page.reasons.view["parts"]["images"] == []
    page.receive(page.cards, {"kind": "back"}, [])
    assert len(page.reasons.view["parts"]["images"]) == 2


def test_a_gallery_without_a_network_says_so(page):
    async def visit() -> None:
        await page.look_for_parts()
        await page._uploads.close()

    run(visit())
    assert "does not say which run made it" in page.header.message
    assert page.reasons.working == ""


def test_bits_and_borders_are_worked_out_once_and_not_at_each_click(state, monkeypatch):
    made = []
    for name in ("profile_bit", "boundary_tiles"):
        real = getattr(explain, name)
        monkeypatch.setattr(
            explain, name, lambda *a, real=real, **how: (made.append(a[1:]), real(*a, **how))[1]
        )
    page = Explorer(state)
    look(page, "pairs")
    look(page, "bit", bit=3)
    page.receive(page.header, {"kind": "random"}, [])
    look(page, "bit", bit=0)
    look(page, "bit", bit=3)
    look(page, "pairs")
    assert len(made) == 3  # two bits and a pair
