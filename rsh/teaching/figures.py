"""Figures of the tutorials: codes, distances and ties of a few tiles.

Each function returns a matplotlib Figure. Relevant and irrelevant tiles differ in color, frame and
sign.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from rsh.codes.binary import Codes
from rsh.data.sample import EARTH
from rsh.data.tiles import TileDataset
from rsh.errors import InputError
from rsh.evaluation.plots import OTHERS, RELEVANT
from rsh.plotting import COLORS, percent_axis, style_axes
from rsh.text import humanize, plural

Images = NDArray[np.uint8]
ONE, ZERO = "#3d464d", "#e4e2da"
HUES = (*COLORS, "#8C564B", "#8A8A8A")
SHAPES = "osD^vP*X"  # eight shapes and nine hues: 72 classes look different


def codes(
    images: Images, signs: Codes, names: Sequence[str], bits: Sequence[str] | None = None
) -> Figure:
    """Draw each tile with its code, one square per bit, dark for 1.

    Args:
        images: (n, 3, side, side).
        signs: (n, num_bits), -1 or 1.
        names: of the tiles, (n,).
        bits: label of each bit, (num_bits,); by default its number, from 1.

    Raises:
        InputError: not one code and one name per image, or not one label per bit.
    """
    _one_each(images, codes=signs, names=names)
    num_bits = signs.shape[1]
    bits = [str(number) for number in range(1, num_bits + 1)] if bits is None else bits
    if len(bits) != num_bits:
        raise InputError(f"{len(bits)} words for {num_bits} bits: need one each")
    figure = Figure(figsize=(8, 0.9 * len(images) + 1.1), layout="constrained")
    axes = figure.add_subplot()
    for row, (image, code, name) in enumerate(zip(images, signs, names, strict=True)):
        axes.imshow(image.transpose(1, 2, 0), extent=(-1.1, -0.2, row + 0.45, row - 0.45))
        axes.text(-1.3, row, name, ha="right", va="center")
        for column, sign in enumerate(code):
            corner = column + 0.06, row - 0.3
            axes.add_patch(Rectangle(corner, 0.88, 0.6, facecolor=ONE if sign > 0 else ZERO))
            ink = "white" if sign > 0 else "black"
            axes.text(column + 0.5, row, str(int(sign > 0)), color=ink, ha="center", va="center")
    axes.set(xlim=(-1.2, num_bits), ylim=(len(images) - 0.4, -0.6), aspect="auto", yticks=[])
    axes.set_xticks(np.arange(num_bits) + 0.5, bits, rotation=30, ha="left")
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    style_axes(axes)
    axes.spines[:].set_visible(False)
    return figure


def ranking(images: Images, distances: ArrayLike, relevant: ArrayLike) -> Figure:
    """Draw results from near to far, with the number of ties.

    Args:
        images: (n, 3, side, side), the query's first.
        distances: of the others to it, (n - 1,), bits.
        relevant: whether each of the others has the query's class, (n - 1,).

    Raises:
        InputError: not one distance and one relevance per result.
    """
    distances, relevant = np.asarray(distances), np.asarray(relevant, dtype=bool)
    _one_each(images[1:], distances=distances, relevances=relevant)
    order = np.argsort(distances, kind="stable")
    figure = Figure(figsize=(1.7 * len(images), 2.6), layout="constrained")
    panels = figure.subplots(1, len(images))
    for axes, image in zip(panels, images[[0, *(order + 1)]], strict=True):
        axes.imshow(image.transpose(1, 2, 0))
        axes.set(xticks=[], yticks=[])
    panels[0].set_title("the query")
    for axes, result in zip(panels[1:], order, strict=True):
        is_relevant, distance = relevant[result], int(distances[result])
        ties = int((distances == distance).sum())
        tied = f", {ties} tie" if ties > 1 else ""
        axes.set_title(plural(distance, "bit") + tied)
        color = RELEVANT if is_relevant else OTHERS
        axes.set_xlabel("\u2713 same class" if is_relevant else "\u2717 another class", color=color)
        axes.spines[:].set(color=color, linewidth=3, linestyle="-" if is_relevant else "--")
    return figure


def steps(relevant: ArrayLike) -> Figure:
    """Draw the average precision of one ranking without ties as the mean of bars.

    Args:
        relevant: whether the tile at each rank has the query's class, (n,).

    Raises:
        InputError: no tile is relevant.
    """
    hits = np.asarray(relevant, dtype=bool)
    if not hits.any():
        raise InputError("no tile is relevant: average precision is not defined")
    ranks = np.arange(1, len(hits) + 1)
    precision = np.cumsum(hits) / ranks
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(ranks[hits], precision[hits], color=RELEVANT, width=0.7)
    axes.step(ranks, precision, where="mid", color=ONE, linewidth=1)
    mean = precision[hits].mean()
    axes.axhline(mean, color=OTHERS, linestyle="--")
    axes.text(len(hits) + 0.55, mean, f"mean of the bars\nAP = {mean:.3f}", color=OTHERS)
    for rank, bar in zip(ranks[hits], precision[hits], strict=True):
        axes.text(rank, bar / 2, f"{hits[:rank].sum()}/{rank}", color="white", ha="center")
    signs = [
        f"{rank}\n{chr(0x2713) if hit else chr(0x2717)}"
        for rank, hit in zip(ranks, hits, strict=True)
    ]
    axes.set_xticks(ranks, signs)
    axes.set(xlim=(0.5, len(hits) + 0.5), ylim=(0, 1.05), xlabel="rank", ylabel="precision so far")
    style_axes(axes)
    return figure


def histogram(distances: ArrayLike, relevant: ArrayLike, *, num_bits: int) -> Figure:
    """Draw the number of tiles at each distance from a query, its own class at the bottom.

    Args:
        distances: (n,), bits.
        relevant: whether each has the query's class, (n,).
        num_bits: code length, bits.
    """
    far, hits = np.asarray(distances), np.asarray(relevant, dtype=bool)
    own, others = (np.bincount(far[part], minlength=num_bits + 1) for part in (hits, ~hits))
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.add_subplot(xlabel="Hamming distance to the query, bits", ylabel="tiles")
    axes.bar(np.arange(num_bits + 1), own, color=RELEVANT, label="same class")
    axes.bar(np.arange(num_bits + 1), others, bottom=own, color=OTHERS, hatch="//", label="others")
    axes.legend(frameon=False)
    style_axes(axes)
    return figure


def examples(dataset: TileDataset, *, each: int = 6) -> Figure:
    """Draw tiles of each class, evenly spaced in the data set, one row per class.

    Args:
        dataset: the tiles.
        each: number of tiles per class.
    """
    figure = Figure(figsize=(each, len(dataset.classes)), layout="constrained")
    rows = figure.subplots(len(dataset.classes), each, squeeze=False)
    for number, (panels, name) in enumerate(zip(rows, dataset.classes, strict=True)):
        own = np.flatnonzero(dataset.labels == number)
        chosen = own[np.linspace(0, len(own) - 1, each).astype(int)]
        for axes, row in zip(panels, chosen, strict=True):
            axes.imshow(dataset.read(int(row)))
            axes.set(xticks=[], yticks=[])
        label = f"{humanize(name)}\n{len(own)} tiles"
        panels[0].set_ylabel(label, rotation=0, ha="right", va="center")
    return figure


def split_maps(cuts: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw world maps of the tiles of each split, one map per way of splitting.

    Args:
        cuts: tables with longitude and latitude in degrees and split, by the title of each map.
    """
    figure = Figure(figsize=(8, 4 * len(cuts)), layout="constrained")
    marks = {"train": (COLORS[4], "s"), "val": (COLORS[5], "o"), "query": (COLORS[1], "D")}
    for axes, (title, items) in zip(figure.subplots(len(cuts)), cuts.items(), strict=True):
        axes.imshow(Image.open(EARTH), extent=(-180, 180, -90, 90), alpha=0.55)
        for name, (color, marker) in marks.items():
            own = items[items["split"] == name]
            style = dict(s=9, color=color, marker=marker, linewidths=0)
            axes.scatter(own["longitude"], own["latitude"], label=name, **style)
        axes.set(title=title, xticks=range(-180, 181, 60), yticks=range(-60, 91, 30))
        axes.set(xlim=(-180, 180), ylim=(-60, 80))
        axes.legend(loc="lower left", markerscale=2, ncols=3)
    return figure


