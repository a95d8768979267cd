"""Training-free hashing baselines: LSH, sign bits and ITQ."""

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rsh.codes.binary import Codes, binarize
from rsh.errors import InputError

Floats = NDArray[np.float32]


def lsh(features: Floats, train: NDArray[np.int64], *, num_bits: int, seed: int = 0) -> Codes:
    """Return codes of random hyperplanes through the mean (locality-sensitive hashing).

    Args:
        features: (n, d) float.
        train: rows whose mean the hyperplanes go through.
        num_bits: code length, bits.
        seed: of the hyperplanes.

    Returns:
        Codes, (n, num_bits) int8.

    Source: Charikar 2002, https://doi.org/10.1145/509907.509965
    """
    planes = np.random.default_rng(seed).standard_normal((features.shape[1], num_bits))
    return binarize((features - features[train].mean(axis=0)) @ planes)


def sign_bits(features: Floats, train: NDArray[np.int64]) -> Codes:
    """Return the sign of each feature around its mean: one bit a dimension, nothing learned.

    Args:
        features: (n, d) float.
        train: rows whose mean is subtracted.

    Returns:
        Codes, (n, d) int8.
    """
    return binarize(features - features[train].mean(axis=0))


def itq(
    features: Floats,
    train: NDArray[np.int64],
    *,
    num_bits: int,
    seed: int = 0,
    iterations: int = 50,
) -> Codes:
    """Return codes of iterative quantization: principal axes, rotated to lose least by the sign.

    In turns, the signs B of V R are taken, and R becomes the rotation that brings V nearest to B.
    It runs on one thread: otherwise codes would depend on how many there are.

    Args:
        features: (n, d) float.
        train: rows on which axes and rotation are fitted.
        num_bits: code length, bits, at most d.
        seed: of the first rotation.
        iterations: turns.

    Returns:
        Codes, (n, num_bits) int8.

    Raises:
        InputError: more bits than feature dimensions.

    Source: Gong and Lazebnik 2011, sec. 2, https://doi.org/10.1109/CVPR.2011.5995432. The
    transform of FAISS 1.15 is none: its objective ends below that of one turn.
    """
    if num_bits > features.shape[1]:
        raise InputError(
            f"ITQ needs at most {features.shape[1]}", parameter="num_bits", value=num_bits
        )
    with threadpool_limits(1):
        values = np.asarray(features, dtype=np.float64)
        values = values - values[train].mean(axis=0)
        _, axes = np.linalg.eigh(values[train].T @ values[train])
        projected = values @ axes[:, : -num_bits - 1 : -1]  # the largest eigenvalues are last
        rotation = _random_rotation(num_bits, seed)
        for _ in range(iterations):
            signs = np.where(projected[train] @ rotation >= 0, 1.0, -1.0)
            left, _, right = np.linalg.svd(projected[train].T @ signs)
            rotation = left @ right
        return binarize(projected @ rotation)


def _random_rotation(size: int, seed: int) -> NDArray[np.float64]:
    drawn = np.random.default_rng(seed).standard_normal((size, size))
    rotation: NDArray[np.float64] = np.linalg.qr(drawn)[0]
    return rotation
