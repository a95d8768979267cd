"""The tiles that a projection was fitted to, as far as placing a query needs them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed

Points = NDArray[np.float32]
MOST_FITTED = 50_000  # rows that UMAP lays out; of more it lays out so many landmarks


class Landmarks(NamedTuple):
    """Landmarks of both planes; features and codes have landmarks of their own.

    Attributes:
        features: length 1, (m, d) float32.
        feature_points: their positions, (m, 2).
        packed: codes, (c, bytes) uint8.
        code_points: their positions, (c, 2).
    """

    features: NDArray[np.float32]
    feature_points: Points
    packed: Packed
    code_points: Points
