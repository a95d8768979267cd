"""The page for everybody: what axe-core finds, light and dark, and the tour of a first visit."""

import pytest
from browser.steps import cards_of, open_page, violations

pytestmark = pytest.mark.browser
SCHEME = "getComputedStyle(document.querySelector('.rsh-page')).backgroundColor"
LIGHT, DARK = "rgb(250, 249, 246)", "rgb(20, 24, 27)"
# The color in the corner of a plane, which is drawn on a canvas.
CORNER = """() => [...document.querySelector(".rsh-stage canvas").getContext("2d")
  .getImageData(2, 2, 1, 1).data]"""


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1280, "light"),
        pytest.param(390, "dark", marks=pytest.mark.slow),
        pytest.param(390, "light", marks=pytest.mark.slow),
        pytest.param(1280, "dark", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing_serious_in_any_state(visit, server, width, scheme):
    page = open_page(visit, server, viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert violations(page) == []
    page.get_by_role("button", name="Tour").click()
    page.wait_for_selector(".rsh-tour:not([hidden])")
    assert violations(page) == []
    page.keyboard.press("Escape")
    for tab in page.locator(".rsh-dock-tabs button[data-name]").all():
        tab.click()
        page.wait_for_selector(".rsh-dock[data-tab]:not([data-tab=''])")
        assert violations(page) == []
    page.get_by_role("button", name="Compare", exact=True).click()
    page.locator(".rsh-compare select").select_option(index=1)
    page.wait_for_selector(".rsh-compare-sides section:nth-child(2)")
    for summary in page.locator("summary:visible").all():
        summary.click()
        assert violations(page) == []
        page.keyboard.press("Escape")
    page.get_by_label("Color by").select_option("distance")
    page.wait_for_selector(".rsh-scale")
    stage = page.locator(".rsh-stage").first
    stage.press("ArrowRight")
    stage.press("Space")
    page.wait_for_selector(".rsh-tray.is-open")
    page.fill(".rsh-go-to input", "nowhere")
    page.press(".rsh-go-to input", "Enter")
    page.wait_for_selector(".rsh-alert:not([hidden])")
    assert violations(page) == []


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
    for button in ("Next", "Next", "Next", "Done"):
        tour.wait_for()
        seen.append(tour.get_by_role("heading").inner_text())
        assert page.get_by_role("dialog", name=seen[-1]).count() == 1
        assert page.locator(".is-toured").count() == 1
        assert page.evaluate("document.activeElement.textContent") == button
        page.keyboard.press("Enter")
    assert seen == [
        "Choose a query",
        "Look at the results",
        "See all tiles at once",
        "Find out why",
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
