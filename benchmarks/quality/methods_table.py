"""The tables of methods.py, finetune.py and settings.py, from their rows.

python -m benchmarks.quality.methods_table
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from typing import NamedTuple

import numpy as np

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import Row, read_rows
from benchmarks.quality import finetune, methods, settings
from benchmarks.quality.method_rows import HEAD, STAGES, TTA, WHOLE
from rsh.evaluation.protocols import DISJOINT

BITS = (8, 12, 16, 32, 64)
COMPARED = BITS[2:]  # of all methods
NAMES = {
    "float cosine": "float cosine, no hashing",
    "lsh": "LSH",
    "itq": "ITQ",
    "classifier center": "classifier center",
    "supcon": "supervised contrast on codes",
    "dpsh": "DPSH",
    "hashnet": "HashNet",
    "greedyhash": "GreedyHash",
    "csq": "CSQ",
    "orthohash": "OrthoHash",
    "two-part": "two-part (ours)",
    "multilevel": "**multi-level (ours)**",
}
TITLES = {"ucmd": "UCMD, 80/20", "aid150": "AID at 150 px, 50/50"}


class Key(NamedTuple):
    """What all rows of one table share."""

    data: str
    frozen: bool
    backbone: str
    image_size: int
    device: str
    tta: int
    feature_stages: int
    changed: str  # settings other than the usual ones

    @property
    def title(self) -> str:
        """Name the data, the network and how it was trained."""
        how = "frozen" if self.frozen else f"fine-tuned on {self.device}"
        return f"{TITLES[self.data]}**, `{self.backbone}` {how}{self.changed}"


Group = dict[tuple[str, int], list[Row]]  # method, bits -> one row a seed
LENGTHS = [f"{bits} bits" for bits in BITS]


def main() -> None:
    """Print one table a data set and way of training, then what was tried on validation tiles."""
    queries, validation = grouped("query"), grouped("val")
    chosen = {
        key: rows
        for key, rows in queries.items()
        if (key.tta, key.feature_stages) == (TTA, STAGES) and not is_single(key, rows)
    }
    tables = [table(key, rows, seeds) for key, rows in chosen.items() for seeds in shared(rows)]
    print("\n\n".join([*tables, single(queries, validation), *by_settings(validation)]))


def grouped(measured_on: str) -> dict[Key, Group]:
    """Read the rows and put those of one table together, tables in order."""
    groups: dict[Key, Group] = defaultdict(lambda: defaultdict(list))
    files = (methods.RESULTS, finetune.RESULTS, settings.RESULTS)
    for row in chain.from_iterable(map(read_rows, files)):
        plain = row["protocol"] == DISJOINT.name and not row.get("unseen")
        if plain and row["measured_on"] == measured_on:
            key = Key._make([*(row[name] for name in Key._fields[:-1]), changed_settings(row)])
            groups[key][method_of(row), row["bits"]].append(row)
    return dict(sorted(groups.items()))


def method_of(row: Row) -> str:
    """Return the method of a row, a key of `NAMES`."""
    return "two-part" if row.get("look_bits") else str(row["method"])


def changed_settings(row: Row) -> str:
    """Name what a row's settings change in the defaults of its way of training."""
    usual = asdict(HEAD if row["frozen"] else WHOLE)
    names = usual.keys() - {"method", "seed", "train_on_val"}
    own = {name: row["config"].get(name, usual[name]) for name in names}
    found = {name: value for name, value in sorted(own.items()) if value != usual[name]}
    first = ", its head first" if row.get("head_first") else ""
    return first + "".join(f", {name} {value}" for name, value in found.items())


def shared(rows: Group) -> list[frozenset[int]]:
    """Return the seeds that all methods have, and all that any has: some are harder than others."""
    seeds = [frozenset(row["seed"] for row in group) for group in rows.values()]
    common, every = frozenset.intersection(*seeds), frozenset.union(*seeds)
    return list(dict.fromkeys([common, every])) if common else [every]


