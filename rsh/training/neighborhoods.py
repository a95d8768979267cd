"""The teacher of codes without labels, and of look bits: standardized backbone features.

Two tiles look alike if the cosine of these features is high. The features are standardized over the
training tiles: as they are, a few large ones decide.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsh.metrics.neighbors import nearest_by_cosine
from rsh.training.feature_cache import FeatureArray

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
BLOCK = 2**25  # numbers at a time
SMALLEST = 1e-6  # of a standard deviation, so that a constant feature does no harm


@dataclass(frozen=True)
class Standardization:
    """Mean and standard deviation of each feature.

    Attributes:
        mean: (d,) float32.
        std: (d,) float32, above 0.
    """

    mean: Floats
    std: Floats

    @classmethod
    def fit(cls, features: FeatureArray, rows: Rows) -> "Standardization":
        """Measure the features of some tiles.

        Args:
            features: (n, views, d) float16.
            rows: of the training tiles.
        """
        return cls.of(_parts(features, rows), features.shape[-1])

    @classmethod
    def of(cls, parts: Iterable[Floats], dim: int) -> "Standardization":
        """Measure rows that come in parts, (n, dim) each; at least one row in all."""
        count = 0
        total, squares = np.zeros((2, dim))
        for part in parts:
            count += len(part)
            total += part.sum(axis=0, dtype=np.float64)
            squares += np.square(part, dtype=np.float64).sum(axis=0)
        mean = total / count
        std = np.sqrt(np.maximum(squares / count - mean**2, 0))
        smallest = SMALLEST * min(1, std.max())  # features of any scale
        smallest = max(smallest, np.finfo(np.float32).tiny)
        return cls(mean.astype(np.float32), np.maximum(std, smallest).astype(np.float32))

    def apply(self, features: FeatureArray, rows: Rows) -> Floats:
        """Return the standardized features of tiles, of length 1.

        Args:
            features: (n, views, d) float16; their mean over the views is taken.
            rows: of the tiles.

        Returns:
            (len(rows), d) float32.
        """
        found = np.empty((len(rows), features.shape[-1]), np.float32)
        start = 0
        for part in _parts(features, rows):
            stop = start + len(part)
            found[start:stop] = normalize((part - self.mean) / self.std)
            start = stop
        return found


@dataclass(frozen=True)
class Teacher:
    """Standardized features of the training tiles.

    Attributes:
        features: (n, d) float32, length 1.
        standardization: how they were standardized.
    """

    features: Floats
    standardization: Standardization

    @classmethod
    def fit(cls, features: FeatureArray, rows: Rows) -> "Teacher":
        """Standardize the features of the training tiles.

        Args:
            features: (n, views, d) float16.
            rows: of the training tiles.
        """
        standardization = Standardization.fit(features, rows)
        return cls(standardization.apply(features, rows), standardization)

    def neighbors(self, count: int) -> tuple[Rows, Floats]:
        """Find the nearest training tiles of each by cosine, itself left out; exact.

        Args:
            count: number of neighbors; at most n - 1 are found.

        Returns:
            Rows of the neighbors, (n, count) int64, nearest first, equal ones in the order of rows;
            and the cosine of the last of them, (n,) float32.
        """
        total = len(self.features)
        rows = nearest_by_cosine(
            self.features, self.features, min(count, total - 1), own=np.arange(total)
        )
        return rows, np.einsum("nd,nd->n", self.features, self.features[rows[:, -1]])

    def components(self, count: int) -> Floats:
        """Return the first principal axes of the features, (at most count, d), by variance."""
        covariance = np.zeros((self.features.shape[1],) * 2)
        for start in range(0, len(self.features), BLOCK // covariance.shape[0]):
            part = self.features[start : start + BLOCK // covariance.shape[0]]
            covariance += part.T @ part
        values, axes = np.linalg.eigh(covariance)
        largest = np.argsort(-values, kind="stable")[: min(count, len(self.features))]
        return np.ascontiguousarray(axes[:, largest].T.astype(np.float32))


def normalize(rows: Floats) -> Floats:
    """Return rows scaled to length 1; a row of zeros stays one."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Floats = rows / np.maximum(length, np.finfo(np.float32).tiny)
    return scaled


def _parts(features: FeatureArray, rows: Rows) -> Iterator[Floats]:
    """Yield the mean over the views of some tiles at a time, (part, d)."""
    step = max(1, BLOCK // (4 * features.shape[-1]))
    for start in range(0, len(rows), step):
        yield features[rows[start : start + step]].astype(np.float32).mean(axis=1)
