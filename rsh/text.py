"""Text for output: plurals, aligned columns, and escaped control characters."""

import shlex
import sys
import unicodedata
from collections.abc import Container, Sequence


def escape_control_chars(text: str) -> str:
    r"""Return the text with unprintable characters as escapes, such as \n or \u202e.

    A name must not break a line, control a terminal, or look like another name.
    """
    return text if text.isprintable() else "".join(map(_escape, text))


def _escape(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode()


def first_sentence(error: Exception) -> str:
    """Return the first sentence of an error message, or the error's type if it has none."""
    return (str(error) or type(error).__name__).splitlines()[0].split(". ")[0]


def humanize(name: str) -> str:
    """Return a class name, which is a folder name, with spaces for its underscores.

    Characters that would turn the text around, or hide in it, are written as escapes.
    """
    return escape_control_chars(str(name).replace("_", " ").strip()) or "(no name)"


def align_columns(rows: Sequence[tuple[str, ...]], *, left: Container[int] = (0,)) -> str:
    """Return rows as lines of aligned columns.

    Args:
        rows: cells, the same number in each row.
        left: numbers of the columns to align left; the others are aligned right.
    """
    rows = [tuple(map(escape_control_chars, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: "1 bit", "2,400 tiles", "10 classes", "2 galleries"."""
    if count != 1:
        noun = noun.removesuffix("y") + {"y": "ies", "s": "es"}.get(noun[-1], "s")
    return f"{count:,} {noun}"


def install_hint(library: str, extra: str) -> str:
    """Say how to install a missing library into the environment that is in use."""
    python = shlex.quote(sys.executable)
    return f"{library} is not installed: {python} -m pip install 'rsh[{extra}]'"