def table(key: Key, rows: Group, seeds: frozenset[int]) -> str:
    """Return one table in Markdown: mAP in per cent, see `cell`."""
    ours = [row for bits in BITS for row in rows["multilevel", bits] if row["seed"] in seeds]
    listed = {method: cells(rows, method, seeds) for method in NAMES}
    lines = [(NAMES[method], *each) for method, each in listed.items() if any(each)]
    accuracy = np.mean([row["accuracy"] for row in ours] or [np.nan])
    which = f"seed {min(seeds)}" if len(seeds) == 1 else f"{len(seeds)} seeds"
    title = f"**{key.title}, {which} (linear classifier: {accuracy:.1%})"
    return f"{title}\n\n{markdown(['mAP, %', *LENGTHS], lines)}"


def is_single(key: Key, rows: Group) -> bool:
    """Whether this is one training of a whole network, and no other has its settings."""
    return not key.frozen and sum(map(len, rows.values())) == 1


def single(queries: dict[Key, Group], validation: dict[Key, Group]) -> str:
    """Return a table of whole networks that learned alone, or to choose settings."""
    lines = [
        beside_frozen(key, row, groups)
        for groups in (queries, validation)
        for key, rows in groups.items()
        if not key.frozen and (groups is validation or is_single(key, rows))
        for each in rows.values()
        for row in each
    ]
    heads = [
        "data",
        "method",
        "backbone, changed settings",
        "mAP frozen",
        "fine-tuned, interval",
    ]
    return f"**Fine-tuned once**, beside the same network frozen\n\n{markdown(heads, lines)}"


def beside_frozen(key: Key, row: Row, groups: dict[Key, Group]) -> list[str]:
    """Return a line of a fine-tuned network and of the same one frozen, on whichever device."""
    frozen = [
        f"{each['map']:.2%}"
        for other, rows in groups.items()
        if other._replace(device=key.device) == key._replace(frozen=True, changed="")
        for each in rows[row["method"], row["bits"]]
        if each["seed"] == row["seed"]
    ]
    low, high = row["map_interval"]
    tiles = {"query": "queries", "val": "validation tiles"}[row["measured_on"]]
    return [
        f"{TITLES[key.data]}, {tiles}",
        f"{NAMES[row['method']]}, {row['bits']} bits, seed {row['seed']}, {key.device}",
        f"`{key.backbone}`{key.changed}",
        *(frozen[:1] or [""]),
        f"{row['map']:.2%} ({low:.1%} to {high:.1%})",
    ]


def by_settings(groups: dict[Key, Group]) -> list[str]:
    """Return a table of ours by backbone and how it is used, on validation tiles."""
    lines = defaultdict(list)
    for key, rows in groups.items():
        if key.changed:
            continue
        seeds = frozenset(row["seed"] for bits in BITS for row in rows["multilevel", bits])
        line = (f"`{key.backbone}`", key.tta, key.feature_stages, *cells(rows, "multilevel", seeds))
        lines[key._replace(backbone="", tta=0, feature_stages=0)].append(line)
    return [
        f"**{TITLES[key.data]}, on validation tiles**: our loss by backbone and its settings\n\n"
        + markdown(["backbone", "tta", "feature_stages", *LENGTHS], each)
        for key, each in lines.items()
        if len(each) > 1
    ]


def cells(rows: Group, method: str, seeds: frozenset[int]) -> list[str]:
    """Return the cell of each length, nothing where a seed is missing."""
    found = []
    for bits in BITS:
        chosen = [row for row in rows[method, bits] if row["seed"] in seeds]
        found.append(cell(chosen) if len(chosen) == len(seeds) else "")
    return found


def cell(rows: Sequence[Row]) -> str:
    """Return mean and spread over seeds, and the interval over queries: the mean of its ends."""
    values = 100 * np.array([row["map"] for row in rows])
    text = f"{values.mean():.1f}"
    if len(values) > 1:
        text += f" ± {values.std(ddof=1):.1f}"
        if all("map_interval" in row for row in rows):
            low, high = 100 * np.mean([row["map_interval"] for row in rows], axis=0)
            text += f" ({low:.1f} to {high:.1f})"
    return text


if __name__ == "__main__":
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    main()
