"""A contact sheet: the query and its results as one image that can be printed or sent.

Color, words, signs and frames (solid or dashed) each show which tiles are relevant, so that the
sheet can be read in gray.
"""

import io
import math
from functools import lru_cache
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageOps

from rsh.data.images import read_thumbnail
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.gallery.segment import THUMB_SIDE
from rsh.io.files import recovery_hint
from rsh.labels import RelevanceWords
from rsh.search.formats.fonts import Font, font, has_missing_glyphs, measure_width, wrap_text
from rsh.search.results import Hit, SearchResult
from rsh.text import humanize, plural

MOST = 200  # tiles of a sheet
FEWEST, WIDEST = 5, 12  # tiles side by side
MARGIN, GAP, CELL = 32, 20, 152  # pixels
FRAME = 4  # from a tile to the edge of its frame
LINE = 18  # from one line of words to the next
HIGH = THUMB_SIDE + 2 * FRAME
INK, SOFT, LINES, PAPER, EMPTY = "#1b2126", "#59626b", "#dedcd5", "#faf9f6", "#e9e7e0"
RIGHT, WRONG, ACCENT = "#00718a", "#b8400b", "#0b5c8f"  # those of the dashboard
EXAMPLE = r"\u68ee"
COARSE = 4  # signs are drawn larger and shrunk, so that their edges are smooth


class _Pen(NamedTuple):
    """The sheet and its drawing context."""

    sheet: Image.Image
    draw: ImageDraw.ImageDraw

    def words(self, place: tuple[float, float], text: str, by: Font, color: str = INK) -> float:
        """Write one line from its top left corner, and return where it ends."""
        self.draw.text(place, text, fill=color, font=by, anchor="la")
        return place[0] + measure_width(text, by)


def to_contact_sheet(result: SearchResult, *, selection: bool = False) -> bytes:
    """Draw the query and the tiles with rank, distance, score, class and relevance.

    The first 200 tiles are drawn, and the sheet says how many there are. The longer side of a tile
    is 128 pixels. Class names are cut after two lines. Characters that the font does not have are
    written as code points, and a note at the foot of the sheet says so, see
    `rsh.search.formats.fonts`.

    Args:
        result: the tiles.
        selection: whether someone selected them, so that no search describes them.

    Returns:
        PNG.

    Raises:
        InputError: a thumbnail was altered.
    """
    how = _selection_words(result) if selection else _search_words(result)
    hits, notes = result.take(slice(MOST)).hits, _notes(result, how)
    columns = _columns(len(hits))
    rows = math.ceil(len(hits) / columns)
    names = [_name(_labels(result.gallery, hit.row)) for hit in hits]
    step = HIGH + (3 + max(map(len, names), default=0)) * LINE + GAP
    top = MARGIN + HIGH + GAP + 12
    width = 2 * MARGIN + columns * CELL + (columns - 1) * GAP
    height = top + rows * step + len(notes) * LINE + MARGIN
    sheet = Image.new("RGB", (width, height), PAPER)
    pen = _Pen(sheet, ImageDraw.Draw(sheet))
    _head(pen, result, how, width)
    for number, (hit, name) in enumerate(zip(hits, names, strict=True)):
        down, along = divmod(number, columns)
        image, x = _thumb(result.gallery, hit.row), MARGIN + along * (CELL + GAP)
        _card(pen, image, hit, name, result.gallery.relevance, x, top + down * step)
    _foot(pen, notes, width, height)
    stream = io.BytesIO()
    sheet.save(stream, "PNG", compress_level=1)  # more takes longer and saves a tenth
    return stream.getvalue()


def _foot(pen: _Pen, notes: list[str], width: int, height: int) -> None:
    """Write the notes, one line each."""
    y = height - MARGIN - len(notes) * LINE + 4
    for number, note in enumerate(notes):
        for line in wrap_text(note, font(12), width - 2 * MARGIN):
            pen.words((MARGIN, y + number * LINE), line, font(12), SOFT)


