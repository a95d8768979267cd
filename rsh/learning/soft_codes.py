"""Soft codes of tiles, the space in which labels are compared: tanh of the network's class bits.

They find tiles of a class better than the features that they were learned from, and are a tenth as
long. They are the network's own, also in a learned gallery, so that a score for a labeled tile
does not depend on its label having been learned.
"""

import numpy as np
from numpy.typing import NDArray

from rsh.codes.asymmetric import soft_bits
from rsh.gallery.gallery import Gallery

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


def soft_codes(gallery: Gallery, rows: Rows | slice = slice(None)) -> Floats:
    """Return the soft codes of some tiles, (n, class bits) float32, -1 to 1.

    Codes of look bits alone are taken as a whole.

    Args:
        gallery: an opened gallery.
        rows: of the tiles.
    """
    return soft_bits(gallery.network[rows][:, : gallery.class_bits or None])


def draw(rows: Rows, most: int, seed: int) -> Rows:
    """Return at most so many of some rows, drawn at random, ascending."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
