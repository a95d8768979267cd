"""The tiles of a group in the order of how well they show it.

The first nine are representatives, chosen one after the other: each is the tile that brings all
tiles of the group, on average, nearest to one of those chosen so far. So the first is the medoid of
the group, and the others show what it does not. All other tiles follow from the center outwards.

Source: this greedy choice is within 1 - 1/e of the best one, Nemhauser et al. 1978, "An analysis of
approximations for maximizing submodular set functions", since the objective is that of k-medoids
"""

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed, hamming
from rsh.codes.density import Ints, sample_rows
from rsh.codes.encodings import HalfArray, HalfRows
from rsh.codes.groups import majority_code

REPRESENTATIVES = 9
CANDIDATES = 500  # tiles of a group that are compared with each other


def typical_first(
    packed: Packed, features: HalfRows, sparsity: NDArray[np.float32], rows: Ints
) -> Ints:
    """Return the rows of a group, representatives first.

    Args:
        packed: codes of all tiles, (n, bytes) uint8.
        features: of all tiles, (n, d) float16, length 1; they decide where codes are equal.
        sparsity: of all tiles, (n,), bits.
        rows: of the group, (m,) ascending.
    """
    from_center = np.bitwise_count(packed[rows] ^ majority_code(packed[rows])).sum(axis=1)
    outwards = rows[np.lexsort((rows, sparsity[rows], from_center))]
    candidates = outwards[sample_rows(len(rows), CANDIDATES)]
    distances = code_distances(packed[candidates], features[candidates])
    chosen = candidates[pick_representatives(distances, REPRESENTATIVES)]
    return np.concatenate([chosen, outwards[~np.isin(outwards, chosen)]])


def code_distances(packed: Packed, features: HalfArray) -> NDArray[np.float32]:
    """Return distances by code, in bits, with a fraction that tells tiles of one distance apart.

    The fraction is half of one minus the cosine of the features.

    Args:
        packed: (m, bytes) uint8.
        features: (m, d) float16, length 1.

    Returns:
        (m, m) float32.
    """
    full = np.asarray(features, np.float32)
    fraction = np.clip((1 - full @ full.T) / 2, 0, 0.999)
    np.fill_diagonal(fraction, 0)
    return (hamming(packed, packed) + fraction).astype(np.float32)


def pick_representatives(distances: NDArray[np.float32], count: int) -> Ints:
    """Return the numbers of at most `count` representatives, see the module, (m, m) given."""
    nearest = np.full(len(distances), distances.max() + 1)  # distance to the nearest one chosen
    chosen: list[int] = []
    for _ in range(min(count, len(distances))):
        left = np.minimum(distances, nearest).sum(axis=1, dtype=np.float64)
        left[chosen] = np.inf
        chosen.append(int(left.argmin()))
        nearest = np.minimum(nearest, distances[chosen[-1]])
    return np.array(chosen, np.int64)