def _columns(number: int) -> int:
    """Return how many tiles stand side by side, so that the last row is as full as possible."""
    about = min(max(round(math.sqrt(1.3 * number)), FEWEST + 1), WIDEST)
    return min((about, about - 1, min(about + 1, WIDEST)), key=lambda columns: -number % columns)


def _head(pen: _Pen, result: SearchResult, how: str, width: int) -> None:
    """Draw the query, its class, and how the tiles were found."""
    _image(pen, _query(result), MARGIN, MARGIN)
    pen.draw.rectangle(_box(MARGIN, MARGIN), outline=ACCENT, width=3)
    left, room = MARGIN + HIGH + GAP, width - 2 * MARGIN - HIGH - GAP
    name = "an image" if result.query.row is None else "a tile"
    name = "words" if result.query.is_text else name
    name = _labels(result.gallery, result.query.row) or name
    y = MARGIN - 2
    pen.words((left, y), "Query", font(13, bold=True), ACCENT)
    y += 20
    large, small, bold = font(22, bold=True), font(13), font(13, bold=True)
    for text, by, color, lines, height in (
        (name, large, INK, 1, 33),
        (result.name, small, SOFT, 1, 21),
        (how, small, INK, 2, 21),
        (_relevance_words(result), bold, INK, 1, 21),
    ):
        for line in wrap_text(text, by, room, lines=lines):
            pen.words((left, y), line, by, color)
            y += height
    under = MARGIN + HIGH + GAP - 4
    pen.draw.line((MARGIN, under, width - MARGIN, under), fill=LINES)


def _card(
    pen: _Pen,
    image: Image.Image,
    hit: Hit,
    name: list[str],
    words: RelevanceWords,
    x: int,
    y: int,
) -> None:
    """Draw one tile and its caption."""
    _image(pen, image, x, y)
    if hit.relevant is not None:
        _frame(pen, x, y, right=hit.relevant)
    y += HIGH + 5
    score = "" if hit.score is None else f" · {hit.score:.3f}"
    end = pen.words((x, y), str(hit.rank), font(14, bold=True))
    pen.words((end + 8, y + 1), plural(hit.distance, "bit") + score, font(13), SOFT)
    y += LINE + 2
    if hit.relevant is not None:
        sign, mask = _sign(hit.relevant)
        pen.sheet.paste(sign, (x, y + 1), mask)
        said, color = (words.same, RIGHT) if hit.relevant else (words.other, WRONG)
        pen.words((x + 20, y), said, font(13, bold=True), color)
        y += LINE
    for number, line in enumerate(name):
        pen.words((x, y + number * LINE), line, font(13))


def _search_words(result: SearchResult) -> str:
    """Describe the search in words."""
    options = result.options
    first = f"{options.top_k or len(result)} nearest tiles"
    if options.radius is not None:
        first = f"tiles at most {plural(options.radius, 'bit')} away"
    parts = [f"The {first} in {result.gallery.name}"]
    if options.rerank:
        by = "features" if options.rerank == "features" else "the continuous code"
        parts.append(f"ordered by {by}")
    parts += [f"{name} {', '.join(ids)}" for name, ids in result.feedback().items() if ids]
    parts += [f"with {options.filter.title}"] if options.filter else []
    return "; ".join(parts)


def _selection_words(result: SearchResult) -> str:
    """Say that tiles were selected, and in which order they are."""
    nearest = "" if len(result) == 1 else ", the nearest to the query first"
    return f"{plural(len(result), 'selected tile')} in {result.gallery.name}{nearest}"


def _labels(gallery: Gallery, row: int | None) -> str:
    """Return the class or the labels of a tile in words; "" of an image, or without one."""
    return "" if row is None else ", ".join(map(humanize, gallery.list_labels(row)))


def _name(labels: str) -> list[str]:
    return wrap_text(labels, font(13), CELL, lines=2) if labels else []


