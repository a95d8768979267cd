"""What was tried beyond the paper, measured on validation tiles: does it help?

    RSH_DATA=folder python benchmarks/beyond.py --data ucmd --bits 16 32 64

    centers      a fourth term: cross entropy of the cosine to fixed centers, far apart (OrthoHash)
    distilled    short codes also learn how alike two views are from codes of 64 bits, trained first

Turns and stages are settings of the network, and lengths of 8 and 12 bits are lengths: `methods.py
--on-val` measures those. Heads on a frozen backbone, settings and views as there; "plain" is ours
without additions. One JSON line a row in results/beyond.jsonl; a row that is there is not run
again. Nothing here is part of rsh unless it is worth it: benchmarks/README.md says what was.
"""

import argparse
import json
import sys
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import torch
import torch.nn.functional as F
from methods import DATA, HEAD, STAGES, TURNS, Job, figures, network, open_data, split_of
from rows import Row, append, read_rows
from torch import Tensor, nn

from rsh.codes.binary import binarize
from rsh.data.dataset import Split
from rsh.errors import InputError
from rsh.io.provenance import environment
from rsh.models.augment import ViewSpec
from rsh.models.backbone import DEFAULT
from rsh.models.hashnet import HashHead, HashNet, apply_head
from rsh.models.losses.baselines import OrthoHash
from rsh.models.losses.multilevel import Embedding, MultiLevelLoss
from rsh.training.batches import FeatureBatches
from rsh.training.feature_cache import cached_features
from rsh.training.loop import fit

RESULTS = Path(__file__).parent / "results" / "beyond.jsonl"
LONG = 64  # bits of the teacher
Terms = dict[str, Tensor]


class WithCenters(nn.Module):
    """Our loss, and as a further term the cosine to the fixed center of one's class."""

    def __init__(self, num_classes: int, num_bits: int, *, weight: float) -> None:
        super().__init__()
        self.ours, self.centers = MultiLevelLoss(), OrthoHash(num_classes, num_bits)
        self.weight = weight

    def forward(self, view0: Embedding, view1: Embedding, labels: Tensor) -> Terms:
        """Return the terms of a batch: see `MultiLevelLoss`."""
        terms, drawn = self.ours(view0, view1, labels), self.centers(view0, view1, labels)["total"]
        return terms | {"centers": drawn, "total": terms["total"] + self.weight * drawn}


class Taught(nn.Module):
    """A student beside its teacher: relaxed codes of both, side by side."""

    def __init__(self, student: HashHead, teacher: HashHead) -> None:
        super().__init__()
        self.student, self.teacher = student, teacher.requires_grad_(False)

    def forward(self, features: Tensor) -> Embedding:
        """Map backbone features to the student's feature, and to the codes of both."""
        own, long = self.student(features), self.teacher.eval()(features)
        return Embedding(own.features, torch.cat([own.relaxed, long.relaxed], dim=1))


class Distilled(nn.Module):
    """Our loss on the student's bits, and how far its cosines are from the teacher's."""

    def __init__(self, num_bits: int, *, weight: float) -> None:
        super().__init__()
        self.ours, self.num_bits, self.weight = MultiLevelLoss(), num_bits, weight

    def forward(self, view0: Embedding, view1: Embedding, labels: Tensor) -> Terms:
        """Return the terms of a batch: see `MultiLevelLoss`."""
        short = [Embedding(v.features, v.relaxed[:, : self.num_bits]) for v in (view0, view1)]
        terms = self.ours(short[0], short[1], labels)
        relaxed = torch.cat([view0.relaxed, view1.relaxed])
        own, long = relaxed[:, : self.num_bits], relaxed[:, self.num_bits :]
        missed = (_cosines(own) - _cosines(long)).square().mean()
        return terms | {"distilled": missed, "total": terms["total"] + self.weight * missed}


IDEAS = {  # name in the rows: name in the table
    "plain": "none",
    "centers 1": "fixed centers, weight 1",
    "centers 0.3": "fixed centers, weight 0.3",
    "distilled 1": "learn from 64 bits, weight 1",
    "distilled 10": "learn from 64 bits, weight 10",
}


def main(words: argparse.Namespace) -> None:
    """Run the missing rows."""
    tiles = open_data(words.data).fingerprint
    done = {row["key"] for row in read_rows(RESULTS)}
    for seed, bits, idea in product(words.seeds, words.bits, IDEAS):
        config = replace(HEAD, train_on_val=False, seed=seed)
        job = Job(
            *(words.data, "multilevel", bits, seed, words.backbone, TURNS, STAGES, True), config
        )
        key = json.dumps([idea, job.key(tiles)])
        if key in done or (idea.startswith("distilled") and bits >= LONG):
            continue
        row = {"key": key, "idea": idea, **measure(job, idea)}
        append(RESULTS, row)
        print(f"{job.data} {bits} bits, seed {seed}, {idea}: {row['map']:.4f}", flush=True)


def measure(job: Job, idea: str) -> Row:
    """Train and measure one row."""
    split = split_of(job.data, job.seed, job.on_val)
    return {
        **{name: getattr(job, name) for name in ("data", "method", "backbone", "bits", "seed")},
        "measured_on": "val",
        "frozen": True,
        **figures(binarize(learned(job, split, idea)), split),
        "config": asdict(job.config),
        "tta": job.tta,
        "feature_stages": job.feature_stages,
        "tiles": {"name": split.dataset.name, "fingerprint": open_data(job.data).fingerprint},
        "environment": environment(),
    }


def learned(job: Job, split: Split, idea: str) -> Tensor:
    """Train one head with an idea and return its relaxed codes of all tiles."""
    kind, _, weight = idea.partition(" ")
    net = network(job)
    if kind == "distilled":
        teacher = network(replace(job, bits=LONG))
        train_head(teacher.head, teacher, job, split, MultiLevelLoss())
        module: nn.Module = Taught(net.head, teacher.head)
        loss: nn.Module | MultiLevelLoss = Distilled(job.bits, weight=float(weight))
    else:
        classes, module = len(split.dataset.classes), net.head
        centers = kind == "centers"
        loss = WithCenters(classes, job.bits, weight=float(weight)) if centers else MultiLevelLoss()
    train_head(module, net, job, split, loss)
    return apply_head(net.head, cached_features(net, split.dataset, net.plain)).relaxed


def train_head(
    module: nn.Module, net: HashNet, job: Job, split: Split, loss: nn.Module | MultiLevelLoss
) -> None:
    """Train a module on the view bank, as `rsh.train` does."""
    spec = ViewSpec(net.image_size, job.config.cached_views, job.config.augmentation)
    bank, rows = cached_features(net, split.dataset, spec), split.rows("train")
    pairs = FeatureBatches(bank[rows], split.dataset.labels[rows], job.config)
    fit(module, pairs, job.config, loss=loss, progress=False)


def _cosines(relaxed: Tensor) -> Tensor:
    h = F.normalize(relaxed.tanh(), dim=1)
    return h @ h.T


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", choices=DATA, default="ucmd")
    parser.add_argument("--bits", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--backbone", default=DEFAULT)
    try:
        main(parser.parse_args())
    except InputError as error:
        sys.exit(f"beyond.py: {error}")
