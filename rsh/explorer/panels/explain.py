"""Three closer looks: what matters in the query, what one bit says, and confused classes."""

import math
from functools import cache, cached_property, partial
from io import BytesIO
from typing import Any, NamedTuple

import traitlets
from PIL import Image

from rsh.analysis.bits import BitProfile, profile_bit
from rsh.analysis.class_margins import BoundaryTiles, ClassPair, boundary_tiles, class_margins
from rsh.analysis.occlusion import Occlusion, overlay
from rsh.codes.binary import hamming
from rsh.explorer.originals.client import ImageKind
from rsh.explorer.panels.panel import Panel
from rsh.explorer.panels.tiles import describe, tile_card
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.gallery.part_names import part_name
from rsh.search.query import Query
from rsh.text import humanize, plural

PAIRS = 12  # of classes, the most confused of them
SHOWN = 12  # boundary tiles
NO_PAIRS = "This needs two classes of at least two tiles each."
START: dict[str, Any] = {"bit": 0, "pair": 0}


def name_bits(gallery: Gallery) -> list[str]:
    """Return "bit 1" for each bit, with its part in a code with look bits: "bit 60 (look)"."""
    names = [f"bit {number + 1}" for number in range(gallery.num_bits)]
    for part in gallery.parts:
        for bit in range(part.start, part.stop):
            names[bit] += f" ({part_name(gallery, part)})"
    return names


def bit_in_words(gallery: Gallery, found: BitProfile) -> dict[str, Any]:
    """Return what is said of a bit: a note, rows of its surest tiles, and shares of the classes."""
    classes = zip(gallery.classes, found.share.tolist(), strict=True)
    shares = sorted(((share, humanize(name)) for name, share in classes), reverse=True)
    related = ""
    if len(found.related) and 0 < found.balance < 1:
        other = int(found.related[0])
        related = f" It correlates most with bit {other + 1} ({found.correlation[other]:+.2f})."
    return {
        "note": f"This bit is 1 in {found.balance:.0%} of all tiles; 50% is best.{related}",
        "on": found.on.tolist(),
        "off": found.off.tolist(),
        "shares": [[name, round(share, 3)] for share, name in shares],
    }


def confused_pairs(gallery: Gallery) -> list[ClassPair]:
    """Return the most confused pairs of classes."""
    pairs = class_margins(gallery).pairs
    return [pair for pair in pairs if not math.isnan(pair.margin)][:PAIRS]


def pair_in_words(pair: ClassPair) -> list[str]:
    """Return the names of two classes and their margin."""
    return [f"{humanize(pair.one)} and {humanize(pair.other)}", f"{pair.margin:+.1f} bits"]


def boundary_in_words(gallery: Gallery, found: BoundaryTiles) -> dict[str, Any]:
    """Return what is said of two classes: a note, and row, words and nearest other of each tile."""
    share = ""
    if found.evaluated != found.tiles:
        share = f" ({found.evaluated:,} of them were evaluated)"

    def name_class(row: int) -> str:
        return humanize(gallery.classes[gallery.labels[row]])

    rows = zip(
        found.rows.tolist(),
        found.own_distance.tolist(),
        found.other_distance.tolist(),
        found.nearest_other.tolist(),
        strict=True,
    )
    return {
        "note": (
            f"{found.total:,} of {plural(found.tiles, 'tile')}{share} "
            f"{'is' if found.total == 1 else 'are'} at least as close to the other class as "
            "to their own. Ties count: if many tiles share one code, a single tile of the "
            "other class with that code ties with all of them."
        ),
        "tiles": [
            [row, f"{plural(far, 'bit')} to {name_class(other)}, {own} to its own class", other]
            for row, own, far, other in rows
        ],
    }


class ExplainedParts(NamedTuple):
    """Which regions of a query determine its code.

    Attributes:
        query: what was explained.
        image: it, to draw on.
        kind: which image of it was covered.
        occlusion: the evidence of its regions.
    """

    query: Query
    image: bytes
    kind: ImageKind
    occlusion: Occlusion


COVERED: dict[ImageKind, str] = {
    "original": "The original image was covered.",
    "preview": "The stored preview was covered, not the original image.",
    "thumbnail": "The stored thumbnail was covered, not the original image.",
    "drawing": "There is no image: a drawing of the code was covered.",
    "upload": "Your image was covered.",
    "upload thumbnail": "The thumbnail of your image was covered: upload it again for all of it.",
}


