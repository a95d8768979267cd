"""Figures of the lessons: what a code, a distance and a tie look like on a few tiles.

Each returns a matplotlib Figure. Right and wrong differ in color, frame and sign.
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
from rsh.data.dataset import TileDataset
from rsh.data.sample import EARTH
from rsh.errors import InputError
from rsh.evaluation.plots import OTHERS, SAME
from rsh.plotting import COLORS, percent_axis, style_axes

Images = NDArray[np.uint8]
ONE, ZERO = "#3d464d", "#e4e2da"
HUES = (*COLORS, "#8C564B", "#8A8A8A")
SHAPES = "osD^vP*X"  # eight, and nine hues: no two of 72 classes look alike


def codes(
    images: Images, signs: Codes, names: Sequence[str], bits: Sequence[str] | None = None
) -> Figure:
    """Draw each tile with its code, a square a bit, dark where it is 1.

    Args:
        images: (n, 3, side, side).
        signs: (n, num_bits), -1 or 1.
        names: of the tiles, (n,).
        bits: what each bit stands for, (num_bits,); by default its number, from 1.

    Raises:
        InputError: not one code and one name an image, or not one word a bit.
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
    """Draw found tiles from near to far, a bracket over those that tie.

    Args:
        images: (n, 3, side, side), the query's first.
        distances: of the others to it, (n - 1,), bits.
        relevant: whether each of the others has the query's class, (n - 1,).

    Raises:
        InputError: not one distance and one answer for each image but the query's.
    """
    distances, relevant = np.asarray(distances), np.asarray(relevant, dtype=bool)
    _one_each(images[1:], distances=distances, answers=relevant)
    order = np.argsort(distances, kind="stable")
    figure = Figure(figsize=(1.7 * len(images), 2.6), layout="constrained")
    panels = figure.subplots(1, len(images))
    for axes, image in zip(panels, images[[0, *(order + 1)]], strict=True):
        axes.imshow(image.transpose(1, 2, 0))
        axes.set(xticks=[], yticks=[])
    panels[0].set_title("the query")
    for axes, place in zip(panels[1:], order, strict=True):
        right, far = relevant[place], int(distances[place])
        alike = int((distances == far).sum())
        tie = f", {alike} tie" if alike > 1 else ""
        axes.set_title(f"{far} {'bit' if far == 1 else 'bits'}{tie}")
        axes.set_xlabel("\u2713 same class" if right else "\u2717 another class")
        axes.xaxis.label.set_color(SAME if right else OTHERS)
        axes.spines[:].set(
            color=SAME if right else OTHERS, linewidth=3, linestyle="-" if right else "--"
        )
    return figure


def steps(relevant: ArrayLike) -> Figure:
    """Draw the average precision of one strict ranking as the mean of bars.

    Args:
        relevant: whether the tile at each rank has the query's class, (n,).

    Raises:
        InputError: none of them has.
    """
    hits = np.asarray(relevant, dtype=bool)
    if not hits.any():
        raise InputError("no tile is relevant: average precision is not defined")
    ranks = np.arange(1, len(hits) + 1)
    precision = np.cumsum(hits) / ranks
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(ranks[hits], precision[hits], color=SAME, width=0.7)
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
    """Draw how many tiles lie at each distance from a query, its own class below the others.

    Args:
        distances: (n,), bits.
        relevant: whether each has the query's class, (n,).
        num_bits: code length, bits.
    """
    far, hits = np.asarray(distances), np.asarray(relevant, dtype=bool)
    own, others = (np.bincount(far[part], minlength=num_bits + 1) for part in (hits, ~hits))
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.add_subplot(xlabel="bits away from the query", ylabel="tiles")
    axes.bar(np.arange(num_bits + 1), own, color=SAME, label="same class")
    axes.bar(np.arange(num_bits + 1), others, bottom=own, color=OTHERS, hatch="//", label="others")
    axes.legend(frameon=False)
    style_axes(axes)
    return figure


