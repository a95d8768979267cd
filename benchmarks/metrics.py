"""How long does an evaluation take, beside the field's loop of one argsort a query?

    python benchmarks/metrics.py                 5,000 x 5,000 codes of 30 classes
    python benchmarks/metrics.py --run runs/x    all tiles of a run against all, as it codes them

Both are timed in one process, in CPU seconds, the best of three turns: on a busy machine the
ratio says more than the seconds. They do not compute the same thing: ours is the mean over all
orders of ties, the loop's figure is that of one order. Every row is one JSON line in
benchmarks/results/metrics.jsonl.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rows import Row, append

from rsh.codes.binary import Codes, pack
from rsh.encoding.build import encode_dataset
from rsh.io.provenance import environment
from rsh.metrics.counts import count_by_distance
from rsh.metrics.ranking import distinct_codes, mean_average_precision
from rsh.training.run import Run

RESULTS = Path(__file__).parent / "results" / "metrics.jsonl"
TILES, CLASSES, TURNS = 5000, 30, 3
BITS = (16, 32, 64)
# How often a bit differs from its class's: in random codes no two are alike, the worst case; a
# network trained on the sample leaves fewer different codes than one bit in fifty does.
FLIPPED = {"random": 0.5, "one bit in 50 flipped": 0.02}
Labels = NDArray[np.int64]


def main(run: Path | None = None) -> None:
    """Time all kinds of codes, or those of a run."""
    if run:
        opened = Run.open(run)
        dataset = opened.split().dataset
        codes = encode_dataset(opened.net(), dataset, progress=False).codes
        measure(f"a network trained on {dataset.name}", codes, dataset.labels)
        return
    for name, flipped in FLIPPED.items():
        for num_bits in BITS:
            measure(name, *made_codes(num_bits, flipped))


def measure(name: str, codes: Codes, labels: Labels) -> None:
    """Time all codes against all, print the row and keep it."""
    packed, signs = pack(codes), codes.astype(np.float32)
    classes = np.eye(labels.max() + 1, dtype=np.float32)[labels]

    def ours() -> float:
        counts = count_by_distance(packed, packed, labels, labels, num_bits=codes.shape[1])
        return mean_average_precision(counts)

    turns = [(timed(ours), timed(lambda: argsort_loop(signs, classes))) for _ in range(TURNS)]
    (seconds, figure), (loop_seconds, loop_figure) = (
        min(each) for each in zip(*turns, strict=True)
    )
    row: Row = {
        "codes": name,
        "bits": codes.shape[1],
        "queries": len(codes),
        "gallery": len(codes),
        "distinct_codes": distinct_codes(packed),
        "cpu_seconds": round(seconds, 4),
        "loop_cpu_seconds": round(loop_seconds, 4),
        "ratio": round(loop_seconds / seconds, 1),
        "map": round(figure, 4),
        "loop_map": round(loop_figure, 4),
        "environment": environment(),
    }
    append(RESULTS, row)
    print(
        f"{name}, {codes.shape[1]} bits: {seconds:.3f} s, {row['ratio']} times faster", flush=True
    )


def made_codes(num_bits: int, flipped: float) -> tuple[Codes, Labels]:
    """Give each class a random code and flip a share of the bits of each tile."""
    draw = np.random.default_rng(0)
    labels = draw.integers(CLASSES, size=TILES)
    centers = draw.choice(np.array([-1, 1], np.int8), (CLASSES, num_bits))
    flips = np.where(draw.random((TILES, num_bits)) < flipped, np.int8(-1), np.int8(1))
    return centers[labels] * flips, labels


def argsort_loop(signs: NDArray[np.float32], classes: NDArray[np.float32]) -> float:
    """Rank by argsort, one query at a time, as released code does.

    Source: `CalcTopMap` in https://github.com/swuxyj/DeepHash-pytorch, utils/tools.py.
    """
    total = 0.0
    for code, own in zip(signs, classes, strict=True):
        relevant = (own @ classes.T > 0).astype(np.float32)
        distance = 0.5 * (len(code) - code @ signs.T)
        ranks = np.flatnonzero(relevant[np.argsort(distance)]) + 1.0
        total += float((np.arange(1, len(ranks) + 1) / ranks).mean())
    return total / len(signs)


def timed(measured: Callable[[], float]) -> tuple[float, float]:
    """Return CPU seconds and the figure."""
    start = time.process_time()
    figure = measured()
    return time.process_time() - start, figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path)
    main(parser.parse_args().run)
