"""Drives the page as its visitors do. Run with -s to see the measurements."""

import re
import statistics
import time

import numpy as np
import pytest
from browser.steps import (
    cards_of,
    expect_cards,
    loneliest,
    nearest,
    on_stage,
    open_codes,
    open_page,
    plane_named,
    query_of,
    rsh_search,
    set_slider,
    tab_to,
    wait_for_another_query,
    wait_for_query,
)

from rsh.explorer.state import ExplorerState
from rsh.search.retrieve import search

pytestmark = pytest.mark.browser

# Times are printed beside their bars and not asserted: a busy machine is no defect.
FIRST_CARDS_S = 8  # from opening to the first cards, no kernel warmed up
CLICK_P95_MS = 300  # from a click to the new cards
KERNEL_MB = 300

# Clicks one card and waits for the paint after the cards are replaced, in milliseconds.
CLICK = """(index) => new Promise((resolve) => {
  const list = document.querySelector(".rsh-results .rsh-cards");
  const start = performance.now();
  new MutationObserver((_, watcher) => {
    watcher.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - start));
  }).observe(list, { childList: true });
  list.querySelectorAll(".rsh-card")[index].click();
})"""


def test_opens_with_an_answer_soon_and_offline(visit, server, capsys):
    start = time.perf_counter()
    page = open_page(visit, server)
    seconds = time.perf_counter() - start
    with capsys.disabled():
        print(f"\nfirst cards after {seconds:.1f} s (bar: {FIRST_CARDS_S} s)")
    expect_cards(page, nearest(server.gallery, query_of(page)))
    assert page.title() == "rsh: see image retrieval by hashing"
    assert page.get_attribute("html", "lang") == "en"
    assert not page.is_visible("#rsh-loading") and not page.is_visible("#loading")
    assert page.get_by_role("alert").inner_text() == ""


@pytest.mark.slow
def test_a_click_is_answered_soon_and_the_kernel_stays_small(tab, server, capsys):
    page = tab
    times = [page.evaluate(CLICK, index % 7) for index in range(30)]
    p95 = statistics.quantiles(times, n=20)[-1]
    megabytes = max(kernel.memory_info().rss for kernel in server.kernels()) / 1e6
    with capsys.disabled():
        print(f"\nclick to new cards: median {statistics.median(times):.0f} ms, ", end="")
        print(f"p95 {p95:.0f} ms (bar: {CLICK_P95_MS} ms)")
        print(f"kernel: {megabytes:.0f} MB")
    assert megabytes <= KERNEL_MB


def test_choosing_by_class_and_thumbnail_then_following_a_card_and_back(tab, server):
    page, gallery = tab, server.gallery
    start = query_of(page)
    page.get_by_label("Browse by class").select_option(index=4)
    rows = ExplorerState(gallery).list_tiles(gallery.classes[4])
    page.wait_for_selector(f'.rsh-class-tiles button[data-row="{rows[2]}"]')
    assert page.get_by_text(re.compile(f"^1.24 of {len(rows)}$")).is_visible()
    others = page.get_by_role("button", name="Next 24")
    others.press("Enter")
    page.wait_for_selector(f'.rsh-class-tiles button[data-row="{rows[24]}"]')
    assert others.evaluate("button => button === document.activeElement")
    others.press("Enter")
    page.wait_for_selector(f'.rsh-class-tiles button[data-row="{rows[2]}"]')
    page.click(f'.rsh-class-tiles button[data-row="{rows[2]}"]')
    wait_for_query(page, rows[2])
    expect_cards(page, nearest(gallery, rows[2]))

    follow = cards_of(page)[5]
    page.click(f'.rsh-results .rsh-card[data-row="{follow}"]')
    wait_for_query(page, follow)
    expect_cards(page, nearest(gallery, follow))
    page.get_by_role("button", name="Back").click()
    wait_for_query(page, rows[2])
    page.get_by_role("button", name="Back").click()
    wait_for_query(page, start)
    page.get_by_role("button", name="Forward").click()
    wait_for_query(page, rows[2])
    expect_cards(page, nearest(gallery, rows[2]))


def test_random_finds_an_unseen_tile(tab, server):
    page = tab
    row = query_of(page)
    page.get_by_role("button", name="Random").click()
    row = wait_for_another_query(page, row)
    assert server.gallery.items["split"][row] == "query"
    assert page.inner_text(".rsh-query .rsh-badge") == "held out"


def test_cards_tell_their_story_in_words(tab, server):
    page, gallery = tab, server.gallery
    row = query_of(page)
    words = page.eval_on_selector_all(
        ".rsh-results .rsh-cards img", "all => all.map(image => image.alt)"
    )
    answer = rsh_search(gallery, row)
    hits = answer["hits"]
    assert [gallery.items["id"][card] for card in cards_of(page)] == [hit["id"] for hit in hits]
    for hit, alt in zip(hits, words, strict=True):
        same = "same class" if hit["class_name"] == answer["class_name"] else "another class"
        bits = "1 bit" if hit["distance"] == 1 else f"{hit['distance']} bits"
        name = hit["class_name"].replace("_", " ")
        assert alt == f"rank {hit['rank']}, {name}, {bits} away, {same}"


