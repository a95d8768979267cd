"""How far is our loss from every other method, query by query?

    python -m benchmarks.quality.paired          add the rows that are missing
    python -m benchmarks.quality.paired --table  print the tables

All methods answer the same queries with the same split, so they are compared pair by pair. The
interval resamples queries and seeds, since the same tile is a query under several seeds. Average
precisions of single queries come from results/precisions, where methods.py keeps them. One JSON
line a pair in results/paired.jsonl.
"""

import argparse
import hashlib
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, append, read_rows
from benchmarks.quality import methods
from benchmarks.quality.method_rows import BEGUN, precisions_of
from benchmarks.quality.methods_table import COMPARED, NAMES, TITLES, method_of
from rsh.evaluation.protocols import DISJOINT
from rsh.metrics.ranking import bootstrap_interval

RESULTS = RESULTS_FOLDER / "paired.jsonl"
OURS = "multilevel"


def main() -> None:
    """Compare ours with each method that has the same seeds."""
    seeds: dict[tuple[str, str, int, str], dict[int, Row]] = defaultdict(dict)
    for row in read_rows(methods.RESULTS):
        if row["protocol"] == DISJOINT.name and not row.get("unseen"):
            if precisions_of(row):
                seeds[row["data"], row["backbone"], row["bits"], method_of(row)][row["seed"]] = row
    done = {row["key"] for row in read_rows(RESULTS)}
    for (data, backbone, bits, method), theirs in seeds.items():
        ours = seeds.get((data, backbone, bits, OURS), {})
        if method == OURS or not theirs.keys() <= ours.keys():
            continue
        pairs = [(ours[seed], theirs[seed]) for seed in sorted(theirs)]
        networks = "\n".join(row["key"] for pair in pairs for row in pair)
        key = hashlib.sha256(networks.encode()).hexdigest()[:16]
        if key in done:
            continue
        difference, interval = compare(pairs)
        row = {
            "key": key,
            "data": data,
            "protocol": DISJOINT.name,
            "backbone": backbone,
            "bits": bits,
            "method": method,
            "seeds": sorted(theirs),
            "difference": difference,
            "interval": interval,
            "tiles": ours[min(theirs)]["tiles"],
            "commit": BEGUN["revision"],
            "environment": BEGUN,
        }
        append(RESULTS, row)


def compare(pairs: Iterable[tuple[Row, Row]]) -> tuple[float, tuple[float, float]]:
    """Return the mean difference of average precisions, first less second, and its interval."""
    differences, queries, seeds = [], [], []
    for ours, theirs in pairs:
        own, others = precisions_of(ours), precisions_of(theirs)
        assert own and others  # main has looked
        (rows, mine), (_, other) = own, others
        differences.append(mine - other)
        queries.append(rows)
        seeds.append(np.full(len(rows), ours["seed"]))
    every = np.concatenate(differences)
    interval = bootstrap_interval(every, np.concatenate(queries), np.concatenate(seeds))
    return float(np.nanmean(every)), interval


def tables() -> str:
    """Return a table for each data set and backbone: differences in points."""
    found: dict[tuple[str, str], dict[tuple[str, int], Row]] = defaultdict(dict)
    for row in read_rows(RESULTS):  # the last one with most seeds counts
        known = found[row["data"], row["backbone"]].get((row["method"], row["bits"]))
        if known is None or len(row["seeds"]) >= len(known["seeds"]):
            found[row["data"], row["backbone"]][row["method"], row["bits"]] = row
    parts = []
    for (data, backbone), rows in sorted(found.items()):
        lines = [
            (name, *(cell(rows.get((method, bits))) for bits in COMPARED))
            for method, name in NAMES.items()
            if any((method, bits) in rows for bits in COMPARED)
        ]
        counts = {len(row["seeds"]) for row in rows.values()}
        seeds = f"{max(counts)} seeds"
        heads = ["ours less", *(f"{bits} bits" for bits in COMPARED)]
        title = f"**{TITLES[data]}**, `{backbone}` frozen, {seeds}, points of mAP"
        parts.append(f"{title}\n\n{markdown(heads, lines)}")
    return "\n\n".join(parts)


def cell(row: Row | None) -> str:
    """Return a difference and its interval, bold if the interval does not contain 0."""
    if row is None:
        return ""
    low, high = (100 * bound for bound in row["interval"])
    mean = f"{100 * row['difference']:+.2f}"
    mean = f"**{mean}**" if low > 0 or high < 0 else mean
    return f"{mean} ({low:+.2f} to {high:+.2f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", action="store_true", help="print the tables of rows on disk")
    if parser.parse_args().table:
        print(tables())
    else:
        main()
