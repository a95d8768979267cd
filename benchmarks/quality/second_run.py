"""Does a second run of methods.py give the same metrics?

    RSH_DATA=folder python -m benchmarks.quality.second_run    measure one row a method once more
    python -m benchmarks.quality.second_run --table            print the table

UCMD, the last of the five seeds, 32 bits. One JSON line a network in results/second_run.jsonl; it
has the key of its first row in results/methods.jsonl.
"""

import argparse
from dataclasses import replace

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, measure_or_print, read_rows
from benchmarks.quality import methods
from benchmarks.quality.method_rows import run_rows
from benchmarks.quality.methods_table import NAMES, method_of
from rsh.evaluation.protocols import DISJOINT

RESULTS = RESULTS_FOLDER / "second_run.jsonl"
BITS, SEED = 32, 4


def measure(given: argparse.Namespace) -> None:
    """Measure each method under the protocol `disjoint`."""
    asked = argparse.Namespace(
        data=["ucmd"],
        backbones=methods.BACKBONES[:1],
        methods=list(NAMES),
        bits=[BITS],
        seeds=[SEED],
        unseen=0.0,
    )
    jobs = (replace(job, protocols=(DISJOINT.name,)) for job in methods.jobs(asked))
    run_rows(jobs, given.results)  # one protocol: the precisions of the first run stay


def tables(rows: list[Row]) -> str:
    """Return a table: mAP of both runs."""
    first = {row["key"]: row for row in read_rows(methods.RESULTS)}
    lines = [
        (
            NAMES[method_of(row)],
            f"{row['map']:.2%}",
            f"{first[row['key']]['map']:.2%}",
            f"{100 * (row['map'] - first[row['key']]['map']):+.3f}",
        )
        for row in rows
    ]
    return markdown(["mAP", "second run", "first run", "points"], lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    measure_or_print(parser, RESULTS, measure=measure, tables=tables)
