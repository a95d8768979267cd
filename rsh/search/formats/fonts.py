r"""Text in images: the font, line breaks, and escapes for missing glyphs.

The font is DejaVu Sans, which matplotlib ships: Latin, Greek, Cyrillic, Arabic, Georgian and more,
but no Chinese, Japanese or Korean. A character without a glyph is written as its code point, 森 as
\u68ee, and not as an empty box, which would make all such names look alike. So are invisible
characters, such as line breaks, and right-to-left scripts if Pillow lacks a library to order them.
"""

import unicodedata
from bisect import bisect_right
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont, features

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
FILES = {False: "DejaVuSans.ttf", True: "DejaVuSans-Bold.ttf"}
NO_GLYPH = "\U0010ffff"  # a code point that never has a glyph
FROM_THE_RIGHT = ("R", "AL", "AN")
DOTS = "…"


@lru_cache
def font(size: int, *, bold: bool = False, plain: bool = False) -> Font:
    """Return a font; without DejaVu it is Pillow's own, which has Latin only.

    Args:
        size: approximate height of a line, pixels.
        bold: whether it is bold.
        plain: place each character by itself, even where Pillow could join them.
    """
    layout = ImageFont.Layout.BASIC if plain else None
    spec = find_spec("matplotlib")  # finds the package without importing it
    for home in (spec.submodule_search_locations or []) if spec else []:
        file = Path(home) / "mpl-data" / "fonts" / "ttf" / FILES[bold]
        if file.is_file():
            return ImageFont.truetype(str(file), size, layout_engine=layout)
    return ImageFont.load_default(size)


def escape_missing_glyphs(text: str) -> list[str]:
    """Return the characters of a text in normal form C, those without a glyph as escapes."""
    return [_escaped(character) for character in unicodedata.normalize("NFC", text)]


def has_missing_glyphs(text: str) -> bool:
    """Whether a character of the text must be escaped."""
    return any(len(part) > 1 for part in escape_missing_glyphs(text))


def measure_width(text: str, by: Font) -> float:
    """Return the width of a text, pixels."""
    return float(by.getlength(text))


def wrap_text(text: str, by: Font, width: float, *, lines: int = 1) -> list[str]:
    """Break a text into lines, at spaces if possible; a text that is too long ends in dots.

    Args:
        text: any text.
        by: the font.
        width: of a line, pixels.
        lines: at most so many.

    Returns:
        The lines, in characters that can be drawn; none for an empty text.
    """
    found: list[str] = []
    rest = escape_missing_glyphs(" ".join(filter(None, text.split(" "))))  # one space is enough
    while len(rest) > (fits := _num_fitting(rest, by, width)):
        if len(found) == lines - 1:
            kept = _num_fitting(rest, by, width - measure_width(DOTS, by))
            return [*found, "".join(rest[:kept]).rstrip() + DOTS]
        spaces = [place for place in range(1, fits + 1) if rest[place] == " "]
        cut = spaces[-1] if spaces else max(fits, 1)
        found.append("".join(rest[:cut]))
        rest = rest[cut + bool(spaces) :]
    return [*found, "".join(rest)] if rest else found


def _num_fitting(parts: list[str], by: Font, width: float) -> int:
    """Return how many of the first parts fit into a width."""
    numbers = range(1, len(parts) + 1)
    return bisect_right(
        numbers, width, key=lambda number: measure_width("".join(parts[:number]), by)
    )


@lru_cache(4096)
def _escaped(character: str) -> str:
    seen = character.isprintable() and _has_glyph(character)
    if seen and unicodedata.bidirectional(character) in FROM_THE_RIGHT:
        seen = bool(features.check("raqm"))
    return character if seen else character.encode("unicode_escape").decode()


def _has_glyph(character: str) -> bool:
    """Whether the font draws more than its placeholder."""
    by = font(16, plain=True)
    missing, found = (by.getmask(text) for text in (NO_GLYPH, character))
    return (found.size, bytes(found)) != (missing.size, bytes(missing))
