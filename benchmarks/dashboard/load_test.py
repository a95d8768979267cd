"""How soon does the page answer one visitor, and ten at once, and what is left when they go?

    python -m benchmarks.dashboard.load_test                 all of it, an hour
    python -m benchmarks.dashboard.load_test --max-sessions 0    one visitor: 10,000 and 1 M tiles
    python -m benchmarks.dashboard.load_test --sizes         many at once, 10,000 tiles

The page is served as `rsh dashboard` does and opened in headless Chromium on the same machine,
which can reach nothing else. Two kernels stand ready before anybody comes. Times are taken in the
browser, from its event to the frame that shows the results, as median and 95th percentile. A row is
one JSON line in benchmarks/results/load_test.jsonl; of one visitor:

    open_s              from opening the page until its first cards
    click_ms            from pressing a card until the cards of the new query
    compare_ms          from choosing "unquantized features" until both answers are there
    click_comparing_ms  a card again, until both answers of a comparison are new, too
    bit_ms, pairs_ms    from unfolding "Inspect a bit", "Class confusion"
    kernel_mb           resident memory of the visitor's kernel after the clicks; kernel_why_mb
                        after all the rest

and of many, who come together, press cards for half a minute with 1 to 3 s to look at each answer,
and go together:

    open_s              until the last one has cards, with all browsers on this machine
    open_cpu_s          what the server and its kernels use of a core for it
    click_ms            all clicks of all visitors
    kernels_mb          resident memory of their kernels together; kernels_own_mb counts what they
                        share once
    gone_s              from their going until none of their kernels is left; null if some stay
    kernels_left        kernels that are there then; two stand ready for who comes next

They go in three ways: "killed", the browser dies without a word; "asleep", it stops and keeps its
connections, as a laptop does whose lid is shut; "closed", the tabs say so. cull_s is the bound for
gone_s: how long a kernel may be idle, and until the server misses the pings of those asleep.

errors counts what the browser's console and the page's alerts complained about. load_average is how
busy the machine was before: above 1, others' work is in the figures. missed names each figure that
is over its bar in BARS.
"""

import argparse
import asyncio
import os
import re
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.async_api import Browser, ConsoleMessage, Page, TimeoutError, async_playwright

from benchmarks.common.rows import RESULTS_FOLDER, Row, append
from benchmarks.dashboard.browser import ASK, CHOOSE, UNFOLD
from benchmarks.dashboard.gallery import SEED, make_gallery
from benchmarks.dashboard.server import (
    RETURNING,
    SEALED,
    browser_path,
    kernels_of,
    megabytes,
    missed,
    seconds,
    serve_ours,
    settle,
    spread,
)
from rsh.explorer.server.serve import CULLING, POOL
from rsh.io.provenance import environment

RESULTS = RESULTS_FOLDER / "load_test.jsonl"
SIZES, CROWDED = (10_000, 1_000_000), 10_000
CLICKS, COMPARING = 40, 20
CARDS = 20  # that an answer has
GLANCE = 500  # ms: no one presses a card before seeing it
WANDER, LOOK = 30.0, (1.0, 3.0)  # seconds
PINGS = 150  # seconds in which the server notices that no one answers its pings
FIRST = "document.querySelector('.rsh-results .rsh-cards img')?.naturalWidth > 0"
TAB = ".rsh-dock-tabs [data-name=%s]"
WHY = ("bit", "pairs")  # tabs of the drawer; what matters in a tile needs a network to encode with
WAYS = {"killed": signal.SIGKILL, "asleep": signal.SIGSTOP, "closed": None}
BARS: dict[str, Callable[[Row], float]] = {
    "open_s": lambda row: 3 if row["visitors"] == 1 else np.inf,
    "click_p95_ms": lambda row: (
        1500 if row["visitors"] > 1 else 200 if row["tiles"] <= 10_000 else 300
    ),
    "kernel_mb": lambda row: 250,
    "errors": lambda row: 0,
    "gone_s": lambda row: row["cull_s"],
    "kernels_left": lambda row: POOL,
}


