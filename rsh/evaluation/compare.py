"""Comparison of runs: their metrics, and whether these are comparable."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rsh.config import Ties
from rsh.data.dataset import Split
from rsh.errors import InputError
from rsh.evaluation.evaluate import evaluate, evaluate_all
from rsh.evaluation.protocols import find_protocol
from rsh.evaluation.report import heading
from rsh.evaluation.scoring import Report
from rsh.io.files import atomic_write, check_writable, write_json
from rsh.metrics.ranking import bootstrap_interval
from rsh.plotting import DPI
from rsh.text import align_columns
from rsh.training.run import Run

# Metrics are comparable only if all of these are equal.
MUST_BE_EQUAL: dict[str, Callable[[Report], str]] = {
    "data": lambda report: report["data"]["fingerprint"],
    "split": lambda report: report["split_fingerprint"],
    "protocol": lambda report: report["protocol"],
    "order of ties": lambda report: report["ties"],
}
COLUMNS = {
    "mAP": "map",
    "mAP@20": "map_at_20",
    "precision@20": "precision_at_20",
    "graded NDCG@20": "graded_ndcg_at_20",
    "precision within 2 bits": "precision_within_2",
    "linear classifier": "accuracy",
    "classifier center": "map_classifier_center",
}

NO_LABELS = "has no labels to compare by: see `rsh evaluate`"


def compare(
    folders: Sequence[Path],
    *,
    protocol: str = "disjoint",
    ties: Ties | None = None,
    data: str | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Evaluate runs under one protocol.

    Args:
        folders: run folders.
        protocol: a name in `rsh.evaluation.protocols.PROTOCOLS`.
        ties: see `rsh.evaluation.scoring.average_precisions`.
        data: path to the data of all runs, if it has moved.
        progress: show bars while tiles are encoded.

    Returns:
        "runs": the reports of `rsh.evaluate`, each with its "run"; "seeds": means over runs that
        differ only in their seed; "differing": what makes the runs incomparable; "differences":
        differences from the first run, if all are comparable.

    Raises:
        InputError: unknown protocol, a run that is given twice, or that cannot be evaluated.
    """
    find_protocol(protocol)
    runs = _open_runs(folders, data)
    return _compare_reports(
        runs,
        [
            evaluate(run.net(), split, protocol=protocol, ties=ties, progress=progress)
            for run, split in runs
        ],
    )


def compare_all(
    folders: Sequence[Path],
    *,
    ties: Ties | None = None,
    data: str | None = None,
    progress: bool = True,
) -> dict[str, dict[str, Any]]:
    """Return what `compare` does, under each protocol that all runs can be evaluated by.

    Raises:
        InputError: as `compare`.
    """
    runs = _open_runs(folders, data)
    every = [evaluate_all(run.net(), split, ties=ties, progress=progress) for run, split in runs]
    names = [name for name in every[0] if all(name in reports for reports in every)]
    return {name: _compare_reports(runs, [reports[name] for reports in every]) for name in names}


def _open_runs(folders: Sequence[Path], data: str | None) -> list[tuple[Run, Split]]:
    """Open all runs, before the first is evaluated."""
    _refuse_twice(folders)
    opened = [Run.open(folder) for folder in folders]
    runs = [(run, run.split(data)) for run in opened]
    for run, split in runs:
        if not split.dataset.label_names:
            raise InputError(f"{run.folder} {NO_LABELS}")
    return runs


def _compare_reports(runs: Sequence[tuple[Run, Split]], found: Sequence[Report]) -> dict[str, Any]:
    reports = [{"run": str(run.folder)} | own for (run, _), own in zip(runs, found, strict=True)]
    for report in reports:
        if "map" not in report:
            raise InputError(f"{report['run']} {NO_LABELS}")
    recipes = [_recipe(run) for run, _ in runs]
    apart = differing(reports)
    return {
        "runs": reports,
        "seeds": mean_over_seeds(reports, recipes),
        "differing": apart,
        "differences": [] if apart else differences(reports),
    }


def differing(reports: Sequence[Report]) -> list[str]:
    """Return the names of what differs between reports and makes them incomparable."""
    return [
        name for name, part in MUST_BE_EQUAL.items() if len({part(each) for each in reports}) > 1
    ]


def mean_over_seeds(reports: Sequence[Report], recipes: Sequence[str]) -> list[Report]:
    """Return the mean metrics of runs that differ only in their seed.

    Args:
        reports: from `rsh.evaluate`.
        recipes: settings of each run without the seed.

    Returns:
        For each recipe with several runs: "run", "seeds", and the mean of every metric in the
        table; the interval of the mAP is a bootstrap over seeds and blocks.
    """
    means = []
    for recipe in dict.fromkeys(recipes):
        group = [each for each, its in zip(reports, recipes, strict=True) if its == recipe]
        if len(group) < 2:
            continue
        values = [np.array(each["average_precision"], dtype=np.float64) for each in group]
        seeds = np.repeat(np.arange(len(group)), [len(each) for each in values])
        blocks = np.concatenate([each["groups"] for each in group])
        interval = bootstrap_interval(np.concatenate(values), seeds, blocks)
        keys = ["num_bits", *_known(group).values(), "distinct_codes"]
        mean: Report = {key: float(np.mean([each[key] for each in group])) for key in keys}
        name = f"mean of {len(group)} runs"
        means.append({"run": name, "seeds": len(group), "map_interval": interval} | mean)
    return means