def pairs(metrics: pd.DataFrame, groups: str, value: str) -> Figure:
    """Draw one metric for groups side by side, one dot per seed, joined by lines.

    Args:
        metrics: a table with columns `groups`, `value` and "seed".
        groups: column with the name of the group.
        value: column of the metric, a fraction.
    """
    table = metrics.pivot(index="seed", columns=groups, values=value)
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.add_subplot(ylabel=value)
    for (seed, row), color in zip(table.iterrows(), COLORS, strict=False):
        axes.plot(table.columns, row, "o-", color=color, label=f"seed {seed}")
    for column, mean in enumerate(table.mean()):
        axes.annotate(f"{mean:.1%}", (column, mean), (14, 0), textcoords="offset points")
    axes.legend(frameon=False)
    axes.margins(x=0.3, y=0.2)
    percent_axis(axes, "yaxis")
    style_axes(axes)
    return figure


def _one_each(images: Images, **others: Codes | Sequence[str] | NDArray[np.generic]) -> None:
    for what, values in others.items():
        if len(values) != len(images):
            raise InputError(f"{len(values)} {what} for {len(images)} images: need one each")


def scatter(axes: Axes, xy: ArrayLike, labels: ArrayLike, classes: Sequence[str]) -> None:
    """Draw points of a plane, each class with its own color and shape.

    Args:
        axes: panel to draw into.
        xy: coordinates, (n, 2).
        labels: class numbers, (n,).
        classes: their names.
    """
    points, numbers = np.asarray(xy), np.asarray(labels)
    for number, name in enumerate(classes):
        own = points[numbers == number]
        color, shape = HUES[number % len(HUES)], SHAPES[number % len(SHAPES)]
        x, y = own.T
        label = humanize(name)
        axes.scatter(x, y, s=22, color=color, marker=shape, alpha=0.75, lw=0, label=label)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color("#bbbbbb")


