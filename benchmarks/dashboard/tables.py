"""The tables of load_test.py and soak.py, from the newest row of each kind.

python -m benchmarks.dashboard.tables
"""

import argparse
from collections.abc import Callable
from typing import Any

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import Row, read_rows
from benchmarks.dashboard import load_test, soak

Columns = dict[str, Callable[[Row], Any]]


def times(what: str) -> Callable[[Row], str]:
    """Give median and 95th percentile of one kind of wait, milliseconds."""
    return lambda row: (
        f"{row[f'{what}_ms']:,} / {row[f'{what}_p95_ms']:,}" if f"{what}_ms" in row else ""
    )


def figure(what: str, unit: str = "") -> Callable[[Row], str]:
    """Give one figure, or nothing where it was not measured."""
    return lambda row: f"{row[what]:,}{unit}" if row.get(what) is not None else ""


ALONE: Columns = {
    "one visitor, tiles": figure("tiles"),
    "first cards": figure("open_s", " s"),
    "click to new cards": times("click"),
    "same, comparing": times("click_comparing"),
    "open comparison": figure("compare_ms"),
    "inspect a bit": figure("bit_ms"),
    "class confusion": figure("pairs_ms"),
    "kernel": figure("kernel_mb", " MB"),
}
TOGETHER: Columns = {
    "visitors, how they leave": lambda row: f"{row['visitors']}, {row['way']}",
    "first cards of the last": figure("open_s", " s"),
    "click to new cards": times("click"),
    "kernels together": figure("kernels_mb", " MB"),
    "kernels gone after": figure("gone_s", " s"),
    "bound": figure("cull_s", " s"),
    "errors": figure("errors"),
}
SOAK: Columns = {
    "visitors in turn": lambda row: f"{row['visitors']}, for {row['minutes']:g} minutes",
    "visits": figure("visits"),
    "clicks": figure("clicks"),
    "uploads": figure("uploads"),
    "click to new cards": times("click"),
    "server": figure("server_mb", " MB"),
    "growth a minute": figure("server_slope", " MB"),
    "most kernels": figure("kernels_most"),
    "kernels left": figure("kernels_left"),
    "errors": figure("errors"),
}


def main() -> None:
    """Print all tables."""
    visits = newest(read_rows(load_test.RESULTS), "visitors", "tiles", "way")
    print(table(ALONE, [row for row in visits if row["visitors"] == 1]), end="\n\n")
    print(table(TOGETHER, [row for row in visits if row["visitors"] > 1]), end="\n\n")
    print(table(SOAK, newest(read_rows(soak.RESULTS), "visitors", "minutes")))


def newest(rows: list[Row], *keys: str) -> list[Row]:
    """Keep the last row of each kind, in the order in which the kinds first came."""
    return list({tuple(row.get(key) for key in keys): row for row in rows}.values())


def table(columns: Columns, rows: list[Row]) -> str:
    """Return a table with a line a row."""
    return markdown(list(columns), [[cell(row) for cell in columns.values()] for row in rows])


if __name__ == "__main__":
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    main()
