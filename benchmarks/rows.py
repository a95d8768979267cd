"""Rows of results: one JSON object a line, appended, never changed; shown as Markdown."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def read_rows(file: Path) -> list[Row]:
    """Read the rows that are on disk; no file means none."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def append(file: Path, row: Row) -> None:
    """Add one row in one write, so that two runs side by side do not mix."""
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as stream:
        stream.write(json.dumps(row) + "\n")


def markdown(heads: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Return a table; cells are written as they are."""
    rule = "|---" * len(heads) + "|"
    head, *rest = [f"| {' | '.join(map(str, cells))} |" for cells in (heads, *lines)]
    return "\n".join([head, rule, *rest])
