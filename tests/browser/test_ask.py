"""Ask, see, compare, mark, take away: as visitors do it, and once by keyboard alone."""

import csv
import re

import pytest
from browser.steps import (
    ANSWER,
    cards_of,
    expect_cards,
    nearest,
    open_codes,
    open_menu,
    open_page,
    open_pairs,
    open_tab,
    query_of,
    tab_to,
    wait_for_query,
)

from rsh.gallery.gallery import Gallery
from rsh.search.retrieve import search

pytestmark = pytest.mark.browser
IMAGE = ".rsh-upload input[type=file]"


@pytest.fixture(scope="module")
def trained(serving, tiny_run):
    """A page whose gallery knows the network that made it."""
    return serving(Gallery.open(tiny_run.gallery))


def file(name: str, data: bytes) -> dict:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def marked(page) -> list[str]:
    return page.eval_on_selector_all(
        ".rsh-feedback-tile b", "all => all.map(one => one.textContent)"
    )


def test_a_image_of_ones_own_finds_its_like(visit, trained, tiny_run, tmp_path):
    page, gallery = open_page(visit, trained), trained.gallery
    row = query_of(page)
    data = (tiny_run.data / gallery.items["id"][row]).read_bytes()
    with page.expect_file_chooser() as dialog:
        page.get_by_role("button", name="Choose an image").click()
    dialog.value.set_files(file("mine.jpg", data))
    page.wait_for_selector(".rsh-waiting:has-text('Reading mine.jpg')")
    assert page.locator(".rsh-results .rsh-cards.is-busy").count() == 1
    page.wait_for_selector('.rsh-query[data-row="-1"]', timeout=60_000)
    page.wait_for_selector(".rsh-results .rsh-cards:not(.is-busy)")
    expect_cards(page, search(gallery, tiny_run.data / gallery.items["id"][row]).rows.tolist())
    assert "mine.jpg" in page.inner_text(".rsh-query")
    assert not page.is_visible(".rsh-waiting")
    page.set_input_files(IMAGE, file("note.jpg", b"this is text"))
    page.wait_for_selector(".rsh-alert:not([hidden])")
    assert "note.jpg is not an image" in page.get_by_role("alert").inner_text()
    (tmp_path / "huge.jpg").write_bytes(bytes(60 << 20))
    page.set_input_files(IMAGE, tmp_path / "huge.jpg")
    page.wait_for_function("document.querySelector('[role=alert]').innerText.includes('60 MB')")
    page.get_by_role("button", name="Back").click()
    wait_for_query(page, row)


def test_feedback_decides_the_order_until_it_is_cleared(visit, server):
    page = open_page(visit, server)
    order = page.get_by_role("combobox", name="Rank by")
    order.select_option("features")
    page.wait_for_selector(".rsh-results .rsh-cards:not(.is-busy) .rsh-tie:has-text('score')")
    page.hover(".rsh-results .rsh-cards li:nth-child(2)")
    page.click(".rsh-results .rsh-cards li:nth-child(2) .rsh-tools-of-card button:first-child")
    page.wait_for_selector(".rsh-feedback-tile")
    assert order.is_disabled() and "feedback decides" in order.get_attribute("title")
    page.get_by_role("button", name="Clear feedback").click()
    page.wait_for_selector(".rsh-feedback-tile", state="detached")
    assert order.is_enabled() and order.get_attribute("title") == ""
    assert order.input_value() == "features"


def test_a_link_opens_the_page_as_it_was(visit, server):
    page, gallery = open_page(visit, server), server.gallery
    page.hover(".rsh-results .rsh-cards li:nth-child(2)")
    page.click(".rsh-results .rsh-cards li:nth-child(2) .rsh-tools-of-card button:first-child")
    page.wait_for_selector(".rsh-feedback-tile")
    open_menu(page, "Filters")
    page.get_by_role("combobox", name="Filter by").select_option("split")
    page.get_by_role("combobox", name="Value").select_option("train")
    page.get_by_role("button", name="Add").click()
    page.wait_for_selector(".rsh-conditions li")
    assert page.get_by_role("button", name="Add").is_hidden()
    assert page.evaluate("document.activeElement.textContent") == "Filters"
    page.wait_for_function("location.search.includes('where=split=train')")
    other = visit().page
    other.goto(page.url)
    other.wait_for_selector(".rsh-feedback-tile")
    expect_cards(other, cards_of(page))
    assert other.url == page.url
    assert set(gallery.items["split"][cards_of(other)]) == {"train"}
    other.click(".rsh-conditions button")
    other.wait_for_selector(".rsh-conditions li", state="detached")
    other.get_by_role("button", name="Clear feedback").click()
    other.wait_for_selector(".rsh-feedback-tile", state="detached")
    expect_cards(other, nearest(gallery, query_of(other)))
    other.goto(server.url + "?q=nowhere")
    other.wait_for_selector(".rsh-alert:not([hidden])")
    assert "this gallery holds no such tile" in other.get_by_role("alert").inner_text()


