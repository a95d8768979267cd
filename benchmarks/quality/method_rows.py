"""Rows of a comparison on UCMD or AID at 150 px: one method, code length and seed.

`methods.py`, `finetune.py` and `settings.py` list jobs, and `run_rows` measures those whose rows
are missing, one for each protocol: all protocols evaluate the same network. The data lies in the
folder that the environment variable RSH_DATA names, as UCMD/ and AID150/ with one folder a class.
UCMD has 80 % for training and 20 % as queries, AID 50/50. A fine-tuning that was interrupted
resumes from its checkpoint in build/methods.

The row of the protocol `disjoint` says all about the network; those of others say their figure, and
with ties in the best and the worst order. Where papers report the epoch with the best figure on the
queries, `map_best_epoch` is that of the best of every tenth epoch: too high, and only to compare
with them. Average precisions of single queries are kept in precisions/ beside the rows, see
`paired.py`.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benchmarks.common.rows import RESULTS_FOLDER, Row, Wanted, add_missing
from benchmarks.quality.finer_rankings import finer_rankings
from rsh.codes.asymmetric import soft_bits
from rsh.codes.binary import Codes, Packed, pack
from rsh.codes.centers import random_codewords
from rsh.codes.encodings import Encodings
from rsh.config import LabelFree, Method, TrainConfig
from rsh.data.dataset import Dataset, Split
from rsh.data.tiles import TileDataset
from rsh.errors import InputError
from rsh.evaluation.baselines import itq, lsh
from rsh.evaluation.evaluate import linear_classifier
from rsh.evaluation.neighbors import neighbor_report, standardized
from rsh.evaluation.protocols import DISJOINT, PROTOCOLS
from rsh.evaluation.scoring import RetrievalTask, average_precisions, cosine_map, score, score_map
from rsh.io.files import atomic_write
from rsh.io.provenance import environment
from rsh.metrics.neighbors import tied_at
from rsh.models.backbone import DEFAULT
from rsh.models.hashnet import HashNet, apply_head, to_encodings
from rsh.training.checkpoint import Record
from rsh.training.feature_cache import FeatureArray, cached_features
from rsh.training.neighborhoods import Standardization
from rsh.training.train import train

RUNS = Path("build") / "methods"
PRECISIONS = "precisions"  # beside rows
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
    *("head_first", "look_bits", "labels", "others", "unseen", "noise", "rankings"),
    *("neighbors", "look_weight", "look_temperature", "teacher_temperature"),
}
BEST_OF_EVERY = 10  # epochs


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
        unseen: share of the classes that are not learned.
        noise: share of the training labels that are wrong.
        rankings: whether finer rankings of the codes are measured, too.
        protocols: under which the codes are measured.
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
    unseen: float = 0.0
    noise: float = 0.0
    rankings: bool = False
    protocols: tuple[str, ...] = (DISJOINT.name,)

    def key(self, fingerprint: str) -> str:
        """Name the network by all that decides it, so that it is not trained twice."""
        settings = asdict(self) | {"tiles": fingerprint[:16]}
        del settings["protocols"]
        settings = without_later(settings, Job)
        settings["config"] = without_later(settings["config"], TrainConfig)
        return json.dumps(settings, sort_keys=True)

    def keys(self, fingerprint: str) -> dict[str, str]:
        """Name the row of each protocol."""
        network = self.key(fingerprint)
        own = {name: f"{short(network)} {name}" for name in self.protocols}
        return own | {DISJOINT.name: network}


@dataclass(frozen=True)
class Made:
    """What a row measures.

    Attributes:
        codes: of all tiles, (n, num_bits); None for vectors.
        vectors: of all tiles, compared by cosine, (n, d).
        about: what else the row of the protocol `disjoint` says.
        best: for each protocol whose papers choose the epoch on the queries: the codes of the best
            of every tenth epoch, and its number.
    """

    codes: Codes | None
    vectors: NDArray[np.floating[Any]]
    about: Row
    best: dict[str, tuple[Codes, int]] = field(default_factory=dict)


def without_later(settings: dict[str, Any], like: type) -> dict[str, Any]:
    """Leave out settings at their defaults that are younger than rows, which keep their names."""
    return {
        name: value
        for name, value in settings.items()
        if name not in LATER or value != getattr(like, name)
    }


def run_rows(jobs: Iterable[Job], file: Path, *, minutes: float = np.inf) -> None:
    """Measure the rows of jobs that a file lacks: see `add_missing`."""
    add_missing(file, (wanted_by(job, file.parent) for job in jobs), minutes=minutes)


def wanted_by(job: Job, folder: Path) -> Wanted:
    """Return the rows of a job, which lie in a folder."""
    keys = job.keys(open_data(job.setup).fingerprint)
    name = f"{job.data} {job.method} {job.bits} {job.seed}"
    return Wanted(name, keys.values(), lambda: measure(job, keys, folder))


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
def split_of(setup: Data, seed: int, on_val: bool, unseen: float = 0.0) -> Split:
    """Split a data set; with `on_val` the validation tiles, and no others, are the queries."""
    split = open_data(setup).split(query=setup.query, seed=seed, unseen=unseen)
    if not on_val:
        return split
    names = split.dataset.items["split"].replace({"query": "unused", "val": "query"})
    return Split(replace(split.dataset, items=split.dataset.items.assign(split=names)))


def measure(job: Job, keys: dict[str, str], folder: Path) -> list[Row]:
    """Make codes and measure them under each protocol.

    Args:
        job: which codes.
        keys: of the row of each protocol.
        folder: of the rows.
    """
    start = time.perf_counter()
    split = split_of(job.setup, job.seed, job.on_val, job.unseen)
    is_trained = job.method in get_args(Method)
    made = trained(job, split, keys[DISJOINT.name]) if is_trained else untrained(job, split)
    tiles = open_data(job.setup).fingerprint
    same = {
        "data": job.data,
        "measured_on": "val" if job.on_val else "query",
        "method": "neighbors" if (job.method, job.labels) == ("multilevel", "none") else job.method,
        "backbone": job.backbone,
        "frozen": not job.config.finetune,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "bits": job.bits,
        "seed": job.seed,
    }
    rows = []
    for name in job.protocols:
        found = figures(made, split, name)
        precisions = found.pop("average_precision", None)
        row = {"key": keys[name], "protocol": name, **same, **found}
        if name == DISJOINT.name:
            row |= made.about | settings_of(job)
            if precisions and len(job.protocols) > 1 and not job.unseen:  # for paired.py
                keep_precisions(row, split.rows("query"), precisions, folder)
        seconds = round(time.perf_counter() - start, 1)
        from_tiles = {"name": split.dataset.name, "fingerprint": tiles}
        rows.append(
            row
            | {"seconds": seconds, "look_bits": job.look_bits, "tiles": from_tiles}
            | {"commit": BEGUN["revision"], "environment": BEGUN}
        )
    return rows


def settings_of(job: Job) -> Row:
    """Return what the row of the protocol `disjoint` says of how a network was made."""
    return {
        "config": asdict(job.config),
        "tta": job.tta,
        "feature_stages": job.feature_stages,
        "head_first": job.head_first,
        "labels": job.labels,
        "others": job.others,
        "unseen": job.unseen,
        "noise": job.noise,
        "image_size": job.setup.image_size,
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


def trained(job: Job, split: Split, key: str) -> Made:
    """Train a network and make codes; a training that was cut off goes on."""
    config, net = replace(job.config, method=job.method), network(job)  # type: ignore[arg-type]
    known = as_learned(split_of(job.setup, job.seed, False, job.unseen), job)
    if job.head_first:
        train(net, known, replace(HEAD, **{name: getattr(config, name) for name in OF_BOTH}))
    run = RUNS / short(key) if config.finetune else None
    resume = run is not None and (run / "config.json").exists()
    epochs = None if config.finetune else Epochs(job, net, split)
    history = train(net, known, config, run=run, resume=resume, watch=epochs)
    plain = cached_features(net, split.dataset, net.plain)
    encodings = to_encodings(apply_head(net.head, plain))
    if run:
        shutil.rmtree(run)
    soft = soft_bits(encodings.relaxed)
    task = RetrievalTask(split, DISJOINT)
    about = about_codes(encodings, plain, split) | {
        "map_before_sign": cosine_map(soft, task),
        "accuracy": accuracy(*classify(net, split)) if config.finetune else accuracy(*frozen(job)),
        "tiles_per_second": round(float(np.median([r["tiles_per_second"] for r in history])), 1),
        "loss": round(history[-1]["total"], 4),
    }
    if job.rankings:
        about["rankings"] = finer_rankings(encodings, task, look_bits=job.look_bits)
    return Made(encodings.codes, soft, about, epochs.best if epochs else {})


class Epochs:
    """Keeps the codes of the epoch that is best on the queries, as some papers do.

    Attributes:
        best: for each such protocol: codes and epoch. The epoch is chosen with ties averaged.
    """

    def __init__(self, job: Job, net: HashNet, split: Split) -> None:
        """Look at the network of a job while its head learns."""
        self.net, self.split = net, split
        self.protocols = [PROTOCOLS[name] for name in job.protocols if PROTOCOLS[name].best_epoch]
        self.plain: FeatureArray | None = None
        self.figures: dict[str, float] = {}
        self.best: dict[str, tuple[Codes, int]] = {}

    def __call__(self, history: Sequence[Record], total: int) -> None:
        """Look at every tenth epoch and at the last one."""
        epoch = len(history)
        if not self.protocols or (epoch % BEST_OF_EVERY and epoch != total):
            return
        if self.plain is None:
            self.plain = cached_features(self.net, self.split.dataset, self.net.plain)
        codes = to_encodings(apply_head(self.net.head, self.plain)).codes
        packed = pack(codes)
        for protocol in self.protocols:
            task = RetrievalTask(self.split, protocol)
            precisions = task.precision(task.counts(packed, codes.shape[1]))
            found = float(np.nanmean(task.figures(precisions)))
            if found > self.figures.get(protocol.name, -1.0):
                self.figures[protocol.name], self.best[protocol.name] = found, (codes, epoch)


def untrained(job: Job, split: Split) -> Made:
    """Make codes that no hashing loss has made, or return the features themselves."""
    labels, rows = split.dataset.labels, split.rows("train", "val")
    net = network(job)
    plain = cached_features(net, split.dataset, net.plain)
    values = plain.astype(np.float32).mean(axis=1)
    method = job.method.removesuffix(", standardized")
    if method != job.method:
        values = Standardization.fit(plain, rows).apply(plain, np.arange(len(labels)))
    predicted, _ = frozen(job)
    if method == "float cosine":
        return Made(None, values, {"accuracy": accuracy(*frozen(job))})
    codes: dict[str, Callable[[], Codes]] = {
        "lsh": lambda: lsh(values, rows, num_bits=job.bits, seed=job.seed),
        "itq": lambda: itq(values, rows, num_bits=job.bits, seed=job.seed),
        "classifier center": lambda: random_codewords(int(labels.max()) + 1, job.bits)[predicted],
    }
    made = codes[method]()
    encodings = Encodings(made, made.astype(np.float16), values.astype(np.float16))
    about = about_codes(encodings, plain, split) | {"accuracy": accuracy(*frozen(job))}
    return Made(made, values, about)


def figures(made: Made, split: Split, protocol: str) -> Row:
    """Return the figures of a protocol."""
    task = RetrievalTask(split, PROTOCOLS[protocol])
    if made.codes is None:
        return {"map": cosine_map(made.vectors, task)}
    if protocol == DISJOINT.name:
        found = score(made.codes, task)
        names = ["map", "map_interval", "map_optimistic", "map_pessimistic"]
        names += ["map_at_20", "precision_within_2", "distinct_codes", "average_precision"]
        row = {name: found[name] for name in names}
    else:
        row = score_map(made.codes, task)
    if protocol in made.best:
        codes, epoch = made.best[protocol]
        best = float(np.nanmean(average_precisions(codes, task)))
        row |= {"map_best_epoch": best, "best_epoch": epoch}
    return row


def keep_precisions(
    row: Row, queries: NDArray[np.int64], precisions: Sequence[float], folder: Path
) -> None:
    """Keep the average precision of each query of a row, by which methods can be paired."""
    file = precisions_file(row, folder)
    file.parent.mkdir(exist_ok=True)
    handle = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # another method may run beside this one
        known = all_precisions(file)
        known["queries"] = queries.astype(np.int32)
        known[short(row["key"])] = np.array(precisions, np.float16)
        with atomic_write(file) as stream:
            np.savez_compressed(stream, **known)  # type: ignore[arg-type]
    finally:
        os.close(handle)


def precisions_of(row: Row) -> tuple[NDArray[np.int32], NDArray[np.float64]] | None:
    """Return rows and average precisions of the queries of a row, if they were kept."""
    known = all_precisions(precisions_file(row, RESULTS_FOLDER))
    if (found := known.get(short(row["key"]))) is None:
        return None
    return known["queries"], found.astype(float)


def all_precisions(file: Path) -> dict[str, NDArray[Any]]:
    """Return what a file of average precisions keeps."""
    if not file.exists():
        return {}
    with np.load(file) as known:
        return dict(known)


def precisions_file(row: Row, folder: Path) -> Path:
    """Return where the average precisions of a data set, backbone and seed are kept."""
    return folder / PRECISIONS / f"{row['data']}-{row['backbone']}-{row['seed']}.npz"


def short(key: str) -> str:
    """Name a network briefly."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def about_codes(encodings: Encodings, plain: NDArray[np.float16], split: Split) -> Row:
    """Return what else is said of codes."""
    return {
        "neighbors": neighbor_report(encodings, standardized(plain, split), split, DISJOINT),
        "nearest_tied": most_tied(encodings.packed, split),
    }


