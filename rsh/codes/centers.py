"""Codes that stand for classes."""

import numpy as np
import torch
from scipy.linalg import hadamard
from torch import Tensor

from rsh.codes.binary import Codes


def codewords(num_classes: int, num_bits: int) -> Tensor:
    """Return one code a class, far apart: rows of a Hadamard matrix and their negatives.

    Any two of those differ in half of the bits or in all. They exist for up to twice as many
    classes as bits, where the number of bits is a power of two; elsewhere the centers are searched.

    Returns:
        (num_classes, num_bits) float, only -1 and +1.
    """
    if num_bits & (num_bits - 1) == 0 and num_classes <= 2 * num_bits:
        rows = torch.from_numpy(hadamard(num_bits)).float()
        return torch.cat([rows, -rows])[:num_classes]
    return torch.from_numpy(random_codewords(num_classes, num_bits)).float()


def random_codewords(num_classes: int, num_bits: int, *, seed: int = 0, draws: int = 2000) -> Codes:
    """Fixed codes that lie far apart: each is the best of many random ones.

    Args:
        num_classes: how many.
        num_bits: code length, bits.
        seed: of the draws.
        draws: candidates for each center.

    Returns:
        (num_classes, num_bits) int8, only -1 and +1.
    """
    draw = np.random.default_rng(seed)
    centers = draw.choice(np.array([-1, 1], dtype=np.int8), (1, num_bits))
    while len(centers) < num_classes:
        candidates = draw.choice(np.array([-1, 1], dtype=np.int8), (draws, num_bits))
        nearest = (candidates.astype(np.int32) @ centers.T.astype(np.int32)).max(axis=1)
        centers = np.vstack([centers, candidates[nearest.argmin()]])
    return centers
