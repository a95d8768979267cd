"""One tile large, with all that is known of it, and a part of it as the next query."""

from io import BytesIO
from typing import Any

import traitlets
from PIL import Image

from rsh.explorer.panels.panel import Panel
from rsh.gallery.gallery import Gallery


class ViewerPanel(Panel, script="viewer.js", style="viewer.css"):
    """A dialog with a tile as sharp as it is known, and its metadata.

    It opens when another panel asks for it; then it sends {"kind": "enlarge", "row"}, and is sent
    {"kind": "enlarged", "row", "title", "what", "width", "height", "facts"} with the image's bytes:
    `facts` are pairs of a name and a value. Sends {"kind": "part", "row", "box"} to search with a
    part of the image, left, top, right and bottom as fractions of its sides.

    Attributes:
        parts: whether a part of an image can be the query.
    """

    parts = traitlets.Bool(True).tag(sync=True)

    def show(self, tile: dict[str, Any], image: bytes) -> None:
        """Send a tile that was asked for.

        Args:
            tile: see the class.
            image: JPEG bytes.
        """
        self.send({"kind": "enlarged", **tile}, buffers=[image])


WHAT = {
    "original": "The original image, {} x {} pixels.",
    "preview": "The stored preview, {} x {} pixels.",
    "thumbnail": "The stored thumbnail, {} x {} pixels: `rsh encode --preview 512` keeps more.",
}


def large_view(gallery: Gallery, tile: dict[str, Any], kind: str, image: bytes) -> dict[str, Any]:
    """Return a tile as the viewer shows it.

    Args:
        gallery: the gallery.
        tile: from `rsh.explorer.panels.tiles.describe`.
        kind: what the image is, one of `WHAT`.
        image: JPEG bytes.
    """
    with Image.open(BytesIO(image)) as opened:
        size = opened.size
    code = " ".join(tile["code"][start : start + 4] for start in range(0, len(tile["code"]), 4))
    facts = {"id": tile["id"], "class": tile["name"], "split": tile["split"]}
    facts |= {"place": tile["place"], f"code, {gallery.num_bits} bits": code}
    return {
        "row": tile["row"],
        "title": tile["name"],
        "what": WHAT[kind].format(*size),
        "facts": [[name, value] for name, value in facts.items() if value],
    }
