"""The page for everybody: what axe-core finds, light and dark, and the tour of a first visit."""

from collections.abc import Callable, Iterator

import pytest
from browser.steps import (
    ANSWER,
    cards_of,
    close_drawer,
    compare_with_features,
    open_bit,
    open_codes,
    open_menu,
    open_page,
    open_pairs,
    open_tab,
    show_region,
    show_space,
    violations,
)
from static_host import hosting
from tiers import RELEASE

from rsh.explorer.site.build import build_site

pytestmark = pytest.mark.browser
SCHEME = "getComputedStyle(document.querySelector('.rsh-page')).backgroundColor"
LIGHT, DARK = "rgb(250, 249, 246)", "rgb(20, 24, 27)"
# The color in the corner of a plane, which is drawn on a canvas.
CORNER = """() => [...document.querySelector(".rsh-stage canvas").getContext("2d")
  .getImageData(2, 2, 1, 1).data]"""


def menus(page) -> Iterator[str]:
    """Open what is above the results, one after the other."""
    show_region(page, "Results")
    for name in ("Filters", "Export"):
        open_menu(page, name)
        yield f"the menu {name}"
        page.locator(".rsh-menu summary", has_text=name).click()
    page.locator(".rsh-results .rsh-glossary summary").click()
    yield "the glossary"


def drawer(page) -> Iterator[str]:
    """Open each tab of the drawer."""
    looks: dict[str, Callable[..., None]] = {
        "codes": open_codes,
        "compare": compare_with_features,
        "bit": open_bit,
        "pairs": open_pairs,
    }
    show_region(page, "Details")
    tabs = page.locator(".rsh-dock-tabs [data-name]")
    for name in [tab.get_attribute("data-name") for tab in tabs.all()]:
        looks.get(name, lambda page, name=name: open_tab(page, name, "> *"))(page)
        page.wait_for_timeout(300)
        yield f"the tab {name}"
    close_drawer(page)


def spaces(page) -> Iterator[str]:
    """Show each space, another coloring, all of them, and over the whole width."""
    for name in ("Features", "Codes", "World"):
        show_space(page, name)
        yield f"the space {name}"
    page.get_by_label("Color by").select_option("distance")
    page.wait_for_selector(".rsh-scale", timeout=ANSWER)
    show_space(page, "All")
    yield "all spaces, colored by distance"
    widen = page.get_by_role("button", name="Show the spaces over the whole width")
    if widen.is_visible():
        widen.click()
        yield "the spaces over the whole width"
        page.keyboard.press("Escape")
    stage = page.locator(".rsh-stage").first
    stage.press("ArrowRight")
    page.wait_for_selector(".rsh-hover:not([hidden])", timeout=ANSWER)
    yield "a dot that is pointed at"
    stage.press("Space")
    page.wait_for_selector(".rsh-tray.is-open", timeout=ANSWER)
    yield "a selection"
    open_tab(page, "selected", ".rsh-selected .rsh-card")
    yield "the selected tiles"


def over_the_page(page) -> Iterator[str]:
    """Open what lies over the page: the tour, a tile, an alert."""
    show_region(page, "Results")
    page.get_by_role("button", name="Tour").click()
    page.wait_for_selector(".rsh-tour:not([hidden])")
    yield "the tour"
    page.keyboard.press("Escape")
    page.locator(".rsh-query-open").click()
    page.wait_for_selector(".rsh-viewer[open] dd", timeout=ANSWER)
    yield "a tile in large"
    page.keyboard.press("Escape")
    show_region(page, "Query")
    page.wait_for_timeout(100)
    yield "the ways to ask"
    page.fill(".rsh-go-to input", "nowhere")
    page.press(".rsh-go-to input", "Enter")
    page.wait_for_selector(".rsh-alert:not([hidden])", timeout=ANSWER)
    yield "an alert"


STATES = (menus, over_the_page, drawer, spaces)
WIDTHS = (390, 1280, 1440, 1920)
EACH = [
    pytest.param(1280, "light", (over_the_page, drawer), id="1280-light-some"),
    *(
        pytest.param(
            width,
            scheme,
            STATES,
            id=f"{width}-{scheme}",
            marks=RELEASE,
        )
        for width in WIDTHS
        for scheme in ("light", "dark")
    ),
]


@pytest.fixture(scope="module")
def site(gallery, tmp_path_factory) -> Iterator[str]:
    """Serve the same gallery as static files."""
    folder = tmp_path_factory.mktemp("site")
    build_site(gallery, folder)
    with hosting(folder) as (url, _):
        yield url


@pytest.mark.parametrize("home", ["server", "site"])
@pytest.mark.parametrize(("width", "scheme", "states"), EACH)
def test_axe_finds_nothing_in_any_state(visit, request, home, width, scheme, states):
    given = request.getfixturevalue(home)
    height = {390: 844, 1920: 1080}.get(width, 900)
    page = open_page(
        visit,
        given,
        url=given if home == "site" else "",
        viewport={"width": width, "height": height},
        color_scheme=scheme,
    )
    found = {"at first": violations(page)}
    for each in states:
        for state in each(page):
            found[state] = violations(page)
    assert {state: what for state, what in found.items() if what} == {}


def test_light_and_dark_can_be_switched_and_are_remembered(visit, server):
    page = open_page(visit, server, color_scheme="light")
    switch = page.get_by_role("button", name="Dark colors")
    assert page.evaluate(SCHEME) == LIGHT
    assert switch.get_attribute("aria-pressed") == "false"
    before = page.evaluate(CORNER)
    switch.press("Enter")
    assert page.evaluate(SCHEME) == DARK
    assert switch.get_attribute("aria-pressed") == "true"
    page.wait_for_function(f"before => String(({CORNER})()) !== String(before)", arg=before)
    page.reload()
    page.wait_for_selector(".rsh-results .rsh-card")
    assert page.evaluate(SCHEME) == DARK
    page.get_by_role("button", name="Dark colors").press("Enter")
    assert page.evaluate(SCHEME) == LIGHT
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(SCHEME) == DARK, "who chose as the system does follows it again"


def test_a_first_visit_is_shown_around_once(visit, server):
    page = open_page(visit, server, first_visit=True)
    tour = page.get_by_role("dialog")  # named by its heading
    seen = []
    for button in ("Next", "Next", "Next", "Next", "Done"):
        tour.wait_for()
        seen.append(tour.get_by_role("heading").inner_text())
        assert page.get_by_role("dialog", name=seen[-1]).count() == 1
        assert page.locator(".is-toured").count() == 1
        assert page.evaluate("document.activeElement.textContent") == button
        page.keyboard.press("Enter")
    assert seen == [
        *("Choose a query", "Look at the results"),
        *("See all tiles at once", "Find out why", "Name what you find"),
    ]
    assert not tour.is_visible() and page.locator(".is-toured").count() == 0
    assert page.evaluate("document.activeElement.textContent") == "Tour"
    page.reload()
    page.wait_for_selector(".rsh-results .rsh-card")
    page.wait_for_timeout(600)
    assert not tour.is_visible()
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Tour").press("Enter")
    page.get_by_role("button", name="Skip").press("Enter")
    assert not tour.is_visible() and cards_of(page)
