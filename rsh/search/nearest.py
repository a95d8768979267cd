"""The neighbors of one query, as rows of a gallery: by bits, and looked at again."""

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed
from rsh.codes.encodings import Encodings
from rsh.config import DEFAULT_TOP_K, Measure, check_top_k
from rsh.errors import InputError
from rsh.gallery.filters import NO_FILTER, Filter
from rsh.gallery.gallery import Gallery
from rsh.index.base import Hits
from rsh.metrics.counts import DistanceCounts, count_by_distance
from rsh.search.rerank import POOL, rerank

NO_CLASS = -1  # labels are 0 or more


def neighbors(
    gallery: Gallery,
    packed: Packed,
    row: int | None,
    *,
    top_k: int | None = None,
    radius: int | None = None,
    where: Filter = NO_FILTER,
) -> Hits:
    """Find neighbors of a code, and leave the query's own tile out.

    Args:
        gallery: an opened gallery.
        packed: the query's code, (1, bytes) uint8.
        row: the query's own row, None if it is no tile of the gallery.
        top_k: how many; by default 20, or all if there are fewer.
        radius: instead, all at most so many bits away.
        where: conditions on the tiles that may be found.

    Raises:
        InputError: a number is out of range, or no tile meets the conditions.
    """
    if radius is not None:
        (hits,) = gallery.within(packed, radius=radius, where=where)
        keep = hits.ids != row
        return Hits(hits.ids[keep], hits.distances[keep])
    most = _most(gallery, row, where)
    top_k = check_top_k(top_k, most)
    found = len(gallery.searchable_where(where))
    (hits,) = gallery.search(packed, top_k=min(top_k + 1, found), where=where)  # itself may be one
    keep = hits.ids != row
    return Hits(hits.ids[keep][:top_k], hits.distances[keep][:top_k])


def look_again(
    gallery: Gallery,
    query: Encodings,
    row: int | None,
    *,
    by: Measure,
    top_k: int | None = None,
    radius: int | None = None,
    pool: int | None = None,
    where: Filter = NO_FILTER,
) -> tuple[Hits, NDArray[np.float32]]:
    """Find neighbors by bits, and bring the nearest of them into the order of a finer measure.

    Args:
        gallery: an opened gallery.
        query: one image.
        row: the query's own row, None if it is no tile of the gallery.
        by: see `rerank.score`.
        top_k: how many; by default 20, or all if there are fewer.
        radius: instead, all at most so many bits away.
        pool: how many of the nearest are looked at again, see `retrieve.search`.
        where: conditions on the tiles that may be found.

    Returns:
        Hits, the highest score first, and the score of each.

    Raises:
        InputError: a number is out of range, or there is no such measure.
    """
    if radius is not None:
        found = neighbors(gallery, query.packed, row, radius=radius, where=where)
        return rerank(query, found, gallery.packed, gallery.features, by=by)
    reach = _pool(_most(gallery, row, where), top_k, pool)
    found = neighbors(gallery, query.packed, row, top_k=reach, where=where)
    hits, scores = rerank(query, found, gallery.packed, gallery.features, by=by)
    top_k = DEFAULT_TOP_K if top_k is None else top_k
    return Hits(hits.ids[:top_k], hits.distances[:top_k]), scores[:top_k]


def count_others(
    gallery: Gallery, packed: Packed, row: int | None, where: Filter = NO_FILTER
) -> DistanceCounts:
    """Count the tiles that a search with one code can find, by distance from it.

    Args:
        gallery: an opened gallery.
        packed: the query's code, (1, bytes) uint8.
        row: the query's own row, which is not counted; None if it is no tile of the gallery, and
            then nothing is relevant, since nobody has said its class.
        where: conditions on the tiles that may be found.

    Returns:
        Counts of one query, each (1, num_bits + 1).
    """
    rows = gallery.searchable_where(where)
    others = rows[rows != row]
    if not len(others):
        return DistanceCounts(*np.zeros((2, 1, gallery.num_bits + 1), dtype=np.int64))
    return count_by_distance(
        packed,
        gallery.packed[others],
        [NO_CLASS] if row is None else gallery.labels[[row]],
        gallery.labels[others],
        num_bits=gallery.num_bits,
    )


def _most(gallery: Gallery, row: int | None, where: Filter) -> int:
    """Return how many tiles can be found, the query's own not counted."""
    rows = gallery.searchable_where(where)  # ascending
    itself = 0 if row is None else int(np.diff(np.searchsorted(rows, [row, row + 1]))[0])
    most = len(rows) - itself
    if not most:
        raise InputError(f"{gallery.folder} holds no tile that could be found: encode more tiles")
    return most


def _pool(most: int, top_k: int | None, pool: int | None) -> int:
    """Return how many tiles are looked at again."""
    least = check_top_k(top_k, most)
    if pool is None:
        return max(least, min(POOL, most))
    if not least <= pool <= most:
        raise InputError(
            f"choose {least} to {most}, the tiles that can be found", parameter="pool", value=pool
        )
    return pool
