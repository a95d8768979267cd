"""Take the images of the README from the page itself: `python docs/screenshots.py [GALLERY]`.

Needs `make gallery` and Chromium. Each step of the film is the page as it stands, with a ring
around what is pressed next.
"""

import io
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, sync_playwright

from rsh.search.formats.fonts import font

IMAGES = Path(__file__).parent / "images"
QUERY = "tundra/n62e162_1.jpg"
WINDOW = {"width": 1280, "height": 800}
FILM_WIDTH, STRIP, SECONDS = 960, 56, 3.2
INK, PAPER, RING = "#1b2126", "#faf9f6", "#b8400b"


@dataclass
class Film:
    """Frames with a sentence below each."""

    page: Page
    frames: list[Image.Image] = field(default_factory=list)

    def take(self, words: str, pressed: Locator | None = None) -> None:
        """Add the window as it is, with a ring around what is pressed next."""
        shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        draw = ImageDraw.Draw(shot)
        box = pressed.bounding_box() if pressed else None
        if box:
            left, top = box["x"] - 6, box["y"] - 6
            ring = (left, top, left + box["width"] + 12, top + box["height"] + 12)
            draw.rounded_rectangle(ring, radius=10, outline=RING, width=4)
        height = round(shot.height * FILM_WIDTH / shot.width)
        frame = Image.new("RGB", (FILM_WIDTH, height + STRIP), INK)
        frame.paste(shot.resize((FILM_WIDTH, height), Image.Resampling.LANCZOS))
        place = (FILM_WIDTH / 2, height + STRIP / 2)
        ImageDraw.Draw(frame).text(place, words, font=font(22), fill=PAPER, anchor="mm")
        self.frames.append(frame)

    def save(self, file: Path) -> None:
        """Write all frames as one animated image that begins again."""
        first, *others = self.frames
        pause = round(1000 * SECONDS)
        first.save(
            file, save_all=True, append_images=others, duration=pause, loop=0, quality=72, method=6
        )


@contextmanager
def served(gallery: str) -> Iterator[str]:
    """Serve the page, and yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    words = ["-c", "from rsh.cli.main import main; main()", "dashboard", gallery, "--no-open"]
    command = [sys.executable, *words, "--port", port]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split("rsh page: ")[1].strip()
        finally:
            process.terminate()


def settle(page: Page) -> None:
    """Wait until the answer is there and nothing moves."""
    page.wait_for_selector(".rsh-results .rsh-cards:not(.is-busy) img")
    page.wait_for_timeout(700)


def still(page: Page, name: str, *, selector: str = "", height: int = 0, width: int = 1100) -> None:
    """Keep a part of the page, or its top, as a JPEG."""
    if selector:
        shot = page.locator(selector).screenshot()
    else:
        page.set_viewport_size({"width": WINDOW["width"], "height": height})
        page.wait_for_timeout(500)
        shot = page.screenshot()
        page.set_viewport_size(WINDOW)
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    size = (width, round(image.height * width / image.width))
    image.resize(size, Image.Resampling.LANCZOS).save(IMAGES / name, quality=84)


def stills(page: Page) -> None:
    """Take the three images that stand still."""
    still(page, "page.jpg", height=1130, width=1280)
    still(page, "spaces.jpg", selector=".rsh-scatters")
    for summary in page.locator(".rsh-explain summary").all()[:2]:
        summary.click()
    page.get_by_role("button", name="Compute").click()
    page.wait_for_selector(".rsh-attributions img", timeout=120_000)
    page.wait_for_selector(".rsh-shares")
    settle(page)
    still(page, "why.jpg", selector=".rsh-explain")
    for summary in page.locator(".rsh-explain summary").all()[:2]:
        summary.click()


def film(page: Page) -> Film:
    """Search, give feedback, search by radius, follow a result, look at the maps, compare."""
    made = Film(page)
    lake = page.locator(".rsh-results .rsh-cards li").nth(2)
    lake.hover()
    like = lake.locator(".rsh-feedback-buttons button").nth(0)
    made.take("The query is a tile: the results are the 20 tiles with the nearest codes", like)
    like.click()
    settle(page)
    clear = page.get_by_role("button", name="Clear feedback")
    made.take("A tile gets positive feedback, and the results change", clear)
    clear.click()
    page.locator("label", has_text="Radius").click()
    page.locator(".rsh-slider input").fill("10")
    settle(page)
    card = page.locator(".rsh-results .rsh-card").nth(3)
    made.take("All tiles within a Hamming radius of 10 bits; brackets group tied tiles", card)
    card.click()
    page.locator("label", has_text="Top k").first.click()
    settle(page)
    made.take("Click a result to search with it")
    page.locator(".rsh-scatters").scroll_into_view_if_needed()
    page.mouse.move(5, 5)
    settle(page)
    made.take("Where they are in feature space, in hash space and on Earth")
    chosen = page.get_by_label("Compare with")
    chosen.select_option("features")
    page.wait_for_selector(".rsh-compare-sides .rsh-card img")
    chosen.scroll_into_view_if_needed()
    chosen.evaluate("(it) => scrollBy(0, it.getBoundingClientRect().top - 40)")
    settle(page)
    made.take("Compared with the same search by unquantized features")
    return made


def main(gallery: str = "galleries/bluemarble-64") -> None:
    """Take all of them."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with served(gallery) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_context(viewport=WINDOW, color_scheme="light").new_page()
        page.add_init_script("localStorage.setItem('rsh-toured', 'yes')")
        page.goto(f"{address}?q={QUERY}")
        settle(page)
        stills(page)
        page.goto(f"{address}?q={QUERY}")
        settle(page)
        film(page).save(IMAGES / "demo.webp")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
