"""The search controls: how many tiles, among which, and what they are ranked by."""

from typing import Any

import numpy as np
import traitlets

from rsh.explorer.panels.panel import Panel
from rsh.explorer.state import ExplorerState, Order
from rsh.gallery.gallery import Gallery
from rsh.gallery.part_names import part_name
from rsh.search.nearest import rerank_depth
from rsh.search.rerank import list_measures
from rsh.text import plural

ORDERS: dict[Order, str] = {
    "bits": "Hamming",
    "features": "Hamming + features",
    "asymmetric": "Hamming + asymmetric",
    "class-bits": "Hamming + {part} bits",
    "look-bits": "Hamming + look bits",
}
NOTES: dict[Order, str] = {
    "features": "Re-ranks {tiles} by the similarity of their features.",
    "asymmetric": "Re-ranks {tiles}. Bits that are more certain in the query count more.",
    "class-bits": "Re-ranks {tiles} by their {part} bits alone, ties by features.",
    "look-bits": "Re-ranks {tiles} by their look bits alone, ties by features.",
}


class ControlsPanel(Panel, script="controls.js"):
    """The search controls, all native elements of the browser.

    Attributes:
        view: max_top_k, num_bits, orders (pairs of a name and its words), order_note, what a finer
            order does, or "", has_feedback, which decides the order, searched, how many tiles are
            searched, and has_held_out, whether any tile is held out.
        search: mode, top_k, radius, order, include_held_out; both sides set it.
    """

    search = traitlets.Dict().tag(sync=True)


def controls_view(state: ExplorerState) -> dict[str, Any]:
    """Return the `ControlsPanel.view` of a state."""
    gallery = state.gallery
    return {
        "max_top_k": state.max_top_k,
        "num_bits": gallery.num_bits,
        "orders": list_orders(gallery),
        "order_note": _order_note(state),
        "has_feedback": state.query.has_feedback,
        "searched": _searched(state),
        "has_held_out": gallery.num_held_out > 0,
    }


def search_view(state: ExplorerState) -> dict[str, Any]:
    """Return the `ControlsPanel.search` of a state."""
    names = ("mode", "top_k", "radius", "order", "include_held_out")
    return {name: getattr(state.settings, name) for name in names}


def _searched(state: ExplorerState) -> str:
    """Return how many tiles are searched, of how many, and how many are held out."""
    settings, held_out = state.settings, state.gallery.num_held_out
    searched = plural(state.num_searched, "tile")
    if settings.filter:
        many = np.count_nonzero(state.gallery.can_find(**state.options.among()))
        searched = f"{many:,} of {searched}"
    if settings.filter and settings.include_held_out and held_out:
        return f"{searched} searched, held-out ones included"
    if not held_out:
        return f"{searched} searched"
    of_them = " of them" if settings.include_held_out else ""
    return f"{searched} searched, {held_out:,}{of_them} held out"


def _order_note(state: ExplorerState) -> str:
    """Return what a finer order does; that of bits is explained beside the codes."""
    options = state.options
    if state.query.has_feedback:
        return (
            "With feedback, all tiles are ranked by their similarity to the query and to the "
            "tiles marked +, and against those marked \N{MINUS SIGN} "
            "(Rocchio relevance feedback)."
        )
    if options.rerank is None:
        return ""
    tiles = "all tiles within the radius"
    if options.radius is None:
        depth = plural(rerank_depth(state.gallery, state.query, options), "nearest tile")
        tiles = f"the {depth} and all that tie with the last"
    return NOTES[state.settings.order].format(tiles=tiles, part=_first_part(state.gallery))


def list_orders(gallery: Gallery) -> list[tuple[str, str]]:
    """Return what results can be ranked by: pairs of a name and its words."""
    can = ["bits", *list_measures(gallery.num_bits, gallery.look_bits)]
    part = _first_part(gallery)
    return [(name, words.format(part=part)) for name, words in ORDERS.items() if name in can]


def _first_part(gallery: Gallery) -> str:
    """Return what the bits before the look bits are called, or "" where codes are not divided."""
    return part_name(gallery, gallery.parts[0]) if gallery.parts else ""