def examples(dataset: TileDataset, *, each: int = 6) -> Figure:
    """Draw some tiles of each class, spread over the class, a row a class.

    Args:
        dataset: the tiles.
        each: how many of a class.
    """
    figure = Figure(figsize=(each, len(dataset.classes)), layout="constrained")
    rows = figure.subplots(len(dataset.classes), each, squeeze=False)
    for number, (panels, name) in enumerate(zip(rows, dataset.classes, strict=True)):
        own = np.flatnonzero(dataset.labels == number)
        chosen = own[np.linspace(0, len(own) - 1, each).astype(int)]
        for axes, row in zip(panels, chosen, strict=True):
            axes.imshow(dataset.read(int(row)))
            axes.set(xticks=[], yticks=[])
        words = name.replace("_", " ")
        label = f"{words}\n{len(own)} tiles"
        panels[0].set_ylabel(label, rotation=0, ha="right", va="center")
    return figure


def places(cuts: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw where the tiles of each split lie on Earth, a map a cut.

    Args:
        cuts: tables with longitude and latitude in degrees and split, by the words over each map.
    """
    figure = Figure(figsize=(8, 4 * len(cuts)), layout="constrained")
    marks = {"train": (COLORS[4], "s"), "val": (COLORS[5], "o"), "query": (COLORS[1], "D")}
    for axes, (title, items) in zip(figure.subplots(len(cuts)), cuts.items(), strict=True):
        axes.imshow(Image.open(EARTH), extent=(-180, 180, -90, 90), alpha=0.55)
        for name, (color, marker) in marks.items():
            some = items[items["split"] == name]
            style = dict(s=9, color=color, marker=marker, linewidths=0)
            axes.scatter(some["longitude"], some["latitude"], label=name, **style)
        axes.set(title=title, xticks=range(-180, 181, 60), yticks=range(-60, 91, 30))
        axes.set(xlim=(-180, 180), ylim=(-60, 80))
        axes.legend(loc="lower left", markerscale=2, ncols=3)
    return figure


def pairs(figures: pd.DataFrame, groups: str, value: str) -> Figure:
    """Draw one figure for groups side by side, a dot a seed, those of one seed joined.

    Args:
        figures: a table with the columns of both names and "seed"; the value from 0 to 1.
        groups: column that tells the groups apart.
        value: column of the figure.
    """
    table = figures.pivot(index="seed", columns=groups, values=value)
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.add_subplot(ylabel=value)
    for (seed, row), color in zip(table.iterrows(), COLORS, strict=False):
        axes.plot(table.columns, row, "o-", color=color, label=f"seed {seed}")
    for place, mean in enumerate(table.mean()):
        axes.annotate(f"{mean:.1%}", (place, mean), (14, 0), textcoords="offset points")
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
    """Draw points of a plane, each class in a color and a shape of its own.

    Args:
        axes: where.
        xy: places, (n, 2).
        labels: class numbers, (n,).
        classes: their names.
    """
    places, numbers = np.asarray(xy), np.asarray(labels)
    for number, name in enumerate(classes):
        own = places[numbers == number]
        color, shape = HUES[number % len(HUES)], SHAPES[number % len(SHAPES)]
        words = name.replace("_", " ")
        x, y = own.T
        axes.scatter(x, y, s=22, color=color, marker=shape, alpha=0.75, lw=0, label=words)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color("#bbbbbb")


def by_protocol(figures: pd.DataFrame) -> Figure:
    """Draw what the same networks are given under several protocols, a line a network.

    Args:
        figures: mAP as fractions, a row a protocol, a column a network.
    """
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    axes = figure.add_subplot(ylabel="mAP as the protocol has it", ylim=(0, 1))
    for number, (name, values) in enumerate(figures.items()):
        color, shape = HUES[number % len(HUES)], SHAPES[number % len(SHAPES)]
        axes.plot(figures.index, values, marker=shape, color=color, label=str(name), linewidth=1)
    axes.legend(frameon=False, loc="lower left", ncols=2)
    percent_axis(axes, "yaxis")
    style_axes(axes)
    return figure
