"""Rows of results: one JSON object a line, appended and never changed."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS_FOLDER = ROOT / "benchmarks" / "results"
Row = dict[str, Any]


def read_rows(file: Path) -> list[Row]:
    """Return the rows of a file; none if there is no file."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def append(file: Path, *rows: Row) -> None:
    """Add rows in one write, so that two runs side by side do not mix."""
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as stream:
        stream.write("".join(json.dumps(row) + "\n" for row in rows))
