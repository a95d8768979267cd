r"""Words in an image: a font that knows many scripts, and what to do with those it does not.

The font is DejaVu Sans, which matplotlib brings along: Latin, Greek, Cyrillic, Arabic, Georgian and
more, but no Chinese, Japanese or Korean. A character without a glyph is written as its code point,
森 as \u68ee, and never as an empty box, by which all such names would look alike. So are
characters that cannot be seen, such as line breaks, and those written from the right where Pillow
has no library that puts them in order.
"""

import unicodedata
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont, features

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
FILES = {False: "DejaVuSans.ttf", True: "DejaVuSans-Bold.ttf"}
NO_GLYPH = "\U0010ffff"  # a code point that never has one
FROM_THE_RIGHT = ("R", "AL", "AN")
DOTS = "…"


@lru_cache
def font(size: int, *, bold: bool = False, plain: bool = False) -> Font:
    """Return a font of so many pixels; Pillow's own, Latin alone, where DejaVu is not there.

    Args:
        size: height of a line, about, pixels.
        bold: whether it is bold.
        plain: set each character by itself, even where Pillow could join them.
    """
    layout = ImageFont.Layout.BASIC if plain else None
    spec = find_spec("matplotlib")  # finds it and does not import it
    for home in (spec.submodule_search_locations or []) if spec else []:
        file = Path(home) / "mpl-data" / "fonts" / "ttf" / FILES[bold]
        if file.is_file():
            return ImageFont.truetype(str(file), size, layout_engine=layout)
    return ImageFont.load_default(size)


def escape_missing_glyphs(text: str) -> list[str]:
    r"""Split a text into what can be drawn: characters, and code points of those that cannot.

    Args:
        text: any text.

    Returns:
        Its characters in normal form C, each of them one or as an escape such as \u68ee.
    """
    return [_spelled(character) for character in unicodedata.normalize("NFC", text)]


def is_spelled_out(text: str) -> bool:
    """Whether a character of the text has to be written as its code point."""
    return any(len(part) > 1 for part in escape_missing_glyphs(text))


def width_of(text: str, by: Font) -> float:
    """Return how wide a text is, pixels."""
    return float(by.getlength(text))


def wrap_text(text: str, by: Font, width: float, *, lines: int = 1) -> list[str]:
    """Break a text into lines, at spaces where that is possible; what is too long ends in dots.

    Args:
        text: any text.
        by: the font.
        width: of a line, pixels.
        lines: the most there may be.

    Returns:
        The lines, in characters that can be drawn; none for an empty text.
    """
    found: list[str] = []
    rest = escape_missing_glyphs(" ".join(filter(None, text.split(" "))))  # one space is enough
    while len(rest) > (fits := _how_many(rest, by, width)):
        if len(found) == lines - 1:
            kept = _how_many(rest, by, width - width_of(DOTS, by))
            return [*found, "".join(rest[:kept]).rstrip() + DOTS]
        spaces = [place for place in range(1, fits + 1) if rest[place] == " "]
        cut = spaces[-1] if spaces else max(fits, 1)
        found.append("".join(rest[:cut]))
        rest = rest[cut + bool(spaces) :]
    return [*found, "".join(rest)] if rest else found


def _how_many(parts: list[str], by: Font, width: float) -> int:
    """Return how many parts from the first on fit into a width."""
    low, high = 0, len(parts)
    while low < high:
        middle = (low + high + 1) // 2
        if width_of("".join(parts[:middle]), by) <= width:
            low = middle
        else:
            high = middle - 1
    return low


@lru_cache(4096)
def _spelled(character: str) -> str:
    seen = character.isprintable() and _has_glyph(character)
    if seen and unicodedata.bidirectional(character) in FROM_THE_RIGHT:
        seen = bool(features.check("raqm"))
    return character if seen else character.encode("unicode_escape").decode()


def _has_glyph(character: str) -> bool:
    """Whether the font draws more than its sign for what it does not have."""
    by = font(16, plain=True)
    missing, found = (by.getmask(text) for text in (NO_GLYPH, character))
    return (found.size, bytes(found)) != (missing.size, bytes(missing))
