"""Exact Hamming search by FAISS, in the order (distance, id)."""

from itertools import pairwise
from typing import NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

from rsh.codes import Packed, check_packed
from rsh.errors import InputError

FAST_WIDTHS = (4, 8, 16, 32)  # bytes for which FAISS has an unrolled kernel


class Hits(NamedTuple):
    """What a search found for one query, nearest first, equal distances by id.

    Attributes:
        ids: (k,) int64, positions in the indexed array.
        distances: (k,) int32, bits.
    """

    ids: NDArray[np.int64]
    distances: NDArray[np.int32]


class ExactEngine:
    """All codes in memory, every query compared with every code.

    Codes are padded with zero bytes to a width FAISS has a fast kernel for; zeros on both
    sides add no distance, and 16-bit codes are searched four times faster.
    """

    def __init__(self, packed: Packed, num_bits: int) -> None:
        """Index `packed`, (n, ceil(num_bits / 8)) uint8; row numbers become ids."""
        self.num_bits = num_bits
        padded = _pad(check_packed(packed, num_bits))
        self._index = faiss.IndexBinaryFlat(padded.shape[1] * 8)
        self._index.add(padded)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find the top_k nearest codes of each query.

        Args:
            query_packed: (q, bytes) uint8.
            top_k: how many, 1 to the number of codes.

        Returns:
            One Hits a query, each of length top_k.

        Raises:
            InputError: wrong width or type, or top_k out of range.
        """
        if not 1 <= top_k <= len(self):
            raise InputError(f"top_k={top_k}: choose 1 to {len(self)}, the items of the gallery")
        padded = _pad(check_packed(query_packed, self.num_bits))
        distances, ids = self._index.search(padded, top_k)
        return [Hits(*row) for row in zip(ids, distances, strict=True)]

    def within(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find all codes at a distance of at most radius from each query.

        Args:
            query_packed: (q, bytes) uint8.
            radius: Hamming radius, bits, 0 to num_bits.

        Returns:
            One Hits a query, each as long as its ball is full, perhaps empty.

        Raises:
            InputError: wrong width or type, or radius out of range.
        """
        if not 0 <= radius <= self.num_bits:
            raise InputError(f"radius={radius}: choose 0 to {self.num_bits} bits")
        padded = _pad(check_packed(query_packed, self.num_bits))
        limits, distances, ids = self._index.range_search(padded, radius + 1)  # FAISS means <
        return [
            _in_order(ids[start:stop], distances[start:stop])
            for start, stop in pairwise(limits.tolist())
        ]


def _in_order(ids: NDArray[np.int64], distances: NDArray[np.generic]) -> Hits:
    order = np.lexsort((ids, distances))
    return Hits(ids[order], distances[order].astype(np.int32))


def _pad(packed: Packed) -> Packed:
    """Append zero bytes up to the next width with a fast kernel."""
    width = packed.shape[1]
    fast = next(fast for fast in FAST_WIDTHS if fast >= width)
    return np.ascontiguousarray(np.pad(packed, ((0, 0), (0, fast - width))))