def table(comparison: dict[str, Any]) -> str:
    """Return a comparison as text, with a line of warning if the runs are incomparable."""
    first = comparison["runs"][0]
    columns = _known(comparison["runs"])
    rows = [("run", "bits", "mAP", "95 % interval", *list(columns)[1:], "distinct codes")]
    rows += [_row(report, columns) for report in (*comparison["runs"], *comparison["seeds"])]
    accuracy = ", linear classifier an accuracy" if "accuracy" in columns.values() else ""
    lines = [f"mAP is {first['metric']}{accuracy}", align_columns(rows)]
    if comparison["differing"]:
        return "\n".join([_warn(comparison), *lines])
    return "\n".join([heading(first), *lines, *map(difference, comparison["differences"])])


def table_of_all(comparisons: dict[str, dict[str, Any]]) -> str:
    """Return the comparisons of `compare_all` as text: a line a protocol, a column a run."""
    first = next(iter(comparisons.values()))
    runs = [report["run"] for report in (*first["runs"], *first["seeds"])]
    rows = [("protocol", "metric", *runs)]
    for name, each in comparisons.items():
        against = {found["run"]: _points(found) for found in each["differences"]}
        cells = [
            f"{report['map']:.1%}{against.get(report['run'], '')}"
            for report in (*each["runs"], *each["seeds"])
        ]
        rows.append((name, each["runs"][0]["metric"], *cells))
    lines = [align_columns(rows)]
    if first["differing"]:
        lines.insert(0, _warn(first))
    elif first["differences"]:
        lines.append(f"In brackets: points against {runs[0]}, query by query, 95 % interval")
    return "\n".join(lines)


def _warn(comparison: dict[str, Any]) -> str:
    return f"NOT COMPARABLE: the runs differ in {' and '.join(comparison['differing'])}"


def _points(found: Report) -> str:
    low, high = (100 * end for end in found["interval"])
    return f" ({100 * found['difference']:+.1f}: {low:+.1f} to {high:+.1f})"


def differences(reports: Sequence[Report]) -> list[Report]:
    """Compare each run with the first, query by query.

    Returns:
        For each other run: "run", "against", the mean "difference" of the average precision, and
        its 95 % "interval", a bootstrap over blocks.
    """
    found = []
    first, *others = reports
    values = np.array(first["average_precision"], dtype=np.float64)
    for other in others:
        change = np.array(other["average_precision"], dtype=np.float64) - values
        interval = bootstrap_interval(change, np.asarray(first["groups"]))
        names = {"run": other["run"], "against": first["run"]}
        found.append(names | {"difference": float(np.nanmean(change)), "interval": interval})
    return found


def difference(found: Report) -> str:
    """Return the difference of two runs as text, and whether it exceeds chance."""
    low, high = found["interval"]
    about = f"{100 * found['difference']:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"
    verdict = ": no difference beyond chance" if low <= 0 <= high else ""
    return f"{found['run']} against {found['against']}, query by query: {about}{verdict}"


def write(comparison: dict[str, Any], folder: Path) -> list[Path]:
    """Write the plots and comparison.json into a folder.

    Returns:
        The files written.

    Raises:
        InputError: the folder cannot be written.
    """
    from rsh.evaluation import plots  # imports matplotlib only if plots are wanted

    check_writable(folder)
    reports = comparison["runs"]
    figures = {
        "precision-recall.png": plots.precision_recall(reports),
        "map-by-bits.png": plots.map_by_bits(reports),
        "distances.png": plots.distances(reports),
    }
    for number, report in enumerate(reports, start=1):
        if report["several_labels"]:
            continue
        figures[f"neighbors-{number}.png"] = plots.neighbor_classes(report)
    for name, figure in figures.items():
        with atomic_write(folder / name) as stream:
            figure.savefig(stream, format="png", dpi=DPI)
    write_json(folder / "comparison.json", comparison)
    return [folder / name for name in (*figures, "comparison.json")]


def _refuse_twice(folders: Sequence[Path]) -> None:
    places = [folder.resolve() for folder in folders]
    for folder, place in zip(folders, places, strict=True):
        if places.count(place) > 1:
            raise InputError(f"{folder} is given twice: name each run once")


def _recipe(run: Run) -> str:
    """Return all settings of a run except its seed, as JSON."""
    parts = {name: run.config[name] for name in ("model", "train", "split")}
    parts = {name: {**part, "seed": None} for name, part in parts.items()}
    return json.dumps(parts | {"data": run.config["data"]["fingerprint"]}, sort_keys=True)


def _known(reports: Sequence[Report]) -> dict[str, str]:
    """Return the columns that any of the reports has: several labels a tile have others."""
    return {name: key for name, key in COLUMNS.items() if any(key in each for each in reports)}


def _row(report: Report, columns: dict[str, str]) -> tuple[str, ...]:
    low, high = report["map_interval"]
    first, *others = (f"{report[key]:.1%}" if key in report else "-" for key in columns.values())
    bits, codes = (f"{report[key]:.0f}" for key in ("num_bits", "distinct_codes"))
    return (report["run"], bits, first, f"{low:.1%}-{high:.1%}", *others, codes)
