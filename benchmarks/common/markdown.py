"""Markdown tables, and the pages of the documentation that show them.

python -m benchmarks.common.markdown      brings the tables of all pages up to date

A page names the script in a comment before the tables: `<!-- table: MODULE [FLAGS] -->`.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence

from benchmarks.common.rows import ROOT

PAGES = [
    ROOT / "benchmarks" / "README.md",
    *(ROOT / "docs" / name for name in ("reliability.md", "hostile.md")),
]
TABLES = re.compile(r"(?<=<!-- table: )(.+?) -->\n(.*?)(?=<!-- end of table -->)", re.DOTALL)


def markdown(heads: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Return a table; cells are written as they are, and empty columns are left out."""
    every = list(zip(heads, *lines, strict=True))
    columns = [column for column in every if any(map(str, column[1:]))] or every
    head, *rest = [f"| {' | '.join(map(str, cells))} |" for cells in zip(*columns, strict=True)]
    return "\n".join([head, "|---" * len(columns) + "|", *rest])


def printed_by(command: str) -> str:
    """Return what a table script prints.

    Args:
        command: module and flags, as a page names them.
    """
    words = [sys.executable, "-m", *command.split()]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def main() -> None:
    """Run each table script and put what it prints into its page."""
    for page in PAGES:
        text = TABLES.sub(
            lambda found: f"{found[1]} -->\n{printed_by(found[1]).rstrip()}\n", page.read_text()
        )
        page.write_text(text)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    main()
