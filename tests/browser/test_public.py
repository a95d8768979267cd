"""The page with a token, under a path and a name, as a published demo has it."""

import time
from http.client import HTTPConnection
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import in_loop
import psutil
import pytest
from browser.steps import SCREENSHOTS, violations
from make_gallery import tiny_gallery
from tornado.httpclient import HTTPClientError
from tornado.websocket import websocket_connect

from rsh.explorer.server.serve import POOL

pytestmark = pytest.mark.browser
TOKEN = "a-token_of.more~than-16"


@pytest.fixture(scope="module")
def guarded(serving, tmp_path_factory):
    gallery = tiny_gallery(tmp_path_factory.mktemp("galleries") / "guarded")
    return serving(gallery, token=TOKEN, base_url="/rsh/")


async def connect(url: str) -> None:
    await websocket_connect(url)


def answer(url: str, **headers: str) -> tuple[int, str]:
    """Return status and final address of what a program gets that follows where it is sent."""
    try:
        with urlopen(Request(url, headers=headers), timeout=30) as found:
            return found.status, found.url
    except HTTPError as refused:
        return refused.code, url


def test_a_visitor_with_the_link_asks_and_the_token_leaves_the_address(visit, guarded):
    tab = visit(bypass_csp=False).page
    tab.goto(f"{guarded.url}?token={TOKEN}")
    tab.wait_for_selector(".rsh-results .rsh-card")
    assert TOKEN not in tab.url
    tab.reload()  # the browser is known now
    tab.wait_for_selector(".rsh-results .rsh-card")
    assert not tab.locator(".rsh-alert:not([hidden])").count()


@pytest.mark.parametrize(("scheme", "is_secure"), [("https", True), ("http", False)])
def test_behind_tls_the_cookie_travels_through_tls_alone(guarded, scheme, is_secure):
    place = urlsplit(guarded.url)
    connection = HTTPConnection(place.netloc)
    connection.request("GET", f"{place.path}?token={TOKEN}", headers={"X-Scheme": scheme})
    words = connection.getresponse().headers["Set-Cookie"].split("; ")
    connection.close()
    assert {"HttpOnly", "SameSite=Lax"} <= set(words) and ("Secure" in words) == is_secure


def test_who_has_no_link_types_the_token(visit, guarded):
    tab = visit(bypass_csp=False).page
    tab.goto(guarded.url)
    tab.get_by_label("Token").fill("not this one")
    tab.get_by_label("Token").press("Enter")
    tab.get_by_role("alert").get_by_text("not correct").wait_for()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=SCREENSHOTS / "door.png")
    tab.get_by_label("Token").fill(TOKEN)
    tab.get_by_role("button", name="Open the dashboard").click()
    tab.wait_for_selector(".rsh-results .rsh-card")
    assert TOKEN not in tab.url


def test_axe_finds_nothing_serious_at_the_door(visit, guarded):
    tab = visit().page
    tab.goto(f"{guarded.url}?token=wrong")
    tab.get_by_role("alert").wait_for()
    assert violations(tab) == []


def settled(server) -> set[int]:
    """Return the kernels when no earlier visitor's is ending and none is being made any more."""
    now, before = {kernel.pid for kernel in server.kernels()}, None
    while now != before:
        time.sleep(1)
        now, before = {kernel.pid for kernel in server.kernels()}, now
    return now


@pytest.mark.parametrize(
    "words", ["", "?token=", "?token=" + TOKEN[:-1], "?token=" + TOKEN.upper()]
)
def test_others_are_asked_for_the_token_and_no_kernel_is_spent(guarded, words):
    before = settled(guarded)
    status, url = answer(guarded.url + words)
    assert (status, "/rsh/login" in url) == (200, True)
    assert settled(guarded) == before


@pytest.mark.parametrize(
    "path",
    ["api/kernels/0-0-0-0-0", "voila/render/dashboard.ipynb", "voila/files/dashboard.ipynb"],
)
def test_nothing_behind_the_page_answers_without_it(guarded, path):
    status, url = answer(guarded.url + path)
    assert status in (401, 403, 404) or "/rsh/login" in url


def test_a_kernel_is_closed_to_who_has_only_its_name(visit, guarded):
    tab = visit(bypass_csp=False).page
    with tab.expect_websocket() as socket:
        tab.goto(f"{guarded.url}?token={TOKEN}")
    tab.wait_for_selector(".rsh-results .rsh-card")
    with pytest.raises(HTTPClientError) as refused:
        in_loop.run(connect(socket.value.url))
    assert refused.value.code == 403


def test_the_server_forgets_the_token_where_kernels_could_read_it(guarded):
    for kernel in guarded.kernels():
        assert TOKEN not in str(psutil.Process(kernel.pid).environ())


@pytest.mark.parametrize(("name", "status"), [("demo.test", 200), ("evil.test", 403)])
def test_only_names_that_were_given_reach_it(server, name, status):
    assert answer(server.url, Host=name)[0] == status


@pytest.mark.slow
def test_who_comes_to_a_full_house_is_told_so_and_gets_the_place_of_who_leaves(
    visit, serving, tmp_path
):
    server = serving(tiny_gallery(tmp_path / "small", num_tiles=40), visitors=1)
    first = visit(bypass_csp=False).page
    assert first.goto(server.url).status == 200
    first.wait_for_selector(".rsh-results .rsh-card")
    wait_until(lambda: len(server.kernels()) == 1 + POOL)
    second = visit(bypass_csp=False)
    answered = second.page.goto(server.url)
    assert answered.status == 503 and answered.header_value("retry-after") == "30"
    assert second.page.get_by_role("heading").inner_text() == "Server full"
    second.page.screenshot(path=SCREENSHOTS / "full.png")
    first.close(run_before_unload=True)
    wait_until(lambda: len(server.kernels()) <= POOL)
    second.page.get_by_role("link", name="Try again").click()
    # If that was a moment too soon, the page tries again by itself.
    second.page.wait_for_selector(".rsh-results .rsh-card", timeout=120_000)
    assert all("503" in error for error in second.errors)  # the browser reports each refusal
    second.errors.clear()


def wait_until(condition) -> None:
    for _ in range(300):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it does not come true")
