"""Hamming distances of stored codes from one query, with NumPy alone and without a copy of them.

A million codes of 64 bits take 2 ms. The distances of the last query are kept, since a page asks
for them several times: for the nearest tiles, for counts at each distance, and for colors.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed, check_packed

BLOCK = 1 << 16  # codes compared at a time; what is between stays in the CPU cache
WORDS = (8, 4, 2, 1)  # bytes
Distances = NDArray[np.unsignedinteger[Any]]


class CodeScan:
    """Compares codes with one query at a time.

    Attributes:
        packed: the codes, (n, bytes) uint8; may be a memory map.
        num_bits: code length, bits.
    """

    def __init__(self, packed: Packed, num_bits: int) -> None:
        """Look at codes where they lie."""
        self.packed, self.num_bits = packed, num_bits
        size = next(size for size in WORDS if packed.shape[1] % size == 0)
        self._word = np.dtype(f"u{size}")
        self._last: tuple[bytes, Distances] = (b"", np.empty(0, np.uint8))

    def distances(self, query_packed: Packed) -> Distances:
        """Return the distance of each code from one query.

        Args:
            query_packed: (1, bytes) or (bytes,) uint8.

        Returns:
            (n,), bits; read-only.

        Raises:
            InputError: the query has another width or type.
        """
        query = np.ascontiguousarray(check_packed(query_packed, self.num_bits)[0])
        key, found = self._last
        if key != query.tobytes():
            found = self._compare(query.view(self._word))
            found.flags.writeable = False
            self._last = query.tobytes(), found
        return found

    def _compare(self, query: NDArray[Any]) -> Distances:
        words = self.packed.view(self._word)
        kind = np.dtype(np.uint8 if self.num_bits < 256 else np.uint16)
        found: Distances = np.empty(len(words), kind)
        for start in range(0, len(words), BLOCK):
            block, total = words[start : start + BLOCK], found[start : start + BLOCK]
            np.bitwise_count(block[:, 0] ^ query[0], out=total, casting="unsafe")
            for number in range(1, len(query)):
                np.add(total, np.bitwise_count(block[:, number] ^ query[number]), out=total)
        return found


def count_distances(
    distances: Distances, chosen: NDArray[np.bool_], num_bits: int
) -> NDArray[np.int64]:
    """Return how many of the chosen codes are at each distance.

    Args:
        distances: of all codes, (n,).
        chosen: which of them count, (n,).
        num_bits: code length, bits.

    Returns:
        (num_bits + 1,).
    """
    counts = np.zeros(num_bits + 1, np.int64)
    for start in range(0, len(distances), BLOCK):
        part = slice(start, start + BLOCK)
        counts += np.bincount(distances[part][chosen[part]], minlength=num_bits + 1)
    return counts
