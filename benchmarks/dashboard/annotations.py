"""How long does it take to label, to see what others labeled, and to open a long log of labels?

    python -m benchmarks.dashboard.annotations 10000 1000000
    python -m benchmarks.dashboard.annotations --table

For each number of tiles a gallery is written, and then labeled by five visitors: single tiles,
sets of twenty, a lasso of at most 100,000 tiles each 2,500 events, and undo now and then. One JSON
line in results/annotations.jsonl: medians, 95th percentiles and, of opening, the least of five, in
milliseconds of the clock and, where it says so, of the processor; and the memory that the log
takes in a process that has opened the gallery.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, append, read_rows
from benchmarks.dashboard.gallery import make_gallery
from benchmarks.search.processor import processor
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.annotations.store import ANNOTATIONS, AnnotationStore
from rsh.gallery.gallery import Gallery
from rsh.io.provenance import environment

RESULTS = RESULTS_FOLDER / "annotations.jsonl"
PAIRS = ("give_ms", "news_of_one_ms", "no_news_ms")  # median and 95th percentile
LASSO, SEED, CLICKS = 100_000, 0, 200
VISITORS = [Visitor(f"v{number}", f"Visitor {number}") for number in range(5)]


def main(sizes: list[int], events: int, results: Path) -> None:
    """Measure each size, print the rows and keep them."""
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "gallery"
            make_gallery(folder, size)
            row = {"tiles": size, "events": events} | clicks(folder) | log(folder, events)
        row |= {"seed": SEED, "processor": processor(), "environment": environment()}
        append(results, row)
        print(row)


def clicks(folder: Path) -> dict[str, Any]:
    """Time what a visitor does, while a second page looks on."""
    opened = Gallery.open(folder)
    store, other = opened.annotations, AnnotationStore.open(opened)
    draw, ana = np.random.default_rng(SEED), VISITORS[0]
    lasso = draw.choice(len(opened), min(LASSO, len(opened)), replace=False)
    opened.classes  # noqa: B018  of the page's start
    gives, news, nothing = [], [], []
    for number in range(CLICKS):
        row = [int(draw.integers(len(opened)))]
        gives.append(timed(partial(store.give_class, row, f"class {number % 9}", by=ana)))
        news.append(timed(other.refresh))
        nothing.append(timed(other.refresh))
    key = store.create_set("to check", by=ana).key
    put = timed(lambda: store.put(key, lasso, by=ana))
    return {
        "give_ms": percentiles(gives),
        "news_of_one_ms": percentiles(news),
        "no_news_ms": percentiles(nothing),
        "lasso_tiles": len(lasso),
        "lasso_ms": put,
        "lasso_undo_and_read_ms": timed(lambda: (store.undo(by=ana), store.state.given)),
    }


def log(folder: Path, events: int) -> dict[str, Any]:
    """Write a long log, and time what opens it."""
    (folder / ANNOTATIONS).unlink()
    opened = Gallery.open(folder)
    store, draw, count = opened.annotations, np.random.default_rng(SEED), len(opened)
    key = store.create_set("to check", by=Visitor("owner")).key
    for number in range(1, events):
        visitor = VISITORS[number % len(VISITORS)]
        if number % 2500 == 2499:
            rows = draw.choice(count, min(LASSO, count), replace=False)
            store.give_class(rows, "sea", by=visitor)
        elif number % 10 == 9:
            store.put(key, draw.choice(count, 20, replace=False), by=visitor)
        elif number % 97 == 5:
            store.undo(by=visitor)
        else:
            store.give_class([int(draw.integers(count))], f"class {number % 12}", by=visitor)
    ask = [sys.executable, "-m", "benchmarks.dashboard.annotations", "--open", str(folder)]
    done = subprocess.run(ask, capture_output=True, text=True, check=True)
    opening: dict[str, Any] = json.loads(done.stdout)
    return {"log_bytes": (folder / ANNOTATIONS).stat().st_size} | opening


def opening(folder: Path) -> dict[str, Any]:
    """Open a gallery and its log in a process of their own, and time both."""
    start = time.perf_counter()
    opened = Gallery.open(folder)
    gallery_ms, before = 1000 * (time.perf_counter() - start), memory()
    store = opened.annotations
    found = store.state.given, store.state.sets
    after, clock, cpu = memory(), [], []
    for _ in range(5):
        start, start_cpu = time.perf_counter(), time.process_time()
        AnnotationStore.open(opened)
        clock.append(1000 * (time.perf_counter() - start))
        cpu.append(1000 * (time.process_time() - start_cpu))
    return {
        "statements": store.state.num_statements,
        "open_ms": round(min(clock), 1),
        "open_processor_ms": round(min(cpu), 1),
        "open_gallery_ms": round(gallery_ms, 1),
        "memory_mb": round(after - before, 1),
        "classes": len(found[0].names),
    }


def table(rows: list[Row]) -> str:
    """Give each number of tiles a line, from its newest row."""
    heads = [
        *("tiles", "give one tile a class", "see what another gave", "see that there is nothing"),
        *("put a lasso into a set", "undo it", "open the log", "of that, processor"),
        *("log", "tiles that its events name"),
    ]
    newest = {row["tiles"]: row for row in rows}
    lines = [
        [
            f"{size:,}",
            *(f"{row[name][0]:g} / {row[name][1]:g} ms" for name in PAIRS),
            f"{row['lasso_ms']:.0f} ms ({row['lasso_tiles']:,} tiles)",
            f"{row['lasso_undo_and_read_ms']:.0f} ms",
            f"{row['open_ms']:,.0f} ms ({row['events']:,} events)",
            f"{row['open_processor_ms']:.0f} ms",
            f"{row['log_bytes'] / 1e6:.1f} MB",
            f"{row['statements']:,}",
        ]
        for size, row in sorted(newest.items())
    ]
    return markdown(heads, lines)


def memory() -> float:
    """Return the memory of this process, MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def timed(act: Callable[[], object]) -> float:
    """Return how long something takes, ms."""
    start = time.perf_counter()
    act()
    return round(1000 * (time.perf_counter() - start), 2)


def percentiles(times: list[float]) -> list[float]:
    """Return the median and the 95th percentile."""
    return [round(statistics.median(times), 2), round(float(np.percentile(times, 95)), 2)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--open", type=Path, help="a gallery with a log, to be timed alone")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--results", type=Path, default=RESULTS)
    words = parser.parse_args()
    if words.table:
        print(table(read_rows(words.results)))
    elif words.open:
        print(json.dumps(opening(words.open)))
    else:
        main(words.sizes, words.events, words.results)
