"""What does each loss term add? Measured on the built-in sample, or on data of your own.

    python -m benchmarks.quality.ablation                    run what is missing, print the tables
    python -m benchmarks.quality.ablation --only table       print the tables from the rows on disk
    python -m benchmarks.quality.ablation --only weights     choose the weights on validation tiles

Protocol: disjoint, split by blocks of the globe, three seeds (each with its own split, first
weights and batches), tie-aware mAP@ALL of queries that were neither trained on nor chosen on.
Every row is one JSON line in benchmarks/results/ablation.jsonl; rows that are there are not run
again.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.rows import RESULTS_FOLDER, Row, append, read_rows
from benchmarks.quality import ablation_tables as tables
from benchmarks.quality.method_rows import without_later
from rsh.codes.binary import Codes, binarize, pack
from rsh.codes.centers import random_codewords
from rsh.config import TrainConfig
from rsh.data.dataset import Split
from rsh.data.tiles import TileDataset
from rsh.evaluation.baselines import itq, lsh
from rsh.evaluation.evaluate import linear_classifier
from rsh.io.provenance import environment
from rsh.metrics import ranking
from rsh.metrics.counts import count_by_distance
from rsh.models.augment import ViewSpec
from rsh.models.backbone import DEFAULT
from rsh.models.hashnet import HashNet, apply_head
from rsh.training.batches import FeatureBatches
from rsh.training.feature_cache import cached_features
from rsh.training.loop import fit
from rsh.training.train import make_loss

RESULTS = RESULTS_FOLDER / "ablation.jsonl"
SEEDS = (0, 1, 2)
IMAGE_SIZE = 128  # pixels
Changes = dict[str, Any]

TERMS: dict[str, Changes] = {
    "full loss": {},
    "without category": {"category_weight": 0.0},
    "without inter-class": {"inter_weight": 0.0},
    "without intra-class": {"intra_weight": 0.0},
    "without quantization": {"quantization_weight": 0.0},
    "category + quantization": {"inter_weight": 0.0, "intra_weight": 0.0},
    "inter-class alone": {"category_weight": 0.0, "intra_weight": 0.0, "quantization_weight": 0.0},
    "intra-class alone": {"category_weight": 0.0, "inter_weight": 0.0, "quantization_weight": 0.0},
}
UNTRAINED = ("LSH", "ITQ", "classifier center", "classifier center, all views")
# Where might the intra-class term help? Views further apart, fewer labeled tiles to train on.
PLACES: dict[str, tuple[Changes, float]] = {
    "weak views": ({"augmentation": "weak"}, 1.0),
    "medium views": ({"augmentation": "medium"}, 1.0),
    "strong views": ({"augmentation": "strong"}, 1.0),
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
    "augmentation": "medium",
}
AROUND: dict[str, tuple[Any, ...]] = {
    "category_weight": (0.5, 2.0),
    "intra_weight": (0.25, 1.0),
    "quantization_weight": (0.03, 0.3),
    "feature_temperature": (0.05, 0.2),
    "code_temperature": (0.15, 0.5),
    "augmentation": ("weak", "strong"),
}
COMBINED: tuple[Changes, ...] = (
    {"intra_weight": 1.0, "feature_temperature": 0.2},
    {"intra_weight": 1.0, "augmentation": "weak"},
    {"intra_weight": 0.25, "augmentation": "weak"},
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

    def key(self, data: str) -> str:
        """Name the row by all that decides it, so that it is not run twice.

        Args:
            data: fingerprint of the tiles.
        """
        names = ("method", "bits", "seed", "place", "share")
        settings = {name: getattr(self, name) for name in names}
        settings |= {"backbone": DEFAULT, "image_size": IMAGE_SIZE, "data": data[:16]}
        config = without_later(asdict(config_of(self)), TrainConfig)
        return json.dumps(settings | {"config": config}, sort_keys=True)


def main(only: str = "all", bits: tuple[int, ...] = (16, 32), data: str = "bluemarble") -> None:
    """Run the missing rows and print the tables.

    Args:
        only: "all", "terms", "intra", "weights" or "table".
        bits: Code lengths.
        data: "bluemarble", a folder with one folder a class, or a zip of such a folder.
    """
    dataset = TileDataset.open(data)
    terms, intra, weights = (
        {job.key(dataset.fingerprint): job for job in make(bits)}
        for make in (term_jobs, intra_jobs, weight_jobs)
    )
    wanted = {"all": terms | intra, "terms": terms, "intra": intra, "weights": weights}
    done = {row["key"] for row in read_rows(RESULTS)}
    missing = {key: job for key, job in wanted.get(only, {}).items() if key not in done}
    for number, (key, job) in enumerate(missing.items(), start=1):
        row = {"key": key} | measure(job, dataset)
        append(RESULTS, row)
        print(f"{number}/{len(missing)} {job.method} {job.bits} {row['map']:.4f}", flush=True)
    if only == "weights":
        print(weights_table(weights))
    else:
        rows = [row for row in read_rows(RESULTS) if row["key"] in terms | intra]
        blocks = tables.query_blocks(dataset, SEEDS)
        print(tables.terms(rows, [*UNTRAINED, *TERMS], bits, blocks))
        print("\n" + tables.places(rows, list(PLACES), bits, blocks))


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


def measure(job: Job, dataset: TileDataset) -> Row:
    """Make the codes of one row and measure them."""
    split, start = dataset.split(seed=job.seed), time.perf_counter()
    net = HashNet(DEFAULT, num_bits=job.bits, image_size=IMAGE_SIZE, seed=job.seed)
    codes = (untrained if job.method in UNTRAINED else trained)(job, net, split)
    query = "val" if job.method == "weights" else "query"
    gallery = ("train",) if job.method == "weights" else ("train", "val")
    each = measure_precisions(codes, split, query, gallery)
    return {
        **asdict(job),
        "backbone": DEFAULT,
        "image_size": IMAGE_SIZE,
        "map": float(np.nanmean(each)),
        "measured_on": query,
        "average_precision": [round(float(value), 4) for value in each],
        "seconds": round(time.perf_counter() - start, 1),
        "config": asdict(config_of(job)),
        "protocol": "disjoint, by block, tie-aware mAP@ALL",
        "data": {"name": dataset.name, "fingerprint": dataset.fingerprint},
        "environment": environment(),
    }


def config_of(job: Job) -> TrainConfig:
    """Return the default settings with this row's changes."""
    return replace(TrainConfig(), seed=job.seed, **dict(job.changes))


