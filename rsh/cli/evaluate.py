"""The commands `rsh evaluate` and `rsh compare`."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rsh.cli.layout import print_json
from rsh.config import Ties
from rsh.errors import InputError
from rsh.evaluation.protocols import find_protocol


def evaluate(
    run: Path,
    /,
    *,
    protocol: str = "disjoint",
    ties: Ties | None = None,
    feedback: bool = False,
    data: str | None = None,
    json_: bool = False,
) -> None:
    """Evaluate a trained model, and write evaluation.json into its run folder.

    The results of one network differ by points between protocols; --protocol all shows them side
    by side.

    Args:
        run: Run folder of the model.
        protocol: Evaluation protocol, which tiles are queries and which are searched: disjoint
            (held-out queries search train and val); what the code of other papers does, ahcl, dhcl,
            ervd, fah, all-vs-all@20 and milan; seen and unseen, for a model of rsh train --unseen;
            or all of them side by side.
        ties: Order of tiles at the same distance: the mean over all orders, the order of the
            gallery's rows (a stable argsort), relevant tiles first, or relevant tiles last. By
            default as the protocol says.
        feedback: Also simulate relevance feedback. The first 20 results are marked positive or
            negative by their class and the search is repeated, twice; tiles without a mark are
            scored.
        data: Path of the training data, if it has moved.
        json_: Print JSON.
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
    _show(report, text, json_)


def compare(
    *runs: Annotated[Path, Parameter(required=True)],
    protocol: str = "disjoint",
    ties: Ties | None = None,
    data: str | None = None,
    output: Path | None = None,
    json_: bool = False,
) -> None:
    """Compare trained models side by side, and state whether their results are comparable.

    Runs that differ only in their seed are also shown as one, by their mean.

    Args:
        runs: Run folders, one or more.
        protocol: Evaluation protocol; all of them side by side with all. See `rsh evaluate --help`.
        ties: Order of tiles at the same distance, as in `rsh evaluate`.
        data: Path of the training data of all runs, if it has moved.
        output: Folder for plots: precision and recall, mAP by code length, distances within
            and between classes, and class confusion.
        json_: Print JSON.
    """
    from rsh.evaluation import compare
    from rsh.io.files import check_writable

    if protocol == "all" and output:
        raise InputError("--output draws one protocol: name it with --protocol")
    if output:
        check_writable(output)  # now, not after minutes of work
    if protocol == "all":
        every = compare.compare_all(runs, ties=ties, data=data)
        _show(every, compare.table_of_all(every), json_)
        return
    found = compare.compare(runs, protocol=protocol, ties=ties, data=data)
    _show(found, compare.table(found), json_)
    for file in compare.write(found, output) if output else ():
        print(file, file=sys.stderr)


def _show(found: object, text: str, json_: bool) -> None:
    if json_:
        print_json(found)
    else:
        print(text)
