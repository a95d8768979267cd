"""The tables of the ablation, from its rows.

Differences are paired by query. Their 95 % intervals come from a bootstrap that draws seeds and
blocks of the globe, not single queries: tiles of a block overlap, and a query comes back in the
splits of several seeds.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import Row
from rsh.data.tiles import TileDataset
from rsh.metrics.ranking import bootstrap_interval

Floats = NDArray[np.float64]
Blocks = dict[int, NDArray[Any]]  # seed -> block of each of its queries


def query_blocks(dataset: TileDataset, seeds: Sequence[int]) -> Blocks:
    """Return the block of each query under each seed; a query is its own where there are none."""
    column = "block" if "block" in dataset.items else "id"
    return {seed: dataset.split(seed=seed).query.items[column].to_numpy() for seed in seeds}


def terms(rows: list[Row], methods: list[str], bits: tuple[int, ...], blocks: Blocks) -> str:
    """Return the table of what each term adds, in Markdown."""
    heads = [head for b in bits for head in (f"{b} bits, mAP", "against the full loss")]
    lines = [
        [method, *chain(*(cells(rows, method, "", "full loss", b, blocks) for b in bits))]
        for method in methods
    ]
    return markdown(["codes", *heads], lines)


def places(rows: list[Row], names: list[str], bits: tuple[int, ...], blocks: Blocks) -> str:
    """Return the table of where the intra-class term helps, in Markdown."""
    heads = [head for b in bits for head in (f"{b} bits, full loss", "what intra-class adds")]
    without = "without intra-class"
    lines = [
        [place, *chain(*(cells(rows, "full loss", place, without, b, blocks) for b in bits))]
        for place in names
    ]
    return markdown(["views, tiles", *heads], lines)


def cells(
    rows: list[Row], method: str, place: str, against: str, bits: int, blocks: Blocks
) -> tuple[str, str]:
    """Return mean mAP, and the difference to another method with its interval, in points."""
    mine, other = (_by_seed(rows, name, place, bits) for name in (method, against))
    if not mine or set(mine) != set(other):
        return "-", "-"
    value = np.concatenate(list(mine.values()))
    if method == against:
        return f"**{value.mean():.1%}**", ""
    difference = value - np.concatenate(list(other.values()))
    seeds = np.concatenate([np.full(len(each), seed) for seed, each in mine.items()])
    low, high = bootstrap_interval(difference, seeds, np.concatenate([blocks[s] for s in mine]))
    points = f"{100 * difference.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    return f"{value.mean():.1%}", points


def _by_seed(rows: list[Row], method: str, place: str, bits: int) -> dict[int, Floats]:
    """Return the average precision of every query, seed by seed in ascending order."""
    found = {
        row["seed"]: np.array(row["average_precision"])
        for row in rows
        if (row["method"], row["place"], row["bits"]) == (method, place, bits)
    }
    return dict(sorted(found.items()))
