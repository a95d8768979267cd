"""One row of a comparison on UCMD or AID at 150 px: one method, code length and seed.

`methods.py`, `finetune.py` and `settings.py` list jobs, and `run_rows` measures those whose row is
missing. The data lies in the folder that the environment variable RSH_DATA names, as UCMD/ and
AID150/ with one folder a class. Protocol: disjoint, UCMD 80 % for training and 20 % as queries, AID
50/50, tie-aware mAP@ALL. A fine-tuning that was interrupted resumes from its checkpoint in
build/methods.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.common.rows import Row, append, read_rows
from rsh.codes.asymmetric import soft_bits
from rsh.codes.binary import Codes, Packed
from rsh.codes.centers import random_codewords
from rsh.codes.encodings import Encodings
from rsh.config import LabelFree, Method, TrainConfig
from rsh.data.dataset import Dataset, Split
from rsh.data.tiles import TileDataset
from rsh.errors import InputError
from rsh.evaluation.baselines import itq, lsh
from rsh.evaluation.evaluate import linear_classifier
from rsh.evaluation.neighbors import neighbor_report, standardized
from rsh.evaluation.protocols import DISJOINT
from rsh.evaluation.scoring import RetrievalTask, cosine_map, score
from rsh.io.provenance import environment
from rsh.metrics.neighbors import tied_at
from rsh.models.backbone import DEFAULT
from rsh.models.hashnet import HashNet, apply_head, to_encodings
from rsh.training.feature_cache import cached_features
from rsh.training.neighborhoods import Standardization
from rsh.training.train import train

RUNS = Path("build") / "methods"
BEGUN = environment()  # now, as the checkout may move on while this runs
WITHOUT_LABELS = get_args(LabelFree)
TRAINED = tuple(name for name in get_args(Method) if name not in WITHOUT_LABELS)
STANDARDIZED = ("float cosine, standardized", "lsh, standardized", "itq, standardized")
UNTRAINED = ("float cosine", "lsh", "itq", "classifier center", *STANDARDIZED)
ALL_LABELS = "all"


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


UCMD, AID150 = Data("UCMD", 0.2, 256), Data("AID150", 0.5, 224)
DATA = {"ucmd": UCMD, "aid150": AID150}
TTA, STAGES = 4, 2  # with which all methods are compared
HEAD = TrainConfig(train_on_val=True)
OF_BOTH = ("method", "train_on_val", "seed")  # settings of both trainings, if the head learns first
WHOLE = TrainConfig(
    finetune=True, train_on_val=True, epochs=40, ema_decay=0.99, warmup_fraction=0.1
)
LATER = {  # settings of a job or a training that came after the first rows
    *("head_first", "look_bits", "labels", "others"),
    *("neighbors", "look_weight", "look_temperature", "teacher_temperature"),
}
OUT_OF_TIME = "no time for another row: run this again"


@dataclass(frozen=True)
class Job:
    """One row: which codes, of which length, from which settings.

    Attributes:
        data: a key of `DATA`.
        setup: how that data set is measured.
        on_val: whether validation tiles are the queries, to choose settings.
        head_first: whether the head learns before the whole network is fine-tuned.
        look_bits: how many of the bits are look bits.
        labels: which training tiles keep their label: "all", "none", a number for each class such
            as "5", or a share such as "10%".
        others: whether the other training tiles are learned from, too.
    """

    data: str
    setup: Data
    method: str
    bits: int
    seed: int
    config: TrainConfig
    backbone: str = DEFAULT
    tta: int = TTA
    feature_stages: int = STAGES
    on_val: bool = False
    head_first: bool = False
    look_bits: int = 0
    labels: str = ALL_LABELS
    others: bool = True

    def key(self, fingerprint: str) -> str:
        """Name the row by all that decides it, so that it is not run twice."""
        settings = asdict(self) | {"tiles": fingerprint[:16]}
        settings = without_later(settings, Job)
        settings["config"] = without_later(settings["config"], TrainConfig)
        return json.dumps(settings, sort_keys=True)


def without_later(settings: dict[str, Any], like: type) -> dict[str, Any]:
    """Leave out settings at their defaults that are younger than rows, which keep their names."""
    return {
        name: value
        for name, value in settings.items()
        if name not in LATER or value != getattr(like, name)
    }


def run_rows(jobs: Iterable[Job], file: Path, *, minutes: float = np.inf) -> None:
    """Measure the rows that a file lacks, and begin none that might not end in time."""
    start, longest = time.monotonic(), 0.0
    done = {row["key"] for row in read_rows(file)}
    for job in jobs:
        begun, key = time.monotonic(), job.key(open_data(job.setup).fingerprint)
        if key in done:
            continue
        if begun - start + 1.2 * longest > 60 * minutes:
            print(OUT_OF_TIME, flush=True)
            return
        row = {"key": key} | run_row(job, key)
        append(file, row)
        longest = max(longest, time.monotonic() - begun)
        print(f"{job.data} {job.method} {job.bits} {job.seed}: {row['map']:.4f}", flush=True)


@cache
def open_data(setup: Data) -> TileDataset:
    """Open a data set below RSH_DATA.

    Raises:
        SystemExit: the variable is not set, or the folder is not there.
    """
    if not (folder := os.environ.get("RSH_DATA")):
        raise SystemExit("RSH_DATA is not set: set it to the folder that holds UCMD/ and AID150/")
    try:
        return TileDataset.open(Path(folder) / setup.folder)
    except InputError as error:
        raise SystemExit(f"RSH_DATA: {error}") from None


@cache
def split_of(setup: Data, seed: int, on_val: bool) -> Split:
    """Split a data set; with `on_val` the validation tiles, and no others, are the queries."""
    split = open_data(setup).split(query=setup.query, seed=seed)
    if not on_val:
        return split
    names = split.dataset.items["split"].replace({"query": "unused", "val": "query"})
    return Split(replace(split.dataset, items=split.dataset.items.assign(split=names)))


def run_row(job: Job, key: str) -> Row:
    """Make the codes of one row and measure them."""
    start, split = time.perf_counter(), split_of(job.setup, job.seed, job.on_val)
    is_trained = job.method in get_args(Method)
    name = "neighbors" if (job.method, job.labels) == ("multilevel", "none") else job.method
    found = trained(job, split, key) if is_trained else untrained(job, split)
    return {
        "data": job.data,
        "protocol": "disjoint",
        "measured_on": "val" if job.on_val else "query",
        "method": name,
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
        "look_bits": job.look_bits,
        "labels": job.labels,
        "others": job.others,
        "image_size": job.setup.image_size,
        "tiles": {"name": split.dataset.name, "fingerprint": open_data(job.setup).fingerprint},
        "commit": BEGUN["revision"],
        "environment": BEGUN,
    }


def network(job: Job) -> HashNet:
    """Return the network of a row before any training."""
    return HashNet(
        job.backbone,
        num_bits=job.bits,
        look_bits=job.look_bits,
        image_size=job.setup.image_size,
        tta=job.tta,
        feature_stages=job.feature_stages,
        seed=job.seed,
    )


def trained(job: Job, split: Split, key: str) -> Row:
    """Train a network and measure its codes; a training that was cut off goes on."""
    config, net = replace(job.config, method=job.method), network(job)  # type: ignore[arg-type]
    known = with_labels(split_of(job.setup, job.seed, False), job)
    if job.head_first:
        train(net, known, replace(HEAD, **{name: getattr(config, name) for name in OF_BOTH}))
    run = RUNS / hashlib.sha256(key.encode()).hexdigest()[:16] if config.finetune else None
    resume = run is not None and (run / "config.json").exists()
    history = train(net, known, config, run=run, resume=resume)
    plain = cached_features(net, split.dataset, net.plain)
    encodings = to_encodings(apply_head(net.head, plain))
    if run:
        shutil.rmtree(run)
    return {
        **figures(encodings, plain, split),
        "map_before_sign": cosine_map(soft_bits(encodings.relaxed), RetrievalTask(split, DISJOINT)),
        "accuracy": accuracy(*classify(net, split)) if config.finetune else accuracy(*frozen(job)),
        "tiles_per_second": round(float(np.median([r["tiles_per_second"] for r in history])), 1),
        "loss": round(history[-1]["total"], 4),
    }


def untrained(job: Job, split: Split) -> Row:
    """Measure codes that no hashing loss has made, or the features themselves."""
    labels, rows = split.dataset.labels, split.rows("train", "val")
    net = network(job)
    plain = cached_features(net, split.dataset, net.plain)
    values = plain.astype(np.float32).mean(axis=1)
    method = job.method.removesuffix(", standardized")
    if method != job.method:
        values = Standardization.fit(plain, rows).apply(plain, np.arange(len(labels)))
    predicted, _ = frozen(job)
    if method == "float cosine":
        return {
            "map": cosine_map(values, RetrievalTask(split, DISJOINT)),
            "accuracy": accuracy(*frozen(job)),
        }
    codes: dict[str, Callable[[], Codes]] = {
        "lsh": lambda: lsh(values, rows, num_bits=job.bits, seed=job.seed),
        "itq": lambda: itq(values, rows, num_bits=job.bits, seed=job.seed),
        "classifier center": lambda: random_codewords(int(labels.max()) + 1, job.bits)[predicted],
    }
    made = codes[method]()
    encodings = Encodings(made, made.astype(np.float16), values.astype(np.float16))
    return {**figures(encodings, plain, split), "accuracy": accuracy(*frozen(job))}


def figures(encodings: Encodings, plain: NDArray[np.float16], split: Split) -> Row:
    """Return what a row says of its codes."""
    found = score(encodings.codes, RetrievalTask(split, DISJOINT))
    names = ("map", "map_interval", "map_at_20", "precision_within_2", "distinct_codes")
    return {name: found[name] for name in names} | {
        "neighbors": neighbor_report(encodings, standardized(plain, split), split, DISJOINT),
        "nearest_tied": most_tied(encodings.packed, split),
    }


def most_tied(packed: Packed, split: Split) -> int:
    """Return the largest number of tiles that any query finds at its nearest distance."""
    query, gallery = packed[split.rows("query")], packed[split.rows("train", "val")]
    return int(tied_at(query, gallery, 1).max())


def with_labels(split: Split, job: Job) -> Split:
    """Return a split in which only some training tiles have a label; queries keep theirs."""
    if job.labels == ALL_LABELS:
        return split
    items, rows = split.dataset.items.copy(), split.rows("train", "val")
    random = np.random.default_rng(job.seed)
    kept: list[int] = []
    for name in split.dataset.classes:
        own = random.permutation(rows[items["class"].iloc[rows] == name])
        share = job.labels.removesuffix("%")
        count = 0 if share == "none" else int(share)
        if share != job.labels:
            count = max(1, round(count * len(own) / 100))
        kept += own[:count].tolist()
    hidden = np.setdiff1d(rows, kept)
    items.loc[hidden, "class"] = ""
    if not job.others:
        items.loc[hidden, "split"] = "unused"
    dataset = replace(split.dataset, items=items)
    for name in ("digests", "fingerprint"):  # the same images: their features are cached
        vars(dataset)[name] = getattr(split.dataset, name)
    return Split(dataset)


def features(net: HashNet, dataset: Dataset) -> NDArray[np.float32]:
    """Return backbone features of each tile, the mean of the views that codes are made of."""
    every: NDArray[np.float32] = cached_features(net, dataset, net.plain).astype(np.float32)
    return np.asarray(every.mean(axis=1))


def frozen(job: Job) -> tuple[NDArray[np.int64], Split]:
    """Return what a linear classifier predicts from frozen features: the same for all rows."""
    same = replace(job, method="classifier center", bits=16, look_bits=0, config=HEAD)
    return _frozen(replace(same, labels=ALL_LABELS, others=True))


@cache
def _frozen(job: Job) -> tuple[NDArray[np.int64], Split]:
    return classify(network(job), split_of(job.setup, job.seed, job.on_val))


def classify(net: HashNet, split: Split) -> tuple[NDArray[np.int64], Split]:
    """Predict the class of every tile by a linear classifier on the backbone's features."""
    values = features(net, split.dataset)
    return linear_classifier(values, split.dataset.labels, split, refit=True), split


def accuracy(predicted: NDArray[np.int64], split: Split) -> float:
    """Return the share of queries whose class was predicted."""
    query = split.rows("query")
    return float((predicted[query] == split.dataset.labels[query]).mean())
