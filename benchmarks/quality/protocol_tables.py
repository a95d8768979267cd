"""The same networks under the protocols of all papers, beside what these papers state.

python -m benchmarks.quality.protocol_tables

Rows are those of methods.py.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import Row, read_rows
from benchmarks.quality import methods
from benchmarks.quality.methods_table import COMPARED, NAMES, TITLES, method_of
from rsh.evaluation.protocols import PROTOCOLS


class Column(NamedTuple):
    """A protocol, and which figure of its rows."""

    protocol: str
    figure: str = "map"

    @property
    def head(self) -> str:
        """Head of the column."""
        return self.protocol + (", best epoch" if self.figure == "map_best_epoch" else "")


class Published(NamedTuple):
    """What a paper states.

    Attributes:
        name: of the method.
        data: a key of `TITLES`.
        protocol: that of the paper's code; "" if it is not known.
        figures: in per cent, at each of `COMPARED` or at the length that the name says.
    """

    name: str
    data: str
    protocol: str
    figures: tuple[float, ...]


LEARNED = [
    Column(name, figure)
    for name, protocol in PROTOCOLS.items()
    if not protocol.needs_unseen
    for figure in ("map", *(["map_best_epoch"] if protocol.best_epoch else []))
]
TIED = ("disjoint", "all-vs-all@20")  # to the last rank, and of the first twenty
UNSEEN = [Column(name) for name in ("disjoint", "seen", "unseen")]
PUBLISHED = (  # AID in its full size
    Published("the paper", "aid150", "", (99.54, 99.37, 99.60)),
    Published("its best baseline, from the gains it states", "aid150", "", (96.45, 98.21, 98.60)),
    Published("DHCL", "aid150", "dhcl", (94.75, 98.08, 99.02)),
    Published("DHCL", "ucmd", "dhcl", (98.97, 99.34, 99.60)),
    Published("ERVD's teacher, 128 bits", "ucmd", "ervd", (99.20,)),
)

Groups = dict[tuple[str, int, str], list[Row]]  # method, bits, protocol -> one row a seed


def main() -> None:
    """Print a table for each data set and backbone, its ties, then those of unseen classes."""
    tables: dict[tuple[bool, str, str], Groups] = defaultdict(lambda: defaultdict(list))
    for row in read_rows(methods.RESULTS):
        protocol = PROTOCOLS[row["protocol"]]
        unseen = protocol.needs_unseen or row.get("unseen", 0) > 0
        of_table = tables[unseen, row["data"], row["backbone"]]
        of_table[method_of(row), row["bits"], row["protocol"]].append(row)
    for (unseen, data, backbone), groups in sorted(tables.items()):
        if len({protocol for _, _, protocol in groups}) == 1:
            continue  # rows of before there were several
        columns = UNSEEN if unseen else LEARNED
        lines = [*measured(groups, columns), *([] if unseen else published(data, columns))]
        about = ", a quarter of the classes not learned" if unseen else ""
        title = f"**{TITLES[data]}**, `{backbone}` frozen{about}"
        heads = [f"mAP, %, at {lengths(groups)} bits", *(column.head for column in columns)]
        print(f"{title}\n\n{markdown(heads, lines)}\n")
        if not unseen:
            print(f"{title}: mean over all orders of ties (worst to best)\n\n{tied(groups)}\n")


def lengths(groups: Groups) -> str:
    """Name the code lengths of a table."""
    measured_at = {bits for (_, bits, _), rows in groups.items() if rows}
    return " / ".join(str(bits) for bits in COMPARED if bits in measured_at)


def measured(groups: Groups, columns: Sequence[Column]) -> Iterator[Sequence[str]]:
    """Yield a line a method: means over seeds at each length."""
    for method, name in NAMES.items():
        cells = [
            " / ".join(mean(groups[method, bits, protocol], figure) for bits in COMPARED).strip(
                " /"
            )
            for protocol, figure in columns
        ]
        if any(cells):
            yield name, *cells


def tied(groups: Groups) -> str:
    """Return a table of what the order of ties can change; vectors have none."""
    columns = [(bits, protocol) for protocol in TIED for bits in COMPARED]
    lines = [
        (name, *(between_ties(groups[method, *column]) for column in columns))
        for method, name in NAMES.items()
    ]
    heads = ["mAP, %", *(f"{protocol}, {bits} bits" for bits, protocol in columns)]
    return markdown(heads, [line for line in lines if any(line[1:])])


def between_ties(rows: Sequence[Row]) -> str:
    """Return the mean over orders of ties, and those of the worst and the best order."""
    if not any("map_optimistic" in row for row in rows):
        return ""
    return (
        f"{mean(rows, 'map')} ({mean(rows, 'map_pessimistic')} to {mean(rows, 'map_optimistic')})"
    )


def mean(rows: Iterable[Row], figure: str) -> str:
    """Return the mean of a figure over the rows that have it."""
    found = [100 * row[figure] for row in rows if figure in row]
    return f"{np.mean(found):.1f}" if found else ""


def published(data: str, columns: Sequence[Column]) -> Iterator[Sequence[str]]:
    """Yield a line a paper: its figures in the column of its code."""
    for paper in PUBLISHED:
        if paper.data == data:
            figures = " / ".join(f"{figure:.2f}" for figure in paper.figures)
            reported = [  # papers report the best epoch where their code looks for it
                column.protocol == paper.protocol
                and (column.figure != "map") == PROTOCOLS[paper.protocol].best_epoch
                for column in columns
            ]
            stated = "" if any(reported) else f", protocol not stated: {figures}"
            cells = [figures if here else "" for here in reported]
            yield f"*{paper.name}{stated}*", *cells


if __name__ == "__main__":
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    main()
