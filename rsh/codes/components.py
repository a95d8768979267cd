"""Principal components of features: fewer dimensions in which distances nearly stay."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.codes.encodings import HalfRows, unit

Vectors = NDArray[np.float32]
KEPT_VARIANCE = 0.99
MOST_COMPONENTS = 64
ROWS_AT_ONCE = 1 << 14


class Components(NamedTuple):
    """The principal components of features of length 1.

    Attributes:
        mean: of the features, (d,).
        axes: (d, k).
        variance: share of the variance that is kept, 0 to 1.
    """

    mean: Vectors
    axes: Vectors
    variance: float

    def reduce(self, features: NDArray[np.floating] | HalfRows) -> Vectors:
        """Return features in fewer dimensions, (n, k).

        Args:
            features: (n, d); a memory map is read block by block.
        """
        reduced = np.empty((len(features), self.axes.shape[1]), dtype=np.float32)
        for start in range(0, len(features), ROWS_AT_ONCE):
            block = slice(start, start + ROWS_AT_ONCE)
            reduced[block] = (unit(features[block]) - self.mean) @ self.axes
        return reduced


def principal_components(features: NDArray[np.floating] | HalfRows) -> Components:
    """Return the fewest components that keep 99 % of the variance, but at most 64.

    Args:
        features: (n, d); a memory map is read block by block.
    """
    size = features.shape[1]
    total, products = np.zeros(size), np.zeros((size, size))
    for start in range(0, len(features), ROWS_AT_ONCE):
        block = unit(features[start : start + ROWS_AT_ONCE])
        total += block.sum(axis=0)
        products += block.T @ block
    mean = total / max(len(features), 1)
    spread = products / max(len(features), 1) - np.outer(mean, mean)
    variances, axes = (each[..., ::-1] for each in np.linalg.eigh(spread))
    shares = np.cumsum(variances.clip(0)) / (variances.clip(0).sum() or 1)
    kept = min(int(np.searchsorted(shares, KEPT_VARIANCE)) + 1, MOST_COMPONENTS, size)
    return Components(
        mean.astype(np.float32), axes[:, :kept].astype(np.float32), float(shares[kept - 1])
    )
