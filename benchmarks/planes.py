"""How soon do the page's planes answer a hand, with many tiles, beside other plots?

    python benchmarks/planes.py                                 10,000 and 100,000 tiles
    python benchmarks/planes.py --sizes 1000000
    python benchmarks/planes.py --peers-python ENV/bin/python   jupyter-scatter and plotly, too

Each plot is served by Voila and opened in headless Chromium without a graphics card, which can
reach nothing but this machine. WebGL, which the peers need, is then reckoned by SwiftShader, and so
is each frame of the browser (drawing=swiftshader). Our page needs none and is measured without,
too (drawing=plain), as a machine without a card would show it. A row is one JSON line in
benchmarks/results/planes.jsonl:

    load_s         from opening the page until dots are on the screen
    hover_ms       from the pointer's move until the image of the tile below it is shown
    zoom_ms        from a turn of the wheel until the first changed frame of the plot
    click_ms       from pressing a tile until Python's answer is on the page; that of our page is a
                   search and twenty new cards, that of the others a number
    all_drawn_ms   ours: from a turn of the wheel until every dot is drawn
    frame_ms       ours: how long frames take while the plane is dragged, zoomed in
    recolor_ms    ours: from choosing "distance from the query" until all planes show it
    follow_ms      ours: from pressing "Random" until all planes show distances from the new query

load_average is how busy the machine was before: above 1, others' work is in the figures.
Times come as median and 95th percentile. The peers need an environment of their own, see
benchmarks/planes_peers.py; without one only our page is measured.
"""

import argparse
import io
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from pages import RETURNING, SEALED, browser_path, serve_ours, spread
from PIL import Image
from planes_peers import ANSWER, PEERS, serve_peer
from planes_points import SEED, make_gallery
from planes_watch import FRAMES, HOVER, PRESS, WHEEL, first_change
from playwright.sync_api import Page, ViewportSize, sync_playwright
from rows import Row, append

from rsh.io.provenance import environment

RESULTS = Path(__file__).parent / "results" / "planes.jsonl"
SIZES = (10_000, 100_000)
HOVERS, CLICKS, ZOOMS = 40, 15, 8
DRAWING = {
    "plain": SEALED,
    "swiftshader": [*SEALED, "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
}
WINDOW: ViewportSize = {
    "width": 1240,
    "height": 1000,
}  # the planes are about as large as the peers' plots
Tool = tuple[str, str, str, str]  # name; selectors of plot, hovered image, answer
OURS: Tool = ("rsh", ".rsh-stage", ".rsh-hover:not([hidden]) img", ".rsh-query")
DRAWN = "[...document.querySelectorAll('.rsh-stage')].every((one) => one.dataset.drawn === 'yes')"
COLORED = "window.told?.some((kind) => kind === 'colors')"


def main(sizes: list[int], peers_python: str | None) -> None:
    """Measure all sizes, ours first."""
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_gallery(folder, size)
            with serve_ours(folder / "gallery") as (url, server):
                for drawing in DRAWING:
                    note(size, OURS, url, server, drawing)
            for peer, (_, plot, image) in PEERS.items() if peers_python else ():
                with serve_peer(peer, folder, str(peers_python)) as (url, server):
                    note(size, (peer, plot, image, ANSWER), url, server, "swiftshader")


def note(size: int, tool: Tool, url: str, server: psutil.Process, drawing: str) -> None:
    """Measure one page and keep the row."""
    row: Row = {"plot": tool[0], "tiles": size, "drawing": drawing}
    row |= {"load_average": round(os.getloadavg()[0], 1)} | measured(tool, url, DRAWING[drawing])
    kernels = server.children(recursive=True)
    row["kernel_mb"] = round(max((one.memory_info().rss for one in kernels), default=0) / 1e6)
    append(RESULTS, row | {"seed": SEED, "environment": environment()})
    print(*(f"{key}={value}" for key, value in row.items()), flush=True)


def measured(tool: Tool, url: str, flags: list[str]) -> Row:
    """Open a page and use it."""
    name, plot, image, answer = tool
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path(), args=flags)
        page = browser.new_page(viewport=WINDOW, bypass_csp=True)  # Playwright compiles its waiting
        page.add_init_script(RETURNING)
        page.set_default_timeout(180_000)
        start = time.perf_counter()
        page.goto(url)
        spots = wait_for_dots(page, plot)
        row: Row = {"load_s": round(time.perf_counter() - start, 1)}
        if name == "rsh":
            page.wait_for_function(DRAWN)
            spots = wait_for_dots(page, plot)
        page.wait_for_timeout(2000)
        draw = np.random.default_rng(SEED)
        chosen = [spots[each] for each in draw.choice(len(spots), HOVERS + CLICKS)]
        row |= spread("hover", [hover(page, spot, image) for spot in chosen[:HOVERS]])
        pressed = [press(page, spot, answer) for spot in chosen[HOVERS:]]
        row |= spread("click", pressed)
        row |= spread("zoom", [zoom(page, plot, turn) for turn in range(ZOOMS)])
        if name == "rsh":
            row |= ours(page)
        browser.close()
    return row