def most_tied(packed: Packed, split: Split) -> int:
    """Return the largest number of tiles that any query finds at its nearest distance."""
    query, gallery = packed[split.rows("query")], packed[split.rows("train", "val")]
    return int(tied_at(query, gallery, 1).max())


def as_learned(split: Split, job: Job) -> Split:
    """Return a split whose training tiles have the labels of a job; queries keep theirs."""
    items, rows = split.dataset.items.copy(), split.rows("train", "val")
    random = np.random.default_rng(job.seed)
    if job.noise:
        wrong = random.permutation(rows)[: round(job.noise * len(rows))]
        labels, count = split.dataset.labels[wrong], len(split.dataset.classes)
        labels = (labels + random.integers(1, count, len(wrong))) % count
        items.loc[wrong, "class"] = np.array(split.dataset.classes)[labels]
    if job.labels != ALL_LABELS:
        keep_labels(items, rows, job, random)
    return split if items.equals(split.dataset.items) else Split(with_items(split.dataset, items))


def keep_labels(
    items: pd.DataFrame, rows: NDArray[np.int64], job: Job, random: np.random.Generator
) -> None:
    """Remove all labels of training tiles but those that a job keeps."""
    kept: list[int] = []
    for name in sorted({*items["class"].iloc[rows]} - {""}):
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


