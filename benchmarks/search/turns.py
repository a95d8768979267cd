"""How far is the compiled scan from the memory's limit, and from FAISS, on this processor?

    python -m benchmarks.search.turns                 measures, one row a set of codes: a minute
    python -m benchmarks.search.turns --table         prints Markdown

The scan, FAISS's exact search and the limit take turns in one process on one core, and a query asks
for the 20 nearest; the ratios are those of medians. "Cold" means that other data passed through the
cache before each query. The limit reads every code once, cold or not. NUMBA_CPU_NAME=znver3 and
NUMBA_CPU_FEATURES=+avx2,+popcnt compile the scan for a processor without AVX-512; rows name the
processor and what the scan was compiled for. One JSON line a row in results/scan.jsonl.
"""

import argparse
import os
import statistics
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from llvmlite.binding import get_host_cpu_features, get_host_cpu_name

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, append, read_rows
from benchmarks.search.peers import PEERS, TOP_K
from benchmarks.search.processor import processor
from benchmarks.search.search import made_codes, timed
from rsh.codes.binary import Packed
from rsh.index.scan import ScanIndex
from rsh.io.provenance import environment

RESULTS = RESULTS_FOLDER / "scan.jsonl"
SIZES, BITS, SEED = (1_000_000, 10_000_000), (32, 64, 128), 0
TURNS = {1_000_000: 201, 10_000_000: 41}
OTHER_DATA = np.ones(128 << 20, np.uint8)  # larger than a cache
PEER, LIMIT = "FAISS Flat, padded", "memory's limit"


def main(results: Path) -> None:
    """Measure every set of codes."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    faiss.omp_set_num_threads(1)
    for size in SIZES:
        for num_bits in BITS:
            made = made_codes(size + TURNS[size], num_bits, "clustered")
            row = {"codes": "clustered", "size": size, "bits": num_bits} | in_turns(
                made[:size], made[size:], num_bits
            )
            append(results, row | {"top_k": TOP_K, "seed": SEED, **built_for()})
            print(row, flush=True)


def in_turns(gallery: Packed, queries: Packed, num_bits: int) -> Row:
    """Return the median milliseconds of each, and the ratios."""
    scan = ScanIndex(gallery, num_bits)
    row: Row = {"turns": len(queries)}
    with (
        PEERS[PEER].build(gallery, num_bits) as bare,
        PEERS[LIMIT].build(gallery, num_bits) as limit,
    ):
        ways: dict[str, Any] = {
            "scan": lambda query: scan.search(query, top_k=TOP_K),
            "faiss": bare,
            "limit": limit,
        }
        for state in ("warm", "cold"):
            seconds: dict[str, list[float]] = {name: [] for name in ways}
            for query in queries[:, None]:
                for name, ask in ways.items():
                    if state == "warm":
                        ask(query)  # its codes are in the cache as far as they fit
                    else:
                        np.bitwise_or.reduce(OTHER_DATA)
                    seconds[name].append(timed(ask, query))
            medians = {name: statistics.median(each) for name, each in seconds.items()}
            row |= {f"{state}_{name}_ms": round(1e3 * each, 4) for name, each in medians.items()}
            for other in ("limit", "faiss"):
                row[f"{state}_times_{other}"] = round(medians["scan"] / medians[other], 3)
    return row


def built_for() -> Row:
    """Return processor, what numba compiles for, and versions."""
    forced_name = os.environ.get("NUMBA_CPU_NAME")
    forced_features = os.environ.get("NUMBA_CPU_FEATURES")
    words = (forced_features or get_host_cpu_features().flatten()).split(",")
    vectors = "AVX-512" if "+avx512vpopcntdq" in words else "AVX2" if "+avx2" in words else "other"
    return {
        "processor": processor(),
        "compiled_for": forced_name or get_host_cpu_name(),
        "vectors": vectors,
        "forced": bool(forced_name or forced_features),
        "environment": environment(),
    }


def table(rows: list[Row]) -> str:
    """Return a line a processor and set of codes, from the newest row of each."""
    newest = {
        (row["processor"], row["compiled_for"], row["vectors"], row["size"], row["bits"]): row
        for row in rows
    }
    lines = []
    for row in newest.values():
        cells = [
            f"{row[f'{state}_scan_ms']:.3g} ms: {row[f'{state}_times_limit']:.2f}, "
            f"{row[f'{state}_times_faiss']:.2f}"
            for state in ("warm", "cold")
        ]
        name = f"{row['processor']}, {row['compiled_for']}, {row['vectors']}"
        lines.append([name, f"{row['size']:,}", str(row["bits"]), *cells])
    return markdown(["processor", "codes", "bits", "cached codes", "after other data"], lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.table:
        print(table(read_rows(given.results)))
    else:
        main(given.results)
