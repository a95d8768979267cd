"""How fast is an exact Hamming search, beside its peers and the memory's limit?

    python -m benchmarks.search.search                everything: two hours
    python -m benchmarks.search.search --sizes 10000 --bits 16 64 --systems rsh faiss

All systems run one after another on one core, each in a process of its own, as do the servers they
start; then ours and the bare FAISS call take turns in one process. A query asks for the 20 nearest.
Every row is one JSON line in benchmarks/results/search.jsonl, and what is there already is not
measured again. It takes the libraries of `pip install 'rsh[peers]'`; benchmarks/search/tables.py
makes tables and the plot.
"""

import argparse
import gc
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import faiss
import numpy as np
import psutil

from benchmarks.common.rows import RESULTS_FOLDER, Row, append, read_rows
from benchmarks.search.peers import PEERS, TOP_K, Answer, Build
from rsh.codes.binary import Packed
from rsh.gallery.searcher import IndexSearcher
from rsh.index.base import Hits
from rsh.index.factory import make_index
from rsh.index.flat import FlatIndex
from rsh.io.provenance import environment

RESULTS = RESULTS_FOLDER / "search.jsonl"
SIZES = (10_000, 1_000_000, 10_000_000)
BITS = (16, 32, 64, 128)
CODES = ("clustered", "uniform")
CLUSTERS, FLIPPED = 45, 0.08  # as trained networks leave them: a center a class, few bits astray
QUERIES, SINGLE, ROUNDS = 1000, 21, 3
LONG = 4.0  # seconds that a batch may take; slower systems get fewer queries at once
JUDGED = 50  # queries whose answers are held against the exact ones


def main(sizes: Iterable[int], bits: Iterable[int], codes: Iterable[str], names: list[str]) -> None:
    """Measure what is missing."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # servers that are started inherit it
    faiss.omp_set_num_threads(1)
    for size in sizes:
        for num_bits in bits:
            for kind in codes:
                measure(size, num_bits, kind, names)


def measure(size: int, num_bits: int, kind: str, names: list[str]) -> None:
    """Measure all systems on one set of codes."""
    known = [(row["codes"], row["size"], row["bits"], row["system"]) for row in read_rows(RESULTS)]
    wanted = {
        name: peer
        for name, peer in PEERS.items()
        if name in names and size <= peer.most and (kind, size, num_bits, name) not in known
    }
    if not wanted:
        return
    made = made_codes(size + QUERIES, num_bits, kind)
    gallery, queries = made[:size], made[size:]
    true = in_child(lambda: FlatIndex(gallery, num_bits).search(queries[:JUDGED], top_k=TOP_K))
    for name, peer in wanted.items():
        row = {"codes": kind, "size": size, "bits": num_bits, "system": name}
        row |= in_child(partial(measured, peer.build, gallery, queries, num_bits, true))
        if name == "rsh":
            row |= in_child(lambda: beside_faiss(gallery, queries, num_bits))
        append(RESULTS, row | {"top_k": TOP_K, "seed": 0, "environment": environment()})
        print(*(f"{key}={value}" for key, value in row.items()), flush=True)


def in_child(work: Callable[[], Any]) -> Any:
    """Return what a function returns in a fork of this process, whose memory is as it was before.

    Nothing here may have used FAISS, whose threads do not outlive a fork.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sender.send(work()))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    finally:
        process.join()


def measured(
    build: Build, gallery: Packed, queries: Packed, num_bits: int, true: list[Hits]
) -> Row:
    """Build one system, ask it, and judge what it answers."""
    before, start = memory(), time.perf_counter()
    with build(gallery, num_bits) as ask:
        built, held = time.perf_counter() - start, memory() - before
        ask(queries[:2])
        one = median(ask, [queries[[row]] for row in range(SINGLE)])
        most = int(np.clip(LONG / one, 1, len(queries)))
        many = median(ask, [queries[:most]] * ROUNDS)
        answers = [answer for row in range(len(true)) for answer in ask(queries[[row]])]
    return {
        "build_seconds": round(built, 3),
        "memory_mb": round(held / 1e6, 1),
        "batch_1_ms": round(1e3 * one, 4),
        "batch": most,
        "batch_ms": round(1e3 * many / most, 4),
    } | judged(gallery, queries, answers, true)


def judged(gallery: Packed, queries: Packed, answers: list[Answer], true: list[Hits]) -> Row:
    """Say how much of the nearest was found, and whether in the order (distance, id).

    Of ties for the last places, one is as good as another.
    """
    if not len(answers[0][0]):  # the memory's limit answers nothing
        return {"recall": None, "in_order": None}
    shares, ordered = [], []
    for query, (ids, _), (best, distances) in zip(queries, answers, true, strict=False):
        found = np.bitwise_count(gallery[ids.astype(np.int64)] ^ query).sum(axis=1)
        shares.append(np.count_nonzero(found <= distances[-1]) / len(distances))
        ordered.append(np.array_equal(ids, best))
    return {"recall": round(float(np.mean(shares)), 4), "in_order": all(ordered)}


def beside_faiss(gallery: Packed, queries: Packed, num_bits: int) -> Row:
    """Let our call and the bare one of padded FAISS take turns."""
    index = IndexSearcher(make_index(gallery, num_bits), rows := np.arange(len(gallery)), rows)
    row: Row = {}
    with PEERS["FAISS Flat, padded"].build(gallery, num_bits) as bare:
        for batch, turns in ((1, 5 * SINGLE), (len(queries), ROUNDS)):
            part = queries[:batch]
            seconds = [
                (timed(lambda q: index.search(q, top_k=TOP_K), part), timed(bare, part))
                for _ in range(turns)
            ]
            ours, theirs = (statistics.median(each) for each in zip(*seconds, strict=True))
            row[f"batch_{batch}_times_faiss"] = round(ours / theirs, 3)
    return row


def timed(ask: Callable[[Packed], Any], queries: Packed) -> float:
    """Return the seconds that some queries take."""
    start = time.perf_counter()
    ask(queries)
    return time.perf_counter() - start


def median(ask: Callable[[Packed], list[Answer]], questions: list[Packed]) -> float:
    """Return the median of the seconds that the questions take."""
    return statistics.median([timed(ask, question) for question in questions])


def memory() -> int:
    """Return the bytes that this process and its servers hold."""
    gc.collect()
    process = psutil.Process()
    return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)])


def made_codes(count: int, num_bits: int, kind: str) -> Packed:
    """Draw codes around centers, or at random."""
    draw = np.random.default_rng(0)
    width = num_bits // 8
    if kind == "uniform":
        return draw.integers(0, 256, (count, width), dtype=np.uint8)
    centers = draw.integers(0, 256, (CLUSTERS, width), dtype=np.uint8)
    made = centers[draw.integers(CLUSTERS, size=count)]
    for start in range(0, count, 10**6):
        part = made[start : start + 10**6]
        part ^= np.packbits(draw.random((len(part), num_bits), np.float32) < FLIPPED, axis=1)
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--bits", type=int, nargs="+", default=BITS)
    parser.add_argument("--codes", choices=CODES, nargs="+", default=CODES)
    parser.add_argument("--systems", choices=PEERS, nargs="+", default=list(PEERS))
    given = parser.parse_args()
    main(given.sizes, given.bits, given.codes, given.systems)
