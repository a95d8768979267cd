"""Every method on UCMD and AID at 150 px: one loop, one backbone, the same views and splits.

    RSH_DATA=folder python benchmarks/methods.py --data ucmd --bits 16 32 64
    RSH_DATA=folder python benchmarks/methods.py --data ucmd --finetune --minutes 9

RSH_DATA names a folder with UCMD and AID150, each one folder a class. Protocol: disjoint, UCMD 80 %
for training and 20 % as queries, AID 50/50, tie-aware mAP@ALL. Settings are the defaults, chosen on
validation tiles of the built-in sample, and a rival's are its paper's; four turns a tile were
chosen on validation tiles of UCMD. With these chosen, rows learn from train and val, as published
figures do. One JSON line a row in results/methods.jsonl. A row that is there is not run again, and
a training that was cut off goes on from its checkpoint in build/methods. With --head-first the head
has learned before the whole is fine-tuned, as with `rsh train --start`. With --minutes none begins
that might not end in time; with --on-val rows are measured on validation tiles and not on queries.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from rows import Row, append, read_rows

from rsh.codes.binary import Codes, binarize
from rsh.codes.centers import random_codewords
from rsh.config import Method, TrainConfig
from rsh.data.dataset import Split, TileDataset
from rsh.errors import InputError
from rsh.evaluation.baselines import itq, lsh
from rsh.evaluation.evaluate import linear_classifier
from rsh.evaluation.protocols import DISJOINT
from rsh.evaluation.scoring import RetrievalTask, cosine_map, score
from rsh.io.provenance import environment
from rsh.models.backbone import DEFAULT
from rsh.models.hashnet import HashNet, apply_head
from rsh.training.feature_cache import cached_features
from rsh.training.train import train

RESULTS = Path(__file__).parent / "results" / "methods.jsonl"
RUNS = Path("build") / "methods"
BEGUN = environment()  # now, as the checkout may move on while this runs
TRAINED = get_args(Method)
UNTRAINED = ("float cosine", "lsh", "itq", "classifier center")


@dataclass(frozen=True)
class Data:
    """A data set as it is measured.

    Attributes:
        folder: below RSH_DATA.
        query: share of the tiles that are queries.
        image_size: side in pixels.
    """

    folder: str
    query: float
    image_size: int


DATA = {"ucmd": Data("UCMD", 0.2, 256), "aid150": Data("AID150", 0.5, 224)}
TURNS, STAGES = 4, 2  # that all methods are compared with
HEAD = TrainConfig(train_on_val=True)
OF_BOTH = ("method", "train_on_val", "seed")  # parts of a training, if the head learns first
WHOLE = TrainConfig(
    finetune=True, train_on_val=True, epochs=40, ema_decay=0.99, warmup_fraction=0.1
)


@dataclass(frozen=True)
class Job:
    """One row: which codes, of which length, from which settings."""

    data: str
    method: str
    bits: int
    seed: int
    backbone: str
    tta: int
    feature_stages: int
    on_val: bool
    config: TrainConfig
    head_first: bool = False

    def key(self, fingerprint: str) -> str:
        """Name the row by all that decides it, so that it is not run twice."""
        settings = asdict(self) | {"tiles": fingerprint[:16], "setup": asdict(DATA[self.data])}
        if not self.head_first:  # rows that are older than this setting keep their names
            del settings["head_first"]
        return json.dumps(settings, sort_keys=True)


def main(words: argparse.Namespace) -> None:
    """Run the missing rows, as long as there is time."""
    start, longest = time.monotonic(), 0.0
    for data in words.data:
        if words.image_size:
            DATA[data] = replace(DATA[data], image_size=words.image_size)
        tiles = open_data(data).fingerprint
        done = {row["key"] for row in read_rows(words.results)}
        for job in jobs(words, data):
            begun = time.monotonic()
            if job.key(tiles) in done:
                continue
            if words.minutes and begun - start + 1.2 * longest > 60 * words.minutes:
                print("no time for another row: run this again", flush=True)
                return
            row = {"key": job.key(tiles)} | measure(job, job.key(tiles))
            append(words.results, row)
            longest = max(longest, time.monotonic() - begun)
            print(f"{data} {job.method} {job.bits} {job.seed}: {row['map']:.4f}", flush=True)


def jobs(words: argparse.Namespace, data: str) -> list[Job]:
    """List the rows that were asked for, of one data set."""
    config = WHOLE if words.finetune else HEAD
    config = replace(config, **{name: json.loads(value) for name, value in words.set})
    config = replace(config, train_on_val=not words.on_val, epochs=words.epochs or config.epochs)
    methods = words.methods or [*TRAINED, *([] if words.finetune else UNTRAINED)]
    return [
        Job(
            *(
                data,
                method,
                bits,
                seed,
                words.backbone,
                words.tta,
                words.feature_stages,
                words.on_val,
            ),
            replace(config, seed=seed),
            words.head_first,
        )
        for seed in words.seeds
        for bits in words.bits
        for method in methods
    ]


@cache
def open_data(name: str) -> TileDataset:
    """Open a data set below RSH_DATA.

    Raises:
        InputError: the variable is not set, or the folder is not there.
    """
    if not os.environ.get("RSH_DATA"):
        raise InputError("RSH_DATA is not set: name the folder that holds UCMD and AID150")
    return TileDataset.open(Path(os.environ["RSH_DATA"]) / DATA[name].folder)


@cache
def split_of(data: str, seed: int, on_val: bool) -> Split:
    """Cut a data set; on val, what settings are chosen on: val as the queries, and no others."""
    split = open_data(data).split(query=DATA[data].query, seed=seed)
    if not on_val:
        return split
    names = split.dataset.items["split"].replace({"query": "unused", "val": "query"})
    return Split(replace(split.dataset, items=split.dataset.items.assign(split=names)))


def measure(job: Job, key: str) -> Row:
    """Make the codes of one row and measure them."""
    start, split = time.perf_counter(), split_of(job.data, job.seed, job.on_val)
    found = trained(job, split, key) if job.method in TRAINED else untrained(job, split)
    return {
        "data": job.data,
        "protocol": "disjoint",
        "measured_on": "val" if job.on_val else "query",
        "method": job.method,
        "backbone": job.backbone,
        "frozen": not job.config.finetune,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "bits": job.bits,
        "seed": job.seed,
        **found,
        "seconds": round(time.perf_counter() - start, 1),
        "config": asdict(job.config),
        "tta": job.tta,
        "feature_stages": job.feature_stages,
        "head_first": job.head_first,
        "image_size": DATA[job.data].image_size,
        "tiles": {"name": split.dataset.name, "fingerprint": open_data(job.data).fingerprint},
        "commit": BEGUN["revision"],
        "environment": BEGUN,
    }


def network(job: Job) -> HashNet:
    """Return the network of a row before any training."""
    return HashNet(
        job.backbone,
        num_bits=job.bits,
        image_size=DATA[job.data].image_size,
        tta=job.tta,
        feature_stages=job.feature_stages,
        seed=job.seed,
    )


def trained(job: Job, split: Split, key: str) -> Row:
    """Train a network and measure its codes; a training that was cut off goes on."""
    config, net = replace(job.config, method=job.method), network(job)  # type: ignore[arg-type]
    known = split_of(job.data, job.seed, False)
    if job.head_first:
        train(net, known, replace(HEAD, **{name: getattr(config, name) for name in OF_BOTH}))
    run = RUNS / hashlib.sha256(key.encode()).hexdigest()[:16] if config.finetune else None
    resume = run is not None and (run / "config.json").exists()
    history = train(net, known, config, run=run, resume=resume)
    relaxed = apply_head(net.head, cached_features(net, split.dataset, net.plain)).relaxed
    if run:
        shutil.rmtree(run)
    return {
        **figures(binarize(relaxed), split),
        "map_before_sign": cosine_map(relaxed.tanh().numpy(), RetrievalTask(split, DISJOINT)),
        "accuracy": accuracy(*classify(net, split)) if config.finetune else accuracy(*frozen(job)),
        "tiles_per_second": round(float(np.median([r["tiles_per_second"] for r in history])), 1),
        "loss": round(history[-1]["total"], 4),
    }


def untrained(job: Job, split: Split) -> Row:
    """Measure codes that no hashing loss has made, or the features themselves."""
    labels, rows = split.dataset.labels, split.rows("train", "val")
    values = features(network(job), split.dataset)
    predicted, _ = frozen(job)
    if job.method == "float cosine":
        return {
            "map": cosine_map(values, RetrievalTask(split, DISJOINT)),
            "accuracy": accuracy(*frozen(job)),
        }
    codes: dict[str, Callable[[], Codes]] = {
        "lsh": lambda: lsh(values, rows, num_bits=job.bits, seed=job.seed),
        "itq": lambda: itq(values, rows, num_bits=job.bits),
        "classifier center": lambda: random_codewords(int(labels.max()) + 1, job.bits)[predicted],
    }
    return {**figures(codes[job.method](), split), "accuracy": accuracy(*frozen(job))}


def figures(codes: Codes, split: Split) -> Row:
    """Return what a row says of its codes."""
    found = score(codes, RetrievalTask(split, DISJOINT))
    names = ("map", "map_interval", "map_at_20", "precision_within_2", "distinct_codes")
    return {name: found[name] for name in names}


def features(net: HashNet, dataset: TileDataset) -> NDArray[np.float32]:
    """Return backbone features of each tile, the mean of the views that codes are made of."""
    every: NDArray[np.float32] = cached_features(net, dataset, net.plain).astype(np.float32)
    return np.asarray(every.mean(axis=1))


def frozen(job: Job) -> tuple[NDArray[np.int64], Split]:
    """Return what a linear classifier predicts from frozen features: the same for all rows."""
    return _frozen(replace(job, method="classifier center", bits=16, config=HEAD))


@cache
def _frozen(job: Job) -> tuple[NDArray[np.int64], Split]:
    return classify(network(job), split_of(job.data, job.seed, job.on_val))


def classify(net: HashNet, split: Split) -> tuple[NDArray[np.int64], Split]:
    """Predict the class of every tile by a linear classifier on the backbone's features."""
    values = features(net, split.dataset)
    return linear_classifier(values, split.dataset.labels, split, refit=True), split


def accuracy(predicted: NDArray[np.int64], split: Split) -> float:
    """Return the share of queries whose class was predicted."""
    query = split.rows("query")
    return float((predicted[query] == split.dataset.labels[query]).mean())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--methods", nargs="+", choices=(*TRAINED, *UNTRAINED))
    parser.add_argument("--bits", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--backbone", default=DEFAULT)
    parser.add_argument("--image-size", type=int, help="instead of the data set's")
    parser.add_argument("--tta", type=int, default=TURNS)
    parser.add_argument("--feature-stages", type=int, default=STAGES)
    parser.add_argument("--finetune", action="store_true")
    parser.add_argument("--head-first", action="store_true", help="then --finetune goes on")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--minutes", type=float, help="begin no row that might not end in time")
    parser.add_argument("--on-val", action="store_true", help="to choose settings")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--set", nargs=2, action="append", default=[], metavar=("NAME", "JSON"))
    try:
        main(parser.parse_args())
    except InputError as error:
        sys.exit(f"methods.py: {error}")
