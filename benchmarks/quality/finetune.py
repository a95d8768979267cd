"""What does fine-tuning the whole network gain over a frozen backbone?

    RSH_DATA=folder python -m benchmarks.quality.finetune --data ucmd --minutes 9

As `methods.py`, but the backbone learns, too. With --head-first the head is trained before the
whole network, as with `rsh train --init-from`. With --minutes no row begins that may not end in
time, and a training that was interrupted resumes. One JSON line a row in results/finetune.jsonl; a
row that is there is not run again. `benchmarks/training/gpu.sh` runs this on a GPU.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import inf
from pathlib import Path

from benchmarks.common.rows import RESULTS_FOLDER
from benchmarks.quality.method_rows import DATA, TRAINED, WHOLE, Job, run_rows
from rsh.evaluation.protocols import PROTOCOLS
from rsh.models.backbone import DEFAULT

LEARNED = tuple(name for name, protocol in PROTOCOLS.items() if not protocol.needs_unseen)
RESULTS = RESULTS_FOLDER / "finetune.jsonl"


def jobs(given: argparse.Namespace) -> Iterator[Job]:
    """Yield the rows that were asked for."""
    for data, seed, bits, method in product(given.data, given.seeds, given.bits, given.methods):
        setup = replace(DATA[data], image_size=given.image_size or DATA[data].image_size)
        config = replace(WHOLE, seed=seed, epochs=given.epochs)
        yield Job(
            *(data, setup, method, bits, seed, config, given.backbone),
            head_first=given.head_first,
            protocols=LEARNED,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--methods", nargs="+", choices=TRAINED, default=TRAINED)
    parser.add_argument("--bits", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--backbone", default=DEFAULT)
    parser.add_argument("--image-size", type=int, help="pixels, instead of the data set's")
    parser.add_argument("--head-first", action="store_true", help="train the head alone before")
    parser.add_argument("--epochs", type=int, default=WHOLE.epochs)
    parser.add_argument("--minutes", type=float, default=inf, help="begin no row that ends later")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    run_rows(jobs(given), given.results, minutes=given.minutes)
