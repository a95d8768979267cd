"""Which backbone, test-time augmentation and feature stages suit our loss, on validation tiles?

    RSH_DATA=folder python -m benchmarks.quality.settings --tta 1 4 8 --feature-stages 0 2

As `methods.py`, but rows learn from train alone and are measured on validation tiles: queries are
not looked at to choose settings. One JSON line a row in results/settings.jsonl; a row that is there
is not run again.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from benchmarks.common.rows import RESULTS_FOLDER
from benchmarks.quality.method_rows import DATA, HEAD, STAGES, TTA, Job, run_rows
from rsh.models.backbone import DEFAULT

RESULTS = RESULTS_FOLDER / "settings.jsonl"


def jobs(given: argparse.Namespace) -> Iterator[Job]:
    """Yield the rows that were asked for."""
    for tta, stages, seed, bits in product(
        given.tta, given.feature_stages, given.seeds, given.bits
    ):
        config = replace(HEAD, seed=seed, train_on_val=False)
        yield Job(
            *(given.data, DATA[given.data], "multilevel", bits, seed, config),
            *(given.backbone, tta, stages),
            on_val=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", choices=DATA, default="ucmd")
    parser.add_argument("--bits", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--backbone", default=DEFAULT)
    parser.add_argument("--tta", type=int, nargs="+", default=[TTA])
    parser.add_argument("--feature-stages", type=int, nargs="+", default=[STAGES])
    run_rows(jobs(parser.parse_args()), RESULTS)
