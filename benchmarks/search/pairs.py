"""How long does it take to find all near pairs of codes, beside comparing all of them?

    python -m benchmarks.search.pairs            measures what is missing: some minutes
    python -m benchmarks.search.pairs --table    prints Markdown

Pairs of 64-bit codes at most 2 bits apart, on two cores: our join, our compiled loop over all
pairs, and FAISS's range search of every code, one after the other in one process. FAISS takes part
of a million codes as queries, and its time is scaled. All must find the same pairs. Uniform codes
have planted pairs, of which one code is the other with up to two bits flipped; clustered codes lie
around 45 centers; skewed ones are the signs of few directions, so that bits depend on one another
and most are far from balanced. One JSON line a row in results/pairs.jsonl.
"""

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import faiss
import numpy as np

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, append, read_rows
from benchmarks.search.processor import processor
from benchmarks.search.search import in_child, made_codes
from rsh.codes.binary import Packed, as_words
from rsh.codes.distinct import DistinctCodes
from rsh.index import pairs
from rsh.index.blocks import choose_blocks
from rsh.index.flat import pad
from rsh.io.provenance import environment

RESULTS = RESULTS_FOLDER / "pairs.jsonl"
SIZES, NUM_BITS, RADIUS, SEED = (100_000, 1_000_000), 64, 2, 0
PLANTED = 0.01  # of the uniform codes
DIRECTIONS, GROUPS, SPREAD = 8, 20, 0.7  # of skewed codes
COMPARED = 10**10  # pairs that FAISS compares
THREADS = 2


def main(results: Path) -> None:
    """Measure every set of codes."""
    done = {(row["codes"], row["size"]) for row in read_rows(results)}
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    for size in SIZES:
        for kind, make in CODES.items():
            if (kind, size) in done:
                continue
            row = {"codes": kind, "size": size, "bits": NUM_BITS, "radius": RADIUS}
            row |= in_child(partial(measure, make, size))
            row |= {"threads": THREADS, "seed": SEED, "processor": processor()}
            append(results, row | {"environment": environment()})
            print(row, flush=True)


def measure(make: Callable[[int], Packed], size: int) -> Row:
    """Return times and numbers for one set of codes."""
    packed = make(size)
    list(join(DistinctCodes.fold(packed[:1000])))  # compiled now, not while time is taken
    codes, row = timed("fold", lambda: DistinctCodes.fold(packed))
    blocks, times = timed(
        "plan", lambda: choose_blocks(codes.packed, None, NUM_BITS, radius=RADIUS)
    )
    row |= times | {"distinct": len(codes), "blocks": len(blocks)}
    found, times = timed("join", lambda: join(codes))
    row |= times | {"pairs": len(found)}
    nothing = as_words(packed[:0])
    with mock.patch.object(pairs, "choose_blocks", lambda *_, **__: nothing):
        every, times = timed("compare_all", lambda: join(codes))
    row |= times | {"same_as_all": np.array_equal(np.sort(found), np.sort(every))}
    return row | beside_faiss(codes, found)


def join(codes: DistinctCodes) -> np.ndarray:
    """Return all near pairs, each as one number."""
    portions = pairs.near_pairs(codes, num_bits=NUM_BITS, radius=RADIUS)
    parts = [portion.first * len(codes) + portion.second for portion in portions]
    return np.concatenate([np.empty(0, np.int64), *parts])


def beside_faiss(codes: DistinctCodes, found: np.ndarray) -> Row:
    """Let FAISS search around as many codes as it has time for, and compare what it finds."""
    faiss.omp_set_num_threads(THREADS)
    packed = pad(codes.packed)
    index: Any = faiss.IndexBinaryFlat(packed.shape[1] * 8)
    index.add(packed)
    queries = min(len(codes), COMPARED // len(codes))
    (limits, _, rows), row = timed(
        "faiss", lambda: index.range_search(packed[:queries], RADIUS + 1)
    )
    query = np.repeat(np.arange(queries), np.diff(limits.astype(np.int64)))
    theirs = query * len(codes) + rows
    ours = found[found // len(codes) < queries]
    same = np.array_equal(np.sort(ours), np.sort(theirs[rows > query]))
    return row | {"faiss_queries": queries, "same_as_faiss": same}


def timed(name: str, work: Callable[[], Any]) -> tuple[Any, Row]:
    """Return what a function returns, and its seconds by the clock and of the processor."""
    start, used = time.perf_counter(), time.process_time()
    found = work()
    clock, processor_time = time.perf_counter() - start, time.process_time() - used
    return found, {f"{name}_s": round(clock, 3), f"{name}_cpu_s": round(processor_time, 3)}


def uniform(size: int) -> Packed:
    """Draw codes at random, and plant pairs."""
    draw = np.random.default_rng(SEED)
    packed = made_codes(size, NUM_BITS, "uniform")
    count = int(PLANTED * size)
    flips = np.zeros((count, NUM_BITS), bool)
    for _ in range(RADIUS):
        flips[np.arange(count), draw.integers(NUM_BITS, size=count)] = True
    packed[:count] = packed[count : 2 * count] ^ np.packbits(flips, axis=1)
    return packed


def clustered(size: int) -> Packed:
    """Draw codes around centers, as trained networks leave them."""
    return made_codes(size, NUM_BITS, "clustered")


def skewed(size: int) -> Packed:
    """Draw signs of few directions with thresholds far from the middle."""
    draw = np.random.default_rng(SEED)
    axes = draw.normal(size=(DIRECTIONS, NUM_BITS)).astype(np.float32)
    thresholds = 2 * draw.normal(size=NUM_BITS).astype(np.float32)
    centers = 2 * draw.normal(size=(GROUPS, DIRECTIONS)).astype(np.float32)
    parts = []
    for start in range(0, size, 10**5):
        count = min(10**5, size - start)
        noise = draw.normal(size=(count, DIRECTIONS)).astype(np.float32)
        points = centers[draw.integers(GROUPS, size=count)] + SPREAD * noise
        parts.append(np.packbits(points @ axes > thresholds, axis=1))
    return np.concatenate(parts)


CODES: dict[str, Callable[[int], Packed]] = {
    "uniform": uniform,
    "clustered": clustered,
    "skewed": skewed,
}


def table(rows: list[Row]) -> str:
    """Return a line for each set of codes."""
    lines = []
    for row in rows:
        scale = row["distinct"] / row["faiss_queries"]
        ours = row["fold_cpu_s"] + row["join_cpu_s"]
        theirs = [row["compare_all_cpu_s"], row["faiss_cpu_s"] * scale]
        lines.append([
            row["codes"], f"{row['size']:,}", f"{row['distinct']:,}", f"{row['pairs']:,}",
            row["blocks"], f"{row['fold_s'] + row['join_s']:.1f} s", f"{ours:.1f} s",
            *(f"{each:,.1f} s" for each in theirs), f"{theirs[1] / ours:,.0f}",
        ])  # fmt: skip
    heads = ["codes", "number", "distinct", "pairs", "blocks", "join, by the clock", "join, cores"]
    heads += ["all pairs, compiled", "all pairs, FAISS", "FAISS / join"]
    return markdown(heads, lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", action="store_true", help="print Markdown and measure nothing")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.table:
        print(table(read_rows(given.results)))
    else:
        main(given.results)
