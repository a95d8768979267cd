"""Two codes bit by bit, and the distribution of the distances of all tiles."""

from typing import Any

import numpy as np

from rsh.codes.binary import unpack
from rsh.explorer.panels.cards import MAX_CARDS
from rsh.explorer.panels.panel import Panel
from rsh.explorer.panels.tiles import describe, describe_query
from rsh.gallery.gallery import Gallery
from rsh.gallery.part_names import part_name
from rsh.metrics.ranking import precision_recall
from rsh.search.results import SearchResult


class CodesPanel(Panel, script="codes.js"):
    """The query's code above that of the tile the pointer is on, differing bits marked.

    Attributes:
        view: num_bits, parts, name, number of bits and meaning of each part of a code with look
            bits (none for other codes), query and first hit as `describe` gives them, counted,
            which tiles the histogram counts ("" for all), histogram with the lists same, other and
            unknown, judged, whether the query has a label that the filter leaves in, relevance,
            words from `RelevanceWords`, reach, the largest distance that is searched, shown, how
            many tiles are, agreement, the share of them that have the query's value of each bit,
            and curve, recall and precision at each radius (none where the query has no label, or no
            other tile has one of them).
    """


def codes_view(result: SearchResult) -> dict[str, Any]:
    """Return the `CodesPanel.view` of a result."""
    gallery, radius = result.gallery, result.options.radius
    items, same = (part[0] for part in result.counts)
    other = result.labeled_counts.items[0] - same if result.has_verdicts else np.zeros_like(items)
    shown = result.take(slice(MAX_CARDS))
    return {
        "num_bits": gallery.num_bits,
        "parts": code_parts_in_words(gallery),
        "query": describe_query(gallery, result.query),
        "first": describe(gallery, int(shown.rows[0])) | {"rank": 1} if len(shown) else None,
        "counted": "",
        "histogram": {
            "same": same.tolist(),
            "other": other.tolist(),
            "unknown": (items - same - other).tolist(),
        },
        "judged": result.has_verdicts,
        "relevance": gallery.relevance._asdict(),
        "shown": len(shown),
        "agreement": _agreement(shown),
        "curve": _curve(result),
        "reach": result.farthest if radius is None else radius,
    }


def code_parts_in_words(gallery: Gallery) -> list[list[str | int]]:
    """Return name, number of bits and meaning of each part of a code."""
    meanings = {
        "class": "say what it is",
        "group": "gather similar " + ("tiles" if gallery.has_images else "vectors"),
        "look": "say what it looks like" if gallery.classes else "keep finer differences",
    }
    names = [part_name(gallery, part) for part in gallery.parts]
    sizes = [part.num_bits for part in gallery.parts]
    return [[name, size, meanings[name]] for name, size in zip(names, sizes, strict=True)]


def _agreement(shown: SearchResult) -> list[float]:
    """Return for each bit the share of the tiles shown that agree with the query, 0 to 1."""
    packed, num_bits = shown.gallery.packed, shown.gallery.num_bits
    if not len(shown):
        return []
    codes = unpack(np.asarray(packed[shown.rows]), num_bits)
    same = codes == unpack(shown.query.packed(shown.gallery), num_bits)
    return [round(float(share), 4) for share in same.mean(axis=0)]


def _curve(result: SearchResult) -> list[tuple[float, float]]:
    """Return recall and precision of this query at each radius that holds any tile with a class."""
    counts = result.labeled_counts
    if not counts.relevant.any():
        return []
    precision, recall = precision_recall(counts)
    held = np.flatnonzero(counts.items[0])  # a radius that finds nothing new is no point
    points = zip(recall[held], precision[held], strict=True)
    return [(round(float(recall), 4), round(float(precision), 4)) for recall, precision in points]
