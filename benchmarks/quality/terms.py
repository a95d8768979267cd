"""What does each level of the loss do, with a frozen backbone and with one that learns?

    python -m benchmarks.quality.terms                             the built-in sample, frozen
    RSH_DATA=folder python -m benchmarks.quality.terms --data ucmd
    python -m benchmarks.quality.terms --finetune                  the whole network learns

Networks differ in nothing but the terms of their loss (`TERMS`) and where they are compared
(`PLACES`: the defaults, views far apart, small batches). All keep the quantization term. At some
epochs one batch, always the same, goes through a copy of the network: its gradients say how far
the terms pull in one direction, and the spread of tiles within their class, relative to that of
the classes, says how far the classes have collapsed. Nothing of it changes the training.

Protocol: disjoint, trained on train alone. One JSON line a network in results/terms.jsonl; a row
that is there is not run again. `terms_tables.py` prints the tables.
"""

import argparse
import copy
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations, product
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.common.rows import RESULTS_FOLDER, Row, Wanted, add_missing
from benchmarks.quality.method_rows import BEGUN, UCMD, open_data
from rsh.config import TrainConfig
from rsh.data.dataset import Split
from rsh.data.decoded import decoded_tiles
from rsh.data.tiles import TileDataset
from rsh.evaluation.protocols import DISJOINT
from rsh.evaluation.scoring import RetrievalTask, cosine_map, score
from rsh.models.augment import ViewSpec
from rsh.models.backbone import DEFAULT
from rsh.models.hashnet import HashNet, apply_head, apply_net, to_encodings
from rsh.models.losses.multilevel import Embedding, MultiLevelLoss
from rsh.training.batches import Batch, FeatureBatches, TileBatches
from rsh.training.checkpoint import Record
from rsh.training.feature_cache import cached_features
from rsh.training.loop import Loss, fit
from rsh.training.train import make_loss

RESULTS = RESULTS_FOLDER / "terms.jsonl"
BITS, IMAGE_SIZE = 32, 128  # pixels
WEIGHTS = ("category_weight", "inter_weight", "intra_weight")
TERMS = {
    "all three": (1.0, 1.0, 1.0),
    "inter + intra": (0.0, 1.0, 1.0),
    "category + inter": (1.0, 1.0, 0.0),
    "category + intra": (1.0, 0.0, 1.0),
    "inter": (0.0, 1.0, 0.0),
    "intra": (0.0, 0.0, 1.0),
    "category": (1.0, 0.0, 0.0),
}
PLACES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "strong views": {"augmentation": "strong"},
    "batches of 16": {"batch_size": 16},
}
FROZEN = TrainConfig()
WHOLE = TrainConfig(finetune=True, epochs=40, ema_decay=0.99, warmup_fraction=0.1)
LOOKED_AT = (1, 2, 5, 10, 20, 40, 60)  # epochs
OTHER_EPOCH = 10**6  # whose batches no training sees


@dataclass(frozen=True)
class Job:
    """One row.

    Attributes:
        data: "bluemarble" or "ucmd".
        terms: a key of `TERMS`.
        place: a key of `PLACES`.
        seed: of split, first weights and batches.
        finetune: whether the backbone learns.
        epochs: of a backbone that learns.
    """

    data: str
    terms: str
    place: str
    seed: int
    finetune: bool
    epochs: int

    @property
    def config(self) -> TrainConfig:
        """Settings of the training."""
        start = replace(WHOLE, epochs=self.epochs) if self.finetune else FROZEN
        weights = zip(WEIGHTS, TERMS[self.terms], strict=True)
        changes: dict[str, Any] = dict(weights) | PLACES[self.place]
        return replace(start, seed=self.seed, **changes)

    def key(self, fingerprint: str) -> str:
        """Name the row by all that decides it."""
        return json.dumps([self.data, fingerprint[:16], BITS, IMAGE_SIZE, asdict(self.config)])


