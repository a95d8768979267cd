"""The order of tiles in a gallery: by a hash of the id, so that it says nothing of a class."""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray


def id_hashes(ids: Iterable[str]) -> NDArray[np.int64]:
    """Return a number for each id, which is the same on every machine and says nothing of a tile.

    Args:
        ids: tile ids.

    Returns:
        (n,) int64, from 0 on: 63 bits of a hash. Two of ten million ids share one with a chance of
        five in a million.
    """
    hashes = (blake2b(text.encode(), digest_size=8).digest() for text in ids)
    return np.array([int.from_bytes(digest, "big") >> 1 for digest in hashes], dtype=np.int64)


def hash_order(ids: Iterable[str]) -> NDArray[np.int64]:
    """Return positions of ids in the order of their keys.

    Rows break ties in every search, and most of a ranking is ties. Scenes are sorted by class,
    so their own order would put one class first wherever distances are equal; this order says
    nothing of a tile, and is the same on every machine.

    Args:
        ids: unique tile ids.
    """
    return np.argsort(id_hashes(ids), kind="stable")
