"""The nearest tiles of one query, as rows of a gallery: by Hamming distance, and re-ranked."""

import numpy as np
from numpy.typing import NDArray

from rsh.codes.cosine import cosines
from rsh.codes.scan import count_distances
from rsh.config import DEFAULT_TOP_K, check_top_k
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.index.base import Hits
from rsh.metrics.counts import DistanceCounts
from rsh.metrics.neighbors import expected_kept
from rsh.search.query import Query, SearchOptions
from rsh.search.rerank import RERANK_DEPTH, BitWeights, check_measure, order_ties, rerank

NEIGHBORS = 10  # nearest tiles by features that should be among the first by code
MOST_COMPARED = 100_000  # tiles whose features are read for a figure: 0.05 to 0.15 s


def neighbors(gallery: Gallery, query: Query, options: SearchOptions) -> Hits:
    """Find the tiles nearest to a query by Hamming distance; its own tile is left out.

    Returns:
        Hits in the order (distance, -cosine of the features, row): all tiles within the radius; or
        the top_k nearest, and all that are as far as the last of these.

    Raises:
        InputError: a number is out of range, no tile passes the filter, or a feature is not finite.
    """
    top_k = None if options.radius is not None else find_top_k(gallery, query, options)
    hits = _candidates(gallery, query, options, top_k)
    return order_ties(query.encodings(gallery), hits, gallery.features)


def rerank_nearest(
    gallery: Gallery, query: Query, options: SearchOptions
) -> tuple[Hits, NDArray[np.float32]]:
    """Find the nearest tiles by Hamming distance and reorder them by `options.rerank`.

    Returns:
        All hits that were reordered, the highest score first, and the score of each.

    Raises:
        InputError: a number is out of range, no tile passes the filter, a feature is not finite, or
            the codes lack a part.
    """
    assert options.rerank is not None
    check_measure(options.rerank, gallery.num_bits, gallery.look_bits)
    depth = None
    if options.radius is None:
        find_top_k(gallery, query, options)  # refuses it
        depth = rerank_depth(gallery, query, options)
    hits = _candidates(gallery, query, options, depth)
    encodings, weights = query.encodings(gallery), BitWeights(gallery.look_bits)
    if options.look_weight is not None:
        weights = weights._replace(look_weight=options.look_weight)
    return rerank(
        encodings, hits, gallery.packed, gallery.features, by=options.rerank, weights=weights
    )


def find_top_k(gallery: Gallery, query: Query, options: SearchOptions) -> int:
    """Return how many tiles a search returns that has no radius.

    Raises:
        InputError: top_k is out of range, or there is no tile to find.
    """
    most = num_others(gallery, query, options)
    if not most:
        held_out = gallery.num_held_out and not options.include_held_out
        hint = "include held-out tiles" if held_out else "encode more tiles"
        raise InputError(f"{gallery.folder} holds no tile that could be found: {hint}")
    return check_top_k(options.top_k, most)


def rerank_depth(gallery: Gallery, query: Query, options: SearchOptions) -> int:
    """Return how many of the nearest tiles are re-ranked, without those that tie with the last.

    Raises:
        InputError: rerank_depth is less than top_k, or more than can be found.
    """
    most = num_others(gallery, query, options)
    least = min(DEFAULT_TOP_K, most) if options.top_k is None else options.top_k
    depth = options.rerank_depth
    if depth is None:
        return min(max(least, RERANK_DEPTH), most)
    if not least <= depth <= most:
        raise InputError(
            f"choose {least} to {most}, the tiles that can be found",
            parameter="rerank_depth",
            value=depth,
        )
    return depth


def count_others(
    gallery: Gallery, query: Query, options: SearchOptions, *, labeled: bool = False
) -> DistanceCounts:
    """Count all tiles that a search can find by their distance from the query.

    The query's own tile is not counted. No tile is relevant to a query without a label.

    Args:
        gallery: an opened gallery.
        query: the query.
        options: among which tiles.
        labeled: count only tiles with a label.

    Returns:
        Counts of one query, each (1, num_bits + 1).
    """
    distances = gallery.distances(query.packed(gallery))
    others = _others(gallery, query, options)
    if labeled:
        others &= gallery.has_label
    relevant = others & gallery.shares_label(query.label_set(gallery))
    counts = (count_distances(distances, each, gallery.num_bits) for each in (others, relevant))
    return DistanceCounts(*(each[None] for each in counts))


def neighbors_kept(
    gallery: Gallery, query: Query, options: SearchOptions
) -> tuple[float, int] | None:
    """Return how many of the nearest tiles by features are expected among the first by code.

    Returns:
        Their number, the mean over all orders of ties, and that of the nearest tiles: 10, or all if
        there are fewer. None if there are none, or too many tiles to read the features of all.

    Raises:
        InputError: a feature is not finite.
    """
    others = np.flatnonzero(_others(gallery, query, options))
    if not 0 < len(others) <= MOST_COMPARED:
        return None
    count, encodings = min(NEIGHBORS, len(others)), query.encodings(gallery)
    distances = gallery.distances(encodings.packed)[others].astype(np.int32)
    near = cosines(encodings.features[0], gallery.features, others)
    return expected_kept(distances, near, count=count), count


def num_others(gallery: Gallery, query: Query, options: SearchOptions) -> int:
    """Count the tiles that a search can find: neither the query's own, nor those of its feedback.

    Raises:
        InputError: a condition makes no sense, or no tile passes the filter.
    """
    can_find = gallery.can_find(**options.among())
    own = list(set(query.excluded))
    return int(np.count_nonzero(can_find) - np.count_nonzero(can_find[own]))


def _candidates(gallery: Gallery, query: Query, options: SearchOptions, count: int | None) -> Hits:
    """Return the `count` nearest tiles, and all that tie with the last; or all within the radius.

    Only where the count would cut through the tiles of one distance is there a second search.
    """
    packed, among = query.packed(gallery), options.among()
    radius = options.radius
    if count is not None:
        # The query itself may be found, and one more shows whether the last distance goes on.
        wanted = min(count + 2, int(np.count_nonzero(gallery.can_find(**among))))
        (hits,) = gallery.search(packed, top_k=wanted, **among)
        hits = _without(hits, query.row)
        last = hits.distances[count - 1 : count + 1]
        if len(last) < 2 or last[0] < last[1]:
            return Hits(hits.ids[:count], hits.distances[:count])
        radius = int(last[0])
    assert radius is not None
    (hits,) = gallery.range_search(packed, radius=radius, **among)
    return _without(hits, query.row)


def _others(gallery: Gallery, query: Query, options: SearchOptions) -> NDArray[np.bool_]:
    """Return whether each tile can be found, without the query's own, (n,)."""
    others = gallery.can_find(**options.among()).copy()
    if query.row is not None:
        others[query.row] = False
    return others


def _without(hits: Hits, row: int | None) -> Hits:
    keep = hits.ids != row
    return Hits(hits.ids[keep], hits.distances[keep])
