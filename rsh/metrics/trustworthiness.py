"""How far a plane can be trusted: trustworthiness, and neighbors kept in the plane.

Both look at the tiles next to a tile in the plane, and ask how many tiles are nearer to it in the
space that the plane shows. Tiles at equal distances, such as those of one code, are equally near: a
tile's rank is one more than the number of tiles that are strictly nearer.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed
from rsh.codes.encodings import HalfRows, unit
from rsh.metrics.counts import count_by_distance

Rows = NDArray[np.int64]
NEAREST = 10  # neighbors of a tile, as for "neighbors kept"
MEASURED = 2000  # tiles of a large gallery whose neighbors are looked at
EQUAL = 1e-6  # difference of two cosine similarities that rounding explains
ROWS_AT_ONCE = 1 << 16  # of the features
QUERIES_AT_ONCE = 1 << 9


class PlaneQuality(NamedTuple):
    """How well a plane shows who is near whom.

    Attributes:
        trustworthiness: 0 to 1; 1 if all neighbors in the plane are neighbors in the space. Those
            that are not count by how far away they are. A random plane has 0.5.
        kept: share of a tile's nearest in the plane that are among its nearest in the space.
    """

    trustworthiness: float
    kept: float


def sample_rows(num_tiles: int, *, seed: int = 0) -> Rows:
    """Return the tiles whose neighbors are looked at, ascending: of many tiles, some."""
    if num_tiles <= 2 * MEASURED:
        return np.arange(num_tiles)
    drawn = np.random.default_rng(seed).choice(num_tiles, MEASURED, replace=False)
    return np.sort(drawn)


def neighbors_in_plane(plane: NDArray[np.floating], rows: Rows, *, count: int) -> Rows:
    """Return the nearest other tiles of some tiles in a plane.

    Args:
        plane: positions of all tiles, (n, 2).
        rows: the tiles, (s,).
        count: number of neighbors, less than n.

    Returns:
        Rows, (s, count), nearest first.
    """
    from scipy.spatial import cKDTree

    # Unbalanced, since a balanced tree takes long over many tiles in one position.
    _, found = cKDTree(plane, balanced_tree=False).query(plane[rows], k=count + 1)
    others: Rows = found[mark_others(found, rows)].reshape(len(rows), count)
    return others


def mark_others(found: Rows, rows: Rows) -> NDArray[np.bool_]:
    """Mark which neighbors of some rows are other rows; all but one of each row.

    Args:
        found: (s, k + 1), nearest first.
        rows: whose neighbors they are, (s,). One that is not among its own neighbors has more than
            k others at distance 0, and loses the last of them.

    Returns:
        (s, k + 1), true for k of each row.
    """
    is_other: NDArray[np.bool_] = found != rows[:, None]
    is_other[is_other.all(axis=1), -1] = False
    return is_other


def count_nearer_features(
    features: NDArray[np.floating] | HalfRows,
    rows: Rows,
    others: Rows,
    *,
    on_tiles: Callable[[int], object] = lambda _: None,
) -> Rows:
    """Count the tiles that are nearer to a tile than another one, by cosine similarity.

    Args:
        features: of all tiles, (n, d).
        rows: the tiles, (s,).
        others: for each of them other tiles, (s, k).
        on_tiles: progress callback, called with the number of tiles that are done.

    Returns:
        For each of the others, the number of tiles that are nearer, (s, k).
    """
    counts = np.zeros(others.shape, dtype=np.int64)
    for first in range(0, len(rows), QUERIES_AT_ONCE):
        some = slice(first, first + QUERIES_AT_ONCE)
        queries = unit(features[rows[some]])
        near = unit(features[others[some].ravel()]).reshape(*others[some].shape, -1)  # (s, k, d)
        limits = np.einsum("sd,skd->sk", queries, near) + EQUAL
        for start in range(0, len(features), ROWS_AT_ONCE):
            block = unit(features[start : start + ROWS_AT_ONCE])
            similarities = queries @ block.T
            own = rows[some] - start
            inside = np.flatnonzero((own >= 0) & (own < len(block)))
            similarities[inside, own[inside]] = -np.inf
            for number, row in enumerate(similarities):
                for neighbor, limit in enumerate(limits[number]):
                    counts[first + number, neighbor] += np.count_nonzero(row > limit)
        on_tiles(len(queries))
    return counts


def count_nearer_codes(packed: Packed, rows: Rows, others: Rows, *, num_bits: int) -> Rows:
    """Count the tiles that are nearer to a tile than another one, by Hamming distance.

    Args:
        packed: codes of all tiles, (n, bytes) uint8.
        rows: the tiles, (s,).
        others: for each of them other tiles, (s, k).
        num_bits: code length, bits.

    Returns:
        For each of the others, the number of tiles that are nearer, (s, k).
    """
    distances = np.bitwise_count(packed[rows][:, None] ^ packed[others]).sum(axis=2, dtype=np.int64)
    no_class = np.zeros(len(packed), dtype=np.int8)
    items, _ = count_by_distance(packed[rows], packed, no_class[rows], no_class, num_bits=num_bits)
    items[:, 0] -= 1  # the tile itself
    nearer = np.cumsum(items, axis=1) - items  # (s, num_bits + 1)
    return np.take_along_axis(nearer, distances, axis=1)


def plane_quality(nearer: Rows, num_tiles: int) -> PlaneQuality:
    """Return the figures of a plane.

    Args:
        nearer: for each tile that was looked at, and each of its k neighbors in the plane, the
            number of tiles that are nearer to it in the space, (s, k); k is less than n / 2.
        num_tiles: n, tiles in the plane.

    Source: Venna and Kaski 2001, "Neighborhood preservation in nonlinear projection methods", eq. 1
    """
    count = nearer.shape[1]
    too_far = np.maximum(nearer + 1 - count, 0)  # how many ranks beyond the nearest
    worst = count * (2 * num_tiles - 3 * count - 1) / 2
    trust = 1 - too_far.sum(axis=1).mean() / worst
    return PlaneQuality(float(trust), float((nearer < count).mean()))