def run(jobs: Iterable[Job], file: Path, *, minutes: float = inf) -> None:
    """Measure the rows of jobs that a file lacks: see `add_missing`."""
    add_missing(file, map(wanted_by, jobs), minutes=minutes)


def wanted_by(job: Job) -> Wanted:
    """Return the row of a job."""
    split = split_of(job)
    key = job.key(split.dataset.fingerprint)
    name = f"{job.data} {job.terms} {job.place} {job.seed}"
    return Wanted(name, [key], lambda: [{"key": key} | measure(job, split)])


def split_of(job: Job) -> Split:
    """Split the data of a job."""
    if job.data == "ucmd":
        return open_data(UCMD).split(query=UCMD.query, seed=job.seed)
    return TileDataset.open(job.data).split(seed=job.seed)


def measure(job: Job, split: Split) -> Row:
    """Train a network, look at it on the way, and measure its codes."""
    start, config = time.perf_counter(), job.config
    net = HashNet(DEFAULT, num_bits=BITS, image_size=IMAGE_SIZE, seed=job.seed)
    probe = (train_whole if job.finetune else train_head)(net, split, config)
    plain = cached_features(net, split.dataset, net.plain)
    task, embedding = RetrievalTask(split, DISJOINT), apply_head(net.head, plain)
    found = score(to_encodings(embedding).codes, task)
    return {
        "data": job.data,
        "protocol": DISJOINT.name,
        "backbone": DEFAULT,
        "frozen": not job.finetune,
        "terms": job.terms,
        "place": job.place,
        "bits": BITS,
        "seed": job.seed,
        **{name: found[name] for name in ("map", "map_interval", "precision_within_2")},
        "map_of_features": cosine_map(plain.astype(np.float32).mean(axis=1), task),
        "map_of_projection": cosine_map(embedding.features.numpy(), task),
        "by_epoch": probe.found,
        "seconds": round(time.perf_counter() - start, 1),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "config": asdict(config),
        "image_size": IMAGE_SIZE,
        "tiles": {"name": split.dataset.name, "fingerprint": split.dataset.fingerprint},
        "commit": BEGUN["revision"],
        "environment": BEGUN,
    }


def train_head(net: HashNet, split: Split, config: TrainConfig) -> "Probe":
    """Train a head on cached features of augmented views."""
    spec = ViewSpec(IMAGE_SIZE, config.cached_views, config.augmentation)
    features, labels = cached_features(net, split.dataset, spec), split.dataset.labels
    plain, rows = cached_features(net, split.dataset, net.plain), split.rows("train")
    loss = make_loss(config, len(split.dataset.classes), BITS)
    batches = FeatureBatches(features[rows], labels[rows], config)
    probe = Probe(
        net.head, next(batches.epoch(OTHER_EPOCH)), split, lambda: apply_head(net.head, plain)
    )
    fit(net.head, batches, config, loss=loss, watch=probe, progress=False)
    return probe


def train_whole(net: HashNet, split: Split, config: TrainConfig) -> "Probe":
    """Train backbone and head on augmented tiles."""
    assert isinstance(split.dataset, TileDataset)
    tiles, labels = decoded_tiles(split.dataset, IMAGE_SIZE), split.dataset.labels
    rows = split.rows("train")
    net.to(memory_format=torch.channels_last)
    loss = make_loss(config, len(split.dataset.classes), BITS)
    batches = TileBatches(tiles[rows], labels[rows], config)
    probe = Probe(net, next(batches.epoch(OTHER_EPOCH)), split, lambda: apply_net(net, tiles))
    fit(net, batches, config, loss=loss, watch=probe, progress=False)
    net.cpu().eval()
    return probe


