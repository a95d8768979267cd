"""What does each loss term add? Measured on the built-in sample, or on data of one's own.

    python benchmarks/ablation.py                    run what is missing, print the tables
    python benchmarks/ablation.py --only table       print the tables from the rows on disk
    python benchmarks/ablation.py --only weights     choose the weights on validation tiles

Protocol: disjoint, split by blocks of the globe, three seeds (each with its own split, first
weights and batches), tie-aware mAP@ALL of queries that were neither trained on nor chosen on.
Every row is one JSON line in benchmarks/results/ablation.jsonl; rows that are there are not run
again. Differences are paired by query, with a bootstrap interval over the queries of all seeds.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro
from numpy.typing import NDArray

from rsh import metrics
from rsh.bank import view_bank
from rsh.baselines import itq, lsh
from rsh.codes import Codes, binarize, pack
from rsh.config import TrainConfig
from rsh.model import HashNet, apply_head
from rsh.run import environment
from rsh.scenes import Scenes, Split
from rsh.training import ViewPairs, fit
from rsh.views import ViewSpec

RESULTS = Path(__file__).parent / "results" / "ablation.jsonl"
SEEDS = (0, 1, 2)
Row = dict[str, Any]
Changes = dict[str, Any]

TERMS: dict[str, Changes] = {
    "full loss": {},
    "without category": {"category_weight": 0.0},
    "without inter-class": {"inter_weight": 0.0},
    "without intra-class": {"intra_weight": 0.0},
    "without quantisation": {"quantization_weight": 0.0},
    "category + quantisation": {"inter_weight": 0.0, "intra_weight": 0.0},
    "inter-class alone": {"category_weight": 0.0, "intra_weight": 0.0, "quantization_weight": 0.0},
    "intra-class alone": {"category_weight": 0.0, "inter_weight": 0.0, "quantization_weight": 0.0},
}
UNTRAINED = ("LSH", "ITQ")
# Where might the intra-class term help? Views further apart, fewer labelled tiles to train on.
PLACES: dict[str, tuple[Changes, float]] = {
    "weak views": ({"strength": "weak"}, 1.0),
    "medium views": ({"strength": "medium"}, 1.0),
    "strong views": ({"strength": "strong"}, 1.0),
    "30 % of the tiles": ({}, 0.3),
    "10 % of the tiles": ({}, 0.1),
}

# How the weights were chosen: from a first guess, one at a time, then what helped together.
START = {
    "category_weight": 1.0,
    "inter_weight": 1.0,
    "intra_weight": 0.5,
    "quantization_weight": 0.1,
    "feature_temperature": 0.1,
    "code_temperature": 0.3,
    "strength": "medium",
}
AROUND: dict[str, tuple[Any, ...]] = {
    "category_weight": (0.5, 2.0),
    "intra_weight": (0.25, 1.0),
    "quantization_weight": (0.03, 0.3),
    "feature_temperature": (0.05, 0.2),
    "code_temperature": (0.15, 0.5),
    "strength": ("weak", "strong"),
}
COMBINED: tuple[Changes, ...] = (
    {"intra_weight": 1.0, "feature_temperature": 0.2},
    {"intra_weight": 1.0, "strength": "weak"},
    {"intra_weight": 0.25, "strength": "weak"},
)


@dataclass(frozen=True)
class Job:
    """One row: which codes, of which length, from which settings."""

    method: str
    bits: int
    seed: int
    place: str = ""
    share: float = 1.0
    changes: tuple[tuple[str, Any], ...] = ()

    def key(self) -> str:
        """Name the row by all that decides it, so that it is not run twice."""
        names = ("method", "bits", "seed", "place", "share")
        settings = {name: getattr(self, name) for name in names}
        return json.dumps(settings | {"config": asdict(config_of(self))}, sort_keys=True)


def main(
    only: Literal["all", "terms", "intra", "weights", "table"] = "all",
    bits: tuple[int, ...] = (16, 32),
    data: str = "bluemarble",
) -> None:
    """Run the missing rows and print the tables.

    Args:
        only: One part of it.
        bits: Code lengths.
        data: "bluemarble", a folder with one folder a class, or a zip of such a folder.
    """
    jobs = {
        "terms": list(term_jobs(bits)),
        "intra": list(intra_jobs(bits)),
        "weights": list(weight_jobs(bits)),
    }
    wanted = jobs["terms"] + jobs["intra"] if only == "all" else jobs.get(only, [])
    done = {row["key"] for row in read_rows()}
    missing = [job for job in wanted if job.key() not in done]
    if missing:
        scenes = Scenes.open(data)
        for number, job in enumerate(missing, start=1):
            row = measure(job, scenes)
            append(row)
            print(f"{number}/{len(missing)} {job.method} {job.bits} {row['map']:.4f}", flush=True)
    print(weights_table(bits) if only == "weights" else tables(bits))


def term_jobs(bits: tuple[int, ...]) -> Iterator[Job]:
    """List the rows of the first table."""
    for num_bits in bits:
        for seed in SEEDS:
            for method in UNTRAINED:
                yield Job(method, num_bits, seed)
            for method, changes in TERMS.items():
                yield Job(method, num_bits, seed, changes=tuple(changes.items()))


def intra_jobs(bits: tuple[int, ...]) -> Iterator[Job]:
    """List the rows of the second table."""
    for num_bits in bits:
        for place, (where, share) in PLACES.items():
            for seed in SEEDS:
                for method in ("full loss", "without intra-class"):
                    changes = tuple((where | TERMS[method]).items())
                    yield Job(method, num_bits, seed, place, share, changes)


def weight_jobs(bits: tuple[int, ...]) -> Iterator[Job]:
    """List the settings that validation chooses among: one factor at a time."""
    one_by_one = [{name: value} for name, values in AROUND.items() for value in values]
    for num_bits in bits:
        for seed in SEEDS:
            for changes in [{}, *one_by_one, *COMBINED]:
                settings = tuple((START | changes).items())
                yield Job("weights", num_bits, seed, changes=settings)


def measure(job: Job, scenes: Scenes) -> Row:
    """Make the codes of one row and measure them."""
    split, start = scenes.split(seed=job.seed), time.perf_counter()
    net = HashNet(num_bits=job.bits, seed=job.seed)
    plain = view_bank(net, split.scenes, ViewSpec(net.image_size))[:, 0]
    codes = (untrained if job.method in UNTRAINED else trained)(job, net, plain, split)
    query = "val" if job.method == "weights" else "query"
    gallery = ("train",) if job.method == "weights" else ("train", "val")
    each = average_precisions(codes, split, query, gallery)
    return {
        "key": job.key(),
        **asdict(job),
        "map": float(np.nanmean(each)),
        "measured_on": query,
        "average_precision": [round(float(value), 4) for value in each],
        "seconds": round(time.perf_counter() - start, 1),
        "config": asdict(config_of(job)),
        "protocol": "disjoint, by block, tie-aware mAP@ALL",
        "data": {"name": scenes.name, "fingerprint": scenes.fingerprint},
        "environment": environment(),
    }


def config_of(job: Job) -> TrainConfig:
    """Return the default settings with this row's changes."""
    return replace(TrainConfig(), seed=job.seed, **dict(job.changes))


