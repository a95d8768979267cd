"""How unlike all others a tile or a query is: its outlier factor.

**The outlier factor is how many times as far something lies from its nearest tiles as these lie
from theirs**, each on average over the nearest hundredth of the tiles. Near 1 it is one among
others, in a dense region as in a sparse one. Distances are those of continuous codes, one minus the
cosine: an image that resembles no tile often has an ordinary code, of which few bits are sure.

Where there are more than `MOST_COMPARED` tiles, distances are to so many that are spread evenly
over the rows. A large factor then also means a rare kind of tile.

Source: the factor is the local outlier factor of Breunig et al. 2000, "LOF: identifying
density-based local outliers", without the smoothing of short distances that makes its "reachability
distance": simplified LOF of Schubert et al. 2014, "Local outlier detection reconsidered"
"""

import numpy as np
from numpy.typing import NDArray

from rsh.codes.density import Ints, count_nearest, sample_rows
from rsh.codes.encodings import HalfArray, HalfRows

Floats = NDArray[np.float32]
MOST_COMPARED = 4000  # tiles with which each is compared
FLOOR = 0.2  # of the mean distance is added below the fraction: where all have one code, it is 0
LEAST_FLOOR = 1e-6
BLOCK = 2**21  # distances in memory at a time


class Outliers:
    """The tiles that others are compared with.

    Attributes:
        rows: of these tiles, ascending, (k,).
        nearest: how many of them count as the nearest.
        factors: their own outlier factors, (k,) float32.
    """

    def __init__(self, relaxed: HalfRows) -> None:
        """Choose tiles, and measure them.

        Args:
            relaxed: hash layer output of all tiles, (n, num_bits), one row or more; may be a
                memory map.
        """
        self._relaxed = relaxed
        self.rows = sample_rows(len(relaxed), MOST_COMPARED)
        count = len(self.rows)
        self.nearest = count_nearest(count)
        self._directions = _directions(relaxed[self.rows])
        own = np.arange(count) if count > 1 else None  # one alone has itself only
        distances, near = self._find_nearest(self._directions, own=own)
        self._spread: Floats = distances.mean(axis=1)
        self._floor = max(FLOOR * float(self._spread.mean()), LEAST_FLOOR)
        self.factors = self._divide(distances, self._spread[near])

    def of_tiles(self, rows: Ints) -> Floats:
        """Return the outlier factors of some tiles, (m,) float32, by their rows, ascending."""
        factors = np.empty(len(rows), np.float32)
        step = max(1, BLOCK // len(self.rows))
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            distances, near = self._find_nearest(_directions(self._relaxed[rows[part]]))
            factors[part] = self._divide(distances, self._spread[near])
        _, among, own = np.intersect1d(rows, self.rows, return_indices=True)
        factors[among] = self.factors[own]  # a tile is not its own neighbor
        return factors

    def of_query(self, relaxed: HalfArray, *, more: Ints, own: int | None = None) -> float:
        """Return the outlier factor of one tile or image.

        Args:
            relaxed: its hash layer output, (1, num_bits).
            more: rows of tiles that it is compared with as well, such as its nearest by code: of a
                rare kind, the chosen tiles may lack all.
            own: its row, if it is a tile.
        """
        more = np.setdiff1d(more, self.rows)
        added = _directions(self._relaxed[more])
        spread = np.concatenate([self._spread, self._find_nearest(added)[0].mean(axis=1)])
        rows = np.concatenate([self.rows, more])
        distances = 1 - np.vstack([self._directions, added]) @ _directions(relaxed)[0]
        if own is not None:
            distances[rows == own] = np.inf
        near = np.argpartition(distances, self.nearest - 1)[: self.nearest]
        return float(self._divide(distances[None, near], spread[None, near])[0])

    def _find_nearest(self, directions: Floats, own: Ints | None = None) -> tuple[Floats, Ints]:
        """Return distances to the nearest of the chosen tiles, and their numbers, (m, nearest)."""
        distances = 1 - directions @ self._directions.T
        if own is not None:
            distances[np.arange(len(own)), own] = np.inf
        near = np.argpartition(distances, self.nearest - 1, axis=1)[:, : self.nearest]
        return np.take_along_axis(distances, near, axis=1), near

    def _divide(self, distances: Floats, spread: Floats) -> Floats:
        far = np.maximum(distances.mean(axis=1), 0)  # a cosine may exceed 1 by rounding
        factors: Floats = far / (spread.mean(axis=1) + self._floor)
        return factors


def _directions(relaxed: HalfArray) -> Floats:
    """Return hash layer output as rows of length 1, float32; zeros stay zeros."""
    rows = np.asarray(relaxed, np.float32)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = rows / np.maximum(length, np.float32(1e-9))
    return unit
