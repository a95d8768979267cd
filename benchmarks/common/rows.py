"""Rows of results: one JSON object a line, appended and never changed."""

import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Iterable
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
RESULTS_FOLDER = ROOT / "benchmarks" / "results"
Row = dict[str, Any]
OUT_OF_TIME = "no time for another row: run this again"


class Wanted(NamedTuple):
    """Rows that are measured together.

    Attributes:
        name: of the work, for who waits.
        keys: of the rows.
        measure: returns the rows, each with its "key" and "map".
    """

    name: str
    keys: Collection[str]
    measure: Callable[[], list[Row]]


def read_rows(file: Path) -> list[Row]:
    """Return the rows of a file; none if there is no file."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def append(file: Path, *rows: Row) -> None:
    """Add rows in one write, so that two runs side by side do not mix."""
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as stream:
        stream.write("".join(json.dumps(row) + "\n" for row in rows))


def add_missing(file: Path, wanted: Iterable[Wanted], *, minutes: float = inf) -> None:
    """Measure the rows that a file lacks, and begin none that might not end in time."""
    start, longest = time.monotonic(), 0.0
    done = {row["key"] for row in read_rows(file)}
    for name, keys, measure in wanted:
        begun = time.monotonic()
        if done.issuperset(keys):
            continue
        if begun - start + 1.2 * longest > 60 * minutes:
            print(OUT_OF_TIME, flush=True)
            return
        rows = [row for row in measure() if row["key"] not in done]
        append(file, *rows)
        longest = max(longest, time.monotonic() - begun)
        print(f"{name}: {rows[0]['map']:.4f}", flush=True)


def measure_or_print(
    parser: ArgumentParser,
    results: Path,
    *,
    measure: Callable[[Namespace], None],
    tables: Callable[[list[Row]], str],
) -> None:
    """Read the command line, and measure rows or, with --table, print those that there are.

    Args:
        parser: has the options of a script.
        results: file of its rows, unless --results names another one.
        measure: adds rows to the `results` of what was given.
        tables: returns the tables of rows in Markdown.
    """
    parser.add_argument("--results", type=Path, default=results)
    parser.add_argument("--table", action="store_true", help="print Markdown and measure nothing")
    given = parser.parse_args()
    if given.table:
        print(tables(read_rows(given.results)))
    else:
        measure(given)
