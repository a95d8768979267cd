"""How much do wrong and missing labels cost our loss and the best baselines?

    RSH_DATA=folder python -m benchmarks.quality.label_noise --data ucmd    add missing rows
    python -m benchmarks.quality.label_noise --table                        print the tables

A share of the training labels is replaced by another class, drawn at random; or only some labels
are kept and the other tiles left out. Codes of 32 bits, backbone frozen, settings as in methods.py.
Queries and the searched tiles keep their true classes. One JSON line a network in
results/label_noise.jsonl; a row that is there is not made again.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, read_rows
from benchmarks.quality.method_rows import ALL_LABELS, DATA, HEAD, Job, run_rows
from benchmarks.quality.methods_table import NAMES, TITLES

RESULTS = RESULTS_FOLDER / "label_noise.jsonl"
METHODS = ("multilevel", "supcon", "greedyhash", "hashnet", "orthohash")
NOISE = (0.0, 0.05, 0.1, 0.2, 0.3)
LABELS = ("1", "5", "10", "10%")
BITS = 32


def jobs(given: argparse.Namespace) -> Iterator[Job]:
    """Yield the rows that were asked for."""
    for seed, data, method in product(given.seeds, given.data, given.methods):
        job = Job(data, DATA[data], method, BITS, seed, replace(HEAD, seed=seed))
        for noise in NOISE:
            yield replace(job, noise=noise)
        for labels in LABELS:
            yield replace(job, labels=labels, others=False)


def tables(rows: list[Row]) -> str:
    """Return a table for each data set and question."""
    parts = []
    for data in dict.fromkeys(row["data"] for row in rows):
        mine = [row for row in rows if row["data"] == data]
        wrong = [("noise", noise, f"{noise:.0%} wrong") for noise in NOISE]
        few = [("labels", labels, amount(labels)) for labels in LABELS]
        for columns in (wrong, few):
            lines = [(NAMES[method], *cells(mine, method, columns)) for method in METHODS]
            lines = [line for line in lines if any(line[1:])]
            seeds = len({row["seed"] for row in mine})
            title = f"**{TITLES[data]}**, {BITS} bits, mAP in %, {seeds} seeds"
            parts.append(f"{title}\n\n{markdown(['labels', *(c[2] for c in columns)], lines)}")
    return "\n\n".join(parts)


def amount(labels: str) -> str:
    """Say how many labels are kept."""
    return f"{labels} a class" if labels.isdigit() else f"{labels.replace('%', ' %')} of all"


def cells(rows: list[Row], method: str, columns: Sequence[tuple[str, object, str]]) -> list[str]:
    """Return mean and spread over seeds of each column."""
    found: dict[tuple[str, object], list[float]] = defaultdict(list)
    for row in rows:
        if row["method"] == method:
            about = "noise" if row["labels"] == ALL_LABELS else "labels"
            found[about, row[about]].append(100 * row["map"])
    return [mean(found[about, value]) for about, value, _ in columns]


def mean(values: Sequence[float]) -> str:
    """Return mean and spread."""
    if not values:
        return ""
    spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{spread}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print the tables of rows on disk")
    given = parser.parse_args()
    if given.table:
        print(tables(read_rows(given.results)))
    else:
        run_rows(jobs(given), given.results)
