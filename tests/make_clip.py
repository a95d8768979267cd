"""CLIP with weights in a small file, a hub that has it, and runs on it.

The file holds every tensor of the real architecture. All are windows into one row of random
numbers, so that it has 300 kB and not 600 MB; no two rows of a matrix are equal.
"""

import math
from pathlib import Path

import pytest
import torch
from hub_host import Hub
from make_weights import pickled, publish
from torch import Tensor, nn

from rsh.config import TrainConfig
from rsh.data.dataset import Split
from rsh.encoding.build import build_gallery
from rsh.gallery.gallery import Gallery
from rsh.models import earth
from rsh.models.catalog import fetch_backbone
from rsh.models.hashnet import HashNet
from rsh.training.train import train

NAME = "remoteclip-vit-b-32"
SIDE = 64  # pixels of its images here


def windowed_state(network: nn.Module, *, seed: int = 0) -> dict[str, Tensor]:
    """Return random weights, all of which are windows into one row of numbers."""
    row = torch.randn(60_000, generator=torch.Generator().manual_seed(seed)) / 20
    state = {}
    for name, value in network.state_dict().items():
        if value.ndim == 1 and "weight" in name:  # of a normalization
            state[name] = torch.ones(1).expand(value.shape)
        else:
            wide = math.prod(value.shape[1:])
            strides = [math.prod(value.shape[axis + 1 :]) for axis in range(value.ndim)]
            strides = [1 if axis == 0 else step for axis, step in enumerate(strides)]
            assert not value.ndim or value.shape[0] + wide <= len(row)
            state[name] = row.as_strided(value.shape, strides)
    return state


def make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the model have few and narrow layers; all else is as published."""
    small = {
        "embed_dim": 32,
        "vision_cfg": {"image_size": 224, "layers": 2, "width": 64, "patch_size": 32},
        "text_cfg": {
            "context_length": 77,
            "vocab_size": 49408,
            "width": 64,
            "heads": 2,
            "layers": 2,
        },
    }
    monkeypatch.setattr("open_clip.get_model_config", lambda name: small)


def clip_file(image_size: int = 224) -> bytes:
    """Return the file of weights."""
    with torch.device("meta"):
        network = earth.create_clip(earth.describe(NAME), image_size=image_size, file=None)
    return pickled(windowed_state(network))


def fetch_clip(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Publish the weights on a hub, and fetch them into the cache."""
    publish(hub, NAME, clip_file(), monkeypatch)
    file = fetch_backbone(NAME, accepted=True, progress=False)
    assert file is not None
    return file


def clip_gallery(
    folder: Path, split: Split, *, pretrained: bool = True, **options: bool
) -> Gallery:
    """Train a run on the fetched weights, and return the gallery of all tiles.

    Args:
        folder: where `run` and `gallery` are made.
        split: the tiles.
        pretrained: False for random weights.
        options: of `TrainConfig`.
    """
    net = HashNet(
        NAME, num_bits=16, image_size=SIDE, hidden=64, feature_dim=16, pretrained=pretrained
    )
    config = TrainConfig(epochs=3, batch_size=16, cached_views=2, **options)
    train(net, split, config, run=folder / "run", progress=False)
    dataset = split.dataset
    return build_gallery(net, dataset, folder / "gallery", run=folder / "run", progress=False)
