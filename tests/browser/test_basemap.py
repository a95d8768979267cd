"""A browser loads tiles of the map that was named, and nothing from another server."""

import http.server
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from PIL import Image
from tiers import RELEASE

pytestmark = pytest.mark.browser


class Tiles(http.server.BaseHTTPRequestHandler):
    """A server of tiles; it notes what it is asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Referer")))  # type: ignore[attr-defined]
        stream = io.BytesIO()
        Image.new("RGB", (256, 256), (10, 120, 200)).save(stream, "PNG")
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        if self.server.shares:  # type: ignore[attr-defined]
            self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(stream.getvalue())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def tiles() -> Iterator[tuple[str, list]]:
    """Serve tiles on this machine, which pages of others may read."""
    with served(shares=True) as found:
        yield found


@contextmanager
def served(*, shares: bool) -> Iterator[tuple[str, list]]:
    """Serve tiles, and say whether pages of others may read them."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tiles) as server:
        server.asked, server.shares = [], shares  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", server.asked  # type: ignore[attr-defined]
        server.shutdown()


LOAD = """
    (source) => {
        const image = document.createElement("img");
        image.referrerPolicy = "origin";
        image.onload = () => { document.body.dataset.tile = `loaded ${image.naturalWidth}`; };
        image.onerror = () => { document.body.dataset.tile = "refused"; };
        document.body.dataset.tile = "";
        image.src = source;
        document.body.append(image);
    }
"""


def test_tiles_are_loaded_from_the_host_that_was_named_alone(visit, serving, gallery, tiles):
    origin, asked = tiles
    server = serving(gallery, basemap=f"{origin}/{{z}}/{{x}}/{{y}}.png")
    new = visit(bypass_csp=False)
    tab = new.page
    tab.goto(server.url)
    tab.wait_for_selector(".rsh-results .rsh-card")

    def load(source: str) -> str:
        tab.evaluate(LOAD, source)
        tab.wait_for_selector("body[data-tile]:not([data-tile=''])", state="attached")
        return str(tab.get_attribute("body", "data-tile"))

    assert load(f"{origin}/3/4/2.png") == "loaded 256"
    place = server.url.rstrip("/")
    assert asked[-1] == ("/3/4/2.png", f"{place}/")  # not what is searched for
    other = origin.replace("127.0.0.1", "localhost")
    assert load(f"{other}/3/4/2.png") == "refused"
    assert [path for path, _ in asked].count("/3/4/2.png") == 1
    assert all("Content Security Policy" in error or "localhost" in error for error in new.errors)
    new.errors.clear()
    new.outside.clear()


def test_by_itself_no_host_is_named(visit, server, tiles):
    origin, asked = tiles
    new = visit(bypass_csp=False)
    new.page.goto(server.url)
    new.page.wait_for_selector(".rsh-results .rsh-card")
    new.page.evaluate(LOAD, f"{origin}/0/0/0.png")
    new.page.wait_for_selector("body[data-tile=refused]", state="attached")
    assert asked == []
    new.errors.clear()


COLOR_OF_A_CORNER = """
    () => {
        const canvas = document.querySelector(".rsh-scatter.is-world canvas");
        const middle = canvas.getContext("2d").getImageData(4, canvas.height / 2, 1, 1).data;
        return [...middle];
    }
"""


@pytest.mark.parametrize("shares", [True, pytest.param(False, marks=RELEASE)])
def test_the_map_shows_the_tiles_or_says_that_it_cannot(visit, serving, gallery, shares):
    with served(shares=shares) as (origin, asked):
        new = visit(bypass_csp=False)
        tab = new.page
        tab.goto(serving(gallery, basemap=f"{origin}/{{z}}/{{x}}/{{y}}.png").url)
        tab.wait_for_selector(".rsh-results .rsh-card")
        tab.get_by_role("button", name="World", exact=True).click()
        credit = tab.locator(".rsh-scatter.is-world .rsh-credit")
        if shares:
            for _ in range(100):  # the content policy forbids `wait_for_function`
                if (blue := tab.evaluate(COLOR_OF_A_CORNER)[2]) > 150:  # as the tiles are
                    break
                tab.wait_for_timeout(100)
            assert blue > 150
            assert credit.inner_text() == "a test" and asked
            assert not new.errors
        else:
            host = origin.removeprefix("http://")
            credit.filter(has_text=f"No online map from {host}").wait_for()
            assert all("CORS" in error or "ERR_FAILED" in error for error in new.errors)
        new.errors.clear()
        new.outside.clear()
