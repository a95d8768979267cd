"""Plots of evaluation reports. Each returns a matplotlib Figure, for a file or a notebook.

They take reports of `rsh.evaluate`; "run" in one of them names its line, dot or panel. The color
palette (Okabe and Ito) is safe for color-blind readers; lines also differ in dashes.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rsh.errors import InputError
from rsh.evaluation.report import relevance_words
from rsh.plotting import COLORS, DASHES, percent_axis, style_axes

Report = Mapping[str, Any]
RELEVANT, OTHERS = COLORS[:2]
READABLE = 12  # up to so many classes, the cells of a matrix show numbers


def precision_recall(reports: Sequence[Report]) -> Figure:
    """Draw precision over recall by radius, a line per run, averaged over queries (macro).

    Raises:
        InputError: there are no reports.
    """
    figure, axes = _canvas(reports, "Precision and recall as the radius grows")
    for report, style in _styled(reports):
        recall = np.array(report["recall_by_radius"], dtype=float)
        precision = np.array(report["precision_by_radius"], dtype=float)
        axes.plot(recall, precision, marker="o", markersize=3.5, clip_on=False, **style)
    axes.set(xlabel="recall: share of the relevant tiles within the radius", xlim=(0, 1))
    axes.set(
        ylabel="precision: share of the tiles within the radius that are relevant", ylim=(0, 1)
    )
    percent_axis(axes, "xaxis", "yaxis")
    axes.text(0.02, 0.03, "each dot is a radius, 0 bits at the left end of the line")
    if len(reports) > 1:  # a single run is named in the title
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 0.06))
    return figure


def map_by_bits(reports: Sequence[Report]) -> Figure:
    """Draw the mAP of each run, with its interval, over the code length.

    Raises:
        InputError: there are no reports.
    """
    figure, axes = _canvas(reports, f"{reports[0]['metric'] if reports else 'mAP'} by code length")
    lengths = [report["num_bits"] for report in reports]
    ticks = sorted(set(lengths))
    center: dict[str, Any] = {"color": "#555555", "markeredgewidth": 2.5}
    for number, (report, style) in enumerate(_styled(reports)):
        before, alike = lengths[:number].count(lengths[number]), lengths.count(lengths[number])
        place = ticks.index(lengths[number]) + 0.5 * ((before + 0.5) / alike - 0.5)  # side by side
        low, high = report["map_interval"]
        errors = [[report["map"] - low], [high - report["map"]]]
        axes.errorbar([place], [report["map"]], yerr=errors, fmt="o", capsize=4, **style)
        if "map_classifier_center" in report:  # not of several labels a tile
            axes.plot([place], [report["map_classifier_center"]], "_", markersize=22, **center)
    if any("map_classifier_center" in report for report in reports):
        label = "'classifier center' on the same backbone"
        axes.plot([], [], "_", markersize=16, label=label, **center)
    axes.set_xticks(range(len(ticks)), [f"{length} bits" for length in ticks])
    axes.set(xlim=(-0.5, len(ticks) - 0.5), ylabel="mAP and its 95 % interval")
    percent_axis(axes, "yaxis")
    figure.legend(frameon=False, loc="outside lower center", ncols=2)
    return figure


def distances(reports: Sequence[Report]) -> Figure:
    """Draw the distances of relevant pairs and of all others, a panel per run.

    Raises:
        InputError: there are no reports.
    """
    figure, first = _canvas(reports, "How many bits differ between a query and a gallery tile")
    first.remove()
    panels = figure.subplots(len(reports), 1, squeeze=False)[:, 0]
    figure.set_size_inches(7, 1.6 + 2.4 * len(reports))
    for axes, report, name in zip(panels, reports, run_labels(reports), strict=True):
        words = relevance_words(report)
        for key, color, label in (
            ("others", OTHERS, words.other),
            ("relevant", RELEVANT, words.same),
        ):
            pairs = np.array(report[f"{key}_by_distance"], dtype=float)
            share = pairs / max(pairs.sum(), 1)
            mean = report[f"mean_distance_{key}"]
            text = label if mean is None else f"{label}, mean {mean:.1f} bits"
            edges = np.arange(len(share) + 1) - 0.5
            axes.stairs(share, edges, color=color, alpha=0.35, fill=True, label=text)
            axes.stairs(share, edges, color=color, linewidth=1.8)
        axes.set_title(name, loc="left", fontsize=10)
        axes.set(ylabel="share of pairs", xlim=(-0.7, len(share) - 0.3))
        axes.set_ylim(0, 1.35 * axes.get_ylim()[1])  # room for the legend
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        percent_axis(axes, "yaxis")
        style_axes(axes)
        axes.legend(frameon=False, loc="upper right", ncols=2)
    panels[-1].set_xlabel("Hamming distance, bits")
    return figure


def neighbor_classes(report: Report) -> Figure:
    """Draw the classes of the first 20 neighbors of each class's queries."""
    figure, axes = _canvas([report], "Of the first 20 neighbors, % of each class")
    axes.grid(visible=False)
    shares = np.array(report["neighbor_classes"], dtype=float)
    classes = [str(name).replace("_", " ") for name in report["classes"]]
    side = 2.5 + 0.55 * max(len(classes), 4)
    figure.set_size_inches(side + 1.5, side)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="class of the neighbor", ylabel="class of the query")
    for row, column in np.argwhere(shares >= 0.005) if len(classes) <= READABLE else ():
        dark = shares[row, column] > 0.5
        number, color = f"{100 * shares[row, column]:.0f}", "white" if dark else "black"
        axes.text(column, row, number, ha="center", va="center", color=color, fontsize=9)
    for edge in axes.spines.values():
        edge.set_visible(False)
    axes.tick_params(length=0)
    bar = figure.colorbar(image, ax=axes, shrink=0.7, label="share of the 20 neighbors")
    percent_axis(bar.ax, "yaxis")
    bar.outline.set_visible(False)
    return figure


def run_labels(reports: Sequence[Report]) -> list[str]:
    """Return the folder name of each run, or its whole path if names repeat."""
    whole = [str(report.get("run", f"{report['num_bits']} bits")) for report in reports]
    short = [Path(name).name or name for name in whole]
    return short if len(set(short)) == len(short) else whole


def _canvas(reports: Sequence[Report], title: str) -> tuple[Figure, Axes]:
    """Return a figure with one panel, titled with protocol and number of queries."""
    if not reports:
        raise InputError("there are no reports: give at least one")
    first = reports[0]
    numbers = sorted({report["queries"] for report in reports})
    queries = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    figure = Figure(figsize=(7, 5), layout="constrained")
    ties = "" if first["ties"] == "average" else f", ties {first['ties']}"
    name = f": {run_labels([first])[0]}" if len(reports) == 1 else ""
    figure.suptitle(
        f"{title}{name}\nprotocol {first['protocol']}, {queries} queries{ties}", fontsize=12
    )
    axes = figure.subplots()
    style_axes(axes)
    return figure, axes


def _styled(reports: Sequence[Report]) -> Iterator[tuple[Report, dict[str, Any]]]:
    for number, (report, name) in enumerate(zip(reports, run_labels(reports), strict=True)):
        color, dash = COLORS[number % len(COLORS)], DASHES[number % len(DASHES)]
        yield report, {"color": color, "linestyle": dash, "label": name}