def trained(job: Job, net: HashNet, plain: NDArray[np.float16], split: Split) -> Codes:
    """Train a head and return the codes of all tiles."""
    config = config_of(job)
    bank = view_bank(net, split.scenes, ViewSpec(net.image_size, config.views, config.strength))
    rows = fewer(split.rows("train"), split.scenes.labels, job)
    fit(net.head, ViewPairs(bank[rows], split.scenes.labels[rows], config), config, progress=False)
    return binarize(apply_head(net.head, plain).relaxed)


def untrained(job: Job, _: HashNet, plain: NDArray[np.float16], split: Split) -> Codes:
    """Hash the backbone's features without a loss."""
    features = plain.astype(np.float32)
    if job.method == "LSH":
        return lsh(features, num_bits=job.bits, seed=job.seed)
    return itq(features, split.rows("train"), num_bits=job.bits)


def fewer(rows: NDArray[np.int64], labels: NDArray[np.int64], job: Job) -> NDArray[np.int64]:
    """Keep a share of each class, at least two tiles."""
    draw = np.random.default_rng(job.seed)
    kept = [
        draw.permutation(of_class)[: max(2, round(job.share * len(of_class)))]
        for of_class in (rows[labels[rows] == number] for number in np.unique(labels))
    ]
    return np.sort(np.concatenate(kept))


