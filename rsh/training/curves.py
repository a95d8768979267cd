"""Training curves: the loss terms, and mAP on validation tiles."""

import math
import time
from collections.abc import Sequence
from io import BytesIO

from IPython.display import Image, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rsh.errors import InputError
from rsh.plotting import COLORS, DASHES, DPI, percent_axis, style_axes
from rsh.training.checkpoint import Record

NO_TERMS = (
    *("epoch", "learning_rate", "tiles_per_second"),
    *("val_map", "val_ndcg", "val_kept"),
)


def training_curves(history: Sequence[Record], *, epochs: int | None = None) -> Figure:
    """Draw the loss terms of each epoch, and mAP on validation tiles.

    Args:
        history: records of `rsh.train`, or the lines of history.jsonl.
        epochs: total number of epochs; None takes the number of records.

    Raises:
        InputError: there are no records.
    """
    if not history:
        raise InputError("there are no records: train for at least one epoch")
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_terms(left, history)
    _draw_val(right, history)
    for axes in (left, right):
        style_axes(axes)
        axes.set(xlabel="epoch", xlim=(0.5, max(epochs or len(history), 2) + 0.5))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle(_headline(history, epochs or len(history)), fontsize=12)
    return figure


class LiveCurves:
    """Draw the curves of a training in the notebook while it runs.

        rsh.train(net, split, config, watch=rsh.LiveCurves())

    Attributes:
        every: seconds between two updates, so that drawing does not slow the training down.
    """

    def __init__(self, *, every: float = 2.0) -> None:
        """Set the update interval."""
        self.every = every
        self._handle = None
        self._drawn = -math.inf

    def __call__(self, history: Sequence[Record], epochs: int) -> None:
        """Draw the curves so far, if the interval has passed or the training has ended."""
        if len(history) < epochs and time.monotonic() - self._drawn < self.every:
            return
        buffer = BytesIO()
        training_curves(history, epochs=epochs).savefig(buffer, format="png", dpi=DPI / 2)
        alt = _headline(history, epochs)
        image = Image(buffer.getvalue(), alt=alt)  # type: ignore[no-untyped-call]
        if self._handle is None:
            self._handle = display(image, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(image)
        self._drawn = time.monotonic()


def _draw_terms(axes: Axes, history: Sequence[Record]) -> None:
    """Draw each term."""
    names = [name for name in history[-1] if name not in NO_TERMS]
    for number, name in enumerate(names):
        style = {"color": COLORS[number % len(COLORS)], "linestyle": DASHES[number % len(DASHES)]}
        if name == "total":
            style = {"color": "black", "linestyle": "-", "linewidth": "2.2"}
        values = [record[name] for record in history]
        axes.plot(range(1, len(history) + 1), values, label=name.replace("_", " "), **style)  # type: ignore[arg-type]
    axes.set(title="loss terms, each before its weight", ylabel="loss, nats")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, loc="upper right", ncols=2)


def _draw_val(axes: Axes, history: Sequence[Record]) -> None:
    """Draw mAP on validation tiles."""
    found = [(n, record["val_map"]) for n, record in enumerate(history, 1) if "val_map" in record]
    axes.set(title="mAP on validation tiles", ylim=(0, 1))
    percent_axis(axes, "yaxis")
    if not found:
        text = "none measured so far"
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", color="#555555")
        return
    axes.plot(*zip(*found, strict=True), marker="o", color=COLORS[0], clip_on=False)
    last, height = found[-1]
    axes.annotate(
        f"{100 * height:.1f} %", (last, height), (0, -16), textcoords="offset points", ha="center"
    )


def _headline(history: Sequence[Record], epochs: int) -> str:
    """Return progress, loss and mAP as text."""
    last = history[-1]
    measured = [record["val_map"] for record in history if "val_map" in record]
    val = f", mAP on validation tiles {100 * measured[-1]:.1f} %" if measured else ""
    return f"epoch {len(history)} of {epochs}: loss {last['total']:.3g}{val}"
