"""Does the page hold when twenty visitors come and go for half an hour?

    make gallery && .venv/bin/rsh export-onnx runs/bluemarble-64
    python -m benchmarks.dashboard.soak    takes 35 minutes; draws docs/images/soak.png

The page is served as `rsh dashboard` does. Each visitor opens it in headless Chromium on the same
two cores, presses cards with 2 to 8 s to look at each answer, now and then brings an image, leaves
after half a minute to three minutes, and a user else comes. Every five seconds is noted what the
server and its processes hold. A row is one line in benchmarks/results/soak.jsonl:

    click_ms          median and 95th percentile of all clicks; click_p95_by_minute as it went on
    visits, uploads   how many there were; errors counts what browsers and alerts complained about
    server_mb         resident memory of the server at the end
    server_slope      MB a minute by which it grew, a line through the time after WARM minutes
    kernels_most      processes for visitors at once, kernels_left when all have gone
    files_most        open files and connections of the server at once, files_left at the end
    series            what was noted: seconds, server MB, MB of all its processes, kernels, files
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.async_api import Browser

from benchmarks.common.rows import RESULTS_FOLDER, ROOT, Row, append
from benchmarks.dashboard.gallery import SEED
from benchmarks.dashboard.load_test import Visitor, chromium
from benchmarks.dashboard.server import kernels_of, megabytes, serve_ours, settle, spread
from rsh.explorer.server.serve import POOL
from rsh.gallery.gallery import Gallery
from rsh.io.provenance import environment

RESULTS = RESULTS_FOLDER / "soak.jsonl"
IMAGE = ROOT / "docs" / "images" / "soak.png"
GALLERY = Path("galleries/bluemarble-64")
LOOK, STAY = (2.0, 8.0), (30.0, 180.0)  # seconds
BRINGS = 0.03  # of what a visitor does is to bring an image
EVERY = 5.0  # seconds
HEARS = 30.0  # seconds, until a farewell is given up
WARM = 3.0  # minutes until every visitor has come once
INPUT = ".rsh-upload input[type=file]"
FOUND = '.rsh-query[data-row="-1"]'


class Soak:
    """What happens, as it is noted.

    Attributes:
        clicks: (seconds since the start, milliseconds or None) of each.
        series: what the server holds, now and then.
        complaints: of browsers and pages.
    """

    def __init__(self, url: str, server: psutil.Process, gallery: Gallery, minutes: float) -> None:
        """Begin the time."""
        self.url, self.server, self.gallery = url, server, gallery
        self.start, self.seconds = time.perf_counter(), 60 * minutes
        self.clicks: list[tuple[float, float | None]] = []
        self.series: list[Row] = []
        self.complaints: list[str] = []
        self.visits, self.uploads = 0, 0

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.start

    async def place(self, browser: Browser, number: int) -> None:
        """One visitor after the other, until the time is over."""
        draw = np.random.default_rng([SEED, number])
        await asyncio.sleep(float(draw.uniform(0, 60)))
        while self.now < self.seconds:
            visitor = await Visitor.come(browser)
            self.visits += 1
            await visitor.open(self.url)
            leaves = min(self.now + float(draw.uniform(*STAY)), self.seconds)
            while visitor.there and self.now < leaves:
                await asyncio.sleep(float(draw.uniform(*LOOK)))
                await self.act(visitor, draw)
            self.complaints += visitor.complaints
            await self.farewell(visitor)

    async def farewell(self, visitor: Visitor) -> None:
        """Close the page; its browser, and with it all connections, when the server has heard."""
        kernels = visitor.kernels(self.server)
        await visitor.page.close(run_before_unload=True)
        await asyncio.to_thread(psutil.wait_procs, kernels, timeout=HEARS)
        await visitor.page.context.close()

    async def act(self, visitor: Visitor, draw: np.random.Generator) -> None:
        """Press a card, or bring an image."""
        if draw.random() < BRINGS:
            data = self.gallery.thumbnail(int(draw.integers(len(self.gallery))))
            file: Any = {"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": data}
            await visitor.page.set_input_files(INPUT, file)
            await visitor.page.wait_for_selector(FOUND)
            self.uploads += 1
        else:
            self.clicks.append((self.now, await visitor.ask(draw)))

    async def watch(self) -> None:
        """Note what the server holds."""
        while True:
            with self.server.oneshot():
                files = self.server.num_fds()
                own = megabytes([self.server])
            every = [self.server, *self.server.children(recursive=True)]
            kernels = len(kernels_of(self.server))
            row = {"s": round(self.now), "server_mb": own, "all_mb": sum(alive(every))}
            self.series.append(row | {"kernels": kernels, "files": files})
            await asyncio.sleep(EVERY)

    def by_minute(self) -> Iterator[int]:
        """Yield the 95th percentile of the clicks of each minute, milliseconds."""
        for minute in range(int(self.seconds // 60)):
            some = [ms for at, ms in self.clicks if ms is not None and at // 60 == minute]
            if some:
                yield round(float(np.percentile(some, 95)))


def alive(processes: list[psutil.Process]) -> Iterator[int]:
    """Yield the memory of those that are still there, MB."""
    for one in processes:
        try:
            yield megabytes([one])
        except psutil.NoSuchProcess:
            continue


async def soak(held: Soak, visitors: int) -> None:
    """Let visitors come and go."""
    async with chromium() as browser:
        watching = asyncio.create_task(held.watch())
        await asyncio.gather(*(held.place(browser, number) for number in range(visitors)))
        watching.cancel()
        await asyncio.to_thread(settle, held.server)  # the last farewells are still under way


def slope(series: list[Row], what: str) -> float:
    """By how much something grew after the warm-up, a minute."""
    late = [(row["s"] / 60, row[what]) for row in series if row["s"] >= 60 * WARM]
    if len(late) < 3:
        return float("nan")
    minutes, values = np.array(late).T
    return round(float(np.polyfit(minutes, values, 1)[0]), 2)


def main(folder: Path, visitors: int, minutes: float) -> None:
    """Measure, keep the row, draw it."""
    gallery = Gallery.open(folder)
    with serve_ours(folder) as (url, server):
        settle(server)
        held = Soak(url, server, gallery, minutes)
        asyncio.run(soak(held, visitors))
        left = {"kernels_left": len(kernels_of(server)), "files_left": server.num_fds()}
    row: Row = {"visitors": visitors, "minutes": minutes, "tiles": len(gallery)}
    row |= spread("click", [ms for _, ms in held.clicks]) | left
    row |= {"clicks": len(held.clicks), "click_p95_by_minute": list(held.by_minute())}
    row |= {"visits": held.visits, "uploads": held.uploads, "errors": len(held.complaints)}
    row |= {"server_mb": held.series[-1]["server_mb"], "pool": POOL}
    row |= {"server_slope": slope(held.series, "server_mb")}
    row |= {f"{what}_most": max(one[what] for one in held.series) for what in ("kernels", "files")}
    print(*(f"{key}={value}" for key, value in row.items()), *held.complaints[:5], sep="\n")
    append(RESULTS, row | {"series": held.series, "seed": SEED, "environment": environment()})
    draw(row, held.series)


def draw(row: Row, series: list[Row]) -> None:
    """Draw one row as an image."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.4), layout="constrained")
    panels = figure.subplots(3, sharex=True)
    minutes = [one["s"] / 60 for one in series]
    panels[0].plot(minutes, [one["server_mb"] for one in series], label="the server itself")
    panels[0].plot(minutes, [one["all_mb"] / 10 for one in series], label="all processes, a tenth")
    panels[0].set(ylabel="memory, MB", ylim=(0, None))
    panels[1].plot(minutes, [one["kernels"] for one in series], label="kernels")
    panels[1].plot(minutes, [one["files"] / 10 for one in series], label="open files, a tenth")
    panels[1].set(ylabel="number", ylim=(0, None))
    found = row["click_p95_by_minute"]
    middles = [0.5 + minute for minute in range(len(found))]
    panels[2].plot(middles, found, marker="o", label="click to new cards, 95th percentile")
    panels[2].set(xlabel="minutes", ylabel="ms", ylim=(0, None))
    for panel in panels:
        panel.legend(frameon=False, loc="lower right")
        panel.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"{row['visitors']} visitors on two cores: {row['visits']} visits, {row['clicks']:,} clicks"
    )
    figure.savefig(IMAGE, dpi=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gallery", type=Path, nargs="?", default=GALLERY)
    parser.add_argument("--max-sessions", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=30)
    chosen = parser.parse_args()
    main(chosen.gallery, chosen.visitors, chosen.minutes)
