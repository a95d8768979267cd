"""Ties on the page: stacks of equal codes, held-out tiles, and codes of two parts."""

import json
import re
from itertools import pairwise

import numpy as np
import pytest
from browser.steps import (
    ANSWER,
    cards_of,
    expect_cards,
    open_bit,
    open_codes,
    open_menu,
    open_page,
    query_of,
    violations,
    wait_for_query,
)
from make_gallery import tiny_gallery

from rsh.search.retrieve import search

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def short(serving, tmp_path_factory):
    """Codes of 8 bits: most tiles share theirs with others."""
    folder = tmp_path_factory.mktemp("short") / "g"
    return serving(tiny_gallery(folder, num_tiles=200, num_bits=8))


@pytest.fixture(scope="module")
def divided(serving, tmp_path_factory):
    folder = tmp_path_factory.mktemp("divided") / "g"
    return serving(tiny_gallery(folder, num_tiles=120, num_bits=64, look_bits=16))


def answer(server, page, **options):
    gallery = server.gallery
    return search(gallery, gallery.items["id"][query_of(page)], **options)


def stacks_of(result) -> list[list[int]]:
    """The rows of each code, in the order of the first."""
    codes = result.gallery.packed[result.rows].tobytes()
    stacks: dict[int, list[int]] = {}
    for row, code in zip(result.rows.tolist(), codes, strict=True):
        stacks.setdefault(code, []).append(row)
    return list(stacks.values())


def test_equal_codes_are_stacked_opened_and_closed_by_mouse_and_keyboard(visit, short):
    page = open_page(visit, short)
    result = answer(short, page)
    stacks = stacks_of(result)
    sizes = [len(stack) for stack in stacks]
    assert max(sizes) > 1 and len(stacks) > 2
    expect_cards(page, result.rows.tolist())
    switch = page.get_by_role("checkbox", name="Stack equal codes")
    assert not switch.is_checked()
    switch.focus()
    page.keyboard.press("Space")
    expect_cards(page, [stack[0] for stack in stacks])
    page.wait_for_function("location.search.includes('stack=yes')", timeout=ANSWER)
    cards = page.locator(".rsh-results .rsh-card")
    for place, size in enumerate(sizes):
        classes = cards.nth(place).get_attribute("class")
        assert ("is-stack" in classes) == (size > 1)
        if size > 1:
            assert f"{size} tiles with this code" in cards.nth(place).inner_text()
            name = cards.nth(place).locator("img").get_attribute("alt")
            assert name.startswith(f"{size} tiles with this code, ")
            assert "same class: " in name and ", first rank" in name
    assert violations(page) == []

    place = next(place for place, size in enumerate(sizes) if size > 1)
    before = query_of(page)
    cards.nth(place).focus()
    page.keyboard.press("Enter")
    opened = [stack[0] for stack in stacks]
    opened[place : place + 1] = stacks[place]
    expect_cards(page, opened)
    assert query_of(page) == before
    focus = "document.activeElement.dataset.row"
    assert int(page.evaluate(focus)) == stacks[place][0]
    assert violations(page) == []
    page.keyboard.press("ArrowRight")
    assert int(page.evaluate(focus)) == stacks[place][1]
    page.keyboard.press("Escape")
    expect_cards(page, [stack[0] for stack in stacks])
    cards.nth(place).click()
    expect_cards(page, opened)
    page.get_by_role("button", name=f"Stack these {sizes[place]} again").click()
    expect_cards(page, [stack[0] for stack in stacks])


def test_a_stack_hides_no_tile_from_exports_and_its_tiles_are_searched_with(visit, short):
    page = open_page(visit, short)
    page.get_by_role("checkbox", name="Stack equal codes").check()
    result = answer(short, page)
    stacks = stacks_of(result)
    firsts = [stack[0] for stack in stacks]
    expect_cards(page, firsts)
    open_menu(page, "Export")
    with page.expect_download() as taken:
        page.get_by_role("button", name="JSON", exact=True).click()
    hits = json.loads(taken.value.path().read_text())["hits"]
    assert [hit["id"] for hit in hits] == [hit.id for hit in result]
    stack = next(stack for stack in stacks if len(stack) > 1)
    page.click(f'.rsh-results .rsh-card[data-row="{stack[0]}"]')
    place = firsts.index(stack[0])
    expect_cards(page, [*firsts[:place], *stack, *firsts[place + 1 :]])
    chosen = stack[1]
    page.click(f'.rsh-results .rsh-card[data-row="{chosen}"]')
    wait_for_query(page, chosen)
    expect_cards(page, [stack[0] for stack in stacks_of(answer(short, page))])
    again = open_page(visit, short, url=page.url)
    wait_for_query(again, chosen)
    again.wait_for_selector(".rsh-results .is-stack", timeout=ANSWER)
    assert again.get_by_role("checkbox", name="Stack equal codes").is_checked()


