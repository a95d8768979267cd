"""Texts for people: plurals, aligned columns, and characters that cannot be seen."""

import unicodedata
from collections.abc import Container, Sequence


def escape_control_chars(text: str) -> str:
    r"""Write line breaks, turns of the writing and the like as escapes, such as \n or \u202e.

    A name must neither end a line, nor steer a terminal, nor read as another.
    """
    return text if text.isprintable() else "".join(map(_escape, text))


def _escape(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode()


def first_sentence(error: Exception) -> str:
    """Return the first sentence of what a library says, or the kind of error if it says nothing."""
    return (str(error) or type(error).__name__).splitlines()[0].split(". ")[0]


def humanize(name: str) -> str:
    """Class names are folder names: show their underscores as the spaces they stand for."""
    return str(name).replace("_", " ").strip() or "(no name)"


def align_columns(rows: Sequence[tuple[str, ...]], *, left: Container[int] = (0,)) -> str:
    """Put words in columns: those numbered in `left` to the left, the others to the right."""
    rows = [
        tuple(map(escape_control_chars, row)) for row in rows
    ]  # a name must not break out of its cell
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            word.ljust(width) if place in left else word.rjust(width)
            for place, (word, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: "1 bit", "2,400 tiles", "10 classes"."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"
