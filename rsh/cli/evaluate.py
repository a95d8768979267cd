"""The commands `rsh evaluate` and `rsh compare`."""

import json
import sys
from pathlib import Path

from rsh.errors import InputError
from rsh.evaluation.protocols import find_protocol
from rsh.metrics.ranking import Ties


def evaluate(
    run: Path,
    *,
    protocol: str = "disjoint",
    ties: Ties = "average",
    feedback: bool = False,
    data: str | None = None,
    json_: bool = False,
) -> None:
    """Measure a trained model, and write evaluation.json into the run.

    One network moves by points from one protocol to the next: --protocol all shows them side by
    side.

    Args:
        run: The run folder of the model.
        protocol: Who asks and what can be found: disjoint (unseen queries, the gallery is train
            and val), leave-one-out, query-vs-all, all-vs-all, query-vs-query@20, or all of them.
        ties: Tiles at one distance: the mean over all their orders, the order of the gallery's
            rows (a stable argsort), relevant ones first, or last.
        feedback: Also simulate users who mark the first 20 tiles as like or unlike, by their class,
            and ask again: what two rounds of that gain on tiles that were not marked.
        data: Where the data lies now, if it has moved.
        json_: Print JSON for a program to read.
    """
    from rsh.evaluation import report as tables
    from rsh.evaluation.evaluate import evaluate as measure
    from rsh.evaluation.evaluate import evaluate_all
    from rsh.io.files import check_writable, write_json
    from rsh.training.run import Run

    if protocol == "all" and feedback:
        raise InputError("--protocol all and --feedback exclude each other: name one protocol")
    if protocol != "all":
        find_protocol(protocol)  # now, not after the network is read
    opened = Run.open(run)
    check_writable(run)
    net, split = opened.net(), opened.split(data)
    if protocol == "all":
        report = evaluate_all(net, split, ties=ties)
        text = tables.all_protocols(report)
    else:
        report = measure(net, split, protocol=protocol, ties=ties, feedback=feedback)
        text = tables.one_protocol(report)
    write_json(run / "evaluation.json", report)
    print(json.dumps(report, indent=2, ensure_ascii=False) if json_ else text)


def compare(
    *runs: Path,
    protocol: str = "disjoint",
    ties: Ties = "average",
    data: str | None = None,
    output: Path | None = None,
    json_: bool = False,
) -> None:
    """Put trained models side by side, and say whether their figures can be compared.

    Runs that differ in their seed alone are also shown as one, by their mean.

    Args:
        runs: The run folders, one or more.
        protocol: Who asks and what can be found: disjoint, leave-one-out, query-vs-all, all-vs-all
            or query-vs-query@20; see `rsh evaluate --help`.
        ties: Tiles at one distance, as in `rsh evaluate`.
        data: Where the data of all runs lies now, if it has moved.
        output: A folder for plots: precision and recall, mAP by code length, distances within
            and between classes, and which classes are neighbors.
        json_: Print JSON for a program to read.
    """
    from rsh.evaluation import compare
    from rsh.io.files import check_writable

    if output:
        check_writable(output)  # now, not after minutes of work
    found = compare.compare(runs, protocol=protocol, ties=ties, data=data)
    print(json.dumps(found, indent=2, ensure_ascii=False) if json_ else compare.table(found))
    for file in compare.write(found, output) if output else ():
        print(file, file=sys.stderr)
