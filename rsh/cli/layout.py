"""Text as wide as the terminal, in two columns, and JSON."""

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence

LABEL = 24  # characters; a longer label has its text on the next line


def wrapped(text: str, indent: int = 0) -> str:
    """Fill each paragraph, leaving `indent` characters of the line free."""
    width = max(shutil.get_terminal_size().columns - 2 - indent, 20)
    return "\n\n".join(textwrap.fill(part, width) for part in text.strip().split("\n\n"))


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print a value as JSON, in ASCII unless the output can hold all characters."""
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(value, indent=indent, ensure_ascii=not is_utf8))


def columns(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """Return a title and rows of a label and its text."""
    width = min(max(len(label) for label, _ in rows), LABEL) + 4
    lines = [f"{title}:"]
    for label, text in rows:
        first, *rest = wrapped(text, width).splitlines() or [""]
        if len(label) > width - 4:
            whole = max(shutil.get_terminal_size().columns - 2, 20)
            parts = textwrap.wrap(label.replace("|", "| "), whole, subsequent_indent=" " * 4)
            lines += [f"  {part.replace('| ', '|')}" for part in parts]
            rest = [first, *rest]
        else:
            lines.append(f"  {label:{width - 2}}{first}".rstrip())
        lines += [f"{' ' * width}{line}".rstrip() for line in rest]
    return "\n".join(lines)