def pair_distances(axes: Axes, same: NDArray[np.int64], others: NDArray[np.int64]) -> None:
    """Draw the distances between pairs of one class and between pairs of two classes.

    Args:
        axes: panel to draw into.
        same: number of pairs of one class at each distance, (num_bits + 1,).
        others: number of pairs of two classes at each distance, (num_bits + 1,).
    """
    looks = ((same, RELEVANT, "same class", ""), (others, OTHERS, "other classes", "//"))
    for numbers, color, label, hatch in looks:
        shares, edges = numbers / numbers.sum(), np.arange(len(numbers) + 1) - 0.5
        axes.stairs(shares, edges, fill=True, alpha=0.45, color=color, label=label, hatch=hatch)
    axes.set_ylabel("fraction of pairs")
    percent_axis(axes, "yaxis")
    style_axes(axes)


def by_protocol(metrics: pd.DataFrame) -> Figure:
    """Draw the mAP of some networks under several protocols, one line per network.

    Args:
        metrics: mAP as fractions, one row per protocol, one column per network.
    """
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    axes = figure.add_subplot(ylabel="mAP under the protocol", ylim=(0, 1))
    for number, (name, values) in enumerate(metrics.items()):
        color, shape = HUES[number % len(HUES)], SHAPES[number % len(SHAPES)]
        axes.plot(metrics.index, values, marker=shape, color=color, label=str(name), linewidth=1)
    axes.legend(frameon=False, loc="lower left", ncols=2)
    percent_axis(axes, "yaxis")
    style_axes(axes)
    return figure
