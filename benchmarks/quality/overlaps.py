"""Do queries that overlap a training tile make the metrics too good?

    RSH_DATA=folder python -m benchmarks.quality.overlaps --data ucmd    add missing rows
    python -m benchmarks.quality.overlaps --table                        print the table

Tiles of a data set may have been cut from one image so that they share a part. A split
keeps equal and nearly equal tiles on one side, but not those. Each tile is compared with the 20 of
the nearest features: phase correlation gives the shift, and the correlation of the pixels in the
common part says whether they are the same place. Average precisions of single queries come from
results/precisions, where methods.py keeps them: nothing is trained. One JSON line a network in
results/overlaps.jsonl.

Source: Kuglin and Hines 1975, "The phase correlation image alignment method"
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, append, measure_or_print, read_rows
from benchmarks.quality import methods
from benchmarks.quality.method_rows import (
    BEGUN,
    DATA,
    HEAD,
    Job,
    features,
    network,
    open_data,
    precisions_of,
    split_of,
)
from benchmarks.quality.methods_table import COMPARED, NAMES, TITLES, method_of
from rsh.data.dataset import Split
from rsh.evaluation.protocols import DISJOINT

RESULTS = RESULTS_FOLDER / "overlaps.jsonl"
NEAREST = 20  # tiles that each tile is compared with
SIDE = 128  # pixels
PEAKS = 3  # shifts that are tried
LEAST_AREA, LEAST_SIDE = 0.1, 16  # of the common part: share of a tile, pixels
LEAST_CORRELATION = 0.95  # chosen by eye on pairs of UCMD: above it they show one place
Grays = NDArray[np.float32]


class Shift(NamedTuple):
    """How a tile lies over another one.

    Attributes:
        down: pixels.
        right: pixels.
        correlation: of the pixels of the common part, -1 to 1.
    """

    down: int
    right: int
    correlation: float


def main(names: Iterable[str], results: Path) -> None:
    """Measure the rows that are not there."""
    done = {row["key"] for row in read_rows(results)}
    for row in read_rows(methods.RESULTS):
        key = row["key"]
        plain = row["protocol"] == DISJOINT.name and not row.get("unseen")
        if row["data"] not in names or key in done or not plain:
            continue
        if not (known := precisions_of(row)):
            continue
        queries, precisions = known
        pairs = overlapping(row["data"])
        split = split_of(DATA[row["data"]], row["seed"], False)
        shown = np.isin(queries, with_overlap(pairs, split))
        append(
            results,
            {
                **{name: row[name] for name in ("key", "data", "backbone", "bits", "seed")},
                "method": method_of(row),
                "protocol": DISJOINT.name,
                "pairs": len(pairs),
                "tiles_with_overlap": len(np.unique(pairs)),
                "queries": len(queries),
                "queries_with_overlap": int(shown.sum()),
                "map": float(np.nanmean(precisions)),
                "map_without": float(np.nanmean(precisions[~shown])),
                "tiles": row["tiles"],
                "commit": BEGUN["revision"],
                "environment": BEGUN,
            },
        )


@cache
def overlapping(name: str) -> NDArray[np.int64]:
    """Return the pairs of tiles of a data set that show a common place, (m, 2) rows."""
    dataset = open_data(DATA[name])
    values = features(network(Job(name, DATA[name], "lsh", 32, 0, HEAD)), dataset)
    values = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-6)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    similar = values @ values.T
    np.fill_diagonal(similar, -1)
    nearest = np.argpartition(-similar, NEAREST, axis=1)[:, :NEAREST]
    pairs = np.sort(np.stack([np.repeat(np.arange(len(values)), NEAREST), nearest.ravel()], axis=1))
    grays = np.stack([gray(dataset.read(row)) for row in tqdm(range(len(dataset)), unit="tile")])
    found = [
        pair
        for pair in tqdm(np.unique(pairs, axis=0), desc=f"overlaps of {name}", unit="pair")
        if best_shift(*grays[pair]).correlation >= LEAST_CORRELATION
    ]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def gray(image: Image.Image) -> Grays:
    """Return an image in gray, `SIDE` pixels on each side."""
    return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)


def best_shift(one: Grays, other: Grays) -> Shift:
    """Return the shift with the best correlation in the common part, of those with high peaks."""
    padded = (2 * SIDE, 2 * SIDE)
    first, second = (np.fft.rfft2(each - each.mean(), padded) for each in (one, other))
    product = first * second.conj()
    phases = np.fft.irfft2(product / np.maximum(np.abs(product), 1e-3), padded)
    best = Shift(0, 0, 0.0)
    for peak in np.argpartition(-phases.ravel(), PEAKS)[:PEAKS]:
        down, right = (
            int(place) - 2 * SIDE * (place > SIDE) for place in divmod(int(peak), 2 * SIDE)
        )
        height, width = SIDE - abs(down), SIDE - abs(right)
        if min(height, width) < LEAST_SIDE or height * width < LEAST_AREA * SIDE**2:
            continue
        top, left = max(down, 0), max(right, 0)
        same = one[top : top + height, left : left + width]
        top, left = max(-down, 0), max(-right, 0)
        also = other[top : top + height, left : left + width]
        best = max(best, Shift(down, right, correlation(same, also)), key=lambda s: s.correlation)
    return best


def correlation(one: Grays, other: Grays) -> float:
    """Return the correlation of pixels; 0 where one is flat, since that is no evidence."""
    one, other = one - one.mean(), other - other.mean()
    length = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / length) if length else 0.0


def with_overlap(pairs: NDArray[np.int64], split: Split) -> NDArray[np.int64]:
    """Return the queries that overlap a tile of train or val."""
    learned = np.isin(pairs, split.rows("train", "val"))
    queries = np.isin(pairs, split.rows("query"))
    return np.unique(pairs[queries & learned[:, ::-1]])


def table(rows: list[Row]) -> str:
    """Return a table for each data set: what mAP loses without these queries."""
    parts = []
    for data, backbone in sorted({(row["data"], row["backbone"]) for row in rows}):
        mine = [row for row in rows if (row["data"], row["backbone"]) == (data, backbone)]
        groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
        for row in mine:
            groups[row["method"], row["bits"]].append(row)
        lines = [
            (name, *(cell(groups[method, bits]) for bits in COMPARED))
            for method, name in NAMES.items()
            if any(groups[method, bits] for bits in COMPARED)
        ]
        shares = [row["queries_with_overlap"] / row["queries"] for row in mine]
        about = (
            f"{mine[0]['pairs']:,} pairs, {mine[0]['tiles_with_overlap']:,} tiles, "
            f"{np.mean(shares):.1%} of the queries"
        )
        heads = ["mAP, % (without overlaps)", *(f"{bits} bits" for bits in COMPARED)]
        title = f"**{TITLES[data]}**, `{backbone}` frozen: {about}"
        parts.append(f"{title}\n\n{markdown(heads, lines)}")
    return "\n\n".join(parts)


def cell(rows: list[Row]) -> str:
    """Return the mean over seeds of all queries, and of those without an overlap."""
    if not rows:
        return ""
    every, without = (100 * np.mean([row[name] for row in rows]) for name in ("map", "map_without"))
    return f"{every:.2f} ({without:.2f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    measure_or_print(
        parser, RESULTS, measure=lambda given: main(given.data, given.results), tables=table
    )
