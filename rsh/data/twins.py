"""Equal and nearly equal tiles, which a split must keep on one side.

Equal tiles have the same file. Nearly equal ones look the same after compression, a change of size
or brightness, or a shift by a pixel or two: their difference hashes are at most `MAX_BITS` apart,
and their small gray images agree. Rotated and mirrored copies are not found. The limits were chosen
on such changes of tiles of Blue Marble; they find 12 pairs among the 2,100 tiles of UC Merced.

Source of the hash: Krawetz 2013, "Kind of like that",
https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

MAX_BITS = 10  # of 64
MIN_CORRELATION = 0.95  # of the small images
MAX_DIFFERENCE = 16  # of 255, root mean square over the small images
HASH_SIDE, SMALL_SIDE = 8, 16  # pixels
BLOCK = 1000  # tiles that are compared with all others at once
Groups = NDArray[np.int64]
Look = tuple[NDArray[np.uint64], NDArray[np.float32]]  # hash and small image of each tile


def join(*columns: ArrayLike) -> Groups:
    """Return the group of each item: items that share a value in any column belong together.

    Args:
        columns: values of the items, (n,) each.

    Returns:
        Numbers from 0 in the order of the first item of each group, (n,).
    """
    count = len(np.asarray(columns[0]))
    items, values, start = [], [], count
    for column in columns:
        codes, known = pd.factorize(np.asarray(column))
        items.append(np.arange(count))
        values.append(codes + start)
        start += len(known)
    return _renumber(_components(np.concatenate(items), np.concatenate(values), start)[:count])


def look(images: Iterable[Image.Image]) -> Look:
    """Return the difference hash and the small gray image of each image, (n,) and (n, 256)."""
    hashes, small = [], []
    for image in images:
        gray = image.convert("L")
        steps = np.asarray(gray.resize((HASH_SIDE + 1, HASH_SIDE), Image.Resampling.BOX), np.int16)
        hashes.append(np.packbits(np.diff(steps, axis=1) > 0).view(np.uint64)[0])
        tiny = gray.resize((SMALL_SIDE, SMALL_SIDE), Image.Resampling.BOX)
        small.append(np.asarray(tiny, np.float32).ravel())
    return np.array(hashes, np.uint64), np.array(small, np.float32).reshape(-1, SMALL_SIDE**2)


def near_pairs(looks: Look) -> list[tuple[int, int]]:
    """Return the pairs of nearly equal tiles, the smaller row first, in ascending order."""
    hashes, small = looks
    found: list[tuple[int, int]] = []
    for start in range(0, len(hashes), BLOCK):
        block = hashes[start : start + BLOCK, None]
        first, second = np.nonzero(np.bitwise_count(block ^ hashes) <= MAX_BITS)
        first += start
        first, second = first[first < second], second[first < second]
        near = look_alike(small[first], small[second])
        found += zip(first[near].tolist(), second[near].tolist(), strict=True)
    return found


def look_alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return whether the small images of two tiles agree, (n,); their hashes must as well.

    Args:
        one: small images from `look`, (n, 256).
        other: those that they are compared with, row by row.
    """
    difference = root_mean_square(one, other)
    flat = (np.ptp(one, axis=1) < 2) & (np.ptp(other, axis=1) < 2)
    alike = (_standardize(one) * _standardize(other)).sum(axis=1) > MIN_CORRELATION
    near: NDArray[np.bool_] = (difference < MAX_DIFFERENCE) & (alike | flat)
    return near


def root_mean_square(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much small images differ, row by row, (n,), 0 to 255."""
    found: NDArray[np.float32] = np.sqrt(np.mean((one - other) ** 2, axis=1))
    return found


def _standardize(small: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return small images with mean 0 and length 1, so that their products are correlations."""
    centered = small - small.mean(axis=1, keepdims=True)
    unit: NDArray[np.float32] = centered / np.maximum(
        np.linalg.norm(centered, axis=1, keepdims=True), 1e-6
    )
    return unit


def join_pairs(groups: Groups, pairs: Sequence[tuple[int, int]]) -> Groups:
    """Return groups after the groups of each pair have become one."""
    if not pairs:
        return groups
    first, second = np.array(pairs).T
    return _renumber(_components(groups[first], groups[second], len(groups))[groups])


def _components(first: Groups, second: Groups, count: int) -> NDArray[np.int32]:
    """Return the component of each of `count` nodes, of which some are connected in pairs."""
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(count, count))
    found: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return found


def _renumber(groups: NDArray[np.int32]) -> Groups:
    """Return groups numbered in the order of their first items."""
    numbers: Groups = pd.factorize(groups)[0].astype(np.int64)
    return numbers
