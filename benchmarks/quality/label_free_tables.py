"""The tables and the plot of label_free.py, from its rows.

python -m benchmarks.quality.label_free_tables           prints Markdown
python -m benchmarks.quality.label_free_tables --plot    draws two plots in docs/images
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np
from matplotlib.figure import Figure

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import ROOT, Row, read_rows
from benchmarks.quality.label_free import LOOK_BITS, RESULTS, SHARES
from benchmarks.quality.methods_table import TITLES
from rsh.plotting import COLORS, DPI, style_axes

PLOTS = ROOT / "docs" / "images"
NAMES = {
    "float cosine": "float cosine, no hashing",
    "float cosine, standardized": "float cosine, standardized",
    "lsh": "LSH",
    "lsh, standardized": "LSH, standardized",
    "itq": "ITQ",
    "itq, standardized": "ITQ, standardized",
    "cibhash": "CIBHash",
    "bihalf": "Bi-half",
    "neighbors": "**neighborhoods (ours)**",
}
Rows = list[Row]


def main() -> None:
    """Print one table a data set and question."""
    groups: dict[str, Rows] = defaultdict(list)
    for row in read_rows(RESULTS):
        groups[row["data"]].append(row)
    ways: list[Callable[[str, Rows], str]] = [without_labels, look_bits, shares]
    print(
        "\n\n".join(
            filter(None, (way(data, rows) for data, rows in groups.items() for way in ways))
        )
    )


def without_labels(data: str, rows: Rows) -> str:
    """Return the table of codes without labels."""
    chosen = [row for row in rows if row["labels"] == "none" and not row["look_bits"]]
    lines = []
    for method, name in NAMES.items():
        ours = {
            bits: [r for r in chosen if (r["method"], r["bits"]) == (method, bits)]
            for bits in (32, 64)
        }
        if any(ours.values()):
            lines.append([
                name,
                *(mean(ours[bits], "map", 100, 1) for bits in (32, 64)),
                *(kept(ours[bits], "kept") for bits in (32, 64)),
                kept(ours[64], "reranked"),
            ])  # fmt: skip
    heads = ["", "mAP, 32 bits", "64 bits", "kept, 32 bits", "64 bits", "re-ranked"]
    return titled(data, "without labels", chosen, markdown(heads, lines)) if lines else ""


def look_bits(data: str, rows: Rows) -> str:
    """Return the table of two-part codes."""
    lines = []
    chosen = [
        row for row in rows if row["bits"] == 64 and row["method"] in ("multilevel", "neighbors")
    ]
    chosen = [row for row in chosen if row["labels"] in ("all", "none")]
    for labels in ("all", "none"):
        for number in LOOK_BITS:
            ours = [r for r in chosen if (r["labels"], r["look_bits"]) == (labels, number)]
            if ours:
                lines.append([
                    labels,
                    f"{64 - number} + {number}",
                    mean(ours, "map", 100, 2),
                    *(kept(ours, name) for name in ("kept_in_class", "kept", "reranked")),
                    f"{np.mean([row['neighbors']['tied_at_20'] for row in ours]):.0f}",
                    str(len(ours)),
                ])  # fmt: skip
    heads = ["labels", "class + look bits", "mAP", "kept in the class", "kept", "re-ranked"]
    heads += ["tied at rank 20", "seeds"]
    return (
        titled(data, "class bits and look bits, 64 in all", [], markdown(heads, lines))
        if lines
        else ""
    )


def shares(data: str, rows: Rows) -> str:
    """Return the table of codes from few labels."""
    lines = []
    for share in SHARES:
        ours = [row for row in rows if row["labels"] == share]
        ways = [[row for row in ours if row["others"] is way] for way in (True, False)]
        if all(ways):
            lines.append(
                [amount(share), *(mean(way, "map", 100, 1) for way in ways), str(len(ways[0]))]
            )
    heads = ["labels", "with the unlabeled tiles", "labeled tiles alone", "seeds"]
    return titled(data, "mAP from few labels, 64 bits", [], markdown(heads, lines)) if lines else ""


def amount(labels: str) -> str:
    """Say how many labels are kept, such as "5" or "10%"."""
    return f"{labels} a class" if labels.isdigit() else f"{labels.replace('%', ' %')} of all"


def titled(data: str, what: str, rows: Iterable[Row], table: str) -> str:
    """Return a table below its title."""
    seeds = len({row["seed"] for row in rows})
    words = f", {seeds} seeds" if seeds > 1 else ", 1 seed" if seeds else ""
    return f"**{TITLES[data]}: {what}**{words}\n\n{table}"


def mean(rows: Rows, name: str, scale: float, digits: int) -> str:
    """Return mean and spread of a figure over seeds."""
    values = np.array([scale * row[name] for row in rows])
    if not len(values):
        return ""
    spread = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{spread}"


def kept(rows: Rows, name: str) -> str:
    """Return the mean share of neighbors; empty for what has no codes."""
    values = [row["neighbors"][name] for row in rows if row.get("neighbors")]
    return f"{np.mean(values):.3f}" if values else ""


def draw(rows: Rows) -> Figure:
    """Draw what look bits cost and give, for each data set."""
    names = {"map": "mAP", "kept_in_class": "neighbors kept in the class"}
    looks = {name: {row["look_bits"] for row in rows if row["data"] == name} for name in TITLES}
    data = [name for name, found in looks.items() if len(found) > 1]
    figure = Figure(figsize=(5 * len(data), 3.6), layout="constrained")
    for axes, each in zip(
        np.ravel(figure.subplots(1, len(data), squeeze=False)), data, strict=True
    ):
        style_axes(axes)
        for color, (name, words) in zip(COLORS, names.items(), strict=False):
            for line, labels in (("-", "all"), (":", "none")):
                found = [
                    r for r in rows if (r["data"], r["bits"], r["labels"]) == (each, 64, labels)
                ]
                found = [r for r in found if r["method"] in ("multilevel", "neighbors")]
                points = defaultdict(list)
                for row in found:
                    points[row["look_bits"]].append(
                        row["map"] if name == "map" else row["neighbors"][name]
                    )
                if len(points) > 1:
                    x = sorted(points)
                    how = "with labels" if labels == "all" else "without"
                    y = [float(np.mean(points[bits])) for bits in x]
                    axes.plot(x, y, line, color=color, marker="o", label=f"{words}, {how}")
        axes.set(title=TITLES[each], xlabel="look bits of 64", ylim=(0, 1.02), xticks=LOOK_BITS)
        axes.legend(fontsize=8)
    return figure


def draw_shares(rows: Rows) -> Figure:
    """Draw mAP over the number of labels a class, for each data set."""
    labels = ["none", *(share for share in SHARES if share.isdigit()), "all"]
    data = [name for name in TITLES if any(r["data"] == name and r["labels"] == "5" for r in rows)]
    figure = Figure(figsize=(4 * len(data), 3.4), layout="constrained")
    for axes, each in zip(
        np.ravel(figure.subplots(1, len(data), squeeze=False)), data, strict=True
    ):
        style_axes(axes)
        ours = [
            row for row in rows if (row["data"], row["bits"], row["look_bits"]) == (each, 64, 0)
        ]
        ours = [row for row in ours if row["method"] in ("multilevel", "neighbors")]
        for color, others in zip(COLORS, (True, False), strict=False):
            groups = {
                place: [
                    row["map"]
                    for row in ours
                    if row["labels"] == share and (share == "all" or row["others"] is others)
                ]
                for place, share in enumerate(labels)
            }
            x = [place for place, found in groups.items() if found]
            y = [float(np.mean(groups[place])) for place in x]
            words = "with the unlabeled tiles" if others else "labeled tiles alone"
            axes.plot(x, y, color=color, marker="o", label=words)
        axes.set(title=TITLES[each], xlabel="labels a class", ylabel="mAP", ylim=(0, 1.02))
        axes.set_xticks(range(len(labels)), labels)
        axes.legend(fontsize=8, loc="lower right")
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--plot", action="store_true")
    main()
    if parser.parse_args().plot:
        found = read_rows(RESULTS)
        draw(found).savefig(PLOTS / "look-bits.png", dpi=DPI)
        draw_shares(found).savefig(PLOTS / "few-labels.png", dpi=DPI)
