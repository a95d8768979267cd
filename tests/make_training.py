"""A head, and a cached of clouds to train it on."""

import numpy as np
import torch

from rsh.codes.binary import binarize, pack
from rsh.config import TrainConfig
from rsh.metrics.counts import count_by_distance
from rsh.metrics.ranking import mean_average_precision
from rsh.models.hashnet import HashNet, apply_head
from rsh.models.head import HashHead
from rsh.training.batches import FeatureBatches
from rsh.training.checkpoint import Record

CLASSES, TILES, WIDTH, BITS = 4, 20, 12, 8
CONFIG = TrainConfig(epochs=25, batch_size=32, cached_views=3)
SHORT = TrainConfig(epochs=11, batch_size=16, cached_views=3)


def clusters(seed: int, *, views: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A cached whose classes are overlapping Gaussian clouds, and its labels."""
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(99).normal(size=(CLASSES, WIDTH))
    labels = np.repeat(np.arange(CLASSES), TILES)
    tiles = centers[labels] + 0.5 * rng.normal(size=(len(labels), WIDTH))
    cached = tiles[:, None] + 0.2 * rng.normal(size=(len(labels), views, WIDTH))
    return cached.astype(np.float16), labels


def head(seed: int = 0) -> HashHead:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return HashHead(WIDTH, num_bits=BITS, hidden=32, feature_dim=8)


def pairs(config: TrainConfig = CONFIG) -> FeatureBatches:
    return FeatureBatches(*clusters(0), config)


def validation(module: HashHead) -> Record:
    return {"val_map": val_map(module)}


def val_map(module: HashHead) -> float:
    (train_cached, labels), (val_cached, val_labels) = clusters(0), clusters(1)
    gallery, query = (
        pack(binarize(apply_head(module, cached[:, 0]).relaxed))
        for cached in (train_cached, val_cached)
    )
    return mean_average_precision(
        count_by_distance(query, gallery, val_labels, labels, num_bits=BITS)
    )


def timeless(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{k: v for k, v in record.items() if k != "tiles_per_second"} for record in history]


def small() -> HashNet:
    return HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8)