def with_items(dataset: Dataset, items: pd.DataFrame) -> Dataset:
    """Return the same images, whose features are cached, with other labels."""
    changed = replace(dataset, items=items)
    for name in ("digests", "fingerprint"):
        vars(changed)[name] = getattr(dataset, name)
    return changed


def features(net: HashNet, dataset: Dataset) -> NDArray[np.float32]:
    """Return backbone features of each tile, the mean of the views that codes are made of."""
    every: NDArray[np.float32] = cached_features(net, dataset, net.plain).astype(np.float32)
    return np.asarray(every.mean(axis=1))


def frozen(job: Job) -> tuple[NDArray[np.int64], Split]:
    """Return what a linear classifier predicts from frozen features: the same for all rows."""
    same = replace(job, method="classifier center", bits=16, look_bits=0, config=HEAD)
    return _frozen(replace(same, labels=ALL_LABELS, others=True, noise=0.0, rankings=False))


@cache
def _frozen(job: Job) -> tuple[NDArray[np.int64], Split]:
    return classify(network(job), split_of(job.setup, job.seed, job.on_val, job.unseen))


def classify(net: HashNet, split: Split) -> tuple[NDArray[np.int64], Split]:
    """Predict the class of every tile by a linear classifier on the backbone's features."""
    values = features(net, split.dataset)
    return linear_classifier(values, split.dataset.labels, split, refit=True), split


def accuracy(predicted: NDArray[np.int64], split: Split) -> float:
    """Return the share of queries whose class was predicted."""
    query = split.rows("query")
    return float((predicted[query] == split.dataset.labels[query]).mean())
