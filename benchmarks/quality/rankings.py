"""What do finer rankings and look bits add at the same code length?

    RSH_DATA=folder python -m benchmarks.quality.rankings --data ucmd     add missing rows
    python -m benchmarks.quality.rankings --table                         print the tables

Networks are trained as in methods.py, backbone frozen. All metrics are exact over what is still
tied. A ranking by features needs them beside the codes: 256 bytes a tile instead of 2 to 8. One
JSON line a network in results/rankings.jsonl; a row that is there is not made again.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, measure_or_print
from benchmarks.quality.finer_rankings import BY_DISTANCE
from benchmarks.quality.method_rows import DATA, HEAD, Job, run_rows
from benchmarks.quality.methods_table import COMPARED, NAMES, TITLES, method_of

RESULTS = RESULTS_FOLDER / "rankings.jsonl"
METHODS = ("multilevel", "greedyhash")


def jobs(given: argparse.Namespace) -> Iterator[Job]:
    """Yield the rows that were asked for."""
    for seed, data, bits in product(given.seeds, given.data, given.bits):
        config = replace(HEAD, seed=seed)
        for method in METHODS:
            yield Job(data, DATA[data], method, bits, seed, config, rankings=True)
        ours = Job(data, DATA[data], METHODS[0], bits, seed, config, rankings=True)
        yield replace(ours, look_bits=bits // 4)


def tables(rows: list[Row]) -> str:
    """Return a table for each data set: mAP by distance, and what each finer ranking adds."""
    groups: dict[str, dict[tuple[str, int], list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        groups[row["data"]][method_of(row), row["bits"]].append(row)
    parts = []
    for data, found in groups.items():
        lines = []
        for method in (*METHODS, "two-part"):
            every = [row for bits in COMPARED for row in found[method, bits]]
            names = list(dict.fromkeys(name for row in every for name in row["rankings"]))
            for name in names:
                cells = [cell(found[method, bits], name) for bits in COMPARED]
                lines.append((NAMES[method] if name == BY_DISTANCE else "", name, *cells))
        seeds = len({row["seed"] for group in found.values() for row in group})
        heads = ["codes", "ranking", *(f"{bits} bits" for bits in COMPARED)]
        parts.append(f"**{TITLES[data]}**, mAP in %, {seeds} seeds\n\n{markdown(heads, lines)}")
    return "\n\n".join(parts)


def cell(rows: list[Row], name: str) -> str:
    """Return mAP by distance, or what a ranking adds in points with its spread over seeds."""
    if not rows:
        return ""
    if name == BY_DISTANCE:
        return f"{100 * np.mean([row['rankings'][name]['map'] for row in rows]):.2f}"
    gains = 100 * np.array([row["rankings"][name]["gain"] for row in rows])
    spread = f" ± {gains.std(ddof=1):.2f}" if len(gains) > 1 else ""
    return f"{gains.mean():+.2f}{spread}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--bits", type=int, nargs="+", default=list(COMPARED))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    measure_or_print(
        parser, RESULTS, measure=lambda given: run_rows(jobs(given), given.results), tables=tables
    )
