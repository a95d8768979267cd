"""Take the images of the README from the page itself.

`python docs/screenshots.py [GALLERY [FOLDER]]` needs `make gallery` and Chromium, and writes to
docs/images or another folder. Each step of the film is the page as it stands, with a ring around
what is pressed next.
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
from playwright.sync_api import Locator, Page, ViewportSize, sync_playwright

from rsh.search.formats.fonts import font

IMAGES = Path(__file__).parent / "images"
QUERY = "tundra/n62e162_1.jpg"
WINDOW: ViewportSize = {"width": 1280, "height": 800}
LARGE: ViewportSize = {"width": 1440, "height": 900}
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
    page.wait_for_selector(".rsh-results .rsh-cards:not(.is-busy) img", state="attached")
    page.wait_for_timeout(700)


def photograph(page: Page, selector: str = "") -> Image.Image:
    """Return a part of the page, or all of the window, as an image."""
    shot = page.locator(selector).screenshot() if selector else page.screenshot()
    return Image.open(io.BytesIO(shot)).convert("RGB")


def keep(image: Image.Image, file: Path, *, width: int) -> None:
    """Write an image as a JPEG of some width."""
    size = (width, round(image.height * width / image.width))
    image.resize(size, Image.Resampling.LANCZOS).save(file, quality=84)


def stacked(*images: Image.Image) -> Image.Image:
    """Return images of one width below each other."""
    whole = Image.new("RGB", (images[0].width, sum(image.height for image in images)), PAPER)
    top = 0
    for image in images:
        whole.paste(image, (0, top))
        top += image.height
    return whole


def show_space(page: Page, name: str) -> None:
    """Choose what the spaces show."""
    tabs = page.get_by_role("group", name="Which space to show")
    tabs.get_by_role("button", name=name, exact=True).click()


def open_tab(page: Page, name: str, shows: str) -> None:
    """Open a tab of the drawer, and wait until it shows something."""
    page.locator(f".rsh-dock-tabs [data-name={name}]").click()
    page.wait_for_selector(f".rsh-dock {shows}", timeout=120_000)


def stills(page: Page, folder: Path) -> None:
    """Take the three images that stand still."""
    page.set_viewport_size(LARGE)
    settle(page)
    keep(photograph(page), folder / "page.jpg", width=1280)
    widen = page.get_by_role("button", name="Show the spaces over the whole width")
    show_space(page, "All")
    widen.click()
    page.mouse.move(5, 5)
    settle(page)
    keep(photograph(page, ".rsh-spaces"), folder / "spaces.jpg", width=1100)
    page.keyboard.press("Escape")
    show_space(page, "Features")
    page.set_viewport_size(LARGE | {"height": 1400})
    open_tab(page, "parts", ".is-parts button")
    page.get_by_role("button", name="Compute").click()
    page.wait_for_selector(".rsh-attributions img", timeout=120_000)
    handle = page.get_by_role("separator", name="Height of the drawer").bounding_box()
    assert handle is not None
    page.mouse.move(handle["x"] + 300, handle["y"] + 4)
    page.mouse.down()
    page.mouse.move(handle["x"] + 300, 400)
    page.mouse.up()
    settle(page)
    parts = photograph(page, ".rsh-explain")
    open_tab(page, "bit", ".rsh-shares li")
    settle(page)
    keep(stacked(parts, photograph(page, ".rsh-explain")), folder / "why.jpg", width=1100)
    page.get_by_role("separator", name="Height of the drawer").press("Home")
    page.get_by_role("button", name="Close the drawer").click()
    page.set_viewport_size(WINDOW)


def film(page: Page) -> Film:
    """Search, give feedback, follow a result, look at the spaces, compare, group and label."""
    made = Film(page)
    lake = page.locator(".rsh-results .rsh-cards li").nth(2)
    lake.hover()
    settle(page)
    like = lake.locator(".rsh-tools-of-card button").nth(0)
    made.take("The results are the 20 tiles with the nearest codes, and dots in the spaces", like)
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
    widen = page.get_by_role("button", name="Show the spaces over the whole width")
    made.take("Click a result to search with it", widen)
    show_space(page, "All")
    widen.click()
    page.mouse.move(5, 5)
    settle(page)
    made.take("Where they are in feature space, in hash space and on Earth")
    page.keyboard.press("Escape")
    show_space(page, "Features")
    open_tab(page, "compare", ".rsh-compare select")
    page.get_by_label("Compare these results with").select_option("features")
    page.wait_for_selector(".rsh-compare-sides .rsh-card img")
    settle(page)
    made.take("Compared with the same search by unquantized features")
    open_tab(page, "groups", ".is-groups .rsh-card img")
    settle(page)
    made.take("Groups of similar tiles, found without labels: name them")
    open_tab(page, "learn", ".is-learn .rsh-card img")
    settle(page)
    made.take("What to label next; then the codes learn from the labels")
    return made


def main(gallery: str = "galleries/bluemarble-64", folder: str = str(IMAGES)) -> None:
    """Take all of them."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    images = Path(folder)
    with served(gallery) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_context(viewport=WINDOW, color_scheme="light").new_page()
        page.add_init_script("localStorage.setItem('rsh-toured', 'yes')")
        page.goto(f"{address}?q={QUERY}")
        settle(page)
        stills(page, images)
        page.goto(f"{address}?q={QUERY}")
        settle(page)
        film(page).save(images / "demo.webp")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
