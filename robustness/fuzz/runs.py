"""Fuzzing run folders: config.json, weights and checkpoints, of a network of a few numbers."""

import io
import json
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import atheris
import torch
from safetensors.torch import save
from torch import _weights_only_unpickler as _unpickler
from torch import nn

from robustness.fuzz import mutators as change
from robustness.fuzz.targets import Target, Use
from rsh.config import TrainConfig
from rsh.models.hashnet import fingerprint
from rsh.training.checkpoint import load_checkpoint
from rsh.training.run import Run

torch.manual_seed(0)
SMALL = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
MODEL = {"backbone": "tf_efficientnet_lite0", "num_bits": 16, "image_size": 32, "hidden": 64}
MODEL |= {"feature_dim": 16, "tta": 1, "feature_stages": 0}


def config() -> dict[str, Any]:
    """Return what config.json of a finished run says."""
    data = {"source": "bluemarble", "name": "x", "fingerprint": "0", "tiles": 3}
    return {
        "model": MODEL,
        "data": data | {"classes": ["a", "b"], "skip_unreadable": False},
        "split": {"by": "auto", "query": 0.2, "val": 0.15, "seed": 0},
        "train": asdict(TrainConfig()),
        "split_fingerprint": "0",
        "fingerprint": fingerprint(SMALL),
        "environment": {"torch": "2"},
    }


def config_alone(folder: Path) -> Use:
    """Read config.json; no network is made of it, as that takes a second."""

    def use(data: bytes) -> None:
        (folder / "config.json").write_bytes(data)
        run = Run.open(folder)
        TrainConfig(**run.config["train"])

    return use


def weights(folder: Path) -> Use:
    """Load model.safetensors into a network of a few numbers."""
    (folder / "config.json").write_text(json.dumps(config()))
    Run._untrained = lambda self: deepcopy(SMALL)  # type: ignore[assignment,method-assign,return-value]

    def use(data: bytes) -> None:
        (folder / "model.safetensors").write_bytes(data)
        Run.open(folder).net()

    return use


def parts() -> dict[str, Any]:
    """Return what a checkpoint brings back."""
    module = deepcopy(SMALL)
    optimizer = torch.optim.AdamW(module.parameters())
    module(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    return {"module": module, "optimizer": optimizer, "schedule": schedule}


def checkpoint(folder: Path) -> Use:
    """Resume from last.ckpt."""

    def use(data: bytes) -> None:
        (folder / "last.ckpt").write_bytes(data)
        for record in load_checkpoint(folder, parts()):
            assert isinstance(record, dict)

    return use


def checkpoints(folder: Path) -> list[bytes]:
    """Return a checkpoint as torch writes it today, and as it did once."""
    state = {name: part.state_dict() for name, part in parts().items()}
    found = []
    for as_zip in (True, False):
        stream = io.BytesIO()
        record = {"epoch": 0.0, "total": 1.0}
        torch.save(state | {"history": [record]}, stream, _use_new_zipfile_serialization=as_zip)
        found.append(stream.getvalue())
    return found


TARGETS: dict[str, Target] = {
    "config.json": Target(
        lambda folder: [json.dumps(config()).encode()],
        config_alone,
        change.altered(change.json_value),
    ),
    "model.safetensors": Target(
        lambda folder: [save(dict(SMALL.state_dict()))], weights, change.raw
    ),
    "last.ckpt": Target(checkpoints, checkpoint, change.altered(change.zip_member)),
}
_unpickler.Unpickler.load = atheris.instrument_func(_unpickler.Unpickler.load)  # type: ignore[method-assign]