def main(sizes: list[int], visitors: int, ways: list[str], idle: int) -> None:
    """Measure one visitor with each number of tiles, then many."""
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            make_gallery(Path(name) / "gallery", size)
            with serve_ours(Path(name) / "gallery") as (url, server):
                settle(server)
                note({"visitors": 1, "tiles": size}, alone(url, server))
    if not visitors:
        return
    culling = CULLING | {"cull_idle_timeout": idle, "cull_interval": max(idle // 10, 1)}
    with tempfile.TemporaryDirectory() as name:
        make_gallery(Path(name) / "gallery", CROWDED)
        with serve_ours(Path(name) / "gallery", **culling) as (url, server):
            for way in ways:
                settle(server)
                row = {"visitors": visitors, "tiles": CROWDED, "way": way}
                row["cull_s"] = sum(culling.values()) + (PINGS if way == "asleep" else 0)
                note(row, together(url, server, row))


def note(row: Row, measure: Coroutine[Any, Any, Row]) -> None:
    """Measure, and keep the row."""
    row["load_average"] = round(os.getloadavg()[0], 1)
    row |= asyncio.run(measure)
    row["missed"] = missed(row, BARS)
    append(RESULTS, row | {"seed": SEED, "environment": environment()})
    print(*(f"{key}={value}" for key, value in row.items()), flush=True)


async def alone(url: str, server: psutil.Process) -> Row:
    """Measure what one visitor sees."""
    draw = np.random.default_rng(SEED)
    async with chromium() as browser:
        visitor = await Visitor.come(browser)
        page, row = visitor.page, Row(open_s=round(await visitor.open(url), 2))
        row |= spread("click", [await visitor.ask(draw) for _ in range(CLICKS)])
        row["kernel_mb"] = megabytes(visitor.kernels(server))
        await page.click(TAB % "compare")
        side = page.locator(".rsh-compare select")
        compared = await visitor.when(
            CHOOSE, ".rsh-compare-sides", lambda: side.select_option("features")
        )
        row["compare_ms"] = rounded(compared)
        times = [await visitor.ask(draw) for _ in range(COMPARING)]
        row |= spread("click_comparing", times)
        for name in WHY:
            tab = page.locator(TAB % name)
            shown = await visitor.when(UNFOLD, f".rsh-explain-body.is-{name}", tab.click)
            row[f"{name}_ms"] = rounded(shown)
        row["kernel_why_mb"] = megabytes(visitor.kernels(server))
        return row | {"errors": len(visitor.complaints)}


async def together(url: str, server: psutil.Process, row: Row) -> Row:
    """Measure what many visitors see, and what they leave behind."""
    async with chromium() as browser:
        visitors = [await Visitor.come(browser) for _ in range(row["visitors"])]
        used = seconds([server, *kernels_of(server)])
        row["open_s"] = round(max(await asyncio.gather(*(one.open(url) for one in visitors))), 1)
        row["open_cpu_s"] = round(seconds([server, *kernels_of(server)]) - used, 1)
        walks = (one.wander(number) for number, one in enumerate(visitors))
        row |= spread("click", [each for walk in await asyncio.gather(*walks) for each in walk])
        kernels = [each for one in visitors for each in one.kernels(server)]
        row["kernels_mb"] = megabytes(kernels)
        row["kernels_own_mb"] = round(sum(each.memory_full_info().pss for each in kernels) / 1e6)
        complaints = [each for one in visitors for each in one.complaints]
        start = time.perf_counter()
        if number := WAYS[row["way"]]:
            browsers = signal_browsers(number)
        else:
            await asyncio.gather(*(one.page.close(run_before_unload=True) for one in visitors))
            browsers = []
        limit = row["cull_s"] + 30
        _, stay = await asyncio.to_thread(psutil.wait_procs, kernels, timeout=limit)
        row["gone_s"] = None if stay else round(time.perf_counter() - start, 1)
        for each in browsers:
            with suppress(psutil.NoSuchProcess):
                each.kill()
    settle(server)
    return row | {"kernels_left": len(kernels_of(server)), "errors": len(complaints)}


class Visitor:
    """One person's browser window.

    Attributes:
        page: what is open in it.
        complaints: of its console, its scripts and the page's alerts.
        there: whether the page is.
    """

    def __init__(self, page: Page) -> None:
        """Listen to a page that is not open yet."""
        self.page = page
        self.complaints: list[str] = []
        self.there = True
        self._sockets: list[str] = []
        page.set_default_timeout(90_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        page.on("websocket", lambda socket: self._sockets.append(socket.url))

    @classmethod
    async def come(cls, browser: Browser) -> "Visitor":
        """Return a visitor who shares nothing with others but the browser's process."""
        window: Any = {"width": 1280, "height": 900}
        # Playwright's own waiting compiles text in the page, which the page's policy forbids.
        context = await browser.new_context(viewport=window, bypass_csp=True)
        await context.add_init_script(RETURNING)
        return cls(await context.new_page())  # a page without one of its own says no farewell

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.complaints.append(said.text)

    async def open(self, url: str) -> float:
        """Open the page; seconds until the first cards, or until there is no hope of them."""
        start = time.perf_counter()
        await self.page.goto(url)
        try:
            await self.page.wait_for_function(FIRST)
        except TimeoutError as error:
            self.complaints.append(str(error))
            self.there = False
        return time.perf_counter() - start

    async def when(self, watch: str, what: str, act: Callable[[], Awaitable[Any]]) -> float | None:
        """Milliseconds, as the browser counts them, from what is done until something shows it."""
        await self.page.evaluate(watch, what)
        await act()
        shown = await self.page.evaluate("window.shown")
        alerts = await self.page.locator(".rsh-alert:not([hidden])").all_inner_texts()
        self.complaints += alerts + (["no answer"] if shown is None else [])
        return float(shown) if shown is not None else None

    async def ask(self, draw: np.random.Generator) -> float | None:
        """Press one of the cards; milliseconds until those of the new query."""
        card = self.page.locator(".rsh-results .rsh-card").nth(int(draw.integers(CARDS)))
        await self.page.wait_for_timeout(GLANCE)
        await card.scroll_into_view_if_needed()
        return await self.when(ASK, ".rsh-query", card.click)

    async def wander(self, number: int) -> list[float | None]:
        """Press cards and look at the results for a while; milliseconds of each."""
        draw = np.random.default_rng([SEED, number])
        end, times = time.perf_counter() + WANDER, list[float | None]()
        while True:
            await asyncio.sleep(draw.uniform(*LOOK))
            if time.perf_counter() > end:
                return times
            times.append(await self.ask(draw) if self.there else None)

    def kernels(self, server: psutil.Process) -> list[psutil.Process]:
        """Find the process that the page talks to, if it has come so far."""
        found = (re.search(r"/kernels/([\w-]+)", url) for url in self._sockets)
        names = {each[1] for each in found if each}
        return [
            one
            for one in kernels_of(server)
            if any(name in " ".join(one.cmdline()) for name in names)
        ]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start a browser that can reach this machine alone."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=browser_path(), args=SEALED)
        yield browser
        await browser.close()


def signal_browsers(number: signal.Signals) -> list[psutil.Process]:
    """Send a signal to all processes of the browser that was started here."""
    every = psutil.Process().children(recursive=True)
    found = [one for one in every if one.name().startswith("chrom")]
    for one in found:
        one.send_signal(number)
    return found


def rounded(value: float | None) -> int | None:
    """Whole milliseconds."""
    return None if value is None else round(value)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--max-sessions", type=int, default=10)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--idle", type=int, default=CULLING["cull_idle_timeout"], help="seconds")
    chosen = parser.parse_args()
    main(chosen.sizes, chosen.max_sessions, chosen.ways, chosen.idle)
