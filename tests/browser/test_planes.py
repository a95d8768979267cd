"""The three planes: drawing around tiles, keys, cards, and what one plane tells the others."""

import numpy as np
import pytest
from browser.plane_steps import (
    IMAGE,
    PIXELS,
    PLANES,
    circle,
    corner,
    draw,
    enclosed,
    last,
    open_planes,
    places,
    wait_until_drawn,
    watch_planes,
    xy_of,
)
from browser.steps import (
    loneliest,
    plane_named,
    query_of,
    show_space,
    wait_for_another_query,
)

pytestmark = pytest.mark.browser
COUNT = ".rsh-tray-count strong"
ONE_PLANE = [PLANES[0], *(pytest.param(name, marks=pytest.mark.slow) for name in PLANES[1:])]


def test_the_world_map_shows_the_earth_below_the_dots(tab):
    page = watch_planes(tab)
    stage = plane_named(page, "World")
    stage.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    wait_until_drawn(page)
    box = stage.bounding_box()
    scale = min(box["width"] / 360, box["height"] / 180)
    antarctica = [box["width"] / 2 + 90 * scale, box["height"] / 2 + 80 * scale]
    pixels = np.array(stage.evaluate(PIXELS, antarctica)).reshape(-1, 4)[:, :3]
    assert pixels.min() > 60, "ice, where no tile lies; without it the sea's dark color"


@pytest.mark.parametrize("side", ["height", "width"])
def test_a_map_without_height_or_width_does_not_stop_the_page(tab, side):
    """As while a page is laid out: the lines of the map once had no end then."""
    page = watch_planes(tab)
    show_space(page, "World")
    empty = f".rsh-stage {{ {side}: 0 !important; min-{side}: 0 !important; }}"
    style = page.add_style_tag(content=empty)
    size = "document.querySelector('.is-world .rsh-stage').getBoundingClientRect()"
    page.wait_for_function(f"{size}.{side} === 0")
    page.wait_for_timeout(300)
    wait_until_drawn(page)
    style.evaluate("style => style.remove()")
    page.wait_for_function(f"{size}.{side} > 100")
    wait_until_drawn(page)


@pytest.fixture
def planes(tab):
    """The planes of the module's tab; afterwards nothing is selected, and a drag moves a plane."""
    page = watch_planes(tab)
    yield page
    for button in page.locator(".rsh-zoom [aria-pressed=true]").all():
        button.click()
    plane_named(page, "Features").press("Escape")


@pytest.mark.parametrize("name", ONE_PLANE)
def test_a_lasso_selects_what_lies_inside_it_in_all_planes(planes, server, name):
    page, gallery = planes, server.gallery
    show_space(page, "All")
    wait_until_drawn(page)
    stage, box, spots = places(page, gallery, name)
    plane = stage.locator("xpath=../..")
    plane.get_by_role("button", name="draw around tiles").click()
    line = circle(np.median(spots, axis=0), min(box["width"], box["height"]) * 0.3)
    others = [plane_named(page, other) for other in PLANES if other != name]
    before = [other.locator("canvas").first.evaluate(IMAGE) for other in others]
    draw(page, box, line)
    inside, sure = enclosed(line, spots), np.ones(len(spots), dtype=bool)
    for factor in (0.97, 1.03):  # the line is drawn in whole steps: those under it may be either
        center = line.mean(axis=0)
        sure &= enclosed(center + factor * (line - center), spots) == inside
    rows = np.array(last(page, "select")["rows"])
    assert 3 < len(rows) < len(spots) and (np.diff(rows) > 0).all()
    assert set(rows) ^ set(np.flatnonzero(inside)) <= set(np.flatnonzero(~sure))
    assert page.locator(COUNT).inner_text() == f"{len(rows)} tiles selected"
    wait_until_drawn(page)
    after = [other.locator("canvas").first.evaluate(IMAGE) for other in others]
    assert all(one != two for one, two in zip(before, after, strict=True))


