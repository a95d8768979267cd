"""How long do the features of a frozen backbone take on a CPU, in torch and in ONNX Runtime?

    python -m benchmarks.training.features              tiles of the sample, six views each

Both take turns in one process, with all cores, through `extract_features`. A view per second of
processor time is what another program beside it leaves alone. One JSON line a row in
results/features.jsonl.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.common.rows import RESULTS_FOLDER, append
from benchmarks.search.processor import processor
from rsh.data.decoded import DecodedTiles, decoded_tiles
from rsh.data.tiles import TileDataset
from rsh.io.provenance import environment
from rsh.models.augment import ViewSpec
from rsh.models.backbone import DEFAULT
from rsh.models.hashnet import HashNet
from rsh.models.onnx_export import load_onnx_backbone
from rsh.training.feature_cache import FeatureArray, extract_features, tiles_at_a_time

if TYPE_CHECKING:
    import torch

RESULTS = RESULTS_FOLDER / "features.jsonl"
SIDE, VIEWS, SEED = 128, 6, 0


def main(words: argparse.Namespace) -> None:
    """Time both in turns, print the row and keep it."""
    import torch  # after rsh, which keeps its idle threads from spinning

    net = HashNet(words.backbone, num_bits=32, image_size=SIDE).eval()
    tiles = decoded_tiles(TileDataset.open("bluemarble"), SIDE, progress=False)[: words.tiles]
    start = time.perf_counter()
    ways = {"torch": None, "onnx": load_onnx_backbone(net)}
    export_seconds = time.perf_counter() - start
    turns = [
        {name: timed(net, tiles, apply) for name, apply in ways.items()}
        for _ in range(words.rounds)
    ]
    row = {
        "backbone": words.backbone,
        "image_size": SIDE,
        "views": VIEWS * len(tiles),
        "threads": torch.get_num_threads(),
        "export_seconds": round(export_seconds, 1),
    }
    for name in ways:
        for number, clock in enumerate(("views_per_second", "views_per_cpu_second")):
            row[f"{name}_{clock}"] = round(
                statistics.median(row["views"] / turn[name][number] for turn in turns), 1
            )
    by_torch, by_onnx = (turns[0][name][2] for name in ways)
    row |= {
        "ratio": round(row["onnx_views_per_second"] / row["torch_views_per_second"], 2),
        "largest_difference": float(np.abs(by_torch.astype(np.float32) - by_onnx).max()),
        "largest_feature": float(np.abs(by_torch).max()),
        "differing_share": round(float((by_torch != by_onnx).mean()), 5),
        "seed": SEED,
        "processor": processor(),
        "environment": environment(),
    }
    append(words.results, row)
    print(row)


def timed(
    net: HashNet, tiles: DecodedTiles, apply: "Callable[[torch.Tensor], torch.Tensor] | None"
) -> tuple[float, float, FeatureArray]:
    """Return seconds, seconds of the processor, and the features."""
    spec = ViewSpec(SIDE, VIEWS, seed=SEED)
    step = tiles_at_a_time(spec)
    batches = (tiles[first : first + step] for first in range(0, len(tiles), step))
    start, busy = time.perf_counter(), time.process_time()
    features = np.concatenate(list(extract_features(net, batches, spec, apply=apply)))
    return time.perf_counter() - start, time.process_time() - busy, features


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backbone", default=DEFAULT)
    parser.add_argument("--tiles", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each")
    parser.add_argument("--results", type=Path, default=RESULTS)
    main(parser.parse_args())
