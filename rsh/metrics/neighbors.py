"""Metrics without labels: what codes keep of the neighborhoods of float features.

Where tiles tie, every figure is the mean over all orders of the ties. `own` is the position of each
query in the gallery, (q,), if it is there: a query never finds itself.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed, hamming
from rsh.metrics.overlap import inclusion_probabilities

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]
BLOCK = 2**22  # pairs at a time
FARTHEST = np.iinfo(np.int32).max


def nearest_by_cosine(
    query: NDArray[np.float32],
    gallery: NDArray[np.float32],
    count: int,
    *,
    own: Rows | None = None,
) -> Rows:
    """Return the gallery rows with the highest cosines for each query; exact.

    Args:
        query: (q, d) float32, length 1.
        gallery: (g, d) float32, length 1.
        count: number of rows, 1 to g.
        own: see above.

    Returns:
        (q, count), nearest first; equal ones in the order of rows.
    """
    found = np.empty((len(query), count), np.int64)
    step = max(1, BLOCK // len(gallery))
    for start in range(0, len(query), step):
        part = slice(start, start + step)
        cosine = query[part] @ gallery.T
        if own is not None:
            cosine[np.arange(len(cosine)), own[part]] = -np.inf
        last = np.partition(cosine, -count, axis=1)[:, -count]
        for row, near in enumerate(cosine):  # sort only what reaches the last place
            rows = np.flatnonzero(near >= last[row])
            found[start + row] = rows[np.argsort(-near[rows], kind="stable")[:count]]
    return found


def neighbors_kept(
    query_packed: Packed,
    gallery_packed: Packed,
    nearest: Rows,
    *,
    depth: int,
    own: Rows | None = None,
) -> Floats:
    """Return which share of each query's nearest tiles is among its first `depth` by code.

    Args:
        query_packed: (q, bytes) uint8.
        gallery_packed: (g, bytes) uint8.
        nearest: gallery rows that should be found, (q, k), such as the nearest by float features.
        depth: number of tiles by Hamming distance, 1 to g.
        own: see above.

    Returns:
        (q,), 0 to 1: the mean over all orders of tied tiles.
    """
    found = np.empty(len(query_packed))
    for row, distance in enumerate(_distances(query_packed, gallery_packed, own)):
        inside = inclusion_probabilities(distance.astype(np.float64), depth)
        found[row] = inside[nearest[row]].mean()
    return found


def expected_kept(
    distances: NDArray[np.integer], cosine: NDArray[np.floating], *, count: int
) -> float:
    """Return how many of one query's `count` nearest tiles are among its first `count` by code.

    Args:
        distances: of all other tiles by code, (g,), bits.
        cosine: of the features of the same tiles, (g,).
        count: number of tiles, 1 to g.

    Returns:
        0 to count: the mean over all orders of tied distances, and of equal cosines.
    """
    by_code = inclusion_probabilities(distances.astype(np.float64), count)
    by_features = inclusion_probabilities(-cosine.astype(np.float64), count)
    return float(by_code @ by_features)


def tied_at(
    query_packed: Packed, gallery_packed: Packed, rank: int, *, own: Rows | None = None
) -> Rows:
    """Return how many tiles have the distance of the tile at a rank, for each query, (q,).

    Args:
        query_packed: (q, bytes) uint8.
        gallery_packed: (g, bytes) uint8.
        rank: 1 to g.
        own: see above.
    """
    found = [
        int((distance == np.partition(distance, rank - 1)[rank - 1]).sum())
        for distance in _distances(query_packed, gallery_packed, own)
    ]
    return np.array(found, dtype=np.int64)


def reranked(
    query_packed: Packed,
    gallery_packed: Packed,
    query: NDArray[np.floating],
    gallery: NDArray[np.floating],
    nearest: Rows,
    *,
    pool: int,
    own: Rows | None = None,
) -> tuple[Floats, Floats]:
    """Return which share of each query's nearest tiles is in a pool, and first after re-ranking.

    Args:
        query_packed: (q, bytes) uint8.
        gallery_packed: (g, bytes) uint8.
        query: features that re-rank, (q, d), length 1.
        gallery: those of the gallery, (g, d), length 1.
        nearest: gallery rows that should be found, (q, k).
        pool: number of tiles by code that are re-ranked, k to g; a pool never cuts through tiles
            of one distance, but takes all of them.
        own: see above.

    Returns:
        Both (q,), 0 to 1: the share in the pool, and that among the first k of the re-ranked pool.
    """
    inside, first = np.empty((2, len(query_packed)))
    count = nearest.shape[1]
    for row, distance in enumerate(_distances(query_packed, gallery_packed, own)):
        rows = np.flatnonzero(distance <= np.partition(distance, pool - 1)[pool - 1])
        cosine = gallery[rows].astype(np.float32) @ query[row].astype(np.float32)
        best = rows[np.argsort(-cosine, kind="stable")[:count]]
        inside[row] = np.isin(nearest[row], rows).mean()
        first[row] = np.isin(nearest[row], best).mean()
    return inside, first


def _distances(
    query_packed: Packed, gallery_packed: Packed, own: Rows | None
) -> Iterator[NDArray[np.int32]]:
    """Yield the distances of each query to the gallery, (g,); its own is beyond all others."""
    step = max(1, BLOCK // len(gallery_packed))
    for start in range(0, len(query_packed), step):
        distances = hamming(query_packed[start : start + step], gallery_packed)
        if own is not None:
            distances[np.arange(len(distances)), own[start : start + step]] = FARTHEST
        yield from distances