def test_radius_mode_shows_the_ball(tab, server):
    page, gallery = tab, server.gallery
    page.get_by_text("Radius", exact=True).click()
    for radius in (3, 9, 32):
        set_slider(page, radius)
        tile = gallery.items["id"][query_of(page)]
        rows = search(gallery, tile, radius=radius).rows.tolist()
        page.wait_for_function(
            "want => document.querySelectorAll('.rsh-results .rsh-card').length === want",
            arg=min(len(rows), 200),
        )
        expect_cards(page, rows[:200])
        assert re.search(rf"within {radius} bits", page.inner_text(".rsh-results"))
    set_slider(page, 0)
    page.wait_for_function(
        "document.querySelector('.rsh-results').textContent.includes('within 0 bits')"
    )
    page.get_by_text("Top k", exact=True).click()
    expect_cards(page, nearest(gallery, query_of(page)))


def test_another_order_by_keyboard_shows_scores_and_what_it_gains(tab, server):
    page, gallery = tab, server.gallery
    by_bits = float(
        re.search(r"precision@20 = (\d\.\d\d)", page.inner_text(".rsh-results .rsh-summary"))[1]
    )
    order = page.get_by_role("combobox", name="Rank by")
    order.press("ArrowDown")
    page.wait_for_selector(".rsh-results .rsh-cards:not(.is-busy) .rsh-tie:has-text('score')")
    answer = rsh_search(gallery, query_of(page), "--rerank", order.input_value())
    assert [gallery.items["id"][row] for row in cards_of(page)] == [
        hit["id"] for hit in answer["hits"]
    ]
    said = page.inner_text(".rsh-results .rsh-summary")
    assert (
        f"precision@20 = {answer['precision']:.2f}; by Hamming distance alone it is {by_bits:.2f}."
        in said
    )
    labels = page.eval_on_selector_all(
        ".rsh-results .rsh-tie span", "all => all.map(one => one.textContent)"
    )
    assert labels[0].startswith(f"score {answer['hits'][0]['score']:.2f}")
    assert "the 100 nearest tiles" in page.inner_text(".rsh-controls")
    assert order.evaluate("select => select === document.activeElement")
    order.press("ArrowUp")
    expect_cards(page, nearest(gallery, query_of(page)))


@pytest.mark.slow
def test_the_slider_ends_at_its_newest_value(visit, server):
    page = open_page(visit, server)
    for value in range(1, 61):
        set_slider(page, value)
    page.wait_for_function("document.querySelectorAll('.rsh-results .rsh-card').length === 60")
    page.wait_for_timeout(400)
    assert len(cards_of(page)) == 60


@pytest.mark.parametrize("name", ["Features", "Codes", "World"])
def test_a_click_in_each_plane_makes_that_tile_the_query(tab, server, name):
    page, gallery = tab, server.gallery
    columns = {"Features": ["feature_x", "feature_y"], "Codes": ["code_x", "code_y"]}
    world = name not in columns
    table = gallery.items[["longitude", "latitude"]] if world else gallery.projection[columns[name]]
    xy = table.to_numpy(dtype=float)
    row = loneliest(xy)
    stage = plane_named(page, name)
    stage.scroll_into_view_if_needed()
    place = on_stage(xy, row, stage.bounding_box(), world)
    stage.hover(position=place)
    card = stage.locator("xpath=..").locator(".rsh-hover")
    card.wait_for(state="visible")
    assert gallery.items["class"][row].replace("_", " ") in card.inner_text()
    stage.click(position=place)
    wait_for_query(page, row)
    expect_cards(page, nearest(gallery, row))


def test_all_by_keyboard(tab, server):
    page, gallery = tab, server.gallery
    before = query_of(page)
    tab_to(page, ".rsh-buttons button:nth-child(3)")
    page.keyboard.press("Enter")
    before = wait_for_another_query(page, before)
    tab_to(page, ".rsh-results .rsh-card")
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "End", "Home", "ArrowRight"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.dataset.row") == str(cards_of(page)[1])
    second = cards_of(page)[1]
    page.keyboard.press("Enter")
    wait_for_query(page, second)
    assert page.evaluate("document.activeElement.matches('.rsh-results li:first-child .rsh-card')")
    tab_to(page, ".rsh-stage")
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".rsh-hover:not([hidden])")
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    third = wait_for_another_query(page, second)
    expect_cards(page, nearest(gallery, third))


def test_pointing_at_a_card_shows_which_bits_differ(tab, server):
    page, gallery = tab, server.gallery
    open_codes(page)
    row = cards_of(page)[7]
    page.hover(f'.rsh-results .rsh-card[data-row="{row}"]')
    differ = np.unpackbits(gallery.packed[row] ^ gallery.packed[query_of(page)])[: gallery.num_bits]
    marked = page.eval_on_selector_all(
        ".rsh-code-row:nth-child(2) .rsh-bit",
        "all => all.map(bit => bit.classList.contains('is-different'))",
    )
    assert marked == differ.astype(bool).tolist()
    assert f"{differ.sum()} of 32 bits differ" in page.inner_text(".rsh-code-distance")


def test_a_class_chip_is_a_toggle(tab):
    chip = tab.locator(".rsh-chip").first
    chip.click()
    assert chip.get_attribute("aria-pressed") == "true"
    chip.click()
    assert chip.get_attribute("aria-pressed") == "false"


def test_choosing_what_is_already_the_query_leaves_nothing_waiting(visit, server):
    page = open_page(visit, server)
    row = query_of(page)
    page.click(".rsh-class-tiles .is-current")
    page.wait_for_timeout(300)
    wait_for_query(page, row)
    assert page.get_by_role("button", name="Back").get_attribute("aria-disabled") == "true"
