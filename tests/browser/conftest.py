"""The real server and a real browser. Without a browser the tests are skipped, on CI they fail."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from browser.steps import (
    close_drawer,
    go_to,
    open_page,
    query_of,
    show_space,
    wait_for_query,
)
from make_gallery import tiny_gallery

from benchmarks.dashboard.server import kernels_of, started
from rsh.config import LabelsKept
from rsh.gallery.gallery import Gallery

playwright = pytest.importorskip("playwright.sync_api")

ROOT = Path(__file__).parents[2]
POOL_READY = 4  # seconds after which no kernel is still being made: cut off then, it would say so
NO_OTHER_HOST = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
# A tab that leaves has no kernel: panels that are still being made cannot send, and say so.
QUIET_WHEN_LEAVING = """
  let isLeaving = false;
  addEventListener("beforeunload", () => { isLeaving = true; });
  const { error } = console;
  console.error = (...words) => isLeaving || error(...words);
  for (const kind of ["error", "unhandledrejection"])
    addEventListener(kind, (event) => isLeaving && event.preventDefault());
"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@dataclass
class Server:
    """A running page."""

    url: str
    process: subprocess.Popen[str]
    gallery: Gallery

    def kernels(self) -> list[psutil.Process]:
        return kernels_of(psutil.Process(self.process.pid))


@dataclass
class Visit:
    """One visitor's tab, and all that it asked for or complained about."""

    page: "playwright.Page"
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


# A kernel that is ended while it answers its last message may write this; it is no code of ours.
CLOSED = "zmq.error.ZMQError: Socket operation on non-socket"


@contextmanager
def running(
    gallery: Gallery,
    log: Path,
    *,
    token: str = "",
    base_url: str = "/",
    visitors: int = 300,
    basemap: str = "",
    labels: LabelsKept = "gallery",
) -> Iterator[Server]:
    """Serve a gallery in a process of its own; Ctrl-C must end it and its kernels quietly."""
    access = {"token": token, "base_url": base_url, "hostnames": ["demo.test"]}
    options = access | {"basemap": basemap, "labels": labels, "max_sessions": visitors}
    with started(gallery.folder, log=log, **options) as (url, process):
        server = Server(url, process, gallery)
        yield server
        kernels = server.kernels()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
        assert process.stdout is not None and process.stdout.read() == ""
        said = log.read_text()
        assert said.count("Traceback") == said.count(CLOSED), said
        _, left = psutil.wait_procs(kernels, timeout=5)
        assert not left


@pytest.fixture(scope="session")
def serving(tmp_path_factory) -> Iterator[Callable[..., Server]]:
    """Start a server for a gallery; all end with the session."""
    with ExitStack() as stack:
        yield lambda gallery, **access: stack.enter_context(
            running(gallery, tmp_path_factory.mktemp("server") / "log.txt", **access)
        )
        time.sleep(POOL_READY)


@pytest.fixture(scope="session")
def server(serving, gallery) -> Server:
    return serving(gallery)


@pytest.fixture(scope="session")
def own_labels(serving, tmp_path_factory) -> Server:
    """Serve a gallery whose visitors have labels of their own, in their browsers."""
    gallery = tiny_gallery(tmp_path_factory.mktemp("own") / "g", num_tiles=80)
    return serving(gallery, labels="visitor")


@pytest.fixture(scope="session")
def chromium() -> Iterator["playwright.Browser"]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = [NO_OTHER_HOST, *(["--no-sandbox"] if as_root else [])]
    with playwright.sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=found, args=flags)
        except playwright.Error as error:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no Chromium: {error}")
        yield browser
        browser.close()


@contextmanager
def visiting(chromium) -> Iterator[Callable[..., Visit]]:
    """Open tabs that can reach nothing but this machine; at the end they must not have tried."""
    visits, contexts = [], []

    def start(*, first_visit: bool = False, **options) -> Visit:
        # Playwright's own waiting compiles text in the page, which the page's policy forbids.
        usual = {"viewport": {"width": 1280, "height": 900}, "bypass_csp": True}
        context = chromium.new_context(**(usual | options))
        contexts.append(context)
        context.add_init_script(QUIET_WHEN_LEAVING)
        if not first_visit:
            context.add_init_script("localStorage.setItem('rsh-toured', 'yes')")
        new = Visit(context.new_page())
        visits.append(new)

        def note(asked):
            url = urlsplit(asked.url)
            if url.scheme in ("http", "https", "ws", "wss") and url.hostname != "127.0.0.1":
                new.outside.append(asked.url)

        # Only looked at: a request that waits for a handler here would wait as long as the test
        # does something else, and what a tab sends while it closes would come too late.
        context.on("request", note)
        new.page.on("websocket", note)
        new.page.on("pageerror", lambda error: new.errors.append(str(error)))
        new.page.on(
            "console", lambda message: message.type == "error" and new.errors.append(message.text)
        )
        return new

    yield start
    errors = [error for new in visits for error in new.errors]
    for page in (new.page for new in visits if not new.page.is_closed()):
        page.close(run_before_unload=True)  # says farewell, so that its kernel ends
    for context in contexts:
        context.close()
    assert [url for new in visits for url in new.outside] == []
    assert errors == []


@pytest.fixture
def visit(chromium) -> Iterator[Callable[..., Visit]]:
    """Open tabs of one test."""
    with visiting(chromium) as start:
        yield start


@pytest.fixture(scope="module")
def visit_of_module(chromium) -> Iterator[Callable[..., Visit]]:
    """Open tabs that several tests of a module share."""
    with visiting(chromium) as start:
        yield start


@pytest.fixture(scope="module")
def opened(visit_of_module, server) -> tuple["playwright.Page", int]:
    """A tab of a whole module, and the query that it opened with."""
    page = open_page(visit_of_module, server)
    return page, query_of(page)


@pytest.fixture
def tab(opened, server) -> "playwright.Page":
    """The module's tab with its first query, for tests that change no setting of the page."""
    page, row = opened
    page.mouse.move(2, 2)
    close_drawer(page)
    show_space(page, "Features")
    go_to(page, server.gallery.items["id"][row])
    wait_for_query(page, row)
    return page