def ours(page: Page) -> Row:
    """Measure what only our page has, or says of itself."""
    row = spread("all_drawn", [turn_wheel(page, direction) for direction in (-1, -1, 1, 1) * 2])
    turn_wheel(page, -1)
    row |= spread("frame", frames_of_a_drag(page))
    page.locator(".rsh-stage").first.press("0")
    page.wait_for_function(DRAWN)
    page.evaluate(
        "window.told = []; addEventListener('rsh-page', ({ detail }) => told.push(detail.kind))"
    )
    start = time.perf_counter()
    page.get_by_label("Color by").select_option("distance")
    wait_for_colors(page)
    row["recolor_ms"] = round(1000 * (time.perf_counter() - start))
    times = []
    for _ in range(7):
        page.evaluate("window.told = []")
        start = time.perf_counter()
        page.get_by_role("button", name="Random").click()
        wait_for_colors(page)
        times.append(1000 * (time.perf_counter() - start))
    return row | spread("follow", times)


def wait_for_colors(page: Page) -> None:
    """Wait until new colors have come and are drawn."""
    page.wait_for_function(COLORED)
    page.wait_for_function(DRAWN)


def wait_for_dots(page: Page, plot: str) -> list[tuple[float, float]]:
    """Wait until there are dots; return places of the window where they are."""
    place = page.locator(plot).first
    place.wait_for(state="visible")
    while True:
        place.scroll_into_view_if_needed()
        left, top, _, _ = box_of(page, plot)
        shot = np.asarray(Image.open(io.BytesIO(place.screenshot())).convert("RGB")).astype(int)
        colorful = np.ptp(shot, axis=2) > 40  # text, frames and ground are gray
        colorful[: len(shot) // 8] = colorful[-len(shot) // 8 :] = False
        rows, columns = np.nonzero(colorful)
        if len(rows) > 200:
            return [
                (left + float(x) + 0.5, top + float(y) + 0.5)
                for x, y in zip(columns, rows, strict=True)
            ]
        page.wait_for_timeout(50)


def hover(page: Page, spot: tuple[float, float], image: str) -> float | None:
    """Point at a dot from elsewhere; milliseconds until its image is there."""
    page.mouse.move(3, 3)
    page.wait_for_timeout(400)
    page.evaluate(HOVER, image)
    page.mouse.move(*spot)
    return float(found) if (found := page.evaluate("window.shown")) else None


def press(page: Page, spot: tuple[float, float], answer: str) -> float | None:
    """Click a dot; milliseconds until the answer is on the page."""
    page.mouse.move(*spot)
    page.wait_for_timeout(300)
    page.evaluate(PRESS, answer)
    page.mouse.click(*spot)
    return float(found) if (found := page.evaluate("window.shown")) else None


def zoom(page: Page, plot: str, turn: int) -> float | None:
    """Turn the wheel one step; milliseconds until the plot has changed."""
    point_at_middle(page, plot)
    return first_change(page, plot, lambda: page.mouse.wheel(0, -240 if turn % 4 < 2 else 240))


def point_at_middle(page: Page, plot: str) -> tuple[float, float]:
    """Move the pointer onto a plot, which takes the wheel then."""
    if plot == OURS[1]:
        page.locator(plot).first.focus()
    left, top, width, height = box_of(page, plot)
    middle = left + width / 2, top + height / 2
    page.mouse.move(*middle)
    page.wait_for_timeout(600)
    return middle


def box_of(page: Page, plot: str) -> tuple[float, float, float, float]:
    """Left, top, width and height of a plot in the window."""
    box = page.locator(plot).first.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["width"], box["height"]


def turn_wheel(page: Page, direction: int) -> float:
    """Milliseconds from a turn of the wheel until all dots of our plane are drawn."""
    point_at_middle(page, OURS[1])
    page.evaluate(WHEEL)
    page.mouse.wheel(0, 240 * direction)
    return float(page.evaluate("window.shown"))


def frames_of_a_drag(page: Page) -> list[float]:
    """Milliseconds from frame to frame while a hand drags our plane for two seconds."""
    middle = point_at_middle(page, OURS[1])
    page.mouse.move(*middle)
    page.mouse.down()
    page.evaluate(FRAMES)
    for step in range(120):
        angle = step / 10
        page.mouse.move(middle[0] + 60 * np.sin(angle), middle[1] + 40 * np.sin(2 * angle))
    page.mouse.up()
    return [float(each) for each in page.evaluate("window.stopFrames()")]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--peers-python", help="Python of the environment that has the peers")
    chosen = parser.parse_args()
    main(chosen.sizes, chosen.peers_python)
