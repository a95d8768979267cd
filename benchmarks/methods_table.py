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


Group = dict[tuple[str, int], list[Row]]  # method, bits -> one row a seed


def main() -> None:
    """Print one table a data set and way of training."""
    groups: dict[Key, Group] = defaultdict(lambda: defaultdict(list))
    for row in read_rows(RESULTS):
        if row["measured_on"] == "query":
            key = Key(*(row[name] for name in Key._fields))
            groups[key][row["method"], row["bits"]].append(row)
    print("\n\n".join(table(key, rows) for key, rows in sorted(groups.items())))


def table(key: Key, rows: Group) -> str:
    """Return one table in Markdown: mAP as mean and spread over seeds, in per cent."""
    data, frozen, backbone, device, turns = key
    how = "frozen, heads only" if frozen else "fine-tuned"
    views = "one view a tile" if turns == 1 else f"mean of {turns} turns a tile"
    every = [row for group in rows.values() for row in group]
    title = (
        f"**{TITLES[data]}**, `{backbone}` {how}, {DATA[data].image_size} px, {views}, on {device}"
    )
    seeds = sorted({row["seed"] for row in every})
    lines = [
        f"| {NAMES[method]} | " + " | ".join(cell(rows[method, bits]) for bits in BITS) + " |"
        for method in (*UNTRAINED, *reversed(TRAINED))
        if any(rows.get((method, bits)) for bits in BITS)
    ]
    accuracy = np.mean([row["accuracy"] for row in every if row["method"] == "multilevel"] or [0])
    head = "| mAP, % | " + " | ".join(f"{bits} bits" for bits in BITS) + " |"
    note = f"{len(seeds)} seed(s); a linear classifier on the same features: {accuracy:.1%}"
    return "\n".join([f"{title} ({note})", "", head, "|---|" + "---|" * len(BITS), *lines])


def cell(rows: list[Row]) -> str:
    """Return the mean over seeds and how far they lie apart."""
    if not rows:
        return "-"
    values: Any = 100 * np.array([row["map"] for row in rows])
    spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{spread}"


if __name__ == "__main__":
    main()
