"""The tiles that a projection was fitted to, as far as placing a query needs them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed
from rsh.codes.components import Components, principal_components
from rsh.codes.encodings import HalfArray, unit

Points = NDArray[np.float32]
MOST_FITTED = 50_000  # rows that UMAP lays out; of more it lays out so many landmarks
MOST_NUMBERS = 1 << 23  # of the landmarks' features in memory, 32 MB


class Landmarks(NamedTuple):
    """Landmarks of both planes; features and codes have landmarks of their own.

    Attributes:
        features: at length 1, (m, d) float32, or in fewer dimensions.
        components: which reduced them; None if they have all dimensions.
        feature_points: their positions, (m, 2).
        packed: codes, (c, bytes) uint8.
        code_points: their positions, (c, 2).
    """

    features: NDArray[np.float32]
    components: Components | None
    feature_points: Points
    packed: Packed
    code_points: Points

    def vectors(self, features: HalfArray) -> NDArray[np.float32]:
        """Return features as `features` are: at length 1, or in fewer dimensions.

        Args:
            features: (n, d).
        """
        return self.components.reduce(features) if self.components else unit(features)


def make_landmarks(
    features: HalfArray, feature_points: Points, packed: Packed, code_points: Points
) -> Landmarks:
    """Return landmarks; if the features take much memory, their dimensions are reduced.

    Args:
        features: (m, d).
        feature_points: their positions, (m, 2).
        packed: codes, (c, bytes) uint8.
        code_points: their positions, (c, 2).
    """
    components = principal_components(features) if features.size > MOST_NUMBERS else None
    vectors = components.reduce(features) if components else unit(features)
    return Landmarks(vectors, components, feature_points, packed, code_points)
