"""The tiles that a projection was fitted to, as far as placing a query needs them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed
from rsh.codes.components import Components, principal_components
from rsh.codes.encodings import HalfRows, unit

Points = NDArray[np.float32]
MOST_FITTED = 50_000  # rows that UMAP lays out; of more it lays out so many landmarks
MOST_NUMBERS = 1 << 22  # of the landmarks' features in memory, 16 MB
SAMPLE = 5_000  # tiles whose components are computed, while a visitor waits


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

    def vectors(self, features: HalfRows) -> NDArray[np.float32]:
        """Return features as `features` are: at length 1, or in fewer dimensions.

        Args:
            features: (n, d).
        """
        return to_vectors(features, self.components)


def find_components(features: HalfRows, *, num_landmarks: int) -> Components | None:
    """Return the components to which features are reduced; None for few landmarks.

    Args:
        features: of all tiles of a gallery, (n, d), whose order says nothing of them.
        num_landmarks: landmarks that tiles are compared with.
    """
    if num_landmarks * features.shape[1] <= MOST_NUMBERS:
        return None
    return principal_components(features[:SAMPLE])


def to_vectors(features: HalfRows, components: Components | None) -> NDArray[np.float32]:
    """Return features in fewer dimensions, or at length 1 without components.

    Args:
        features: (n, d).
        components: which reduce them.
    """
    return components.reduce(features) if components else unit(features)
