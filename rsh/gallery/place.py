"""Places tiles in the planes of a gallery without a new fit.

A query is placed with NumPy alone, in the kernel of a page. Tiles that are added are many, and are
placed with the searches that the fit uses.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes.binary import as_words, hamming
from rsh.codes.distinct import DistinctCodes
from rsh.codes.encodings import Encodings
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.gallery.ids import NO_ROW
from rsh.gallery.landmarks import Points
from rsh.gallery.planes import COORDINATES, LANDMARKS
from rsh.gallery.pull import NEIGHBORS, pull
from rsh.index.neighbors import ROUNDING, CodeNeighbors, NeighborSearch, VectorNeighbors
from rsh.io.arrays import take_rows

TILES_AT_ONCE = 4096  # between two steps of a progress bar, and two chances for Ctrl-C
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))  # radians: points at its multiples never line up
MOST_STEP = 1 / 250  # between two tiles of a disc, as a share of the plane: about a dot of a plot
FAR = 4.0  # a distance beyond all others
MOST_COVER = 0.1  # of the plane by all discs


def place_in_planes(gallery: Gallery, encodings: Encodings) -> Points:
    """Return where one or a few tiles belong in both planes of a gallery.

    Their nearest landmarks pull them; one that is equal to a tile of the gallery lies on it.

    Args:
        gallery: with a projection.
        encodings: of the tiles, by the gallery's network.

    Returns:
        feature_x, feature_y, code_x, code_y, (n, 4).

    Raises:
        InputError: the gallery has no projection of all its tiles, or the encodings are of another
            network.
    """
    table, landmarks = gallery.projection_table, gallery.landmarks
    if table is None or landmarks is None:
        raise InputError(f"{gallery.folder} has no projection of all its tiles: run `rsh project`")
    widths = encodings.codes.shape[1], encodings.features.shape[1]
    if widths != (gallery.num_bits, gallery.features.shape[1]):
        raise InputError(
            f"a code of {widths[0]} bits and a feature of {widths[1]} numbers are not of the "
            f"network of {gallery.folder}: encode with its own"
        )
    points = np.empty((len(encodings.codes), 4), dtype=np.float32)
    for number, point in enumerate(points):
        one = encodings.one(number)
        equal = _equal_tiles(gallery, one)
        if len(equal):
            point[:] = table[list(COORDINATES)].iloc[equal[0]]
        else:
            apart = _half_squares(landmarks.vectors(one.features)[0], landmarks.features)
            point[:2] = _pull_one(apart, landmarks.feature_points)
            bits = hamming(one.packed, landmarks.packed)[0]
            point[2:] = _pull_one(bits, landmarks.code_points)
    return points


def _equal_tiles(gallery: Gallery, one: Encodings) -> NDArray[np.int64]:
    """Return the rows of the tiles with the code and the feature of a query."""
    same: NDArray[np.int64] = np.flatnonzero(
        (as_words(gallery.packed) == as_words(one.packed)).all(axis=1)
    )
    is_equal: NDArray[np.bool_] = np.all(take_rows(gallery.features, same) == one.features, axis=1)
    return same[is_equal]


def _half_squares(vector: NDArray[np.float32], others: NDArray[np.float32]) -> Points:
    """Return half the square of the distance to each of the others, as `VectorNeighbors` does."""
    lengths = np.einsum("nd,nd->n", others, others)
    halves = (lengths + vector @ vector) / 2 - others @ vector
    return np.where(halves < ROUNDING, 0, np.nan_to_num(halves, nan=FAR))


def _pull_one(distances: NDArray[Any], points: Points) -> Points:
    nearest = np.argsort(distances, kind="stable")[None, :NEIGHBORS]
    point: Points = pull(distances[nearest], points[nearest])[0]
    return point


def pull_all(
    search: NeighborSearch,
    queries: NDArray[Any],
    points: Points,
    *,
    on_tiles: Callable[[int], object] = lambda _: None,
) -> Points:
    """Return where landmarks pull many tiles.

    Args:
        search: finds the nearest landmarks.
        queries: features or packed codes of the tiles, (n, d).
        points: positions of the landmarks, (m, 2).
        on_tiles: progress callback, called with the number of tiles that were placed.
    """
    pulled = np.empty((len(queries), 2), dtype=np.float32)
    for start in range(0, len(queries), TILES_AT_ONCE):
        some = slice(start, start + TILES_AT_ONCE)
        rows, distances = search.search(queries[some], min(NEIGHBORS, len(points)))
        pulled[some] = pull(distances, points[rows])
        on_tiles(len(rows))
    return pulled


def disc_step(plane: Points, num_tiles: int) -> float:
    """Return how large the discs of codes are drawn: see `in_discs`.

    Args:
        plane: positions of the codes, (c, 2).
        num_tiles: tiles in the plane.
    """
    extent = float(np.ptp(plane, axis=0).max()) if len(plane) else 0.0
    return (extent or 1.0) * min(MOST_STEP, float(np.sqrt(MOST_COVER / np.pi / max(num_tiles, 1))))


def in_discs(centers: Points, rank: NDArray[np.int64], *, step: float) -> Points:
    """Spread the tiles of each code to a sunflower disc around the position of the code.

    Each tile can be seen and selected, and the size of the disc shows their number.

    Args:
        centers: position of the code of each tile, (n, 2).
        rank: how many earlier tiles have the same code, (n,).
        step: the radius of a disc of n tiles is step * sqrt(n).
    """
    radius, angle = step * np.sqrt(rank), rank * GOLDEN_ANGLE
    offsets = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return np.asarray(centers + offsets, dtype=np.float32)


def place_added(old: Gallery, new: Gallery) -> pd.DataFrame | None:
    """Return the projection of a newer version of a gallery, with the tiles that it added.

    Args:
        old: the older version.
        new: the newer one.

    Returns:
        The columns of `Gallery.projection_table`, one row per tile of the newer version; None if
        the older one has no projection of all its tiles.
    """
    table, landmarks = old.projection_table, old.landmarks
    if table is None or landmarks is None:
        return None
    here, there = new.ids.shared(old.ids)
    known = np.full(len(new), NO_ROW)
    known[here] = there
    added = np.flatnonzero(known < 0)
    placed = np.empty((len(added), 4), dtype=np.float32)
    by_feature, by_code = VectorNeighbors(landmarks.features), CodeNeighbors(landmarks.packed)
    features, packed = landmarks.vectors(new.features[added]), new.packed[added]
    for plane, search, queries, points in (
        (slice(0, 2), by_feature, features, landmarks.feature_points),
        (slice(2, 4), by_code, packed, landmarks.code_points),
    ):
        placed[:, plane] = pull_all(search, queries, points)
    rank = DistinctCodes.fold(np.concatenate([old.packed, packed])).rank[len(old) :]
    step = disc_step(landmarks.code_points, len(new))
    placed[:, 2:] = in_discs(placed[:, 2:], rank, step=step)
    new_table: pd.DataFrame = table.iloc[np.maximum(known, 0)].reset_index(drop=True)
    new_table.loc[added, list(COORDINATES)] = placed
    new_table.loc[added, list(LANDMARKS)] = False
    return new_table