def _relevance_words(result: SearchResult) -> str:
    if not len(result):
        return "No tile was found."
    if result.class_left_out:
        return f"{plural(len(result), 'tile')}: {result.gallery.relevance.left_out}"
    if result.relevant is None:
        return plural(len(result), "tile")
    words = result.gallery.relevance
    have = words.has if result.num_relevant == 1 else words.have
    judged = f"{plural(result.num_judged, 'tile')} with a {words.label}"
    among = len(result) if result.num_judged == len(result) else f"the {judged}"
    return f"{result.num_relevant} of {among} {have}"


def _notes(result: SearchResult, how: str) -> list[str]:
    """Return the notes at the foot of the sheet."""
    gallery, notes = result.gallery, []
    if len(result) > MOST:
        notes.append(f"The first {MOST} of {plural(len(result), 'tile')} are drawn.")
    rows = [result.query.row, *result.rows[:MOST].tolist()]
    written = [result.name, how, *(_labels(gallery, row) for row in rows)]
    if any(map(has_missing_glyphs, written)):
        notes.append(f"Characters that the font does not have are code points, such as {EXAMPLE}.")
    model = gallery.manifest.model.fingerprint[:8]
    known = f", model {model}" if model else ""
    size = f"{plural(len(gallery), 'tile')}, {plural(gallery.num_bits, 'bit')}"
    notes.append(f"{gallery.name}: {size}{known}")
    return notes


def _query(result: SearchResult) -> Image.Image:
    if result.query.image:
        return read_thumbnail(result.query.thumbnail(result.gallery))
    return _thumb(result.gallery, result.query.row)


def _thumb(gallery: Gallery, row: int | None) -> Image.Image:
    assert row is not None
    try:
        return read_thumbnail(gallery.thumbnail(row))
    except InputError:
        name = gallery.ids[row]
        raise InputError(
            f"the thumbnail of {name} cannot be read: {recovery_hint('gallery')}"
        ) from None


def _image(pen: _Pen, image: Image.Image, x: int, y: int) -> None:
    """Draw an image in the middle of its frame."""
    small = ImageOps.contain(image, (THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS)
    left, up = ((THUMB_SIDE - side) // 2 + FRAME for side in small.size)
    inside = (x + FRAME, y + FRAME, x + FRAME + THUMB_SIDE - 1, y + FRAME + THUMB_SIDE - 1)
    pen.draw.rectangle(inside, fill=EMPTY)
    pen.sheet.paste(small, (x + left, y + up))


def _frame(pen: _Pen, x: int, y: int, *, right: bool) -> None:
    """Draw a frame: solid if relevant, else dashed."""
    if right:
        pen.draw.rectangle(_box(x, y), outline=RIGHT, width=2)
        return
    last = HIGH - 1
    for start in range(0, HIGH, 10):
        end = min(start + 5, last)
        for one, two in ((0, 1), (last - 1, last)):
            pen.draw.rectangle((x + start, y + one, x + end, y + two), fill=WRONG)
            pen.draw.rectangle((x + one, y + start, x + two, y + end), fill=WRONG)


def _box(x: int, y: int) -> tuple[int, int, int, int]:
    return x, y, x + HIGH - 1, y + HIGH - 1


@lru_cache
def _sign(right: bool) -> tuple[Image.Image, Image.Image]:
    """Return a disc with a tick, or a square with a cross, and its mask."""
    side = 15 * COARSE
    mask = Image.new("L", (side, side))
    sign = Image.new("RGB", (side, side), RIGHT if right else WRONG)
    draw, on = ImageDraw.Draw(sign), ImageDraw.Draw(mask)
    at = [place * side / 15 for place in range(16)]
    if right:
        on.ellipse((0, 0, side - 1, side - 1), fill=255)
        draw.line((at[4], at[8], at[7], at[11], at[12], at[5]), "white", 2 * COARSE, "curve")
    else:
        on.rectangle((at[1], at[1], at[14], at[14]), fill=255)
        draw.line((at[4], at[4], at[11], at[11]), "white", 2 * COARSE)
        draw.line((at[4], at[11], at[11], at[4]), "white", 2 * COARSE)
    size, by = (15, 15), Image.Resampling.LANCZOS
    return sign.resize(size, by), mask.resize(size, by)
