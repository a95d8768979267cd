"""Training-free hashing baselines: LSH and ITQ."""

import numpy as np
from numpy.typing import NDArray

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


def itq(features: Floats, train: NDArray[np.int64], *, num_bits: int) -> Codes:
    """Return codes of iterative quantization: principal axes, rotated to lose least by the sign.

    Args:
        features: (n, d) float.
        train: rows on which the rotation is fitted.
        num_bits: code length, bits, at most d.

    Returns:
        Codes, (n, num_bits) int8.

    Raises:
        InputError: more bits than feature dimensions.

    Source: Gong and Lazebnik 2011, https://doi.org/10.1109/CVPR.2011.5995432; computed by FAISS.
    """
    import faiss  # not needed, and maybe missing, where networks are only trained

    if num_bits > features.shape[1]:
        raise InputError(
            f"ITQ needs at most {features.shape[1]}", parameter="num_bits", value=num_bits
        )
    values = np.ascontiguousarray(features, dtype=np.float32)
    transform = faiss.ITQTransform(values.shape[1], num_bits, True)
    transform.train(values[train])
    return binarize(transform.apply(values))