class ExplainPanel(Panel, script="explain.js", style="explain.css"):
    """Three explanations, each computed when its tab of the drawer is open.

    Sends {"kind": "parts"} to compute the occlusion sensitivity of the query, and
    {"kind": "choose", "row"}.

    Attributes:
        asked: bit, from 0; pair, number of the pair; the browser sets it.
        view: bits, a name for each bit, num_classes, and the open explanation: parts, bit or pairs.
        working: what is being done, or "".
    """

    asked = traitlets.Dict(START).tag(sync=True)
    working = traitlets.Unicode().tag(sync=True)


class Explained:
    """The explanations for one gallery; slow ones are kept.

    Attributes:
        parts: the occlusion sensitivity of a query, if it was computed.
    """

    def __init__(self, gallery: Gallery) -> None:
        """Explain the results in a gallery."""
        self._gallery = gallery
        self._profile = cache(partial(profile_bit, gallery))
        self._boundary = cache(partial(boundary_tiles, gallery, count=SHOWN))
        self.parts: ExplainedParts | None = None

    def view(self, state: ExplorerState, asked: dict[str, Any], tab: str) -> dict[str, Any]:
        """Return the `ExplainPanel.view` of a state; what is not open is not computed.

        Args:
            state: what is shown.
            asked: see the panel.
            tab: of the drawer that is open, or "".

        Raises:
            InputError: there is no such bit.
        """
        show = {"parts": self._occlusion, "bit": self._bit, "pairs": self._pairs}
        made = {tab: show[tab](state, asked)} if tab in show else {}
        sizes = {
            "bits": name_bits(self._gallery),
            "num_classes": len(self._gallery.classes),
        }
        return sizes | made

    def _occlusion(self, state: ExplorerState, asked: dict[str, Any]) -> dict[str, Any]:
        """Draw the occlusion sensitivity of the current query, if it was computed."""
        if self.parts is None or self.parts.query != state.query:
            return {"images": [], "note": ""}
        found, bit = self.parts.occlusion, int(asked["bit"])
        one = found.of_bit(bit)
        value = int(found.untouched.codes[0, bit] > 0)
        maps = [
            ("whole code", "brighter: the code depends more on this region", found.whole, False),
            (f"bit {bit + 1}, which is {value}", "orange supports it, blue opposes it", one, True),
        ]
        searched = state.query.packed(self._gallery)
        differing = int(hamming(found.untouched.packed, searched)[0, 0])
        code = (
            f"Its code differs from the one that was searched with in {differing} of "
            f"{plural(self._gallery.num_bits, 'bit')}."
            if differing
            else "It has the code that was searched with."
        )
        return {
            "images": [
                {
                    "title": title,
                    "note": note,
                    "png": overlay(Image.open(BytesIO(self.parts.image)), heat, signed=signed),
                    "alt": f"Occlusion map of the query: {title}, {note}",
                }
                for title, note, heat, signed in maps
            ],
            "note": f"{COVERED[self.parts.kind]} {code}",
        }

    def _bit(self, state: ExplorerState, asked: dict[str, Any]) -> dict[str, Any]:
        found = bit_in_words(self._gallery, self._profile(int(asked["bit"])))
        sides = {side: [self._card(row) for row in found[side]] for side in ("on", "off")}
        return found | sides

    @cached_property
    def _confused(self) -> list[ClassPair]:
        return confused_pairs(self._gallery)

    def _pairs(self, state: ExplorerState, asked: dict[str, Any]) -> dict[str, Any]:
        pairs = self._confused
        if not pairs:
            return {"pairs": [], "note": NO_PAIRS, "tiles": []}
        chosen = min(max(int(asked["pair"]), 0), len(pairs) - 1)
        one, other, _ = pairs[chosen]
        found = boundary_in_words(self._gallery, self._boundary(one, other))
        tiles = [
            self._card(row) | {"far": far, "other": self._card(nearest)}
            for row, far, nearest in found["tiles"]
        ]
        return {
            "pairs": [pair_in_words(pair) for pair in pairs],
            "chosen": chosen,
            "note": found["note"],
            "tiles": [tile | {"alt": f"{tile['name']}: {tile['far']}"} for tile in tiles],
        }

    def _card(self, row: int) -> dict[str, Any]:
        return tile_card(describe(self._gallery, row))
