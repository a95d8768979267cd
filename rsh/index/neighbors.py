"""Exact nearest neighbors of many rows at once, in all threads."""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed, as_words

ROUNDING = 1e-6  # of half the square of a distance between vectors of length 1, in float32


class Neighbors(NamedTuple):
    """The k nearest rows of each query, nearest first.

    Attributes:
        rows: row numbers, (q, k).
        distances: (q, k), ascending.
    """

    rows: NDArray[np.int64]
    distances: NDArray[np.float32]


class NeighborSearch(Protocol):
    """Finds the nearest of the rows that it was made of."""

    def search(self, queries: NDArray[Any], count: int) -> Neighbors:
        """Return the nearest rows of each query.

        Args:
            queries: (q, d).
            count: number of neighbors, at most that of the rows.
        """


class VectorNeighbors:
    """Finds the nearest vectors by half the square of their Euclidean distance.

    Of vectors of length 1 this is the cosine distance.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        """Take vectors, (n, d)."""
        import faiss

        self._index = faiss.IndexFlatL2(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors))

    def search(self, queries: NDArray[Any], count: int) -> Neighbors:
        """Return the nearest vectors of each query: see `NeighborSearch`."""
        squares, rows = self._index.search(np.ascontiguousarray(queries), count)
        halves = (squares / 2).astype(np.float32, copy=False)
        halves[halves < ROUNDING] = 0  # also what is negative
        return Neighbors(rows, halves)


class CodeNeighbors:
    """Finds the nearest codes by Hamming distance, in bits; of equally near ones the first."""

    def __init__(self, packed: Packed) -> None:
        """Take codes, (n, bytes) uint8."""
        self._columns = np.ascontiguousarray(as_words(packed).T)  # (words, n)

    def search(self, queries: NDArray[Any], count: int) -> Neighbors:
        """Return the nearest codes of each query: see `NeighborSearch`."""
        from rsh.codes.hamming import _nearest, in_threads

        words = as_words(queries)
        rows = np.empty((len(words), count), dtype=np.int64)
        distances = np.empty((len(words), count), dtype=np.int32)
        in_threads(
            lambda part: _nearest(self._columns, words[part], rows[part], distances[part]),
            len(words),
        )
        return Neighbors(rows, distances.astype(np.float32))
