"""The tables and the plot of search.py, and an estimate for a billion tiles.

python -m benchmarks.search.tables           prints Markdown
python -m benchmarks.search.tables --plot    draws docs/images/search.png, too
"""

import argparse

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, ROOT, Row, read_rows

RESULTS = RESULTS_FOLDER / "search.jsonl"
PLOT = ROOT / "docs" / "images" / "search.png"
LIMIT, OURS, BARE, PLAIN, LISTS = (
    "memory's limit", "rsh", "FAISS Flat, padded", "FAISS Flat", "rsh, IVF",
)  # fmt: skip
STYLES = {
    OURS: dict(color="#0072B2", marker="o", linewidth=2.6, zorder=5),
    LISTS: dict(color="#0072B2", marker="o", linestyle="--", markerfacecolor="white"),
    BARE: dict(color="#D55E00", marker="s"),
    PLAIN: dict(color="#D55E00", marker="s", linestyle="--", markerfacecolor="white"),
    "numpy": dict(color="#009E73", marker="^"),
    "USearch exact": dict(color="#CC79A7", marker="v"),
    "USearch HNSW": dict(color="#CC79A7", marker="v", linestyle="--", markerfacecolor="white"),
    "DuckDB": dict(color="#E69F00", marker="D"),
    "LanceDB": dict(color="#56B4E9", marker="P"),
    "Milvus Lite": dict(color="#777777", marker="X"),
    "rsh, Milvus": dict(color="#777777", marker="X", linestyle="--", markerfacecolor="white"),
    LIMIT: dict(color="#000000", linestyle=":"),
}
SHOWN = 1_000_000  # codes, in the table
# Assumptions of the estimate for a billion tiles. Milvus's documentation advises to keep a third of
# a query node's memory free; a request over a data center's network and merging a list of 20 from
# each node take about a millisecond each.
BILLION, NODE_GB, NODE_CORES, FREE = 10**9, 64, 16, 1 / 3
ID_BYTES, COLUMNS_BYTES = 8, 100  # of an item: its key, and class, split, place and block
NETWORK_MS = 2.0
SLOWDOWN = 2.0  # all cores of a node share its memory: they scan at half the speed of one alone


def main(with_plot: bool) -> None:
    """Print all tables, of clustered codes, and draw the plot if wanted."""
    rows = [row for row in read_rows(RESULTS) if row["codes"] == "clustered"]
    print(table([row for row in rows if row["size"] == SHOWN]) + "\n\n" + billion(rows))
    if with_plot:
        plot(rows).savefig(PLOT, dpi=150)


def table(rows: list[Row]) -> str:
    """Return milliseconds a query, alone and in a batch, with a line an system."""
    lengths = sorted({row["bits"] for row in rows})
    lines = []
    for system in STYLES:
        mine = {row["bits"]: row for row in rows if row["system"] == system}
        most = max(row["memory_mb"] for row in mine.values())
        built = max(row["build_seconds"] for row in mine.values())
        name = f"**{system}**" if system == OURS else system
        cells = [cell(mine[bits]) for bits in lengths]
        lines.append([name, *cells, f"{most:,.0f} MB", f"{built:,.1f} s"])
    heads = [f"{bits} bits" for bits in lengths]
    return markdown([f"{SHOWN:,} codes", *heads, "memory", "build"], lines)


def cell(row: Row) -> str:
    """Return the time of a query, and the recall if it is below 1."""
    text = f"{row['batch_1_ms']:.3g} / {row['batch_ms']:.3g}"
    recall = row["recall"]
    return text if recall is None or recall == 1 else f"{text} (recall {recall:.1%})"


def billion(rows: list[Row]) -> str:
    """Estimate what a billion tiles take, on a cluster and on one core, from what was measured."""
    measured = {
        (row["system"], row["bits"]): row["batch_1_ms"] * BILLION / 10**7
        for row in rows
        if row["size"] == 10**7
    }
    heads = ["a billion tiles", "codes, GB", "with keys and columns, GB", "Milvus nodes"]
    heads += ["ms a query", "queries a second", "rsh on one core: ms a query"]
    lines = []
    for bits in (16, 32, 64, 128):
        codes = BILLION * bits / 8 / 1e9
        whole = codes + BILLION * (ID_BYTES + COLUMNS_BYTES) / 1e9
        nodes = int(np.ceil(whole / (NODE_GB * (1 - FREE))))
        alone = measured[PLAIN, bits] * SLOWDOWN / (nodes * NODE_CORES)
        figures = (codes, whole, nodes, alone + NETWORK_MS, 1e3 / alone)
        cells = [f"{figure:.0f}" for figure in figures]
        lines.append([f"{bits} bits", *cells, f"{measured[OURS, bits]:,.0f}"])
    return markdown(heads, lines)


def plot(rows: list[Row]) -> Figure:
    """Draw the cost of a query over the size of the gallery, a panel for short and long codes."""
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, bits in zip(panels, (16, 64), strict=True):
        draw(axes, [row for row in rows if row["bits"] == bits])
        axes.set_title(f"{bits} bits", loc="left", fontweight="bold")
        axes.set_xlabel("tiles in the gallery")
    panels[0].set_ylabel("milliseconds a query, one core")
    figure.suptitle(
        "What a search costs as the gallery grows (clustered codes, 20 nearest)", x=0.01, ha="left"
    )
    figure.legend(*panels[1].get_legend_handles_labels(), loc="outside right center", frameon=False)
    return figure


def draw(axes: Axes, rows: list[Row]) -> None:
    """Draw one panel."""
    for system, style in STYLES.items():
        mine = sorted((row["size"], row["batch_1_ms"]) for row in rows if row["system"] == system)
        if mine:
            axes.plot(*zip(*mine, strict=True), label=system, **style)  # type: ignore[arg-type]
    axes.set(xscale="log", yscale="log")
    axes.set_xticks([10**4, 10**6, 10**7], ["10 k", "1 M", "10 M"], minor=False)
    axes.grid(alpha=0.25, which="major")
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--plot", action="store_true")
    main(parser.parse_args().plot)
