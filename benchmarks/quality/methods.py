"""How do our loss and the baselines compare, with the backbone frozen?

    RSH_DATA=folder python -m benchmarks.quality.methods --data ucmd --bits 16 32 64

All methods share backbone, views, batches, optimizer and schedule. Our settings are the defaults,
chosen on validation tiles of the built-in sample; a baseline's are its paper's. Rows learn from
train and val, as published results do. One JSON line a row in results/methods.jsonl; a row that is
there is not run again. `methods_table.py` prints the tables.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from benchmarks.common.rows import RESULTS_FOLDER
from benchmarks.quality.method_rows import DATA, HEAD, TRAINED, UNTRAINED, Job, run_rows
from rsh.models.backbone import DEFAULT

RESULTS = RESULTS_FOLDER / "methods.jsonl"


def jobs(given: argparse.Namespace) -> Iterator[Job]:
    """Yield the rows that were asked for."""
    for data, seed, bits, method in product(given.data, given.seeds, given.bits, given.methods):
        config = replace(HEAD, seed=seed)
        yield Job(data, DATA[data], method, bits, seed, config, given.backbone)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    methods = (*TRAINED, *UNTRAINED)
    parser.add_argument("--methods", nargs="+", choices=methods, default=methods)
    parser.add_argument("--bits", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--backbone", default=DEFAULT)
    run_rows(jobs(parser.parse_args()), RESULTS)
