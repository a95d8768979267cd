"""How sparse the surroundings of each code are, and which codes are its nearest: numpy alone.

**The sparsity of a tile is its mean distance, in bits, to the nearest hundredth of the tiles.** A
low one means a dense region of the hash space, a high one an unusual tile. A hundredth, and not a
fixed number, keeps the scale of what counts as a region the same for any number of tiles; and a
handful of odd tiles that resemble each other are as unusual as one.

Codes are compared once for all tiles that share them. Where there are more than `MOST_COMPARED`
tiles, each is compared with so many that are spread evenly over the rows; a gallery orders its rows
by a hash of the id, so these are a random sample.

Source: the mean distance to the k nearest neighbors as a score of outliers is that of Angiulli and
Pizzuti 2002, "Fast outlier detection in high dimensional spaces"; its root mean square is the
distance to a measure of Chazal et al. 2011, "Geometric inference for probability measures"
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed, as_words
from rsh.codes.distinct import DistinctCodes

Ints = NDArray[np.int64]
SHARE = 0.01  # of the tiles, which are the nearest ones
LEAST_NEAREST = 10  # tiles, where a hundredth would be fewer
MOST_COMPARED = 10_000  # tiles with which each tile is compared
BLOCK = 2**19  # distances in memory at a time: they fit into the processor's cache


class Density(NamedTuple):
    """The surroundings of distinct codes.

    Attributes:
        sparsity: mean distance to the nearest hundredth of the tiles, (m,) float32, bits.
        nearest: numbers of the nearest codes among those compared with, nearest first and equal
            distances in ascending order, (m, k) int32.
        distances: to these, (m, k) int32, bits.
    """

    sparsity: NDArray[np.float32]
    nearest: NDArray[np.int32]
    distances: NDArray[np.int32]


def sample_rows(count: int, most: int = MOST_COMPARED) -> Ints:
    """Return at most so many of `count` rows, spread evenly, ascending."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def count_nearest(tiles: int) -> int:
    """Return how many of so many tiles, itself among them, count as the nearest of one."""
    return max(1, min(max(LEAST_NEAREST, round(SHARE * tiles)), tiles - 1))


def measure_density(codes: Packed, compared: DistinctCodes, *, neighbors: int) -> Density:
    """Return the sparsity of codes among tiles, and their nearest codes; exact.

    One tile of its own code, if there is one, is left out of the sparsity of a code: the tile
    itself.

    Args:
        codes: distinct codes, (m, bytes) uint8.
        compared: of the tiles that they are compared with, one or more.
        neighbors: how many of the nearest codes are returned, or all but one if there are fewer.

    Returns:
        One row a code; a code that is among those compared with is its own nearest.
    """
    tiles, size = int(compared.sizes.sum()), len(compared.packed)
    nearest = count_nearest(tiles)
    kept = min(max(nearest, neighbors) + 1, size)  # each holds a tile or more, one is the tile
    columns = np.ascontiguousarray(as_words(compared.packed).T)
    words = as_words(codes)
    sparsity = np.empty(len(codes), np.float32)
    found, distances = np.empty((2, len(codes), min(neighbors + 1, size)), np.int32)
    step = max(1, BLOCK // size)
    for start in range(0, len(codes), step):
        part = slice(start, start + step)
        keys = _nearest_keys(words[part], columns, kept)
        bits, number = np.divmod(keys, size)
        sparsity[part] = _mean_distance(bits, compared.sizes[number], nearest)
        found[part], distances[part] = (each[:, : found.shape[1]] for each in (number, bits))
    return Density(sparsity, found, distances)


def _nearest_keys(
    words: NDArray[np.unsignedinteger], columns: NDArray[np.unsignedinteger], count: int
) -> Ints:
    """Return the `count` smallest of distance * codes + number, ascending, for each code."""
    keys = _distances(words, columns).astype(np.uint32)  # at most 256 * MOST_COMPARED
    keys *= np.uint32(columns.shape[1])
    keys += np.arange(columns.shape[1], dtype=np.uint32)
    if count < keys.shape[1]:
        keys.partition(count - 1, axis=1)
    return np.sort(keys[:, :count], axis=1).astype(np.int64)


def _distances(
    words: NDArray[np.unsignedinteger], columns: NDArray[np.unsignedinteger]
) -> NDArray[np.unsignedinteger]:
    """Return the distances of codes in words, (m, words), to codes in columns, (words, k)."""
    first, *rest = zip(words.T, columns, strict=True)
    distances = np.bitwise_count(first[0][:, None] ^ first[1])
    if rest:  # of up to 256 bits, which is one too much for 8
        distances = distances.astype(np.uint16)
    for word, column in rest:
        distances += np.bitwise_count(word[:, None] ^ column)
    result: NDArray[np.unsignedinteger] = distances
    return result


def _mean_distance(bits: Ints, counts: Ints, nearest: int) -> NDArray[np.float64]:
    """Return the mean distance to the nearest tiles of codes in ascending order, (m, k) each."""
    counts = counts.copy()
    counts[:, 0] -= bits[:, 0] == 0
    ends = np.minimum(np.cumsum(counts, axis=1), nearest)
    mean: NDArray[np.float64] = (bits * np.diff(ends, axis=1, prepend=0)).sum(axis=1) / nearest
    return mean