def average_precisions(
    codes: Codes, split: Split, query_split: str, gallery_splits: tuple[str, ...]
) -> NDArray[np.float64]:
    """Return the tie-aware average precision of each query."""
    query, gallery = split.rows(query_split), split.rows(*gallery_splits)
    labels, packed = split.scenes.labels, pack(codes)
    counts = metrics.count(
        packed[query], packed[gallery], labels[query], labels[gallery], num_bits=codes.shape[1]
    )
    return metrics.average_precision(counts)


def read_rows() -> list[Row]:
    """Read the rows that are on disk."""
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text().splitlines()]


def append(row: Row) -> None:
    """Add one row in one write, so that two runs side by side do not mix."""
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as stream:
        stream.write(json.dumps(row) + "\n")


def tables(bits: tuple[int, ...]) -> str:
    """Return both tables in Markdown."""
    current = {job.key() for job in (*term_jobs(bits), *intra_jobs(bits))}
    rows = [row for row in read_rows() if row["key"] in current]
    methods = [*UNTRAINED, *TERMS]
    head = "| codes | " + " | ".join(f"{b} bits, mAP | against the full loss" for b in bits) + " |"
    rule = "|---|" + "---|---|" * len(bits)
    lines = [
        f"| {method} | " + " | ".join(cells(rows, method, "", "full loss", b) for b in bits) + " |"
        for method in methods
    ]
    head2 = "| views, tiles | " + " | ".join(
        f"{b} bits, full loss | what intra-class adds" for b in bits
    )
    lines2 = [
        f"| {place} | "
        + " | ".join(cells(rows, "full loss", place, "without intra-class", b) for b in bits)
        + " |"
        for place in PLACES
    ]
    return "\n".join([head, rule, *lines, "", head2 + " |", rule, *lines2])


def cells(rows: list[Row], method: str, place: str, against: str, bits: int) -> str:
    """Return mean mAP, and the difference to another method with its interval, in points."""
    mine, other = (pooled(rows, name, place, bits) for name in (method, against))
    if not len(mine) or len(mine) != len(other):
        return "- | -"
    if method == against:
        return f"**{mine.mean():.1%}** | "
    low, high = metrics.bootstrap_interval(mine - other)
    difference = 100 * (mine - other).mean()
    return f"{mine.mean():.1%} | {difference:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def pooled(rows: list[Row], method: str, place: str, bits: int) -> NDArray[np.float64]:
    """Return the average precision of every query of every seed, in a fixed order."""
    found = sorted(
        (row["seed"], row["average_precision"])
        for row in rows
        if (row["method"], row["place"], row["bits"]) == (method, place, bits)
    )
    return np.concatenate([each for _, each in found]) if found else np.empty(0)


def weights_table(bits: tuple[int, ...]) -> str:
    """Return the mean mAP of each setting on validation tiles, best first."""
    by_key = {row["key"]: row["map"] for row in read_rows()}
    maps: dict[str, list[float]] = {}
    for job in weight_jobs(bits):
        changed = {name: value for name, value in job.changes if START[name] != value}
        maps.setdefault(str(changed or "as at the start"), []).append(by_key[job.key()])
    best_first = sorted(maps.items(), key=lambda item: -np.mean(item[1]))
    return "\n".join(f"{np.mean(each):.4f}  {changed}" for changed, each in best_first)


if __name__ == "__main__":
    tyro.cli(main)