class Probe:
    """Looks at a training after some epochs.

    Attributes:
        found: for each epoch that was looked at: sizes of the gradients, cosines between them, and
            spread of features and codes.
    """

    def __init__(self, module: nn.Module, batch: Batch, split: Split, embed: Any) -> None:
        """Keep what is looked at.

        Args:
            module: the network or head that is trained.
            batch: two views of some training tiles.
            split: all tiles.
            embed: returns the Embedding of all tiles.
        """
        self.module, self.batch, self.split, self.embed = module, batch, split, embed
        self.found: dict[int, Row] = {}

    def __call__(self, history: Sequence[Record], total: int) -> None:
        """Look, if it is time."""
        epoch = len(history)
        if epoch in LOOKED_AT or epoch == total:
            embedding = self.embed()
            self.found[epoch] = gradients(self.module, self.batch, MultiLevelLoss()) | {
                f"{what}_{name}": spread(values.numpy(), self.split, *splits)
                for what, values in (
                    ("features", embedding.features),
                    ("codes", torch.tanh(embedding.relaxed)),
                )
                for name, splits in (("train", ("train",)), ("query", ("query",)))
            }


def gradients(module: nn.Module, batch: Batch, loss: Loss) -> Row:
    """Return sizes of the terms' gradients and cosines between them, of one batch.

    Gradients are those in the weights of the trunk, in those of the backbone if it learns, and in
    the relaxed codes, on which the category term does not depend.
    """
    looked_at, device = copy.deepcopy(module), next(module.parameters()).device
    head: Any = getattr(looked_at, "head", looked_at)
    at: dict[str, list[Tensor]] = {"trunk": list(head.trunk.parameters())}
    if backbone := getattr(looked_at, "backbone", None):
        at["backbone"] = [each for each in backbone.parameters() if each.requires_grad]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        both = looked_at.train()(torch.cat([batch.view0, batch.view1]).to(device))
    at["codes"] = [both.relaxed]
    views = zip(both.features.chunk(2), both.relaxed.chunk(2), strict=True)
    view0, view1 = (Embedding(*view) for view in views)
    terms = loss(view0, view1, batch.targets.map(lambda part: part.to(device)))
    found: Row = {}
    for where, weights in at.items():
        pulls = {name: pull(terms[name], weights) for name in ("category", "inter", "intra")}
        found[f"size_{where}"] = {name: float(each.norm()) for name, each in pulls.items()}
        found[f"cosine_{where}"] = {
            f"{one}, {other}": float(torch.cosine_similarity(pulls[one], pulls[other], dim=0))
            for one, other in combinations(pulls, 2)
        }
    return found


def pull(term: Tensor, weights: list[Tensor]) -> Tensor:
    """Return the gradient of a term in some weights as one vector."""
    found = torch.autograd.grad(term, weights, retain_graph=True, materialize_grads=True)
    return torch.cat([part.flatten() for part in found])


def spread(values: NDArray[np.float32], split: Split, *names: str) -> float:
    """Return the variance within classes, as a multiple of that of the class means.

    0 if the tiles of each class have collapsed to a point.

    Source: Papyan, Han and Donoho 2020, https://arxiv.org/abs/2008.08186, NC1, with traces instead
        of a pseudoinverse.
    """
    rows, labels = split.rows(*names), split.dataset.labels
    unit = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    of_class = [unit[rows[labels[rows] == number]] for number in np.unique(labels[rows])]
    means = np.stack([each.mean(axis=0) for each in of_class])
    within = np.mean([each.var(axis=0).sum() for each in of_class])
    return float(within / max(means.var(axis=0).sum(), 1e-12))


def list_jobs(given: argparse.Namespace) -> Iterator[Job]:
    """Yield the rows that were asked for."""
    for seed, place, data, terms in product(given.seeds, given.places, given.data, given.terms):
        yield Job(data, terms, place, seed, given.finetune, given.epochs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=("bluemarble", "ucmd"), default=["bluemarble"])
    parser.add_argument("--terms", nargs="+", choices=TERMS, default=list(TERMS))
    parser.add_argument("--places", nargs="+", choices=PLACES, default=list(PLACES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--finetune", action="store_true", help="train the backbone, too")
    parser.add_argument("--epochs", type=int, default=WHOLE.epochs, help="of a learning backbone")
    parser.add_argument("--minutes", type=float, default=inf, help="begin no row that ends later")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    run(list_jobs(given), given.results, minutes=given.minutes)
