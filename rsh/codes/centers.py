"""Codewords: one fixed code per class."""

import numpy as np
import torch
from scipy.linalg import hadamard
from torch import Tensor

from rsh.codes.binary import Codes


def codewords(num_classes: int, num_bits: int) -> Tensor:
    """Return one code per class, far apart: rows of a Hadamard matrix and their negatives.

    Any two of these differ in half of the bits or in all. They exist if num_bits is a power of two,
    for up to 2 num_bits classes; otherwise codes are searched at random.

    Returns:
        (num_classes, num_bits) float, only -1 and +1.
    """
    if num_bits & (num_bits - 1) == 0 and num_classes <= 2 * num_bits:
        rows = torch.from_numpy(hadamard(num_bits)).float()
        return torch.cat([rows, -rows])[:num_classes]
    return torch.from_numpy(random_codewords(num_classes, num_bits)).float()


def random_codewords(num_classes: int, num_bits: int, *, seed: int = 0) -> Codes:
    """Return fixed codes that are far apart: each is the best of 2000 random codes.

    Args:
        num_classes: number of codes.
        num_bits: code length, bits.
        seed: of the random codes.

    Returns:
        (num_classes, num_bits) int8, only -1 and +1.
    """
    rng = np.random.default_rng(seed)
    signs = np.array([-1, 1], dtype=np.int8)
    centers = rng.choice(signs, (1, num_bits))
    while len(centers) < num_classes:
        candidates = rng.choice(signs, (2000, num_bits))
        nearest = (candidates.astype(np.int32) @ centers.T.astype(np.int32)).max(axis=1)
        centers = np.vstack([centers, candidates[nearest.argmin()]])
    return centers
