"""The page as a workbench: query, results and spaces side by side, and the drawer below them."""

import numpy as np
import pytest
from browser.plane_steps import open_planes, places, wait_until_drawn
from browser.steps import (
    ANSWER,
    cards_of,
    close_drawer,
    expect_cards,
    go_to,
    nearest,
    open_bit,
    open_codes,
    open_page,
    plane_named,
    query_of,
    show_region,
    show_space,
    tab_to,
    wait_for_another_query,
    wait_for_query,
)

pytestmark = pytest.mark.browser

DESK = {"width": 1440, "height": 900}
WIDE = {"width": 1920, "height": 1080}
PHONE = {"width": 390, "height": 844}
REGIONS = (".rsh-ask", ".rsh-answer", ".rsh-spaces")

# How many cards are seen whole: below the toolbar, and above the end of their column.
WHOLE_CARDS = """() => {
  const column = document.querySelector(".rsh-answer").getBoundingClientRect();
  const top = document.querySelector(".rsh-toolbar").getBoundingClientRect().bottom;
  const low = Math.min(column.bottom, innerHeight);
  const { left, right } = column;
  return [...document.querySelectorAll(".rsh-results .rsh-card")].filter((card) => {
    const box = card.getBoundingClientRect();
    return box.top >= top && box.bottom <= low && box.left >= left && box.right <= right;
  }).length;
}"""
# What can be scrolled up and down inside a part of the page, itself included.
SCROLL_AREAS = """(region) => [region, ...region.querySelectorAll("*")].filter((each) =>
  ["auto", "scroll"].includes(getComputedStyle(each).overflowY) &&
  each.scrollHeight > each.clientHeight + 1,
).map((each) => each.className)"""
KEEP = """(canvas) => {
  window.before = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
}"""
# The smallest box around the pixels that have changed since: left, top, right, bottom, CSS pixels.
CHANGED = """(canvas) => {
  const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const ratio = canvas.width / canvas.clientWidth;
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let at = 0; at < data.length; at++) {
    if (data[at] === window.before[at]) continue;
    const [x, y] = [(at >> 2) % width, Math.floor((at >> 2) / width)];
    box[0] = Math.min(box[0], x); box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x + 1); box[3] = Math.max(box[3], y + 1);
  }
  return box.map((side) => side / ratio);
}"""
FOCUSED = "what => document.activeElement.matches(what)"


@pytest.fixture(scope="module")
def desk(visit_of_module, server):
    return open_page(visit_of_module, server, viewport=DESK)


@pytest.fixture
def bench(desk):
    """The module's tab at 1440 x 900, with the first space and a closed drawer."""
    desk.mouse.move(2, 2)
    close_drawer(desk)
    show_space(desk, "Features")
    wait_until_drawn(desk)
    return desk


def is_inside(page, locator) -> bool:
    """Whether all of an element lies in the window."""
    box, window = locator.bounding_box(), page.viewport_size
    return (
        box["x"] >= 0
        and box["y"] >= 0
        and box["x"] + box["width"] <= window["width"]
        and box["y"] + box["height"] <= window["height"]
    )


