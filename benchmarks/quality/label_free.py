"""How good are codes that learn from few labels or none, and codes that keep what tiles look like?

    RSH_DATA=folder python -m benchmarks.quality.label_free --data ucmd --seeds 0 1 2 3 4

Three sets of rows, all with a frozen backbone and the default settings, which were chosen on the
built-in sample:

- `none`: codes without labels, ours and others', 32 and 64 bits, beside the float features;
- `look`: 64 bits, of which none, some or all are look bits;
- `share`: codes of 64 bits from 1, 5 and 10 labels a class and from a tenth of all labels; once
  with the unlabeled tiles, by their neighborhoods, and once without them.

Labels serve to measure all of them. One JSON line a row in results/label_free.jsonl; a row that is
there is not run again.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from benchmarks.common.rows import RESULTS_FOLDER
from benchmarks.quality.method_rows import (
    DATA,
    HEAD,
    STANDARDIZED,
    WITHOUT_LABELS,
    Job,
    run_rows,
)

RESULTS = RESULTS_FOLDER / "label_free.jsonl"
LOOK_BITS = (0, 8, 16, 24, 32, 48, 64)
LABELS = ("all", "none")
SHARES = ("1", "5", "10", "10%")


def jobs(given: argparse.Namespace) -> Iterator[Job]:
    """Yield the rows that were asked for."""
    for seed, data in product(given.seeds, given.data):
        setup, config = DATA[data], replace(HEAD, seed=seed)
        setup = replace(setup, image_size=given.image_size or setup.image_size)
        job = Job(data, setup, "multilevel", 64, seed, config, labels="none")
        if "none" in given.sets:
            for bits in (32, 64):
                short = replace(job, bits=bits)
                yield short
                for method in WITHOUT_LABELS:
                    yield replace(short, method=method, config=replace(config, method=method))
                for method in ("lsh", "itq", "float cosine", *STANDARDIZED):
                    yield replace(short, method=method)
        if "look" in given.sets:
            for look_bits, labels in product(given.look_bits, given.labels):
                yield replace(job, look_bits=look_bits, labels=labels)
        if "share" in given.sets:
            for share, others in product(SHARES, (True, False)):
                yield replace(job, labels=share, others=others)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--sets", nargs="+", choices=("none", "look", "share"), default=["none"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--look-bits", type=int, nargs="+", default=LOOK_BITS)
    parser.add_argument("--labels", nargs="+", choices=LABELS, default=LABELS, help="of `look`")
    parser.add_argument("--image-size", type=int, help="pixels, instead of the data set's")
    run_rows(jobs(parser.parse_args()), RESULTS)
