"""The tables of the ablation, from its rows.

Differences are paired by query. Their 95 % intervals come from a bootstrap that draws seeds and
blocks of the globe, not single queries: tiles of a block overlap, and a query comes back in the
splits of several seeds.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rows import Row

from rsh.metrics import bootstrap_interval
from rsh.scenes import Scenes

Floats = NDArray[np.float64]
Blocks = dict[int, NDArray[Any]]  # seed -> block of each of its queries


def query_blocks(scenes: Scenes, seeds: Sequence[int]) -> Blocks:
    """Return the block of each query under each seed; a query is its own where there are none."""
    column = "block" if "block" in scenes.items else "id"
    return {seed: scenes.split(seed=seed).query.items[column].to_numpy() for seed in seeds}


def terms(rows: list[Row], methods: list[str], bits: tuple[int, ...], blocks: Blocks) -> str:
    """Return the table of what each term adds, in Markdown."""
    head = "| codes | " + " | ".join(f"{b} bits, mAP | against the full loss" for b in bits) + " |"
    lines = [
        f"| {method} | "
        + " | ".join(cells(rows, method, "", "full loss", b, blocks) for b in bits)
        + " |"
        for method in methods
    ]
    return "\n".join([head, _rule(bits), *lines])


def places(rows: list[Row], names: list[str], bits: tuple[int, ...], blocks: Blocks) -> str:
    """Return the table of where the intra-class term helps, in Markdown."""
    columns = " | ".join(f"{b} bits, full loss | what intra-class adds" for b in bits)
    lines = [
        f"| {place} | "
        + " | ".join(
            cells(rows, "full loss", place, "without intra-class", b, blocks) for b in bits
        )
        + " |"
        for place in names
    ]
    return "\n".join([f"| views, tiles | {columns} |", _rule(bits), *lines])


def cells(rows: list[Row], method: str, place: str, against: str, bits: int, blocks: Blocks) -> str:
    """Return mean mAP, and the difference to another method with its interval, in points."""
    mine, other = (_by_seed(rows, name, place, bits) for name in (method, against))
    if not mine or set(mine) != set(other):
        return "- | -"
    value = np.concatenate(list(mine.values()))
    if method == against:
        return f"**{value.mean():.1%}** | "
    difference = value - np.concatenate(list(other.values()))
    seeds = np.concatenate([np.full(len(each), seed) for seed, each in mine.items()])
    low, high = bootstrap_interval(difference, seeds, np.concatenate([blocks[s] for s in mine]))
    points = f"{100 * difference.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    return f"{value.mean():.1%} | {points}"


def _by_seed(rows: list[Row], method: str, place: str, bits: int) -> dict[int, Floats]:
    """Return the average precision of every query, seed by seed in ascending order."""
    found = {
        row["seed"]: np.array(row["average_precision"])
        for row in rows
        if (row["method"], row["place"], row["bits"]) == (method, place, bits)
    }
    return dict(sorted(found.items()))


def _rule(bits: tuple[int, ...]) -> str:
    return "|---|" + "---|---|" * len(bits)
