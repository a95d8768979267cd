"""How soon does a site answer, what does it fetch, and what do 200 visitors cost its host?

    python -m benchmarks.dashboard.site_load             100,000 and 1 M tiles of 64 bits
    python -m benchmarks.dashboard.site_load --sizes 10000000      in coarse lists; 30 GB of disk
    python -m benchmarks.dashboard.site_load --table     print the table of rows on disk

A site is written from the gallery of `gallery.py` and served as plain files on this machine, to
headless Chromium, which keeps nothing between visits. The dashboard of the same gallery is measured
in the same run. A row is one JSON line in benchmarks/results/site_load.jsonl; of one visitor:

    build_s, site_mb    to write the site, and its size
    open_s              from navigation to the first cards, the median of five visits
    open_mb             what the host has sent until the page asks for its dots, as it does when it
                        has all that the first cards show
    click_ms            from pressing a card until the cards of the new query
    click_mb            what a click fetches, on average
    tab_mb              memory of the tab's process after the clicks that it shares with no other,
                        as the browser's own list counts it; tab_all_mb with what it shares
    scan_ms             to compare one code with all in a worker, alone, the median
    native_ms, limit_ms the same by the compiled scan of the dashboard, for the 20 nearest, and by
                        nothing but reading the codes, on one core
    dashboard           open_s, click_ms and kernel_mb of the dashboard
    not_found           of a site in coarse lists, instead of the scan and the dashboard: the share
                        of the nearest 20 tiles that its lists do not hold, as the site states

and of many visitors, who come at once and fetch what the one visitor's browser fetched:

    served_s            until all have all
    served_mb, requests, failed
    host_mb, host_after_mb      resident memory of the host, before and after
    host_cpu_s          what the host uses of a core
    changed             files of the site that differ afterwards

missed names each figure that is over its bar in BARS, which are those of a machine with two cores.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import takewhile
from pathlib import Path

import numpy as np
import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPError

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, append, measure_or_print
from benchmarks.dashboard.gallery import SEED, make_gallery
from benchmarks.dashboard.load_test import CLICKS, Visitor, alone, chromium
from benchmarks.dashboard.server import megabytes, missed, seconds, serve_ours, settle, spread
from benchmarks.dashboard.static_host import Host, Request, hosting
from benchmarks.dashboard.tables import figure, times
from benchmarks.search.peers import PEERS, TOP_K
from benchmarks.search.search import timed
from benchmarks.search.turns import LIMIT
from rsh.codes.binary import Packed
from rsh.config import EXACT_UP_TO
from rsh.explorer.site.build import build_site, bundle_worker
from rsh.explorer.site.checksums import check_site
from rsh.gallery.gallery import Gallery
from rsh.index.scan import ScanIndex
from rsh.io.provenance import environment

RESULTS = RESULTS_FOLDER / "site_load.jsonl"
SIZES, BITS = (100_000, 1_000_000), 64
VISITS, VISITORS = 5, 200
DOTS = ("data/planes.bin", "data/positions.bin")
OF_DASHBOARD = ("open_s", "click_ms", "click_p95_ms", "kernel_mb", "errors")
LARGE = 1_000_000  # tiles
SCANS, AT_ONCE = 101, 10  # browsers' clocks tick in tenths of milliseconds
SCAN = """
self.onmessage = async ({ data: [url, perCode, scans, atOnce] }) => {
  const { CodeScanner } = site_web_scan_js;
  const codes = new Uint32Array(await (await fetch(url)).arrayBuffer());
  const scanner = new CodeScanner(perCode);
  scanner.reserve(codes.length / perCode).set(codes);
  const times = [];
  for (let turn = 0; turn < scans; turn++) {
    const start = performance.now();
    for (let row = turn * atOnce; row < (turn + 1) * atOnce; row++)
      scanner.scan(codes.subarray(row * perCode, (row + 1) * perCode));
    times.push((performance.now() - start) / atOnce);
  }
  self.postMessage(times);
};
"""
IN_WORKER = """(ask) => new Promise((resolve, reject) => {
  const worker = new Worker("scan.js", { type: "module" });
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (error) => reject(new Error(error.message));
  worker.postMessage(ask);
})"""
BARS: dict[str, Callable[[Row], float]] = {
    "open_s": lambda row: 4 if row["tiles"] >= LARGE else 2,
    "open_mb": lambda row: 15,
    "click_p95_ms": lambda row: (
        1000 if row["tiles"] > EXACT_UP_TO else 200 if row["tiles"] >= LARGE else 100
    ),
    "not_found": lambda row: 0.05,
    "tab_mb": lambda row: 350,
    "scan_ms": lambda row: 3,
    "errors": lambda row: 0,
    "failed": lambda row: 0,
    "changed": lambda row: 0,
}


def measure(given: argparse.Namespace) -> None:
    """Measure sites of each size, one visitor and then many."""
    for size in given.sizes:
        with tempfile.TemporaryDirectory() as name:
            gallery, site = Path(name) / "gallery", Path(name) / "site"
            make_gallery(gallery, size, bits=BITS)
            start = time.perf_counter()
            build_site(Gallery.open(gallery), site)
            row: Row = {"visitors": 1, "tiles": size, "bits": BITS}
            row["build_s"] = round(time.perf_counter() - start, 1)
            row["site_mb"] = round(sum(one.stat().st_size for one in site.rglob("*")) / 1e6)
            row["load_average"] = round(os.getloadavg()[0], 1)
            with hosting(site) as host:
                row |= asyncio.run(one_visitor(host))
                visit = host.requests()
            if size > EXACT_UP_TO:
                stated = json.loads((site / "site.json").read_text())["lists"]
                keep(given.results, row | {"not_found": round(1 - stated["recall"], 4)})
                continue
            row |= scans(gallery, site)
            with serve_ours(gallery) as (url, server):
                settle(server)
                dashboard = asyncio.run(alone(url, server))
            row["dashboard"] = {name: dashboard[name] for name in OF_DASHBOARD}
            keep(given.results, row)
            if size == min(given.sizes):
                row = {"visitors": VISITORS, "tiles": size, "bits": BITS}
                with hosting(site) as host:
                    row |= asyncio.run(many_visitors(host, visit))
                row["changed"] = 0 if check_site(site) else 1
                keep(given.results, row)


def keep(file: Path, row: Row) -> None:
    """Compare a row with the bars, and append it."""
    row["missed"] = missed(row, BARS)
    append(file, row | {"seed": SEED, "environment": environment()})
    print(*(f"{key}={value}" for key, value in row.items()), flush=True)


async def one_visitor(host: Host) -> Row:
    """Measure what one visitor sees: visits of new tabs, and clicks in the last one."""
    draw = np.random.default_rng(SEED)
    opened, fetched = list[float](), list[float]()
    async with chromium() as browser:
        for _ in range(VISITS):
            visitor, before = await Visitor.come(browser), len(host.requests())
            opened.append(await visitor.open(host.url))
            asked = host.requests()[before:]
            fetched.append(sent(list(takewhile(lambda one: one.path not in DOTS, asked))))
            if len(opened) < VISITS:
                await visitor.page.context.close()
        await visitor.page.wait_for_timeout(3000)  # what follows the cards
        before = len(host.requests())
        clicks = [await visitor.ask(draw) for _ in range(CLICKS)]
        row: Row = {"open_s": round(statistics.median(opened), 2), "open_mb": max(fetched)}
        row |= spread("click", clicks)
        row["click_mb"] = round(sent(host.requests()[before:]) / CLICKS, 2)
        return row | memory() | {"errors": len(visitor.complaints)}


def scans(gallery: Path, site: Path) -> Row:
    """Measure the scan in a worker, by the dashboard's compiled scan, and the memory's limit."""
    (site / "scan.js").write_text(bundle_worker("scan") + SCAN)
    with hosting(site) as host:
        scan_ms = asyncio.run(scan_in_worker(host))
    (site / "scan.js").unlink()
    return {"scan_ms": scan_ms} | scan_natively(Gallery.open(gallery).packed)


async def scan_in_worker(host: Host) -> float:
    """Return the milliseconds of a scan in a worker, and nothing else of a search."""
    async with chromium() as browser:
        page = await browser.new_page(bypass_csp=True)
        await page.goto(host.url)
        ask = [f"{host.url}data/codes.bin", BITS // 32, SCANS, AT_ONCE]
        return round(float(np.median(await page.evaluate(IN_WORKER, ask))), 2)


def scan_natively(packed: Packed) -> Row:
    """Return the milliseconds of the compiled scan and of the memory's limit."""
    row: Row = {}
    with PEERS[LIMIT].build(packed, BITS) as limit:
        scan = ScanIndex(packed, BITS)
        ways: dict[str, Callable[[Packed], object]] = {
            "native_ms": lambda query: scan.search(query, top_k=TOP_K),
            "limit_ms": limit,
        }
        for name, ask in ways.items():
            seconds = [timed(ask, packed[turn : turn + 1]) for turn in range(SCANS)]
            row[name] = round(1e3 * statistics.median(seconds), 2)
    return row


