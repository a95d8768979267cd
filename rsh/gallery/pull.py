"""Places tiles in a plane by their nearest landmarks, with NumPy alone.

UMAP is fitted to landmarks. Each of the other tiles is pulled by its nearest landmarks, with the
weights that UMAP gives to edges, to their weighted median. A weighted mean would put the tiles
between two groups into the void between them, and squeeze those of one group.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
NEIGHBORS = 15
HALVINGS = 40  # of the interval in which a bandwidth is looked for
MIN_BANDWIDTH = 1e-3  # in mean distances
SOFTNESS = 0.03  # of the median; the nearest dots of a UMAP are 0.1 apart
STEPS = 20  # to the median


def edge_weights(distances: Floats) -> Floats:
    """Return the weights that UMAP gives to the edges from a row to its k nearest neighbors.

    The first neighbor at a positive distance, and all before it, have weight 1. Beyond it weights
    fall exponentially, with a bandwidth for each row that lets them add up to log2(k + 1).

    Args:
        distances: (n, k), ascending, to k neighbors other than the row itself.

    Returns:
        (n, k), 0 to 1.

    Source: McInnes et al. 2018 (UMAP), algorithm 3, https://arxiv.org/abs/1802.03426
    """
    distances = distances.astype(np.float64)
    first = np.where(distances > 0, distances, np.inf).min(axis=1, keepdims=True)
    beyond = np.maximum(distances - np.where(np.isfinite(first), first, 0), 0)
    low, high = np.zeros_like(first), np.full_like(first, np.inf)
    bandwidth = np.ones_like(first)
    total = np.log2(distances.shape[1] + 1)
    for _ in range(HALVINGS):
        is_wide = np.exp(-beyond / bandwidth).sum(axis=1, keepdims=True) > total
        low, high = np.where(is_wide, low, bandwidth), np.where(is_wide, bandwidth, high)
        bandwidth = np.where(np.isfinite(high), low / 2 + high / 2, 2 * bandwidth)
    least = MIN_BANDWIDTH * distances.mean(axis=1, keepdims=True)
    bandwidth = np.maximum(bandwidth, np.where(least > 0, least, 1))
    weights: Floats = np.exp(-beyond / bandwidth)
    return weights


def pull(distances: Floats, positions: Floats) -> NDArray[np.float32]:
    """Return where the nearest landmarks pull each tile.

    Args:
        distances: of each tile to its k nearest landmarks, (n, k), ascending.
        positions: of these landmarks, (n, k, 2).

    Returns:
        (n, 2); at distance 0 the position of the landmark.

    Source: Weiszfeld 1937, "Sur le point pour lequel la somme des distances ... est minimum"
    """
    positions = positions.astype(np.float64)
    weights = edge_weights(distances)[..., None] ** 2
    points = _mean(weights, positions)
    for _ in range(STEPS):
        apart = np.linalg.norm(positions - points[:, None], axis=2, keepdims=True)
        points = _mean(weights / np.hypot(apart, SOFTNESS), positions)
    is_landmark = distances[:, :1] == 0
    return np.where(is_landmark, positions[:, 0], points).astype(np.float32)


def _mean(weights: Floats, positions: Floats) -> Floats:
    total: Floats = (weights * positions).sum(axis=1) / weights.sum(axis=1)
    return total
