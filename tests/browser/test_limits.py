"""Odd galleries, lost kernels, small windows, and what the server must not give away."""

import re
import time

import numpy as np
import pytest
from browser.steps import (
    SCREENSHOTS,
    cards_of,
    compare_with_features,
    expect_cards,
    nearest,
    open_bit,
    open_codes,
    open_menu,
    open_page,
    open_pairs,
    open_tab,
    query_of,
    wait_for_query,
)
from make_gallery import tiny_gallery

pytestmark = pytest.mark.browser
SLOW = 3  # seconds that every part of a page takes to load; anywidget by itself waits for 2
SLOWLY = f"""
    const make = URL.createObjectURL;
    const wait = "await new Promise((go) => setTimeout(go, {SLOW * 1000}));\\n";
    URL.createObjectURL = (part) => make(new Blob([wait, part], {{ type: part.type }}));
"""


def open_everything(page):
    """Every panel in which the name of a class can stand."""
    for look in (open_codes, compare_with_features, open_bit, open_pairs):
        look(page)
    open_menu(page, "Filters")
    stage = page.locator(".rsh-stage").first
    stage.press("ArrowRight")
    page.locator(".rsh-hover:not([hidden])").first.wait_for()
    stage.press("Space")
    open_tab(page, "selected", ".rsh-selected img")


def test_html_in_a_class_name_is_text(visit, serving, tmp_path):
    name = "<img src=x onerror=document.title='run'><b>bold</b>"
    odd = tiny_gallery(
        tmp_path / "odd",
        num_tiles=80,
        rename={"tundra": name, "coast": "海岸" * 40, "savanna": "\u202etrap\u202c"},
    )
    page = open_page(visit, serving(odd))
    row = int(np.flatnonzero(odd.items["class"] == name)[0])
    page.get_by_label("Browse by class").select_option(index=odd.classes.index(name))
    page.click(f'.rsh-class-tiles button[data-row="{row}"]')
    wait_for_query(page, row)
    assert page.inner_text(".rsh-query-class") == name
    open_everything(page)
    assert page.get_by_text(name).count() > 8
    assert page.locator('img[src="x"], .rsh-page b:text("bold")').count() == 0
    assert page.title() != "run"
    open_menu(page, "Filters")  # what was pressed elsewhere has closed it
    page.get_by_role("combobox", name="Filter by").select_option("class")
    assert r"\u202etrap\u202c" in page.inner_text(".rsh-filter")
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", page.inner_text("body"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.slow
def test_a_gallery_with_nothing_but_tiles_still_is_a_page(visit, serving, tmp_path):
    bare = tiny_gallery(tmp_path / "bare", num_tiles=40, coordinates=False, projection=False)
    page = open_page(visit, serving(bare))
    assert page.get_by_text("What else looks like this?").is_visible()
    assert page.locator(".rsh-scatter").count() == 0
    expect_cards(page, nearest(bare, query_of(page)))


@pytest.mark.slow
def test_a_gallery_broken_after_the_start_is_an_alert(visit, serving, tmp_path):
    broken = tiny_gallery(tmp_path / "broken", num_tiles=40)
    server = serving(broken)
    (broken.folder / "000001-0" / "codes.npy").write_bytes(b"no codes")
    page = visit().page
    page.goto(server.url)
    page.get_by_role("alert").get_by_text("altered or cut short").wait_for(timeout=20_000)
    assert "Traceback" not in page.content() and "site-packages" not in page.content()


@pytest.mark.slow
def test_a_dead_kernel_is_noticed(visit, serving, tmp_path):
    server = serving(tiny_gallery(tmp_path / "short-lived", num_tiles=40))
    new = visit()
    new.page.goto(server.url)
    new.page.wait_for_selector(".rsh-results .rsh-cards img", timeout=30_000)
    for kernel in server.kernels():
        kernel.kill()
    new.page.get_by_role("button", name="Reload").wait_for(timeout=40_000)
    new.errors.clear()  # the browser reports the lost connection, as it should