def test_a_box_selects_what_lies_inside_it(planes, server):
    page, gallery = planes, server.gallery
    stage, box, spots = places(page, gallery, "Features")
    stage.focus()
    page.keyboard.press("b")
    low, high = np.quantile(spots, [0.25, 0.6], axis=0)
    draw(page, box, np.linspace(low, high, 10))
    inside = ((spots > low) & (spots < high)).all(axis=1)
    near = (np.abs(spots - low) < 3).any(axis=1) | (np.abs(spots - high) < 3).any(axis=1)
    rows = last(page, "select")["rows"]
    assert 3 < len(rows) < len(spots)
    assert set(rows) ^ set(np.flatnonzero(inside)) <= set(np.flatnonzero(near))


def test_the_selection_reaches_python_once_and_escape_clears_it(planes, server):
    page, gallery = planes, server.gallery
    page.evaluate(
        """() => {
          const send = WebSocket.prototype.send;
          window.sent = [];
          WebSocket.prototype.send = function (data) {
            const text = typeof data === "string" ? data : new TextDecoder().decode(data);
            if (text.includes('"kind":"select"')) window.sent.push(data.byteLength ?? data.length);
            return send.call(this, data);
          };
        }"""
    )
    stage, box, spots = places(page, gallery, "Codes")
    stage.focus()
    page.keyboard.press("l")
    draw(page, box, circle(np.median(spots, axis=0), 80))
    page.wait_for_function("window.sent.length > 0")
    page.wait_for_timeout(200)
    assert page.evaluate("window.sent.length") == 1
    page.keyboard.press("Escape")
    assert last(page, "select")["rows"] == []
    assert page.locator(COUNT).text_content() == "No tiles selected"
    assert page.get_by_role("alert").first.inner_text() == ""


def test_a_second_lasso_with_shift_adds_and_a_click_takes_away(planes, server):
    page, gallery = planes, server.gallery
    stage, box, spots = places(page, gallery, "Features")
    before = query_of(page)
    stage.locator("xpath=../..").get_by_role("button", name="draw around tiles").click()
    alone = loneliest(xy_of(gallery, "Features"))
    draw(page, box, circle(np.median(spots, axis=0), 50))
    first = set(last(page, "select")["rows"])
    page.wait_for_timeout(300)  # what can be done with a selection takes its room
    stage, box, spots = places(page, gallery, "Features")
    gap = np.sort(np.linalg.norm(spots - spots[alone], axis=1))[1]
    page.keyboard.down("Shift")
    draw(page, box, circle(spots[alone], 0.7 * gap))
    page.keyboard.up("Shift")
    assert set(last(page, "select")["rows"]) == first | {alone}
    x, y = spots[alone]
    stage.click(position={"x": x, "y": y})
    assert set(last(page, "select")["rows"]) == first - {alone}
    page.locator(".rsh-tray").get_by_role("button", name="Clear").click()
    assert last(page, "select")["rows"] == []
    assert query_of(page) == before


def test_escape_gives_up_a_line_that_is_being_drawn(planes, server):
    page, gallery = planes, server.gallery
    stage, box, spots = places(page, gallery, "Features")
    stage.focus()
    page.keyboard.press("L")
    line = circle(np.median(spots, axis=0) + corner(box), 60)
    page.mouse.move(*line[0])
    page.mouse.down()
    for place in line[1:]:
        page.mouse.move(*place)
    page.keyboard.press("Escape")
    page.mouse.up()
    assert last(page, "select") is None


def test_space_selects_by_keyboard_and_enter_still_searches(tab, server):
    page = watch_planes(tab)
    stage = plane_named(page, "Features")
    stage.focus()
    page.keyboard.press("ArrowRight")
    query = query_of(page)
    assert last(page, "hover")["row"] == query
    page.keyboard.press("Space")
    assert last(page, "select")["rows"] == [query]
    page.keyboard.press("ArrowRight")
    second = last(page, "hover")["row"]
    page.keyboard.press("Space")
    assert last(page, "select")["rows"] == sorted([query, second])
    status = page.locator(COUNT)
    assert status.get_attribute("role") == "status" and status.inner_text() == "2 tiles selected"
    page.keyboard.press("Space")
    assert last(page, "select")["rows"] == [query]
    page.keyboard.press("Enter")
    assert wait_for_another_query(page, query) == second
    assert status.inner_text() == "1 tile selected"
    stage.press("Escape")
    assert status.text_content() == "No tiles selected"


