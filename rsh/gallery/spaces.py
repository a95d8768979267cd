"""Lays out feature space and hash space: all rows with UMAP, or landmarks and then the rest."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from rsh.codes.binary import Packed, unpack
from rsh.gallery.landmarks import MOST_FITTED, Points
from rsh.gallery.layout import lay_out, neighbor_count
from rsh.gallery.place import TILES_AT_ONCE, pull_all
from rsh.index.neighbors import CodeNeighbors, Neighbors, NeighborSearch, VectorNeighbors

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]
SMALLEST_CHANCE = 1e-3  # of a row to become a landmark, as a share of the mean chance


class Space(NamedTuple):
    """Rows to lay out, and how their neighbors are found.

    Attributes:
        title: of progress bars.
        rows: features, (n, d) float32, or distinct packed codes, (n, bytes) uint8.
        search: makes the search among some rows.
        vectors: turns rows into vectors, (n, d) float32, at most of length 1.
    """

    title: str
    rows: NDArray[Any]
    search: Callable[[NDArray[Any]], NeighborSearch]
    vectors: Callable[[NDArray[Any]], Vectors]


def feature_space(features: Vectors) -> Space:
    """Return the space of features, which cosine compares.

    Args:
        features: (n, d), length 1, or so reduced that distances remain.
    """
    return Space("features", features, VectorNeighbors, lambda rows: rows)


def code_space(packed: Packed, *, num_bits: int) -> Space:
    """Return the space of distinct codes, which Hamming distance compares.

    Args:
        packed: (n, bytes) uint8.
        num_bits: code length, bits.
    """
    return Space("codes", packed, CodeNeighbors, partial(_signs, num_bits=num_bits))


def _signs(packed: Packed, *, num_bits: int) -> Vectors:
    signs: Vectors = unpack(packed, num_bits).astype(np.float32)
    return signs / np.float32(np.sqrt(num_bits))


def lay_out_space(
    space: Space, *, seed: int = 0, most: int = MOST_FITTED, progress: bool = False
) -> tuple[Points, Rows]:
    """Lay out a space in the plane so that near rows stay near.

    Args:
        space: the rows.
        seed: of landmarks and UMAP; equal seeds give equal layouts.
        most: rows that UMAP lays out; if there are more, it lays out so many landmarks, and the
            others are pulled by their nearest landmarks.
        progress: show bars.

    Returns:
        Positions, (n, 2), and the landmarks, ascending; all rows are if there are at most `most`.
    """
    landmarks = choose_landmarks(space, most, seed=seed, progress=progress)
    rows = space.rows[landmarks]
    search = space.search(rows)
    neighbors = _find(
        search, rows, neighbor_count(len(rows)), f"{space.title}: neighbors", progress
    )
    fitted = lay_out(
        space.vectors(rows),
        neighbors,
        seed=seed,
        title=f"{space.title}: UMAP",
        progress=progress,
    )
    if len(rows) == len(space.rows):
        return fitted, landmarks
    points = np.empty((len(space.rows), 2), dtype=np.float32)
    points[landmarks] = fitted
    others = _all_but(landmarks, len(points))
    with _bar(f"{space.title}: placing", len(others), progress) as bar:
        points[others] = pull_all(search, space.rows[others], fitted, on_tiles=bar.update)
    return points, landmarks


def choose_landmarks(space: Space, most: int, *, seed: int = 0, progress: bool = False) -> Rows:
    """Return at most `most` rows that cover a space, ascending.

    Half of them are drawn at random, so that dense regions have many. The other half is drawn by
    the distance to the nearest of these, so that small groups have some.

    Source: Bahmani et al. 2012, "Scalable k-means++" (one round), https://arxiv.org/abs/1203.6402
    """
    count = len(space.rows)
    if count <= most:
        return np.arange(count)
    draw = np.random.default_rng(seed)
    first = np.sort(draw.choice(count, most // 2, replace=False))
    others = _all_but(first, count)
    search, title = space.search(space.rows[first]), f"{space.title}: landmarks"
    apart = _find(search, space.rows[others], 1, title, progress).distances[:, 0].astype(float)
    apart += SMALLEST_CHANCE * (apart.mean() or 1)  # or there could be too few to draw
    second = draw.choice(others, most - len(first), replace=False, p=apart / apart.sum())
    return np.sort(np.concatenate([first, second]))


def _find(
    search: NeighborSearch, queries: NDArray[Any], count: int, title: str, progress: bool
) -> Neighbors:
    """Return the nearest rows of many queries, block by block."""
    parts = []
    with _bar(title, len(queries), progress) as bar:
        for start in range(0, max(len(queries), 1), TILES_AT_ONCE):
            parts.append(search.search(queries[start : start + TILES_AT_ONCE], count))
            bar.update(len(parts[-1].rows))
    return Neighbors(*map(np.concatenate, zip(*parts, strict=True)))


def _bar(title: str, total: int, progress: bool) -> "tqdm[Any]":
    return tqdm(total=total, unit="tile", desc=title, disable=not progress)


def _all_but(rows: Rows, count: int) -> Rows:
    return np.delete(np.arange(count), rows)
