"""One tile large, with all that is known of it, and a part of it as the next query."""

from typing import Any

import traitlets

from rsh.explorer.originals.client import Enlarged, ImageKind
from rsh.explorer.panels.panel import Panel
from rsh.explorer.panels.tiles import full_name
from rsh.gallery.gallery import Gallery
from rsh.gallery.ids import NO_ROW
from rsh.gallery.segment import THUMB_SIDE
from rsh.text import humanize


class ViewerPanel(Panel, script="viewer.js", style="viewer.css"):
    """A dialog with a tile as sharp as it is known, and its metadata.

    It opens when another panel asks for it; then it sends {"kind": "enlarge", "row"}, and is sent
    {"kind": "enlarged", "row", "title", "what", "facts"} with the image's bytes: `facts` are pairs
    of a name and a value. It is sent the same again if a sharper image was found. Sends
    {"kind": "part", "row", "box"} to search with a part of the image, left, top, right and bottom
    as fractions of its sides, and is sent {"kind": "part", "row", "problem"}: why that is not
    possible, or "" when the search begins.

    Attributes:
        parts: whether a part of an image can be the query.
    """

    parts = traitlets.Bool(True).tag(sync=True)

    def show(self, tile: dict[str, Any], image: Enlarged) -> None:
        """Send a tile that was asked for.

        Args:
            tile: see the class.
            image: the image.
        """
        self.send({"kind": "enlarged", **tile}, buffers=[image.content])


WHAT: dict[ImageKind, str] = {
    "original": "The original image, {} x {} pixels.",
    "preview": "The stored preview, {} x {} pixels.",
    "thumbnail": "The stored thumbnail, {} x {} pixels: `rsh encode --preview 512` keeps more.",
    "drawing": "A drawing of the code: this tile has no image.",
    "upload": "Your image, {} x {} pixels.",
    "upload thumbnail": "A thumbnail of your image, {} x {} pixels: upload it again for all of it.",
}


WHOLE = "The stored thumbnail, {} x {} pixels: all that the tile has."


def large_view(
    gallery: Gallery, tile: dict[str, Any], image: Enlarged, *, pending: bool = False
) -> dict[str, Any]:
    """Return a tile as the viewer shows it.

    Args:
        gallery: the gallery.
        tile: from `rsh.explorer.panels.tiles.describe`.
        image: of the tile.
        pending: whether a sharper one may follow.
    """
    is_whole = image.kind == "thumbnail" and max(image.width, image.height) < THUMB_SIDE
    what = (WHOLE if is_whole else WHAT[image.kind]).format(image.width, image.height)
    code = " ".join(tile["code"][start : start + 4] for start in range(0, len(tile["code"]), 4))
    known = given = labels = ""
    if tile["row"] != NO_ROW:
        known = gallery.class_name(tile["row"])
        labels = tile["name"] if gallery.has_several and gallery.has_label[tile["row"]] else ""
        given = gallery.annotations.state.given.of([tile["row"]])[0]
    facts = {name: tile[name] for name in ("id", "scene", "date")}
    facts |= {"class": known and humanize(known), "labels": labels}
    facts["given class"] = given and humanize(given)
    facts["split"] = tile["split"]
    facts |= {"place": tile["place"], f"code, {gallery.num_bits} bits": code}
    return {
        "row": tile["row"],
        "title": full_name(tile),
        "what": f"Looking for a sharper image. {what}" if pending and not is_whole else what,
        "facts": [[name, value] for name, value in facts.items() if value],
    }