def test_touch_draws_too(visit, server):
    page, gallery = open_planes(visit, server, has_touch=True), server.gallery
    stage, box, spots = places(page, gallery, "Codes")
    stage.locator("xpath=../..").get_by_role("button", name="draw around tiles").tap()
    line = circle(np.median(spots, axis=0) + corner(box), 70)
    client = page.context.new_cdp_session(page)
    for number, (x, y) in enumerate(line):
        kind = "touchMove" if number else "touchStart"
        points = [{"x": x, "y": y}]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("window.told.some(each => each.kind === 'select')")
    assert len(last(page, "select")["rows"]) > 3


def test_pointing_in_one_plane_rings_the_tile_in_all(tab, server):
    page, gallery = watch_planes(tab), server.gallery
    row = loneliest(xy_of(gallery, "Features"))
    show_space(page, "All")
    wait_until_drawn(page)
    stage, _, spots = places(page, gallery, "Features")
    other = plane_named(page, "Codes").locator("canvas").nth(1)
    ring = """(canvas) => {
      const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      let sum = 0;
      for (let at = 3; at < pixels.length; at += 4) sum += pixels[at];
      return sum;
    }"""
    before = other.evaluate(ring)
    x, y = spots[row]
    stage.hover(position={"x": x, "y": y})
    page.wait_for_timeout(100)
    assert last(page, "hover")["row"] == row
    assert other.evaluate(ring) > before
    page.mouse.move(2, 2)
    page.wait_for_timeout(100)
    assert other.evaluate(ring) == before


@pytest.mark.parametrize("name", ONE_PLANE)
def test_on_a_phone_the_card_stays_in_its_plane(visit, server, name):
    page = open_planes(visit, server, viewport={"width": 390, "height": 844})
    gallery = server.gallery
    stage, box, spots = places(page, gallery, name)
    card = stage.locator("xpath=..").locator(".rsh-hover")
    ends = [order[place] for order in np.argsort(spots, axis=0).T for place in (0, 150, -1)]
    for row in ends:
        x, y = spots[row]
        stage.hover(position={"x": min(max(x, 1), box["width"] - 2), "y": y})
        card.wait_for(state="visible")
        page.wait_for_timeout(150)
        inner = card.bounding_box()
        assert inner["x"] >= box["x"] and inner["y"] >= stage.bounding_box()["y"]
        assert inner["x"] + inner["width"] <= box["x"] + box["width"]
        assert inner["y"] + inner["height"] <= stage.bounding_box()["y"] + box["height"]


def test_a_card_closes_when_another_panel_takes_the_ring(tab, server):
    page, gallery = watch_planes(tab), server.gallery
    show_space(page, "All")
    wait_until_drawn(page)
    plane_named(page, "Features").focus()
    row = loneliest(xy_of(gallery, "Codes"))
    stage, _, spots = places(page, gallery, "Codes")
    x, y = spots[row]
    stage.hover(position={"x": x, "y": y})
    card = stage.locator("xpath=..").locator(".rsh-hover")
    card.wait_for(state="visible")
    page.keyboard.press("Escape")
    card.wait_for(state="hidden")
    stage.hover(position={"x": x + 1, "y": y})
    card.wait_for(state="visible")


def test_every_control_of_the_planes_has_a_name(tab):
    page = watch_planes(tab)
    names = page.eval_on_selector_all(
        ".rsh-zoom button", "all => all.map(each => each.getAttribute('aria-label'))"
    )
    assert len(names) == len(set(names)) == 15
    assert page.get_by_role("combobox", name="Color by").is_visible()