def box_of(locator) -> np.ndarray:
    """Left, top, right and bottom of an element."""
    box = locator.bounding_box()
    return np.array([box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]])


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """How many square pixels two boxes share."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    return float(np.maximum(sides, 0).prod())


def size_of(locator) -> tuple[float, float]:
    box = locator.bounding_box()
    return box["width"], box["height"]


def shown_spaces(page) -> list[str]:
    page.wait_for_function(
        """() => [...document.querySelectorAll(".rsh-scatter")]
          .every(each => !each.clientWidth || each.querySelector("h3"))"""
    )
    return page.eval_on_selector_all(
        ".rsh-scatter",
        """all => all.filter(each => each.clientWidth)
          .map(each => each.querySelector("h3").textContent)""",
    )


# One window, without scrolling


def test_all_that_matters_is_in_the_window(bench):
    page = bench
    assert is_inside(page, page.locator(".rsh-query img"))
    assert is_inside(page, page.locator(".rsh-go-to input"))
    assert is_inside(page, page.locator(".rsh-go-to button"))
    assert is_inside(page, page.get_by_role("button", name="Choose an image"))
    assert page.evaluate(WHOLE_CARDS) >= 10
    stage = plane_named(page, "Features")
    assert is_inside(page, stage)
    assert min(size_of(stage)) >= 420


def test_the_window_itself_does_not_scroll(bench):
    page = bench
    assert page.evaluate("document.documentElement.scrollHeight") <= DESK["height"]
    page.mouse.move(700, 20)
    page.mouse.wheel(0, 600)
    page.wait_for_timeout(200)
    assert page.evaluate("[scrollX, scrollY]") == [0, 0]
    page.mouse.move(600, 600)
    page.mouse.wheel(0, 300)
    page.wait_for_function("document.querySelector('.rsh-answer').scrollTop > 100")
    assert page.evaluate("scrollY") == 0
    assert is_inside(page, page.locator(".rsh-query img"))
    page.evaluate("document.querySelector('.rsh-answer').scrollTo(0, 0)")


def test_each_column_has_one_scroll_area_at_most(bench):
    page = bench
    for region in REGIONS:
        areas = page.locator(region).evaluate(SCROLL_AREAS)
        assert len(areas) <= 1, (region, areas)
    open_codes(page)
    assert len(page.locator(".rsh-dock").evaluate(SCROLL_AREAS)) <= 1


@pytest.mark.parametrize("width", [390, 768, 1100, 1280, 1440, 1920])
def test_nothing_is_wider_than_its_place(bench, width):
    page = bench
    page.set_viewport_size({"width": width, "height": 900})
    try:
        for look in (close_drawer, open_codes):
            look(page)
            page.wait_for_timeout(200)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for region in (*REGIONS, ".rsh-dock"):
                inner = "(all) => all.map((each) => each.scrollWidth - each.clientWidth)"
                (over,) = page.eval_on_selector_all(region, inner)
                assert over <= 1, (region, look)
    finally:
        show_region(page, "Results")
        page.set_viewport_size(DESK)


# Cards and dots


def test_pointing_at_a_card_rings_its_dot(bench, server):
    page = bench
    for name in ("Features", "Codes", "World"):
        stage, _, spots = places(page, server.gallery, name)
        wait_until_drawn(page)
        over = stage.locator("canvas").nth(1)
        row = cards_of(page)[4]
        page.mouse.move(2, 2)
        page.wait_for_timeout(150)
        over.evaluate(KEEP)
        page.hover(f'.rsh-results .rsh-card[data-row="{row}"]')
        page.wait_for_timeout(150)
        left, top, right, bottom = over.evaluate(CHANGED)
        assert 14 < right - left < 40 and 14 < bottom - top < 40  # a ring, and nothing else
        assert np.abs(spots[row] - [(left + right) / 2, (top + bottom) / 2]).max() < 2
        page.mouse.move(2, 2)
        page.wait_for_timeout(150)
        assert over.evaluate(CHANGED)[0] == np.inf  # no pixel is another


def test_pointing_at_a_dot_lifts_its_card(bench, server):
    page = bench
    stage, _, spots = places(page, server.gallery, "Features")
    gaps = np.linalg.norm(spots[:, None] - spots[None], axis=-1) + np.diag([np.inf] * len(spots))
    row = max(cards_of(page), key=lambda card: gaps[card].min())
    card = page.locator(f'.rsh-results .rsh-card[data-row="{row}"]')
    before = card.locator("img").evaluate("image => getComputedStyle(image).boxShadow")
    x, y = spots[row]
    stage.hover(position={"x": x, "y": y})
    page.wait_for_selector(".rsh-results .rsh-card.is-pointed", timeout=ANSWER)
    pointed = page.eval_on_selector_all(
        ".rsh-results .is-pointed", "all => all.map(each => Number(each.dataset.row))"
    )
    assert pointed == [row]
    after = card.locator("img").evaluate("image => getComputedStyle(image).boxShadow")
    assert after != before
    page.mouse.move(2, 2)
    page.wait_for_function("!document.querySelector('.rsh-results .is-pointed')")


# The tabs of the spaces


def test_each_space_has_a_tab_by_click_and_by_keyboard(bench):
    page = bench
    every = ["Features", "Codes", "World"]
    tabs = page.get_by_role("group", name="Which space to show")
    for how in ("click", "keyboard"):
        for name in ("Codes", "World", "All", "Features"):
            tab = tabs.get_by_role("button", name=name, exact=True)
            if how == "click":
                tab.click()
            else:
                tab.focus()
                page.keyboard.press("Enter")
            assert shown_spaces(page) == (every if name == "All" else [name])
            pressed = tabs.locator("[aria-pressed=true]:not(.rsh-widen)")
            assert pressed.all_inner_texts() == [name]
            wait_until_drawn(page)


def test_the_chosen_space_is_remembered(visit, server):
    page = open_page(visit, server, viewport=DESK)
    assert shown_spaces(page) == ["Features"]
    show_space(page, "World")
    page.reload()
    page.wait_for_selector(".is-world .rsh-stage", timeout=ANSWER)
    assert shown_spaces(page) == ["World"]


def test_the_spaces_can_take_the_place_of_the_results(bench):
    page = bench
    widen = page.get_by_role("button", name="Show the spaces over the whole width")
    stage, answer = plane_named(page, "Features"), page.locator(".rsh-answer")
    narrow, _ = size_of(stage)
    widen.focus()
    page.keyboard.press("Enter")
    back = page.get_by_role("button", name="Show the results again")
    assert not answer.is_visible() and size_of(stage)[0] > 2 * narrow
    assert is_inside(page, page.locator(".rsh-query img"))
    page.keyboard.press("Escape")
    assert answer.is_visible() and abs(size_of(stage)[0] - narrow) < 1
    assert widen.evaluate("button => button === document.activeElement")
    widen.click()
    back.click()
    assert answer.is_visible()


def test_all_spaces_over_the_whole_width_stand_side_by_side(bench):
    page = bench
    show_space(page, "All")
    page.get_by_role("button", name="Show the spaces over the whole width").click()
    features, codes, world = (
        page.locator(f".rsh-scatter.is-{name} .rsh-stage").bounding_box()
        for name in ("feature", "code", "world")
    )
    assert features["x"] + features["width"] < world["x"] and world["y"] < codes["y"]
    assert world["x"] + world["width"] > 0.95 * DESK["width"]
    assert world["height"] > features["height"] + codes["height"]
    page.keyboard.press("Escape")
    assert page.locator(".rsh-answer").is_visible()


def test_escape_in_a_space_first_ends_what_is_done_there(bench):
    page = bench
    page.get_by_role("button", name="Show the spaces over the whole width").click()
    stage, answer = plane_named(page, "Features"), page.locator(".rsh-answer")
    stage.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    assert not answer.is_visible()  # it was the selection that Escape ended
    page.keyboard.press("Escape")
    assert answer.is_visible()


# The handles


def handle(page, name):
    return page.get_by_role("separator", name=name)


def value(separator) -> int:
    return int(separator.get_attribute("aria-valuenow"))


def drag(page, locator, dx, dy):
    left, top, right, bottom = box_of(locator)
    x, y = (left + right) / 2, (top + bottom) / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in (0.3, 0.7, 1):
        page.mouse.move(x + step * dx, y + step * dy)
    page.mouse.up()


def test_the_width_of_the_spaces_is_dragged_or_set_by_keys_and_remembered(visit, server):
    page = open_page(visit, server, viewport=DESK)
    spaces, bar = page.locator(".rsh-spaces"), handle(page, "Width of the spaces")
    least, most = (int(bar.get_attribute(f"aria-value{end}")) for end in ("min", "max"))
    start, _ = size_of(spaces)
    assert bar.get_attribute("aria-orientation") == "vertical"
    assert least < value(bar) == round(start) < most
    drag(page, bar, -90, 0)
    assert abs(size_of(spaces)[0] - start - 90) <= 1
    assert value(bar) == round(size_of(spaces)[0])
    bar.focus()
    for key, change in (("ArrowLeft", 24), ("ArrowRight", -24)):
        before, _ = size_of(spaces)
        page.keyboard.press(key)
        assert abs(size_of(spaces)[0] - before - change) <= 1 and value(bar) == before + change
    page.reload()
    page.wait_for_selector(".rsh-results .rsh-card", timeout=ANSWER)
    page.wait_for_selector(".rsh-handle.is-spaces-width[aria-valuenow]", timeout=ANSWER)
    assert abs(size_of(spaces)[0] - start - 90) <= 1
    for far, end in ((-2000, most), (2000, least)):
        drag(page, bar, far, 0)
        assert abs(size_of(spaces)[0] - end) <= 1
        assert page.locator(".rsh-results .rsh-card").first.is_visible()
    bar.focus()
    page.keyboard.press("Home")
    assert abs(size_of(spaces)[0] - start) <= 1
    drag(page, bar, -60, 0)
    bar.dblclick()
    assert abs(size_of(spaces)[0] - start) <= 1


def test_a_width_that_was_set_in_a_larger_window_leaves_room_in_a_smaller_one(visit, server):
    page = open_page(visit, server, viewport=WIDE)
    drag(page, handle(page, "Width of the spaces"), -2000, 0)
    open_codes(page)
    drag(page, handle(page, "Height of the drawer"), 0, -2000)
    page.set_viewport_size({"width": 1100, "height": 700})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1100
    assert page.evaluate("document.documentElement.scrollHeight") <= 700
    assert size_of(page.locator(".rsh-answer"))[0] >= 300
    assert size_of(page.locator(".rsh-answer"))[1] >= 100


def test_the_height_of_the_drawer_is_dragged_or_set_by_keys_and_remembered(visit, server):
    page = open_page(visit, server, viewport=DESK)
    drawer, bar = page.locator(".rsh-dock"), handle(page, "Height of the drawer")
    assert not bar.is_visible()
    open_codes(page)
    assert bar.is_visible() and bar.get_attribute("aria-orientation") == "horizontal"
    _, start = size_of(drawer)
    drag(page, bar, 0, -70)
    assert abs(size_of(drawer)[1] - start - 70) <= 1 and value(bar) == round(size_of(drawer)[1])
    bar.focus()
    page.keyboard.press("ArrowUp")
    assert abs(size_of(drawer)[1] - start - 94) <= 1
    page.keyboard.press("ArrowDown")
    page.reload()
    page.wait_for_selector(".rsh-results .rsh-card", timeout=ANSWER)
    open_codes(page)
    assert abs(size_of(drawer)[1] - start - 70) <= 1
    bar.focus()
    page.keyboard.press("Home")
    assert abs(size_of(drawer)[1] - start) <= 1


# The drawer


def test_the_drawer_is_closed_at_first_and_nothing_of_it_is_computed(visit, server):
    frames: list[bytes] = []

    def hear(socket):
        socket.on(
            "framereceived",
            lambda data: frames.append(data if isinstance(data, bytes) else data.encode()),
        )

    new = visit(viewport=DESK)
    new.page.on("websocket", hear)
    new.page.goto(server.url)
    new.page.wait_for_selector(".rsh-dock-tabs button", timeout=180_000)
    page = new.page

    def codes_sent() -> int:
        return sum(b'"histogram"' in frame for frame in frames)

    assert page.locator(".rsh-dock-tabs [aria-expanded=true]").count() == 0
    assert page.locator(".rsh-code-row").count() == 0
    before = query_of(page)
    page.get_by_role("button", name="Random").click()
    wait_for_another_query(page, before)
    assert frames and codes_sent() == 0
    open_codes(page)
    assert codes_sent() == 1
    page.keyboard.press("Escape")
    page.wait_for_selector(".rsh-code-row", state="hidden")
    row = cards_of(page)[3]
    page.click(f'.rsh-results .rsh-card[data-row="{row}"]')
    wait_for_query(page, row)
    assert codes_sent() == 1


def code_of(server, row) -> str:
    return server.gallery.packed[row].tobytes().hex()


def test_the_open_tab_survives_a_new_query(bench, server):
    page = bench
    open_codes(page)
    row = cards_of(page)[5]
    page.click(f'.rsh-results .rsh-card[data-row="{row}"]')
    wait_for_query(page, row)
    name = f"code {code_of(server, row)}"
    page.locator(".rsh-codes").get_by_role("img", name=name, exact=True).wait_for(timeout=ANSWER)
    assert page.locator(".rsh-dock-tabs [data-name=codes]").get_attribute("aria-expanded") == "true"


def test_the_drawer_closes_by_escape_and_the_focus_stays_on_its_tab(bench):
    page = bench
    open_codes(page)
    page.keyboard.press("Escape")
    page.wait_for_selector(".rsh-code-row", state="hidden")
    assert page.evaluate(FOCUSED, ".rsh-dock-tabs [data-name=codes]")
    open_bit(page)
    tab_to(page, ".rsh-bit-choice select")
    page.keyboard.press("Escape")
    page.wait_for_selector(".rsh-bit-profile", state="hidden")
    assert page.evaluate(FOCUSED, ".rsh-dock-tabs [data-name=bit]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".rsh-bit-profile", timeout=ANSWER)
    page.get_by_role("button", name="Close the drawer").press("Enter")
    page.wait_for_selector(".rsh-bit-profile", state="hidden")
    assert page.evaluate(FOCUSED, ".rsh-dock-tabs [data-name=bit]")
    assert page.locator(".rsh-dock-tabs [aria-expanded=true]").count() == 0


def test_with_the_drawer_open_results_and_a_space_are_still_seen(bench):
    page = bench
    open_codes(page)
    page.wait_for_timeout(300)
    assert page.evaluate(WHOLE_CARDS) >= 5
    stage = plane_named(page, "Features")
    assert is_inside(page, stage) and min(size_of(stage)) >= 180
    assert page.evaluate("document.documentElement.scrollHeight") <= DESK["height"]


# A wide window


def test_a_wide_window_shows_more(visit, server, bench):
    few = bench.evaluate(WHOLE_CARDS)
    page = open_planes(visit, server, viewport=WIDE)
    seen = [stage for stage in page.locator(".rsh-stage").all() if stage.is_visible()]
    assert len([stage for stage in seen if is_inside(page, stage)]) >= 2
    assert all(min(size_of(stage)) >= 220 for stage in seen)
    assert page.evaluate(WHOLE_CARDS) > few
    widths = {
        page: size_of(page.locator(".rsh-results .rsh-card img").first)[0] for page in (page, bench)
    }
    assert widths[page] >= widths[bench]
    assert page.evaluate("document.documentElement.scrollHeight") <= WIDE["height"]


# A phone


@pytest.fixture
def phone(visit, server):
    return open_page(visit, server, viewport=PHONE, has_touch=True, is_mobile=True)


def current(page) -> str:
    return page.locator(".rsh-regions [aria-current]").inner_text()


def test_a_phone_shows_one_part_at_a_time_and_the_results_first(phone):
    page = phone
    names = page.locator(".rsh-regions button").all_inner_texts()
    assert names == ["Query", "Results", "Spaces", "Details"]
    parts = dict(
        zip(names, (".rsh-upload", ".rsh-results", ".rsh-spaces", ".rsh-dock"), strict=True)
    )
    assert current(page) == "Results"
    assert page.locator(".rsh-query").bounding_box()["height"] < 180  # small, above the results
    assert box_of(page.locator(".rsh-query"))[3] <= box_of(page.locator(".rsh-results"))[1]
    for name in ("Results", "Query", "Spaces", "Details"):
        show_region(page, name)
        assert current(page) == name
        seen = {other for other, part in parts.items() if page.locator(part).first.is_visible()}
        assert seen == {name}
        assert is_inside(page, page.locator(".rsh-regions"))
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.locator(".rsh-dock-tabs [aria-expanded=true]").count() == 1  # it is not empty


def test_a_query_that_is_chosen_brings_the_results_to_the_front(phone, server):
    page, gallery = phone, server.gallery
    show_region(page, "Query")
    row = int(page.get_attribute(".rsh-class-tiles li:nth-child(2) .rsh-card", "data-row"))
    page.tap(f'.rsh-class-tiles .rsh-card[data-row="{row}"]')
    wait_for_query(page, row)
    page.wait_for_selector(".rsh-results .rsh-card")
    assert current(page) == "Results"
    expect_cards(page, nearest(gallery, row))
    show_region(page, "Query")
    go_to(page, gallery.items["id"][7])
    wait_for_query(page, 7)
    page.wait_for_selector(".rsh-results .rsh-card")
    assert current(page) == "Results"


def test_on_a_phone_plus_and_minus_do_not_cover_the_tile(phone):
    page = phone
    for place in range(3):
        cell = page.locator(".rsh-results .rsh-cards li").nth(place)
        tile, tools = cell.locator("img").first, cell.locator(".rsh-tools-of-card button")
        assert tools.count() >= 2
        for tool in tools.all():
            assert tool.evaluate("node => getComputedStyle(node.parentElement).opacity") == "1"
            assert overlap(box_of(tile), box_of(tool)) == 0
            assert size_of(tool)[1] >= 24 and size_of(tool)[0] >= 20
    row = cards_of(page)[0]
    page.locator(".rsh-results .rsh-tools-of-card button").first.tap()
    page.wait_for_selector(".rsh-feedback-tile.is-positive", timeout=ANSWER)
    assert row not in cards_of(page)


# The tour


@pytest.mark.parametrize("window", [DESK, PHONE], ids=["1440", "390"])
def test_the_tour_never_covers_what_it_points_at(visit, server, window):
    page = open_page(visit, server, viewport=window, first_visit=True)
    tour = page.get_by_role("dialog")
    tour.wait_for(timeout=ANSWER)
    seen = []
    while tour.is_visible():
        page.wait_for_timeout(300)
        target, card = box_of(page.locator(".is-toured")), box_of(tour)
        assert is_inside(page, tour), tour.inner_text()
        visible = np.clip(target, 0, [window["width"], window["height"]] * 2)
        assert (visible[2:] - visible[:2]).min() >= 20, "what it points at is seen"
        assert overlap(card, target) == 0, tour.inner_text()
        seen.append(tour.get_by_role("heading").inner_text())
        page.keyboard.press("Enter")
    assert seen == [
        *("Choose a query", "Look at the results"),
        *("See all tiles at once", "Find out why", "Name what you find"),
    ]
    assert page.locator(".is-toured").count() == 0
    assert page.locator(".rsh-results .rsh-card").first.is_visible()
    if window is PHONE:
        assert current(page) == "Results"


# Names


def test_ids_are_copied_with_one_click_or_a_key(visit, server):
    page = open_page(
        visit, server, viewport=DESK, permissions=["clipboard-read", "clipboard-write"]
    )
    ids = server.gallery.items["id"]

    def copied(tile):
        page.locator(".rsh-said", has_text=f"Copied {tile}").wait_for(timeout=ANSWER)
        assert page.inner_text(".rsh-said") == f"Copied {tile}"
        assert page.evaluate("navigator.clipboard.readText()") == tile

    query = ids[query_of(page)]
    assert page.inner_text(".rsh-query .rsh-id") == query
    page.locator(".rsh-query .rsh-copy").click()
    copied(query)
    first, second = cards_of(page)[:2]
    card = page.locator(f'.rsh-results .rsh-card[data-row="{first}"]')
    assert card.locator(".rsh-id").inner_text() == ids[first].rsplit("/", 1)[-1]
    assert card.locator(".rsh-id").get_attribute("title") == ids[first]
    card.hover()
    card.locator("xpath=..").get_by_role("button", name=f"Copy the id {ids[first]}").click()
    copied(ids[first])
    card.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("c")
    copied(ids[second])
    assert query_of(page) == server.gallery.items.index[ids == query][0]
    page.locator(".rsh-said:empty").wait_for(state="attached", timeout=ANSWER)


def test_a_dot_says_the_name_of_its_file(bench, server):
    page = bench
    stage, _, spots = places(page, server.gallery, "Features")
    row = cards_of(page)[0]
    x, y = spots[row]
    stage.hover(position={"x": x, "y": y})
    card = stage.locator("xpath=..").locator(".rsh-hover")
    card.wait_for(state="visible")
    pointed = page.get_attribute(".rsh-results .is-pointed", "data-row")
    name = server.gallery.items["id"][int(pointed or row)].rsplit("/", 1)[-1]
    assert name in card.inner_text()


def test_escape_closes_what_is_open_from_everywhere_the_innermost_first(bench):
    page = bench
    open_codes(page)
    export = page.locator(".rsh-export-menu")
    export.locator("summary").click()
    page.get_by_role("button", name="Select: draw around tiles (L), Features").first.press("Enter")
    drawing = page.locator(".rsh-stage.is-selecting")
    page.locator(".rsh-results .rsh-card").first.focus()
    for left in (3, 2, 1):
        assert (
            drawing.count()
            + page.locator(".rsh-code-row").first.is_visible()
            + (export.get_attribute("open") is not None)
            == left
        )
        page.keyboard.press("Escape")
    page.wait_for_selector(".rsh-code-row", state="hidden")
    assert page.evaluate(FOCUSED, ".rsh-results .rsh-card")  # the focus stays where it was
