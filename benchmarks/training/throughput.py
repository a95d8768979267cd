"""Does training feed its device? Images a second, beside the backbone's bare forward and backward.

    python -m benchmarks.training.throughput                          one network, its defaults
    python -m benchmarks.training.throughput --backbone resnet50 --image-size 224 --batch-size 256

The bare pass is the limit: the same number of images, already floats on the device, through the
backbone and back, with no views, heads, loss, optimizer or average of weights. Ours is `rsh train
--finetune` from packed tiles, all of that included. Both run in one process, in turns, in the same
precision; the ratio is that of their medians. On a CPU, ours runs once more as if memory were not
kept, see rsh/training/memory.py. Tiles are random numbers, as only time is measured.
One JSON line a row in results/throughput.jsonl.
"""

import argparse
import statistics
import time
from dataclasses import asdict
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from lightning.fabric import Fabric

from benchmarks.common.rows import RESULTS_FOLDER, Row, append
from rsh.config import TrainConfig
from rsh.io.provenance import environment
from rsh.models.backbone import DEFAULT
from rsh.models.hashnet import HashNet
from rsh.training.batches import TileBatches
from rsh.training.devices import make_fabric
from rsh.training.loop import set_up, train_one_epoch
from rsh.training.memory import keep_freed_memory
from rsh.training.train import make_loss

RESULTS = RESULTS_FOLDER / "throughput.jsonl"
CLASSES, BITS, WARM_UP = 20, 32, 1


def main(words: argparse.Namespace) -> None:
    """Time both in turns, print the row and keep it."""
    config = TrainConfig(
        finetune=True, batch_size=words.batch_size, precision=words.precision, ema_decay=0.99
    )
    fabric = make_fabric(config)
    net = HashNet(words.backbone, num_bits=BITS, image_size=words.image_size)
    ours = Ours(net, config, fabric, words.steps)
    speeds = []
    for turn in range(WARM_UP + words.rounds):
        with keep_freed_memory():
            bare = bare_speed(net, config, fabric, words.steps)
        trained, given_back = ours.speed(turn), 0.0
        if fabric.device.type == "cpu":
            with patch("rsh.training.memory._glibc", lambda: None):
                given_back = ours.speed(turn)
        speeds.append((bare, trained, given_back))
    bare, trained, given_back = map(statistics.median, zip(*speeds[WARM_UP:], strict=True))
    row: Row = {
        "backbone": words.backbone,
        "image_size": words.image_size,
        "device": name_of(fabric.device),
        "precision": fabric._precision.precision,
        "bare_images_per_second": round(bare, 1),
        "images_per_second": round(trained, 1),
        "images_per_second_memory_given_back": round(given_back, 1),
        "ratio": round(trained / bare, 3),
        "steps": words.steps,
        "rounds": words.rounds,
        "config": asdict(config),
        "environment": environment(),
    }
    append(words.results, row)
    print(
        f"{row['backbone']} at {row['image_size']} px on {row['device']}, {row['precision']}: "
        f"{row['images_per_second']} images a second, {row['ratio']} of the bare backbone"
    )


class Ours:
    """A training as `rsh train --finetune` sets it up, epoch by epoch."""

    def __init__(self, net: HashNet, config: TrainConfig, fabric: Fabric, steps: int) -> None:
        """Make random tiles, enough for `steps` batches an epoch."""
        draw = np.random.default_rng(0)
        shape = (steps * config.batch_size, 3, net.image_size, net.image_size)
        tiles = draw.integers(256, size=shape, dtype=np.uint8)
        batches = TileBatches(tiles, np.arange(len(tiles)) % CLASSES, config)
        self.batches = batches.to(fabric.device)
        self.config = config
        net.to(memory_format=torch.channels_last)
        loss = make_loss(config, CLASSES, BITS)
        self.state = set_up(net, config, loss, fabric, num_batches=len(self.batches.sampler))

    def speed(self, epoch: int) -> float:
        """Train one epoch and return images, two a tile, a second."""
        record = train_one_epoch(self.state, self.batches, self.config, epoch)
        return 2 * record["tiles_per_second"]


def bare_speed(net: HashNet, config: TrainConfig, fabric: Fabric, steps: int) -> float:
    """Return images a second through the backbone and back."""
    shape = (2 * config.batch_size, 3, net.image_size, net.image_size)
    images = torch.rand(shape, device=fabric.device).contiguous(memory_format=torch.channels_last)
    net.backbone.train()
    wait(fabric.device)
    start = time.perf_counter()
    for _ in range(steps):
        with fabric.autocast():
            features = net.backbone(images)
        features.float().square().mean().backward()
        net.backbone.zero_grad()
    wait(fabric.device)
    return steps * len(images) / (time.perf_counter() - start)


def wait(device: torch.device) -> None:
    """Let a GPU finish what it was asked to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def name_of(device: torch.device) -> str:
    """Return the name that a reader knows a device by."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backbone", default=DEFAULT)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=TrainConfig.batch_size)
    parser.add_argument("--precision", default=TrainConfig.precision)
    parser.add_argument("--steps", type=int, default=20, help="batches a turn")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--name-device", action="store_true", help="print its name, and no more")
    words = parser.parse_args()
    if words.name_device:
        print(name_of(make_fabric(TrainConfig()).device))
    else:
        main(words)
