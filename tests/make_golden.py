"""Reference codes and metrics of the sample; `python tests/make_golden.py` writes them.

Every sixth tile of it, so that a test has the time to train four times.

Only to be run after a change that is meant to move them; the commit says which.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from rsh.codes.binary import Packed, pack
from rsh.config import TrainConfig
from rsh.data.tiles import TileDataset
from rsh.encoding.build import encode_dataset
from rsh.evaluation.evaluate import evaluate
from rsh.models.hashnet import HashNet
from rsh.training.train import train

FOLDER = Path(__file__).parent / "golden"
METRICS = ("map", "map_before_sign", "map_classifier_center", "accuracy")


class Golden(NamedTuple):
    """What a training on the sample gives.

    Attributes:
        packed: codes of all these tiles, (n, 4) uint8.
        metrics: of the evaluation on its queries, fractions.
    """

    packed: Packed
    metrics: dict[str, float]


def measure(*, threads: int = 1) -> Golden:
    """Train with fixed seeds on the CPU and measure."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        sample = TileDataset.open("bluemarble")
        split = sample.select(np.arange(0, len(sample), 6)).split(seed=0)
        net = HashNet(num_bits=32, image_size=32, hidden=128, feature_dim=32)
        train(net, split, TrainConfig(epochs=10, cached_views=2), progress=False)
        report: dict[str, Any] = evaluate(net, split, progress=False)
        codes = encode_dataset(net, split.dataset, progress=False).codes
    finally:
        torch.set_num_threads(before)
    return Golden(pack(codes), {name: report[name] for name in METRICS})


def kept() -> Golden:
    """Return what was written."""
    metrics = json.loads((FOLDER / "metrics.json").read_text())
    return Golden(np.load(FOLDER / "codes.npy"), metrics)


def main() -> None:
    """Write them."""
    packed, metrics = measure()
    FOLDER.mkdir(exist_ok=True)
    np.save(FOLDER / "codes.npy", packed)
    (FOLDER / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")


if __name__ == "__main__":
    main()