@pytest.mark.slow
def test_parts_that_load_slowly_are_waited_for(visit, server):
    tab = visit()
    tab.page.add_init_script(SLOWLY)
    started = time.monotonic()
    tab.page.goto(server.url)
    tab.page.wait_for_selector(".rsh-results .rsh-card", timeout=30_000)
    assert time.monotonic() - started > SLOW
    row = cards_of(tab.page)[3]
    tab.page.locator(".rsh-results .rsh-card").nth(3).click()
    wait_for_query(tab.page, row)


def test_a_query_string_cannot_change_the_template(visit, server):
    page = visit().page
    page.goto(server.url + "?template=reveal&theme=dark")
    page.wait_for_selector(".rsh-results .rsh-cards img", timeout=30_000)
    assert page.get_attribute("body", "data-jp-theme-name") == "JupyterLab Light"


def test_nothing_but_the_page_is_handed_out(visit, server):
    page = visit().page
    for path in ("voila/files/dashboard.ipynb", "voila/files/../../etc/passwd", "voila/tree"):
        assert page.request.get(server.url + path).status in (403, 404), path
    stranger = page.request.get(server.url, headers={"Host": "rsh.example:80"})
    assert stranger.status == 403


@pytest.fixture
def window(tab):
    """Show the module's tab in a window of another size or in dark, and then as it was."""

    def show(width, height, scheme="light"):
        tab.emulate_media(color_scheme=scheme)
        tab.set_viewport_size({"width": width, "height": height})
        return tab

    before = tab.viewport_size
    yield show
    show(**before)


@pytest.mark.parametrize(
    ("name", "width", "height", "scheme"),
    [
        ("light", 1280, 900, "light"),
        ("dark", 1280, 900, "dark"),
        ("phone", 390, 844, "light"),
        ("wide", 1920, 1080, "light"),
    ],
)
def test_fits_every_window(window, name, width, height, scheme):
    page = window(width, height, scheme)
    page.wait_for_timeout(600)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


ROWS = """() => [...document.querySelectorAll(".rsh-results .rsh-card")].map((button) => {
  const tie = button.querySelector(".rsh-tie");
  const [box, list] = [tie, button.closest("ol")].map((each) => each.getBoundingClientRect());
  const label = tie.querySelector("span");
  return {
    left: box.left - list.left,
    over: box.right - list.right,
    said: label.checkVisibility(),
    text: label.textContent,
  };
})"""


@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_each_row_of_cards_says_how_far_it_is(window, width):
    page = window(width, 900)
    page.wait_for_timeout(300)
    cards = page.evaluate(ROWS)
    assert all(card["over"] <= 0.5 for card in cards)
    starts = [card for card in cards if card["left"] < 1]
    assert len(starts) > 1 and all(card["said"] and "bit" in card["text"] for card in starts)


def test_images_of_bits_and_distances_have_words(tab, server):
    page, gallery = tab, server.gallery
    open_codes(page)
    code = gallery.packed[query_of(page)].tobytes().hex()
    assert page.get_by_role("img", name=f"code {code}", exact=True).is_visible()
    assert "differs from the query in bit" in page.get_attribute(
        ".rsh-code-row:nth-child(2) .rsh-strip", "aria-label"
    )
    words = page.get_attribute(".rsh-columns", "aria-label")
    assert "same class " in words and "another class " in words and "farther" in words
    page.locator(".rsh-results .rsh-glossary summary").press("Enter")
    assert (
        page.locator(".rsh-results")
        .get_by_text("averaged over all orders of tied tiles")
        .is_visible()
    )


def test_a_closed_tab_takes_its_kernel_with_it(visit, server):
    page, mine, sockets = open_page(visit, server), visit().page, []
    mine.on("websocket", lambda socket: sockets.append(socket.url))
    mine.goto(server.url)
    mine.wait_for_selector(".rsh-results .rsh-card", timeout=30_000)
    name = re.search(r"/kernels/([\w-]+)", sockets[0])[1]
    (kernel,) = [kernel for kernel in server.kernels() if name in " ".join(kernel.cmdline())]
    mine.close(run_before_unload=True)
    kernel.wait(timeout=15)
    assert query_of(page) >= 0
