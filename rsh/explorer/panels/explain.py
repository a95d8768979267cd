"""Why the answer is as it is: the parts of a tile, what a bit has learned, confused classes."""

from collections.abc import Callable
from functools import cached_property
from io import BytesIO
from typing import Any

import anywidget
import traitlets

from rsh.analysis.bits import profile_bit
from rsh.analysis.class_margins import ClassPair, boundary_tiles, class_margins
from rsh.analysis.occlusion import Occlusion, overlay
from rsh.errors import InputError
from rsh.explorer.bundle import bundle, stylesheet
from rsh.explorer.panels.tiles import describe
from rsh.explorer.question import Question
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.text import humanize, plural

PAIRS = 12  # of classes, the most confused of them
SHOWN = 12  # tiles on a border
START: dict[str, Any] = {"open": [], "bit": 0, "pair": 0}


class ExplainPanel(anywidget.AnyWidget):
    """Three questions that open when they are asked.

    Sends {"kind": "parts"} to have the query's parts covered one by one, and {"kind": "choose",
    "row"}.

    Attributes:
        page: name of the page's channel.
        asked: open, names of the parts that are; bit, from 0; pair, number of the pair; the browser
            sets it.
        view: num_bits, and of each open part what it shows: parts, bit, pairs.
        working: what is being done, or "".
    """

    _esm = bundle("explain.js")
    _css = stylesheet("explain.css")
    page = traitlets.Unicode().tag(sync=True)
    asked = traitlets.Dict(START).tag(sync=True)
    view = traitlets.Dict().tag(sync=True)
    working = traitlets.Unicode().tag(sync=True)

    def on_asked(self, act: Callable[[Any], None]) -> None:
        """Call `act` when something else is asked."""
        self.observe(act, names="asked")


class Explained:
    """What is known of the reasons in one gallery; what takes long is kept."""

    def __init__(self, gallery: Gallery) -> None:
        """Explain a gallery."""
        self._gallery = gallery
        self._parts: tuple[Question, Occlusion] | None = None

    def keep_parts(self, question: Question, found: Occlusion) -> None:
        """Keep what was found about the parts of a query."""
        self._parts = (question, found)

    def view(self, state: ExplorerState, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the `Reasons.view` of a state; what is not open is not worked out.

        Raises:
            InputError: there is no such bit.
        """
        show = {"parts": self._parts_of, "bit": self._bit, "pairs": self._pairs}
        made = {name: make(state, asked) for name, make in show.items() if name in asked["open"]}
        return {"num_bits": self._gallery.num_bits, **made}

    def _parts_of(self, state: ExplorerState, asked: dict[str, Any]) -> dict[str, Any]:
        """Draw the heat of the current query, if it is known."""
        if self._parts is None or self._parts[0] != state.question:
            return {"images": [], "note": ""}
        found, bit, image = self._parts[1], int(asked["bit"]), BytesIO(query_image(state))
        one = found.of_bit(bit)
        value = int(found.untouched.codes[0, bit] > 0)
        far = int((found.untouched.packed != state.question.packed(self._gallery)).sum())
        images = [
            ("the whole code", "the brighter, the more the code depends on it", found.whole, False),
            (
                f"bit {bit + 1}, which is {value}",
                "orange speaks for it, blue against it",
                one,
                True,
            ),
        ]
        return {
            "images": [
                {
                    "title": title,
                    "note": note,
                    "png": overlay(_again(image), heat, signed=signed),
                    "alt": f"Heat over the query: {title}, {note}",
                }
                for title, note, heat, signed in images
            ],
            "note": _small(far),
        }

    def _bit(self, state: ExplorerState, asked: dict[str, Any]) -> dict[str, Any]:
        gallery = self._gallery
        found = profile_bit(gallery, int(asked["bit"]))
        classes = zip(gallery.classes, found.share.tolist(), strict=True)
        shares = sorted(((share, humanize(name)) for name, share in classes), reverse=True)
        other = int(found.related[0]) if len(found.related) else None
        related = ""
        if other is not None and 0 < found.balance < 1:
            strength = found.correlation[other]
            related = f" It goes most with bit {other + 1} (correlation {strength:+.2f})."
        return {
            "note": f"On in {found.balance:.0%} of all tiles; 50% would tell most.{related}",
            "on": [_tile(gallery, row) for row in found.on.tolist()],
            "off": [_tile(gallery, row) for row in found.off.tolist()],
            "shares": [[name, round(share, 3)] for share, name in shares],
        }

    @cached_property
    def _confused(self) -> list[ClassPair]:
        known = [
            pair for pair in class_margins(self._gallery).pairs if pair.margin == pair.margin
        ]  # no NaN
        return known[:PAIRS]

    def _pairs(self, state: ExplorerState, asked: dict[str, Any]) -> dict[str, Any]:
        pairs = self._confused
        if not pairs:
            return {"pairs": [], "note": "It takes two classes of two tiles each.", "tiles": []}
        chosen = min(max(int(asked["pair"]), 0), len(pairs) - 1)
        one, other, _ = pairs[chosen]
        found = boundary_tiles(self._gallery, one, other, count=SHOWN)
        share = "" if found.asked == found.tiles else f" ({found.asked:,} of them were asked)"
        rows = zip(found.rows, found.own, found.across, found.facing, strict=True)
        return {
            "pairs": [
                [f"{humanize(a)} and {humanize(b)}", f"{margin:+.1f} bits"]
                for a, b, margin in pairs
            ],
            "chosen": chosen,
            "note": (
                f"{found.total:,} of {plural(found.tiles, 'tile')}{share} "
                f"{'has' if found.total == 1 else 'have'} a tile of the other class as near as "
                "their nearest own, or nearer: where most tiles have one code, one with that code "
                "ties with all of them."
            ),
            "tiles": [self._facing(*map(int, row)) for row in rows],
        }

    def _facing(self, row: int, own: int, across: int, facing: int) -> dict[str, Any]:
        mine, theirs = (_tile(self._gallery, number) for number in (row, facing))
        far = f"{plural(across, 'bit')} to {theirs['name']}, {own} to its own"
        return mine | {"far": far, "other": theirs, "alt": f"{mine['name']}: {far}"}


def query_image(state: ExplorerState) -> bytes:
    """Return the image of the query that is at hand, JPEG: the page has no originals."""
    image = state.question.image
    if image:
        return image.thumbnail
    if state.query is None:
        raise InputError("there is no query: choose one")
    return state.gallery.thumbnail(state.query)


def _small(far: int) -> str:
    if not far:
        return ""
    return "The small image that the page has gets another code than the tile itself."


def _again(stream: BytesIO) -> Any:
    from PIL import Image

    stream.seek(0)
    return Image.open(stream)


def _tile(gallery: Gallery, row: int) -> dict[str, Any]:
    card = describe(gallery, row)
    return card | {"alt": card["name"]}
