"""What a visitor does and sees, in words that the tests share."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from axe_playwright_python.sync_playwright import Axe

from rsh.search.retrieve import search

ANSWER = 20_000  # ms; a machine that also runs other tests is slow, and waiting costs nothing
SPACES = {"Features": "feature", "Codes": "code", "World": "world"}
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"


# Each panel loads by itself: these are the first and the last of them.
THERE = """() => document.querySelector(".rsh-results .rsh-cards img")?.naturalWidth > 0 &&
  [".rsh-query img", ".rsh-dock-tabs button", ".rsh-handle"]
    .every((each) => document.querySelector(each))"""


def open_page(visit, server, *, url="", **options):
    page = visit(**options).page
    page.goto(url or server.url)
    page.wait_for_function(THERE, timeout=180_000)
    return page


def query_of(page):
    return int(page.get_attribute(".rsh-query", "data-row"))


def wait_for_query(page, row):
    page.wait_for_selector(f'.rsh-query[data-row="{row}"]', timeout=ANSWER)
    page.wait_for_selector(".rsh-results .rsh-cards:not(.is-busy)", timeout=ANSWER)


def wait_for_another_query(page, row):
    page.wait_for_selector(f'.rsh-query:not([data-row="{row}"])', timeout=ANSWER)
    return query_of(page)


def cards_of(page):
    return [
        int(row)
        for row in page.eval_on_selector_all(
            ".rsh-results .rsh-card", "all => all.map(b => b.dataset.row)"
        )
    ]


def expect_cards(page, rows):
    """Wait until the results are these rows: what is asked for last is answered last."""
    for _ in range(ANSWER // 100):
        if cards_of(page) == rows:
            return
        page.wait_for_timeout(100)
    assert cards_of(page) == rows


def nearest(gallery, row, top_k=20):
    others = len(gallery.searchable) - int(row in gallery.searchable)
    return search(gallery, gallery.items["id"][row], top_k=min(top_k, others)).rows.tolist()


def rsh_search(gallery, row, *flags):
    """Ask the command line what the page should show."""
    command = [sys.executable, "-c", "from rsh.cli.main import main; main()", "search"]
    words = [str(gallery.folder), gallery.items["id"][row], "-k", "20", "--json", *flags]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def go_to(page, tile):
    """Type the id of a tile where one can be looked for."""
    page.fill(".rsh-go-to input", tile)
    page.press(".rsh-go-to input", "Enter")


def set_slider(page, value):
    act = "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')) }"
    page.eval_on_selector(".rsh-slider input", act, value)


def show_region(page, name):
    """Bring a part of the page to the front where one is shown at a time: in a narrow window."""
    tab = page.locator(".rsh-regions").get_by_role("button", name=name, exact=True)
    if tab.is_visible():
        tab.click()


def show_space(page, name):
    """Choose what the spaces show: Features, Codes, World or All."""
    show_region(page, "Spaces")
    tabs = page.get_by_role("group", name="Which space to show")
    tabs.get_by_role("button", name=name, exact=True).click()


def plane_named(page, name):
    """The stage of a plane, whose tab is chosen if it is not shown."""
    stage = page.locator(f".rsh-scatter.is-{SPACES[name]} .rsh-stage")
    if not stage.is_visible():
        show_space(page, name)
    return stage


def open_tab(page, name, shows):
    """Open a tab of the drawer, and wait until it shows something."""
    show_region(page, "Details")
    tab = page.locator(f".rsh-dock-tabs [data-name={name}]")
    if tab.get_attribute("aria-expanded") != "true":
        tab.click()
    page.wait_for_selector(f".rsh-dock {shows}", timeout=ANSWER)


def open_codes(page):
    open_tab(page, "codes", ".rsh-code-row:nth-child(2)")


def open_bit(page):
    open_tab(page, "bit", ".rsh-bit-profile .rsh-card")


def open_pairs(page):
    open_tab(page, "pairs", ".rsh-boundary .rsh-card")


def compare_with_features(page):
    open_tab(page, "compare", ".rsh-compare select")
    page.get_by_label("Compare these results with").select_option("features")
    page.wait_for_selector(".rsh-compare-sides section:nth-child(2) .rsh-card", timeout=ANSWER)


def close_drawer(page):
    close = page.get_by_role("button", name="Close the drawer")
    if close.is_visible():
        close.click()


def open_menu(page, name):
    """Open one of the menus above the results: Filters or Export."""
    menu = page.locator(".rsh-menu", has=page.locator("summary", has_text=name))
    if menu.get_attribute("open") is None:
        menu.locator("summary").click()


def tab_to(page, selector):
    """Press Tab until what has the focus matches a selector."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("what => document.activeElement.matches(what)", selector):
            return
    raise AssertionError(f"Tab never reaches {selector}")


def loneliest(xy):
    """The row farthest from its nearest neighbor, so that a click cannot mean another."""
    gaps = np.linalg.norm(xy[:, None] - xy[None], axis=-1)
    np.fill_diagonal(gaps, np.inf)
    return int(gaps.min(axis=1).argmax())


def on_stage(xy, row, box, world=False):
    """Where a plane that shows all draws a row, in CSS pixels from its corner."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    if world:
        low, high = np.array([-180, -90]), np.array([180, 90])
    size = np.array([box["width"], box["height"]])
    scale = ((size - (0 if world else 52)) / (high - low)).min()
    x, y = (xy[row] - (low + high) / 2) * scale
    return {"x": float(size[0] / 2 + x), "y": float(size[1] / 2 - y)}


def violations(page) -> list[str]:
    """What axe-core finds, with the place."""
    return [
        f"{found['id']}: {[node['target'] for node in found['nodes']]}"
        for found in Axe().run(page).response["violations"]
    ]
