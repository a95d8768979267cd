"""What do several labels a tile gain over one class a tile?

    python -m benchmarks.quality.multilabel            add missing rows
    python -m benchmarks.quality.multilabel --table    print the tables

The sample, whose tiles have one class and one to four labels. Two networks learn the same tiles of
the same split, one from the class, the other from the labels, and answer the same queries. Both are
judged by the labels, and by the class. Settings are the defaults, the form of the loss was chosen
on validation tiles (docs/decisions/training.md); the rows learn from train and val. One JSON line a
network in results/multilabel.jsonl, and one with the paired differences of all seeds, whose
interval resamples blocks of queries and seeds; a row that is there is not measured again.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, Wanted, add_missing, measure_or_print
from rsh.codes.binary import pack
from rsh.config import TrainConfig
from rsh.data.dataset import Split
from rsh.data.tiles import TileDataset
from rsh.evaluation.scoring import Floats, RetrievalTask, average_precisions, graded_metrics
from rsh.io.provenance import environment
from rsh.labels import LabelSource
from rsh.metrics.ranking import bootstrap_interval
from rsh.models.backbone import DEFAULT
from rsh.models.hashnet import HashNet, apply_head, to_encodings
from rsh.models.losses.baselines import SEVERAL_LABELS
from rsh.training.feature_cache import cached_features
from rsh.training.train import train

RESULTS = RESULTS_FOLDER / "multilabel.jsonl"
BEGUN = environment()  # now, as the checkout may move on while this runs
SEEDS = (0, 1, 2, 3, 4)
SOURCES: tuple[LabelSource, ...] = ("auto", "multi")  # the class, and several labels
PAIRED = "paired"
NAMES = {  # of metrics, in the order of the table: label, and by how much it is multiplied
    "graded_ndcg_at_20": ("graded NDCG@20, %", 100),
    "graded_ndcg_at_100": ("graded NDCG@100, %", 100),
    "jaccard_graded_ndcg_at_100": ("graded NDCG@100 by Jaccard index, %", 100),
    "weighted_map": ("weighted mAP", 1),
    "acg_at_20": ("ACG@20", 1),
    "map": ("mAP, any shared label, %", 100),
    "class_map": ("mAP of the class, %", 100),
}
COMPARED = ("graded_ndcg_at_20", "weighted_map", "map", "class_map")
Measured = dict[str, Floats]  # values of each query by metric


def main(given: argparse.Namespace) -> None:
    """Add the rows that are not there."""
    wanted = []
    for method in given.methods:
        for bits in given.bits:
            keys = [key_of(method, bits, given.seeds, PAIRED)]
            name = f"{method}, {bits} bits"
            work = partial(measure, method, bits, tuple(given.seeds))
            wanted.append(Wanted(name, keys, work))
    add_missing(given.results, wanted)


def measure(method: str, bits: int, seeds: Sequence[int]) -> list[Row]:
    """Return the rows of the networks of all seeds, and that of their differences."""
    rows: list[Row] = []
    differences: list[Measured] = []
    groups: list[tuple[NDArray[np.str_], NDArray[np.int64]]] = []
    for seed in seeds:
        split = split_of(seed)
        found = {}
        for source in SOURCES:
            found[source] = judged(trained(method, bits, seed, source), split, bits)
            about = {"labels": source, "seed": seed, "split": split.fingerprint}
            means = {name: float(np.nanmean(values)) for name, values in found[source].items()}
            key = key_of(method, bits, [seed], source)
            rows.append({"key": key, **about, **common(method, bits), **means})
        differences.append({n: found["multi"][n] - found["auto"][n] for n in NAMES})
        blocks = np.array(RetrievalTask(split).groups)
        groups.append((blocks, np.full(len(blocks), seed)))
    values = {name: np.concatenate([each[name] for each in differences]) for name in NAMES}
    blocks, of_seed = (np.concatenate(part) for part in zip(*groups, strict=True))
    rows.append(
        {
            "key": key_of(method, bits, seeds, PAIRED),
            "labels": PAIRED,
            "seeds": list(seeds),
            "queries": len(blocks),
            **common(method, bits),
            **{name: float(np.nanmean(each)) for name, each in values.items()},
            "intervals": {
                name: bootstrap_interval(each, blocks, of_seed) for name, each in values.items()
            },
        }
    )
    return rows


def split_of(seed: int) -> Split:
    """Return the sample with several labels, split so that each label keeps its share."""
    return TileDataset.open("bluemarble", labels="multi").split(seed=seed)


def trained(method: str, bits: int, seed: int, source: LabelSource) -> HashNet:
    """Train a network on the classes or on the labels of the same tiles."""
    split = split_of(seed)
    if source == "auto":
        items = TileDataset.open("bluemarble").items.assign(split=split.dataset.items["split"])
        split = Split(replace(split.dataset, items=items, label_source="auto"), split.how)
    net = HashNet(num_bits=bits, seed=seed)
    train(net, split, config_of(method, seed), progress=False)
    return net


def config_of(method: str, seed: int) -> TrainConfig:
    """Return the settings: the defaults."""
    return TrainConfig(method=method, train_on_val=True, seed=seed)  # type: ignore[arg-type]


def judged(net: HashNet, split: Split, bits: int) -> Measured:
    """Return all metrics of each query, by labels, and the average precision by class."""
    plain = cached_features(net, split.dataset, net.plain, progress=False)
    codes = to_encodings(apply_head(net.head, plain)).codes
    task = RetrievalTask(split)
    of_classes = RetrievalTask(Split(replace(split.dataset, label_source="auto"), split.how))
    return {
        **graded_metrics(pack(codes), task, bits),
        "map": average_precisions(codes, task),
        "class_map": average_precisions(codes, of_classes),
    }


def common(method: str, bits: int) -> Row:
    """Return what the rows of a method and code length have in common."""
    dataset = split_of(0).dataset
    return {
        "data": "bluemarble",
        "tiles": {"name": dataset.name, "fingerprint": dataset.fingerprint},
        "protocol": RetrievalTask(split_of(0)).protocol.name,
        "method": method,
        "backbone": DEFAULT,
        "bits": bits,
        "config": asdict(config_of(method, 0)) | {"seed": None},
        "commit": BEGUN["revision"],
        "environment": BEGUN,
    }


def key_of(method: str, bits: int, seeds: Sequence[int], what: str) -> str:
    """Return what a row is known by."""
    about = [method, bits, list(seeds), what, asdict(config_of(method, 0))]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def tables(rows: list[Row]) -> str:
    """Return all metrics of the multi-level loss, and the main ones of every method."""
    lines, compared = [], []
    for paired in paired_rows(rows):
        method, bits = paired["method"], paired["bits"]
        found = [row for row in rows if (row["method"], row["bits"]) == (method, bits)]
        means = {
            name: [mean(found, source, name, paired["seeds"], scale) for source in SOURCES]
            for name, (_, scale) in NAMES.items()
        }
        for name, (title, scale) in NAMES.items():
            if method == "multilevel":
                lines.append((bits, title, *means[name], difference(paired, name, scale)))
        gain = difference(paired, COMPARED[0], NAMES[COMPARED[0]][1])
        compared.append((f"`{method}`", bits, gain, *(means[name][1] for name in COMPARED)))
    heads = ["bits", "", "learns the class", "learns the labels", "difference, 95 % interval"]
    titles = [NAMES[name][0] for name in COMPARED]
    about = f"{len(paired['seeds'])} split seeds, {paired['queries']:,} queries"
    first = f"The multi-level loss, {about}:\n\n{markdown(heads, lines)}"
    more = ["method", "bits", f"gain in {titles[0]} over learning the class", *titles]
    return f"{first}\n\nEvery method, learning the labels:\n\n{markdown(more, compared)}"


def paired_rows(rows: list[Row]) -> list[Row]:
    """Return the last row of differences of each method and code length, in their order."""
    last = {(row["method"], row["bits"]): row for row in rows if row["labels"] == PAIRED}
    return list(last.values())


def mean(rows: list[Row], source: str, name: str, seeds: Sequence[int], scale: int) -> str:
    """Return the mean over seeds as text."""
    values = [row[name] for row in rows if row["labels"] == source and row["seed"] in seeds]
    return f"{scale * np.mean(values):.{1 if scale > 1 else 3}f}"


def difference(paired: Row, name: str, scale: int) -> str:
    """Return a difference and its interval, bold if the interval does not contain 0."""
    digits = 1 if scale > 1 else 3
    low, high = (scale * bound for bound in paired["intervals"][name])
    gain = f"{scale * paired[name]:+.{digits}f}"
    gain = f"**{gain}**" if low > 0 or high < 0 else gain
    return f"{gain} ({low:+.{digits}f} to {high:+.{digits}f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=SEVERAL_LABELS, default=["multilevel"])
    parser.add_argument("--bits", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    measure_or_print(parser, RESULTS, measure=main, tables=tables)
