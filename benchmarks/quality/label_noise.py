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

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, measure_or_print
from benchmarks.quality.label_free import SHARES
from benchmarks.quality.label_free_tables import amount, mean
from benchmarks.quality.method_rows import ALL_LABELS, DATA, HEAD, Job, run_rows
from benchmarks.quality.methods_table import NAMES, TITLES

RESULTS = RESULTS_FOLDER / "label_noise.jsonl"
METHODS = ("multilevel", "supcon", "greedyhash", "hashnet", "orthohash")
NOISE = (0.0, 0.05, 0.1, 0.2, 0.3)
BITS = 32


def jobs(given: argparse.Namespace) -> Iterator[Job]:
    """Yield the rows that were asked for."""
    for seed, data, method in product(given.seeds, given.data, given.methods):
        job = Job(data, DATA[data], method, BITS, seed, replace(HEAD, seed=seed))
        for noise in NOISE:
            yield replace(job, noise=noise)
        for labels in SHARES:
            yield replace(job, labels=labels, others=False)


def tables(rows: list[Row]) -> str:
    """Return a table for each data set and question."""
    parts = []
    for data in dict.fromkeys(row["data"] for row in rows):
        mine = [row for row in rows if row["data"] == data]
        wrong = [("noise", noise, f"{noise:.0%} wrong") for noise in NOISE]
        few = [("labels", labels, amount(labels)) for labels in SHARES]
        for columns in (wrong, few):
            lines = [(NAMES[method], *cells(mine, method, columns)) for method in METHODS]
            lines = [line for line in lines if any(line[1:])]
            seeds = len({row["seed"] for row in mine})
            title = f"**{TITLES[data]}**, {BITS} bits, mAP in %, {seeds} seeds"
            parts.append(f"{title}\n\n{markdown(['labels', *(c[2] for c in columns)], lines)}")
    return "\n\n".join(parts)


def cells(rows: list[Row], method: str, columns: Sequence[tuple[str, object, str]]) -> list[str]:
    """Return mean and spread over seeds of each column."""
    found: dict[tuple[str, object], list[Row]] = defaultdict(list)
    for row in rows:
        if row["method"] == method:
            about = "noise" if row["labels"] == ALL_LABELS else "labels"
            found[about, row[about]].append(row)
    return [mean(found[about, value], "map", 100, 1) for about, value, _ in columns]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    measure_or_print(
        parser, RESULTS, measure=lambda given: run_rows(jobs(given), given.results), tables=tables
    )
