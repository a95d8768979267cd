"""One tile in words and bytes, as all panels show it."""

from typing import Any

from rsh.codes.binary import to_hex
from rsh.data.places import format_place
from rsh.gallery.footprints import open_footprints
from rsh.gallery.gallery import Gallery
from rsh.gallery.ids import NO_ROW
from rsh.gallery.origins import open_origins
from rsh.labels import UNLABELED
from rsh.search.query import Query
from rsh.text import escape_control_chars, humanize

SPLITS = {
    "query": "held out",
    "train": "training",
    "val": "validation",
    "unseen": "class not learned",
}
NO_CLASS = UNLABELED  # no color


def describe(gallery: Gallery, row: int) -> dict[str, Any]:
    """Return what a panel shows of one tile, ready for a widget's trait.

    The dictionary holds row, id, name (its class or labels, readable, or else its file), color
    (number of the class, or NO_CLASS), scene and date (see `rsh.gallery.origins.Origin`), code
    (hexadecimal digits), place (or ""), map (an address that shows it), split (in words, or ""),
    unseen (whether it is held out), and thumb (JPEG).
    """
    label, split = int(gallery.labels[row]), gallery.split_name(row)
    place = address = ""
    if gallery.positions is not None:
        longitude, latitude = gallery.positions[row].tolist()
        place = format_place(longitude, latitude, open_footprints(gallery).decimals)
        address = map_url(longitude, latitude) if place else ""
    return {
        "row": row,
        "id": gallery.ids[row],
        "name": _name(gallery, row),
        "color": NO_CLASS if gallery.has_several else label,
        **open_origins(gallery).of([row])[0]._asdict(),
        "code": to_hex(gallery.packed[row], gallery.num_bits),
        "place": place,
        "map": address,
        "split": SPLITS.get(split, ""),
        "unseen": split == "query",
        "thumb": gallery.thumbnail(row),
    }


def _name(gallery: Gallery, row: int) -> str:
    """Return what a tile is called: its class or labels, else its file."""
    labels = gallery.list_labels(row)
    return ", ".join(map(humanize, labels)) if labels else file_name(gallery, row)


def file_name(gallery: Gallery, row: int) -> str:
    """Return the last part of a tile's id, without the folders around it."""
    return escape_control_chars(gallery.ids[row].rsplit("/", 1)[-1])


def full_name(tile: dict[str, Any]) -> str:
    """Return what a tile is called, with its date and scene: a date within the scene once."""
    date = "" if tile["date"] in tile["scene"] else tile["date"]
    return ", ".join(filter(None, (tile["name"], date, tile["scene"])))


def tile_card(tile: dict[str, Any], *after: str, before: str = "", **fields: Any) -> dict[str, Any]:
    """Return a tile as a card: with the text `alt`, and further fields.

    Args:
        tile: from `describe`.
        after: words that follow its name in `alt`; empty ones are left out.
        before: words before its name.
        fields: what the panel's cards hold besides.
    """
    return tile | {"alt": ", ".join(filter(None, (before, full_name(tile), *after))), **fields}


def given_words(name: str) -> str:
    """Return the class that a tile was given in words for `tile_card`, or ""."""
    return f"given class {humanize(name)}" if name else ""


def describe_query(gallery: Gallery, query: Query) -> dict[str, Any]:
    """Return the same of a query; an uploaded image or words have the row -1 and no class."""
    if query.row is not None:
        return describe(gallery, query.row)
    return {
        "row": NO_ROW,
        "id": query.name(gallery),
        "name": query.name(gallery),
        "color": NO_CLASS,
        "scene": "",
        "date": "",
        "code": to_hex(query.packed(gallery), gallery.num_bits),
        "place": "",
        "map": "",
        "split": "your words" if query.is_text else "your own image",
        "unseen": False,
        "thumb": query.thumbnail(gallery),
    }


def map_url(longitude: float, latitude: float) -> str:
    """Return a link to a map of a position; the dashboard itself contacts no other host."""
    place = f"{latitude:.5f}/{longitude:.5f}"
    return f"https://www.openstreetmap.org/?mlat={latitude:.5f}&mlon={longitude:.5f}#map=9/{place}"
