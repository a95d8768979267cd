"""Rows of several files as rows of one array or table, which are read when they are used.

A gallery of one segment maps its arrays as they are. One of several, or one with removed tiles,
has its rows in another order than its files: copies of all arrays would take gigabytes.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rsh.codes.encodings import HalfArray

Rows = NDArray[np.int64]


class Piece(NamedTuple):
    """Some of the wanted rows, which lie in one segment.

    Attributes:
        segment: number of the segment.
        rows: in the segment, (k,).
        places: of these rows among the wanted ones, (k,).
    """

    segment: int
    rows: Rows
    places: Rows


class RowOrder:
    """Where each row of a gallery lies.

    Attributes:
        positions: number of each row if the rows of all segments are counted, (n,) int64.
        starts: position of the first row of each segment, and the end of the last, ascending.
    """

    def __init__(self, positions: Rows, starts: Rows) -> None:
        self.positions, self.starts = positions, starts

    def __len__(self) -> int:
        return len(self.positions)

    def segments(self, rows: Rows | slice = slice(None)) -> Rows:
        """Return the segment of each of some rows."""
        return np.searchsorted(self.starts, self.positions[rows], side="right") - 1

    def find(self, row: int) -> tuple[int, int]:
        """Return the segment of a row, and its row there."""
        ((segment, (inside,), _),) = self.split(np.array([row]))
        return segment, int(inside)

    def split(self, rows: Rows | slice) -> Iterator[Piece]:
        """Yield the segments that hold some of these rows, in the order of the segments."""
        positions, segments = self.positions[rows], self.segments(rows)
        for segment in np.unique(segments).tolist():
            places = np.flatnonzero(segments == segment)
            yield Piece(segment, positions[places] - self.starts[segment], places)


class ScatteredRows:
    """A two-dimensional array whose rows lie in several files; what is asked for is copied.

    Attributes:
        shape: (n, d).
        dtype: of the numbers.
    """

    def __init__(self, parts: Sequence[HalfArray], order: RowOrder) -> None:
        """Join the arrays of all segments."""
        self._parts, self._order = parts, order
        self.shape, self.dtype = (len(order), parts[0].shape[1]), parts[0].dtype

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, key: Any, /) -> HalfArray:
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        if isinstance(rows, int | np.integer):
            segment, row = self._order.find(int(rows))
            return np.asarray(self._parts[segment][row, columns])
        rows = rows if isinstance(rows, slice) else np.asarray(rows)
        count = len(self._order.positions[rows])
        found = np.empty((count, *self._parts[0][:1, columns].shape[1:]), self.dtype)
        for segment, inside, places in self._order.split(rows):
            found[places] = self._parts[segment][inside, columns]
        return found

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)

    def astype(self, dtype: DTypeLike) -> NDArray[Any]:
        """Return all rows as numbers of another type."""
        return np.asarray(self, dtype=dtype)