def test_the_browser_goes_back_to_the_query_before(visit, server):
    page = open_page(visit, server)
    first, other = query_of(page), cards_of(page)[3]
    page.click(f".rsh-results .rsh-card[data-row='{other}']")
    wait_for_query(page, other)
    page.get_by_role("combobox", name="Rank by").select_option("features")
    page.wait_for_function("location.search.includes('order=features')")
    page.go_back()
    wait_for_query(page, first)  # one step, whatever else has changed since
    page.go_forward()
    wait_for_query(page, other)
    assert page.get_by_role("combobox", name="Rank by").input_value() == "features"
    page.locator(".rsh-results .rsh-card").first.press("e")
    page.wait_for_selector(".rsh-viewer[open] dd", timeout=ANSWER)
    page.go_back()
    wait_for_query(page, first)
    assert page.locator(".rsh-viewer[open]").count() == 0


def test_a_tile_stays_compared_on_the_way_to_its_code(visit, server):
    page = open_page(visit, server)
    open_codes(page)
    title = page.locator(".rsh-code-row:nth-child(2) strong")
    other = page.locator(".rsh-results .rsh-card").nth(4)
    other.hover()
    page.wait_for_selector(".rsh-code-row:nth-child(2) strong:text-is('rank 5')", timeout=ANSWER)
    page.mouse.move(2, 2)
    page.wait_for_timeout(300)
    assert title.inner_text() == "rank 5"
    row = int(other.get_attribute("data-row"))
    other.click()
    page.mouse.move(2, 2)
    wait_for_query(page, row)
    page.wait_for_selector(".rsh-code-row:nth-child(2) strong:text-is('rank 1')", timeout=ANSWER)


def test_ask_see_compare_and_export_by_keyboard_alone(visit, server, tmp_path):
    page, gallery = open_page(visit, server), server.gallery
    tile = gallery.items["id"][11]
    tab_to(page, ".rsh-go-to input")
    page.keyboard.type(tile)
    page.keyboard.press("Enter")
    wait_for_query(page, 11)
    tab_to(page, ".rsh-results .rsh-card")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    page.wait_for_selector(".rsh-feedback-tile.is-positive")
    page.wait_for_selector(".rsh-results .rsh-cards:not(.is-busy)")
    page.keyboard.press("-")
    page.wait_for_selector(".rsh-feedback-tile.is-negative")
    assert marked(page) == ["+", "\N{MINUS SIGN}"]
    tab_to(page, ".rsh-export summary")
    page.keyboard.press("Enter")
    tab_to(page, ".rsh-export button")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    download.value.save_as(tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row["id"] for row in csv.DictReader(stream)]
    assert rows == [gallery.items["id"][row] for row in cards_of(page)]
    page.get_by_role("button", name="Clear feedback").press("Enter")
    page.wait_for_selector(".rsh-feedback-tile", state="detached")
    tab_to(page, ".rsh-dock-tabs [data-name=compare]")
    page.keyboard.press("Enter")
    tab_to(page, ".rsh-compare select")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector(".rsh-compare-sides section:nth-child(2)")
    assert re.search(r"overlap@20 = \d\.\d\d", page.inner_text(".rsh-compare .rsh-summary"))
    tab_to(page, ".rsh-dock-tabs [data-name=bit]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".rsh-shares li")


def test_a_tile_is_enlarged_to_its_original_and_searched_with_in_part(visit, trained):
    page = open_page(visit, trained)
    tab_to(page, ".rsh-results .rsh-card")
    page.keyboard.press("e")
    page.wait_for_selector(".rsh-viewer[open] dd", timeout=ANSWER)
    what = page.locator(".rsh-viewer-side > .rsh-note[role=status]", has_text="The original image")
    what.wait_for(timeout=ANSWER)
    width, height = map(int, re.findall(r"\d+", what.inner_text()))
    assert page.eval_on_selector(
        ".rsh-viewer-frame img", "image => [image.naturalWidth, image.naturalHeight]"
    ) == [width, height]
    page.keyboard.press("Escape")
    page.wait_for_selector(".rsh-viewer:not([open])", state="attached")
    page.locator(".rsh-query-open").click()
    what.wait_for(timeout=ANSWER)
    page.get_by_role("button", name="Choose a part").click()
    page.get_by_role("button", name="Search with this part").click()
    page.wait_for_function(
        "() => document.querySelector('.rsh-query').textContent.includes('part of ')",
        timeout=60_000,
    )
    assert page.get_by_role("alert").inner_text() == ""


def test_the_why_of_a_query_is_drawn(visit, trained):
    page = open_page(visit, trained)
    open_tab(page, "parts", ".is-parts button")
    page.get_by_role("button", name="Compute").click()
    page.wait_for_selector(".rsh-attributions figure:nth-child(2) img", timeout=60_000)
    assert page.get_by_role("alert").inner_text() == ""
    before = page.get_attribute(".rsh-attributions figure:nth-child(2) img", "alt")
    page.locator(".rsh-bit-choice select").first.select_option(index=5)
    page.wait_for_function(
        "old => document.querySelector('.rsh-attributions figure:nth-child(2) img').alt !== old",
        arg=before,
    )
    open_pairs(page)
    assert page.locator(".rsh-boundary .rsh-nearest-other").first.is_visible()
