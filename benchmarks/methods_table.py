"""The tables of benchmarks/README.md, from the rows of methods.py.

python benchmarks/methods_table.py
"""

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
from methods import DATA, RESULTS, TRAINED, UNTRAINED
from rows import Row, read_rows

BITS = (16, 32, 64)
NAMES = {
    "float cosine": "float cosine, no hashing",
    "lsh": "LSH",
    "itq": "ITQ",
    "classifier centre": "classifier centre",
    "supcon": "supervised contrast on codes",
    "dpsh": "DPSH",
    "hashnet": "HashNet",
    "greedyhash": "GreedyHash",
    "csq": "CSQ",
    "orthohash": "OrthoHash",
    "multilevel": "**multi-level (ours)**",
}
TITLES = {"ucmd": "UCMD, 80/20", "aid150": "AID at 150 px, 50/50"}


class Key(NamedTuple):
    """What all rows of one table share."""

    data: str
    frozen: bool
    backbone: str
    device: str
    turns: int
    stages: int


Group = dict[tuple[str, int], list[Row]]  # method, bits -> one row a seed


def main() -> None:
    """Print one table a data set and way of training."""
    groups: dict[Key, Group] = defaultdict(lambda: defaultdict(list))
    for row in read_rows(RESULTS):
        if row["measured_on"] == "query":
            key = Key(*(row[name] for name in Key._fields))
            groups[key][row["method"], row["bits"]].append(row)
    tables = [
        table(key, rows, seeds) for key, rows in sorted(groups.items()) for seeds in shared(rows)
    ]
    print("\n\n".join(tables))


def shared(rows: Group) -> list[frozenset[int]]:
    """Return the seeds that all methods have, and all that any has: some are harder than others."""
    seeds = [frozenset(row["seed"] for row in group) for group in rows.values()]
    common, every = frozenset.intersection(*seeds), frozenset.union(*seeds)
    return list(dict.fromkeys([common, every])) if common else [every]


def table(key: Key, rows: Group, seeds: frozenset[int]) -> str:
    """Return one table in Markdown: mAP as mean and spread over seeds, in per cent."""
    data, frozen, backbone, device, turns, stages = key
    how = "frozen, heads only" if frozen else "fine-tuned"
    views = "one view a tile" if turns == 1 else f"mean of {turns} turns a tile"
    ours = [row for bits in BITS for row in rows["multilevel", bits] if row["seed"] in seeds]
    features = f" and its last {stages} stages" if stages else ""
    network = f"`{backbone}`{features} {how}"
    title = f"**{TITLES[data]}**, {network}, {DATA[data].image_size} px, {views}, on {device}"
    listed = {method: cells(rows, method, seeds) for method in (*UNTRAINED, *reversed(TRAINED))}
    lines = [
        f"| {NAMES[method]} | {' | '.join(each)} |" for method, each in listed.items() if any(each)
    ]
    accuracy = np.mean([row["accuracy"] for row in ours] or [np.nan])
    head = "| mAP, % | " + " | ".join(f"{bits} bits" for bits in BITS) + " |"
    which = f"seed {min(seeds)}" if len(seeds) == 1 else f"mean of {len(seeds)} seeds"
    note = f"{which}; a linear classifier on the same features: {accuracy:.1%}"
    return "\n".join([f"{title} ({note})", "", head, "|---|" + "---|" * len(BITS), *lines])


def cells(rows: Group, method: str, seeds: frozenset[int]) -> list[str]:
    """Return mean and spread over the seeds at each length, nothing where one is missing."""
    found = []
    for bits in BITS:
        values: Any = np.array(
            [100 * row["map"] for row in rows[method, bits] if row["seed"] in seeds]
        )
        spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
        found.append(f"{values.mean():.1f}{spread}" if len(values) == len(seeds) else "")
    return found


if __name__ == "__main__":
    main()
