"""Network output for each tile: code, continuous code and feature."""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rsh.codes.binary import Codes, Packed, pack

HalfArray = NDArray[np.float16]


class HalfRows(Protocol):
    """A `HalfArray`, or an object that reads some of its rows when they are used."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows, and of numbers in each."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> HalfArray: ...

    def __array__(self) -> NDArray[Any]: ...

    def astype(self, dtype: DTypeLike, /) -> NDArray[Any]:
        """Return all numbers in another type."""


class Encodings(NamedTuple):
    """Network output for n images.

    Attributes:
        codes: (n, num_bits) int8, only -1 and +1.
        relaxed: hash layer output, whose signs are the codes, (n, num_bits) float16.
        features: projection-head output, (n, d) float16, length 1.
    """

    codes: Codes
    relaxed: HalfArray
    features: HalfArray

    @property
    def packed(self) -> Packed:
        """Packed codes, (n, bytes) uint8."""
        return pack(self.codes)

    def one(self, row: int) -> "Encodings":
        """Return the encodings of one image, as one row."""
        rows = slice(row, row + 1)
        return Encodings(self.codes[rows], self.relaxed[rows], self.features[rows])


def unit(features: NDArray[np.floating] | HalfRows) -> NDArray[np.float32]:
    """Return features at length 1, which rounding to float16 has changed; zeros stay.

    Args:
        features: (n, d).
    """
    rows = np.asarray(features, dtype=np.float32)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(length > 0, length, 1)).astype(np.float32, copy=False)
