"""Shared style of all plots: resolution, colors, dashes and axes."""

from matplotlib.axes import Axes

DPI = 150
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")


def style_axes(axes: Axes) -> None:
    """Show only the left and bottom axis, and faint horizontal grid lines."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)


def percent_axis(axes: Axes, *which: str) -> None:
    """Label fractions as percentages.

    Args:
        axes: the panel.
        which: "xaxis", "yaxis".
    """
    for name in which:
        getattr(axes, name).set_major_formatter(lambda fraction, _: f"{100 * fraction:g} %")
