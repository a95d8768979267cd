"""The teacher of codes without labels, and of look bits: standardized backbone features.

Two tiles look alike if the cosine of these features is high. The features are standardized over the
training tiles: as they are, a few large ones decide. Where some tiles have labels, these shape the
features that neighborhoods are taken in.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsh.codes.encodings import HalfArray
from rsh.data.decoded import DecodedTiles
from rsh.labels import UNLABELED
from rsh.metrics.neighbors import nearest_by_cosine

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
BLOCK = 2**25  # numbers at a time
SHRINKAGE = 0.1  # of the variance of all tiles, added to that within classes
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
    def fit(cls, features: HalfArray, rows: Rows) -> "Standardization":
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

    def apply(self, features: HalfArray, rows: Rows) -> Floats:
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
    def fit(cls, features: HalfArray, rows: Rows) -> "Teacher":
        """Standardize the features of the training tiles.

        Args:
            features: (n, views, d) float16.
            rows: of the training tiles.
        """
        standardization = Standardization.fit(features, rows)
        return cls(standardization.apply(features, rows), standardization)

    def components(self, count: int) -> Floats:
        """Return the first principal axes of the features, (at most count, d), by variance."""
        covariance = np.zeros((self.features.shape[1],) * 2)
        for start in range(0, len(self.features), BLOCK // covariance.shape[0]):
            part = self.features[start : start + BLOCK // covariance.shape[0]]
            covariance += part.T @ part
        values, axes = np.linalg.eigh(covariance)
        largest = np.argsort(-values, kind="stable")[: min(count, len(self.features))]
        return np.ascontiguousarray(axes[:, largest].T.astype(np.float32))


def find_neighbors(features: Floats, count: int) -> tuple[Rows, Floats]:
    """Find the nearest other tiles of each tile by cosine; exact.

    Args:
        features: (n, d) float32, length 1.
        count: number of neighbors; at most n - 1 are found.

    Returns:
        Rows of the neighbors, (n, count) int64, nearest first, equal ones in the order of rows; and
        the cosine of the last of them, (n,) float32.
    """
    total = len(features)
    rows = nearest_by_cosine(features, features, min(count, total - 1), own=np.arange(total))
    return rows, np.einsum("nd,nd->n", features, features[rows[:, -1]])


def shape_by_labels(features: Floats, labels: Rows) -> Floats:
    """Bring tiles of one class closer together, those without a label as well.

    Linear discriminant analysis with shrinkage. Directions in which tiles of a class differ are
    shortened; beside the features stand their components along the axes that separate the means
    of the classes, of length sqrt(1 - 1/m) for m labels a class: the mean of few says little, and
    that of one says nothing, which leaves the features as they are.

    Args:
        features: (n, d) float32, length 1.
        labels: class numbers, (n,) int64, -1 where unknown; of two classes or more.

    Returns:
        (n, d + number of classes - 1) float32, length 1.

    Source: Friedman 1989, "Regularized discriminant analysis", JASA 84.
    """
    known = np.flatnonzero(labels != UNLABELED)
    numbers = np.unique(labels[known], return_inverse=True)[1]
    classes = numbers.max() + 1
    means = np.stack([features[known[numbers == number]].mean(axis=0) for number in range(classes)])
    within = features[known] - means[numbers]
    if len(within) > within.shape[1]:
        within = np.linalg.qr(within, mode="r")
    _, sizes, axes = np.linalg.svd(within, full_matrices=False)
    least = max(SHRINKAGE * features.var(axis=0).sum(), np.finfo(np.float32).tiny)
    shorter = 1 - np.sqrt(least / (sizes**2 + least))
    center = features.mean(axis=0)

    def whiten(rows: Floats) -> Floats:
        white: Floats = rows - center
        white -= (white @ axes.T * shorter) @ axes
        return white

    white, centers = whiten(features), whiten(means)
    between = np.linalg.svd(centers - centers.mean(axis=0), full_matrices=False)[2][: classes - 1]
    weight = np.float32(np.sqrt(1 - classes / len(known)))
    return normalize(
        np.concatenate([normalize(white), weight * normalize(white @ between.T)], axis=1)
    )


def normalize(rows: Floats) -> Floats:
    """Return rows scaled to length 1; a row of zeros stays one."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Floats = rows / np.maximum(length, np.finfo(np.float32).tiny)
    return scaled


def measure_bands(tiles: DecodedTiles, rows: Rows) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each band over all pixels of some tiles with data.

    Args:
        tiles: (n, bands, side, side), NaN where there is no data.
        rows: of the tiles.
    """
    count, total, squares = np.zeros((3, tiles.shape[1]))
    step = max(1, BLOCK // tiles[0].size)
    for start in range(0, len(rows), step):
        values = tiles[rows[start : start + step]].astype(np.float64)
        count += np.isfinite(values).sum(axis=(0, 2, 3))
        total += np.nansum(values, axis=(0, 2, 3))
        squares += np.nansum(values**2, axis=(0, 2, 3))
    mean = total / np.maximum(count, 1)
    std = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0))
    std = np.where(std > SMALLEST * std.max(), std, 1)  # of a constant band
    return mean.astype(np.float32), std.astype(np.float32)


def _parts(features: HalfArray, rows: Rows) -> Iterator[Floats]:
    """Yield the mean over the views of some tiles at a time, (part, d)."""
    step = max(1, BLOCK // (4 * features.shape[-1]))
    for start in range(0, len(rows), step):
        yield features[rows[start : start + step]].astype(np.float32).mean(axis=1)
