"""Exhaustive search with FAISS."""

from itertools import pairwise
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Ids, Packed, check_packed
from rsh.index.base import Hits, check_radius, check_top_k, sort_hits
from rsh.index.in_memory import InMemoryIndex, StoredCodes

FAST_WIDTHS = (4, 8, 16, 32)  # bytes for which FAISS has an unrolled kernel


class FlatIndex(InMemoryIndex):
    """Compares every query with every code, in memory: see `Index`.

    Codes are padded with zero bytes to a width for which FAISS has a fast kernel. Zeros on both
    sides add no distance, and 16-bit codes are searched four times faster.
    """

    kind = "flat"

    def _index_all(self, codes: StoredCodes) -> None:
        padded = pad(codes.packed)
        self._ids = codes.ids
        self._width = codes.packed.shape[1]
        self._index: Any = faiss.IndexBinaryFlat(padded.shape[1] * 8)
        self._index.add(padded)

    @property
    def held(self) -> StoredCodes:
        """All codes and their ids, copied out of the index."""
        padded = faiss.vector_to_array(self._index.xb).reshape(-1, self._index.d // 8)
        return StoredCodes(padded[:, : self._width], self._ids)

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find the top_k nearest codes of each query: see `Index`."""
        check_top_k(top_k, len(self))
        padded = pad(check_packed(query_packed, self.num_bits))
        distances, rows = self._index.search(padded, top_k)
        return [Hits(*hits) for hits in zip(self._ids[rows], distances, strict=True)]

    def range_search(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find all codes at a distance of at most radius: see `Index`."""
        check_radius(radius, self.num_bits)
        padded = pad(check_packed(query_packed, self.num_bits))
        limits, distances, rows = self._index.range_search(padded, radius + 1)  # FAISS means <
        return split_ranges(limits, distances, self._ids[rows])


def split_ranges(limits: NDArray[np.int64], distances: NDArray[np.int32], ids: Ids) -> list[Hits]:
    """Return the hits of each query from FAISS's flat arrays.

    Args:
        limits: the hits of query i are limits[i] to limits[i + 1], (q + 1,).
        distances: of the hits of all queries, bits.
        ids: of the hits of all queries.
    """
    return [
        sort_hits(ids[start:stop], distances[start:stop])
        for start, stop in pairwise(limits.tolist())
    ]


def pad(packed: Packed) -> Packed:
    """Append zero bytes up to the next width with a fast kernel."""
    width = packed.shape[1]
    fast = next(fast for fast in FAST_WIDTHS if fast >= width)
    if fast == width:
        return np.ascontiguousarray(packed)
    padded = np.zeros((len(packed), fast), dtype=np.uint8)
    padded[:, :width] = packed
    return padded
