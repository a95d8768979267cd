"""How do our loss and the baselines compare, with the backbone frozen?

    RSH_DATA=folder python -m benchmarks.quality.methods --data ucmd --bits 16 32 64

All methods share backbone, views, batches, optimizer and schedule, and all protocols evaluate the
same codes. Our settings are the defaults, chosen on validation tiles of the built-in sample; a
baseline's are its paper's. Rows learn from train and val, as published results do. One JSON line a
row in results/methods.jsonl; a row that is there is not run again. `methods_table.py` and
`protocol_tables.py` print the tables.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

from benchmarks.common.rows import RESULTS_FOLDER
from benchmarks.quality.method_rows import (
    DATA,
    HEAD,
    STANDARDIZED,
    TRAINED,
    UNTRAINED,
    Job,
    run_rows,
)
from rsh.evaluation.protocols import DISJOINT, PROTOCOLS

BACKBONES = ("tf_efficientnet_lite0", "tf_efficientnet_lite2")
TWO_PART = "two-part"  # multi-level; a quarter of the bits keep what tiles look like
RESULTS = RESULTS_FOLDER / "methods.jsonl"


def jobs(given: argparse.Namespace) -> Iterator[Job]:
    """Yield the rows that were asked for."""
    protocols = tuple(
        name
        for name, protocol in PROTOCOLS.items()
        if name == DISJOINT.name or protocol.needs_unseen == bool(given.unseen)
    )
    for seed, data, backbone, bits, method in product(
        given.seeds, given.data, given.backbones, given.bits, given.methods
    ):
        job = Job(data, DATA[data], method, bits, seed, replace(HEAD, seed=seed), backbone)
        job = replace(job, protocols=protocols, unseen=given.unseen)
        if method == TWO_PART:
            job = replace(job, method="multilevel", look_bits=bits // 4)
        yield job


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    methods = (*TRAINED, *UNTRAINED, TWO_PART)
    usual = [name for name in methods if name not in STANDARDIZED]
    parser.add_argument("--methods", nargs="+", choices=methods, default=usual)
    parser.add_argument("--bits", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--backbones", nargs="+", default=BACKBONES)
    parser.add_argument("--unseen", type=float, default=0.0, help="share of classes not learned")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    run_rows(jobs(given), given.results)
