"""The nearest tiles of one query, as rows of a gallery: by Hamming distance, and re-ranked."""

import numpy as np
from numpy.typing import NDArray

from rsh.config import DEFAULT_TOP_K, check_top_k
from rsh.errors import InputError
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.index.base import Hits
from rsh.labels import UNLABELED
from rsh.metrics.counts import DistanceCounts, count_by_distance
from rsh.search.query import Query, SearchOptions
from rsh.search.rerank import RERANK_DEPTH, rerank


def neighbors(gallery: Gallery, query: Query, options: SearchOptions) -> Hits:
    """Find the tiles nearest to a query by Hamming distance; its own tile is left out.

    Raises:
        InputError: a number is out of range, or no tile passes the filter.
    """
    if options.radius is not None:
        packed = query.packed(gallery)
        (hits,) = gallery.range_search(packed, radius=options.radius, filter=options.filter)
        keep = hits.ids != query.row
        return Hits(hits.ids[keep], hits.distances[keep])
    return _nearest(gallery, query, options.filter, _top_k(gallery, query, options))


def rerank_nearest(
    gallery: Gallery, query: Query, options: SearchOptions
) -> tuple[Hits, NDArray[np.float32]]:
    """Find the nearest tiles by Hamming distance and reorder them by `options.rerank`.

    Returns:
        Hits, the highest score first, and the score of each.

    Raises:
        InputError: a number is out of range, or no tile passes the filter.
    """
    assert options.rerank is not None
    if options.radius is not None:
        candidates, top_k = neighbors(gallery, query, options), None
    else:
        top_k = _top_k(gallery, query, options)
        depth = rerank_depth(gallery, query, options)
        candidates = _nearest(gallery, query, options.filter, depth)
    hits, scores = rerank(
        query.encodings(gallery), candidates, gallery.packed, gallery.features, by=options.rerank
    )
    return Hits(hits.ids[:top_k], hits.distances[:top_k]), scores[:top_k]


def rerank_depth(gallery: Gallery, query: Query, options: SearchOptions) -> int:
    """Return how many of the nearest tiles are re-ranked in a top-k search.

    Raises:
        InputError: rerank_depth is less than top_k, or more than can be found.
    """
    most = num_others(gallery, query, options.filter)
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
    gallery: Gallery, query: Query, filter: Filter, *, labeled: bool = False
) -> DistanceCounts:
    """Count all tiles that a search can find by their distance from the query.

    The query's own tile is not counted. No tile is relevant to a query whose class is unknown.

    Args:
        gallery: an opened gallery.
        query: the query.
        filter: conditions on the tiles.
        labeled: count only tiles whose class is known.

    Returns:
        Counts of one query, each (1, num_bits + 1).
    """
    rows, label = gallery.searchable_rows(filter), query.label(gallery)
    others = rows[rows != query.row]
    if labeled:
        others = others[gallery.labels[others] != UNLABELED]
    if not len(others):
        return DistanceCounts(*np.zeros((2, 1, gallery.num_bits + 1), dtype=np.int64))
    counts = count_by_distance(
        query.packed(gallery),
        gallery.packed[others],
        [label],
        gallery.labels[others],
        num_bits=gallery.num_bits,
    )
    if label == UNLABELED:  # tiles without a label are not of one class
        counts.relevant[:] = 0
    return counts


def num_others(gallery: Gallery, query: Query, filter: Filter) -> int:
    """Count the tiles that a search can find: neither the query's own, nor those of its feedback.

    Raises:
        InputError: a condition makes no sense, or no tile passes the filter.
    """
    rows = gallery.searchable_rows(filter)  # ascending
    own = np.asarray(query.excluded, dtype=np.int64)
    return len(rows) - int(np.isin(own, rows).sum())


def _top_k(gallery: Gallery, query: Query, options: SearchOptions) -> int:
    most = num_others(gallery, query, options.filter)
    if not most:
        raise InputError(f"{gallery.folder} holds no tile that could be found: encode more tiles")
    return check_top_k(options.top_k, most)


def _nearest(gallery: Gallery, query: Query, filter: Filter, top_k: int) -> Hits:
    can_find = len(gallery.searchable_rows(filter))
    wanted = min(top_k + 1, can_find)  # one more, since the query itself may be found
    (hits,) = gallery.search(query.packed(gallery), top_k=wanted, filter=filter)
    keep = hits.ids != query.row
    return Hits(hits.ids[keep][:top_k], hits.distances[keep][:top_k])
