"""Order of tiles in a gallery: by a hash of the id, independent of the class."""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray


def id_hashes(ids: Iterable[str]) -> NDArray[np.int64]:
    """Return a 63-bit hash of each id, the same on every machine.

    Args:
        ids: tile ids.

    Returns:
        (n,) int64, not negative. The probability that two of ten million ids share a hash is
        5e-6.
    """
    hashes = (blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest() for text in ids)
    found = b"".join(hashes)  # 8 bytes each: a list of numbers would take 40
    return (np.frombuffer(found, ">u8") >> np.uint64(1)).astype(np.int64)


def hash_order(ids: Iterable[str]) -> NDArray[np.int64]:
    """Return positions of ids in the order of their hashes.

    Row numbers break ties in every search, and most of a ranking is tied. Data sets are sorted by
    class, so their own order would rank one class first among equal distances; this order is
    independent of the class, and the same on every machine.

    Args:
        ids: unique tile ids.
    """
    return np.argsort(id_hashes(ids), kind="stable")
