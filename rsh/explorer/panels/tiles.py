"""One tile in words and bytes, as every panel shows it."""

import math
from typing import Any

from rsh.codes.binary import Packed
from rsh.explorer.question import Question
from rsh.gallery.gallery import Gallery
from rsh.text import humanize

SPLITS = {
    "query": "unseen in training",
    "train": "seen in training",
    "val": "used to choose settings",
}
NO_ROW = -1  # of an image that is no tile of the gallery


def describe(gallery: Gallery, row: int) -> dict[str, Any]:
    """Return what a panel needs of one tile, ready for a widget's trait.

    The dictionary holds row, name (its class, readable), color (number of the class), code
    (hexadecimal digits), place (or ""), map (an address that shows it), split (in words, or ""),
    and thumb (JPEG bytes).
    """
    item = gallery.items.iloc[row]
    return {
        "row": row,
        "name": humanize(item["class"]),
        "color": int(gallery.labels[row]),
        "code": hex_of(gallery.packed[row], gallery.num_bits),
        "place": place_of(item["longitude"], item["latitude"]) if gallery.has_map else "",
        "map": map_of(item["longitude"], item["latitude"]) if gallery.has_map else "",
        "split": SPLITS.get(item["split"], ""),
        "thumb": gallery.thumbnail(row),
    }


def describe_query(gallery: Gallery, question: Question) -> dict[str, Any]:
    """Return the same of what is asked with; an image has the row -1 and no class."""
    image = question.image
    if image is None:
        assert question.row is not None
        return describe(gallery, question.row)
    return {
        "row": NO_ROW,
        "name": image.name,
        "color": NO_ROW,
        "code": hex_of(image.encoded.packed[0], gallery.num_bits),
        "place": "",
        "map": "",
        "split": "an image of yours",
        "thumb": image.thumbnail,
    }


def hex_of(packed: Packed, num_bits: int) -> str:
    """Return one code as hexadecimal digits, four bits each."""
    return str(packed.tobytes().hex())[: -(-num_bits // 4)]


def place_of(longitude: float, latitude: float) -> str:
    """Write a position as people read it: 34.5° N, 102.1° E; "" where it is not known."""
    if not (math.isfinite(longitude) and math.isfinite(latitude)):
        return ""
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.1f}° {north}, {abs(longitude):.1f}° {east}"


def map_of(longitude: float, latitude: float) -> str:
    """Return the address of a map of a place: the page itself asks no other host for anything."""
    place = f"{latitude:.5f}/{longitude:.5f}"
    return f"https://www.openstreetmap.org/?mlat={latitude:.5f}&mlon={longitude:.5f}#map=9/{place}"