def sent(requests: list[Request]) -> float:
    """Content that a host has sent, MB."""
    return round(sum(each.size for each in requests) / 1e6, 1)


def memory() -> Row:
    """Memory of the largest tab of the browser that was started here, MB."""
    every = psutil.Process().children(recursive=True)
    tabs = [one for one in every if "--type=renderer" in one.cmdline()]
    tab = max(tabs, key=lambda one: int(one.memory_info().rss))
    return {"tab_mb": round(tab.memory_full_info().uss / 1e6), "tab_all_mb": megabytes([tab])}


async def many_visitors(host: Host, visit: list[Request]) -> Row:
    """Fetch, for each of many visitors at once, what the browser of one has fetched last."""
    starts = [place for place, one in enumerate(visit) if one.path in ("", "index.html")]
    visit = visit[starts[-1] :]
    client = AsyncHTTPClient(force_instance=True, max_clients=VISITORS)
    before, used = megabytes([host.process]), seconds([host.process])
    start = time.perf_counter()
    come = [follow(client, host, visit) for _ in range(VISITORS)]
    failed = sum(await asyncio.gather(*come))
    took = time.perf_counter() - start
    answered = host.requests()
    return {
        "served_s": round(took, 1),
        "served_mb": round(sent(answered)),
        "requests": len(answered),
        "failed": failed,
        "host_mb": before,
        "host_after_mb": megabytes([host.process]),
        "host_cpu_s": round(seconds([host.process]) - used, 1),
    }


