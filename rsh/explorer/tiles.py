"""One tile in words and bytes, as every panel shows it."""

import math
from typing import Any

from rsh.gallery import Gallery

SPLITS = {
    "query": "unseen in training",
    "train": "seen in training",
    "val": "used to choose settings",
}


def describe(gallery: Gallery, row: int) -> dict[str, Any]:
    """Return what a panel needs of one tile, ready for a widget's trait.

    The dictionary holds row, name (its class, readable), colour (number of the class), code
    (hexadecimal digits), place (or ""), split (in words, or ""), and thumb (JPEG bytes).
    """
    item = gallery.items.iloc[row]
    return {
        "row": row,
        "name": readable(item["class"]),
        "colour": int(gallery.labels[row]),
        "code": code_of(gallery, row),
        "place": place_of(item["longitude"], item["latitude"]) if gallery.has_map else "",
        "split": SPLITS.get(item["split"], ""),
        "thumb": gallery.thumb(row),
    }


def readable(name: str) -> str:
    """Class names are folder names: show their underscores as the spaces they stand for."""
    return str(name).replace("_", " ").strip() or "(no name)"


def code_of(gallery: Gallery, row: int) -> str:
    """Return a tile's code as hexadecimal digits, four bits each."""
    digits = -(-gallery.num_bits // 4)
    return str(gallery.packed[row].tobytes().hex())[:digits]


def place_of(longitude: float, latitude: float) -> str:
    """Write a position as people read it: 34.5° N, 102.1° E; "" where it is not known."""
    if not (math.isfinite(longitude) and math.isfinite(latitude)):
        return ""
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.1f}° {north}, {abs(longitude):.1f}° {east}"


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: "1 bit", "2,400 tiles", "10 classes"."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"