def test_held_out_tiles_are_counted_and_can_be_included(visit, short):
    page, gallery = open_page(visit, short), short.gallery
    held_out, every = gallery.num_held_out, len(gallery)
    assert page.get_by_text(f"{every - held_out} tiles searched, {held_out} held out").is_visible()
    switch = page.get_by_role("checkbox", name="Include held-out tiles")
    plain = answer(short, page).rows.tolist()
    expect_cards(page, plain)
    switch.focus()
    page.keyboard.press("Space")
    expected = answer(short, page, include_held_out=True)
    assert set(gallery.items["split"][expected.rows]) > {"query"}
    expect_cards(page, expected.rows.tolist())
    words = f"{every} tiles searched, {held_out} of them held out"
    assert page.get_by_text(words).is_visible()
    assert violations(page) == []
    open_menu(page, "Export")
    page.get_by_role("button", name="Command", exact=True).click()
    page.wait_for_selector("textarea[aria-label='Copied text']:not([hidden])", timeout=ANSWER)
    assert " --include-held-out " in page.get_by_label("Copied text").input_value()
    again = open_page(visit, short, url=page.url)
    wait_for_query(again, query_of(page))
    expect_cards(again, expected.rows.tolist())
    assert again.get_by_role("checkbox", name="Include held-out tiles").is_checked()
    switch.uncheck()
    expect_cards(page, plain)


def test_class_bits_and_look_bits_are_told_apart(visit, divided, short):
    page, gallery = open_page(visit, divided), divided.gallery
    open_codes(page)
    result = answer(divided, page)
    differ = gallery.codes[result.rows[0]] != gallery.codes[query_of(page)]
    of_class, of_look = int(differ[:48].sum()), int(differ[48:].sum())
    verdict = page.inner_text(".rsh-code-distance")
    assert verdict.endswith(f"(class {of_class} of 48, look {of_look} of 16).")
    names = page.eval_on_selector_all(
        ".rsh-pair .rsh-strip", "all => all.map(strip => strip.getAttribute('aria-label'))"
    )
    assert [name.split(",")[0] for name in names] == ["class bits", "look bits"] * 2
    for name, part in zip(names[2:], (range(48), range(48, 64)), strict=True):
        places = [int(n) for n in re.findall(r"\d+", name.partition(" in bit ")[2])]
        assert places == [bit + 1 for bit in part if differ[bit]]
    labels = page.locator(".rsh-pair .rsh-part-name").all_inner_texts()
    assert labels == [
        *("48 class bits", "16 look bits"),
        *(f"{of_class} of 48 differ", f"{of_look} of 16 differ"),
    ]
    assert "48 class bits say what it is, 16 look bits say" in page.inner_text(".rsh-codes")
    for order in ("look-bits", "class-bits"):
        page.get_by_label("Rank by").select_option(order)
        expect_cards(page, answer(divided, page, rerank=order).rows.tolist())
    open_bit(page)
    options = page.locator(".rsh-bit-choice option").all_text_contents()
    assert {"bit 48 (class)", "bit 49 (look)"} <= set(options)
    assert violations(page) == []

    plain = open_page(visit, short)
    open_codes(plain)
    assert plain.locator(".rsh-part").count() == 0
    values = plain.locator("select", has=plain.locator('option[value="asymmetric"]'))
    assert values.locator("option").count() == 3
    assert np.isin(cards_of(plain), short.gallery.searchable).all()


def test_on_a_phone_the_parts_of_a_code_stand_one_below_the_other(visit, divided):
    page = open_page(visit, divided, viewport={"width": 390, "height": 844})
    open_codes(page)
    boxes = page.eval_on_selector_all(
        ".rsh-codes .rsh-part",
        """all => all.map(part => {
          const [box, name] = [part, part.firstChild].map(each => each.getBoundingClientRect());
          const bits = [...part.querySelectorAll(".rsh-bit")].map(bit => bit.clientWidth);
          return [box.top, box.bottom, box.width, name.height, Math.min(...bits)];
        })""",
    )
    assert len(boxes) == 6  # class bits and look bits of the query, of a result, and of all
    for top, bottom, width, name, bit in boxes:
        assert bottom > top and width > 300
        assert name < 20  # one line
        assert bit >= 6
    assert all(one[1] <= other[0] for one, other in pairwise(boxes))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