async def follow(client: AsyncHTTPClient, host: Host, visit: list[Request]) -> int:
    """Make the requests of a visit in turn; return how many of them failed."""
    failed = 0
    for each in visit:
        headers = {"Range": each.range} if each.range else {}
        fetch = partial(client.fetch, request_timeout=600, connect_timeout=600)
        try:
            answer = await fetch(host.url + each.path, headers=headers)
        except (ConnectionError, HTTPError):
            failed += 1
        else:
            failed += len(answer.body) != each.size
    return failed


ALONE = {
    "one visitor, tiles": figure("tiles"),
    "first cards": figure("open_s", " s"),
    "fetched before": figure("open_mb", " MB"),
    "click to new cards": times("click"),
    "a click fetches": figure("click_mb", " MB"),
    "tab": figure("tab_mb", " MB"),
    "scan / native / limit": lambda row: (
        f"{row['scan_ms']} / {row['native_ms']} / {row['limit_ms']}" if "scan_ms" in row else ""
    ),
    "nearest 20 not found": lambda row: (
        f"{100 * row['not_found']:.1f} %" if "not_found" in row else ""
    ),
    "dashboard: first cards": lambda row: figure("open_s", " s")(row.get("dashboard", {})),
    "click": lambda row: times("click")(row.get("dashboard", {})),
    "kernel": lambda row: figure("kernel_mb", " MB")(row.get("dashboard", {})),
    "site": figure("site_mb", " MB"),
    "written in": figure("build_s", " s"),
}
TOGETHER = {
    "visitors at once, tiles": lambda row: f"{row['visitors']}, {row['tiles']:,}",
    "requests": figure("requests"),
    "failed": figure("failed"),
    "sent": figure("served_mb", " MB"),
    "in": figure("served_s", " s"),
    "of a core": figure("host_cpu_s", " s"),
    "memory of the host": lambda row: f"{row['host_mb']} to {row['host_after_mb']} MB",
}


def tables(rows: list[Row]) -> str:
    """Return a table of single visitors and one of many, from the newest row of each kind."""
    newest = {(row["visitors"] > 1, row["tiles"]): row for row in rows}
    parts = []
    for columns, many in ((ALONE, False), (TOGETHER, True)):
        chosen = [newest[kind] for kind in sorted(newest) if kind[0] == many]
        lines = [[cell(row) for cell in columns.values()] for row in chosen]
        parts.append(markdown(list(columns), lines))
    return "\n\n".join(parts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    measure_or_print(parser, RESULTS, measure=measure, tables=tables)