def trained(job: Job, net: HashNet, split: Split) -> Codes:
    """Train a head and return the codes of all tiles."""
    config = config_of(job)
    features = cached_features(
        net, split.dataset, ViewSpec(IMAGE_SIZE, config.cached_views, config.augmentation)
    )
    rows = fewer(split.rows("train"), split.dataset.labels, job)
    pairs = FeatureBatches(features[rows], split.dataset.labels[rows], config)
    loss = make_loss(config, len(split.dataset.classes), job.bits)
    fit(net.head, pairs, config, loss=loss, progress=False)
    plain = cached_features(net, split.dataset, ViewSpec(IMAGE_SIZE))[:, 0]
    return binarize(apply_head(net.head, plain).relaxed)


def untrained(job: Job, net: HashNet, split: Split) -> Codes:
    """Hash the backbone's features without a hashing loss."""
    plain = cached_features(net, split.dataset, ViewSpec(IMAGE_SIZE))
    features, train = plain[:, 0].astype(np.float32), split.rows("train")
    if job.method == "LSH":
        return lsh(features, train, num_bits=job.bits, seed=job.seed)
    if job.method == "ITQ":
        return itq(features, train, num_bits=job.bits)
    if job.method == "classifier center, all views":
        config = config_of(job)
        views = ViewSpec(IMAGE_SIZE, config.cached_views, config.augmentation)
        plain = np.concatenate([plain, cached_features(net, split.dataset, views)], axis=1)
    classes = linear_classifier(plain, split.dataset.labels, split)
    return random_codewords(len(split.dataset.classes), job.bits)[classes]


def fewer(rows: NDArray[np.int64], labels: NDArray[np.int64], job: Job) -> NDArray[np.int64]:
    """Keep a share of each class, at least two tiles."""
    draw = np.random.default_rng(job.seed)
    kept = [
        draw.permutation(of_class)[: max(2, round(job.share * len(of_class)))]
        for of_class in (rows[labels[rows] == number] for number in np.unique(labels))
    ]
    return np.sort(np.concatenate(kept))


def measure_precisions(
    codes: Codes, split: Split, query_split: str, gallery_splits: tuple[str, ...]
) -> NDArray[np.float64]:
    """Return the tie-aware average precision of each query."""
    query, gallery = split.rows(query_split), split.rows(*gallery_splits)
    labels, packed = split.dataset.labels, pack(codes)
    counts = count_by_distance(
        packed[query], packed[gallery], labels[query], labels[gallery], num_bits=codes.shape[1]
    )
    return ranking.average_precision(counts)


def weights_table(jobs: dict[str, Job]) -> str:
    """Return the mean mAP of each setting on validation tiles, best first."""
    by_key = {row["key"]: row["map"] for row in read_rows(RESULTS)}
    maps: dict[str, list[float]] = {}
    for key, job in jobs.items():
        changed = {name: value for name, value in job.changes if START[name] != value}
        maps.setdefault(str(changed or "as at the start"), []).append(by_key[key])
    best_first = sorted(maps.items(), key=lambda item: -np.mean(item[1]))
    return "\n".join(f"{np.mean(each):.4f}  {changed}" for changed, each in best_first)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices="all terms intra weights table".split(), default="all")
    parser.add_argument("--bits", type=int, nargs="+", default=(16, 32))
    parser.add_argument("--data", default="bluemarble")
    words = parser.parse_args()
    main(words.only, tuple(words.bits), words.data)
