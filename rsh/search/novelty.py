"""Whether a query is unlike everything in a gallery.

It is if its outlier factor (`rsh.codes.outliers`) exceeds that of 99 of 100 tiles of the gallery.
So of the images like the gallery's own tiles, one in a hundred is wrongly said to be unlike
everything.
"""

from dataclasses import dataclass

import numpy as np

from rsh.gallery.gallery import Gallery
from rsh.search.query import Query

EXCEEDED = 0.01  # share of the tiles whose factors exceed the threshold
LEAST_TILES = 100  # in a gallery whose tiles tell what is usual


@dataclass(frozen=True)
class Novelty:
    """How unlike the tiles of a gallery a query is.

    Attributes:
        factor: how many times as far it lies from its nearest tiles as these lie from theirs.
        threshold: factor that one in a hundred tiles of the gallery exceeds.
        share: of these tiles, how many have at least its factor, 0 to 1.
        distance: to the nearest tile by code, bits.
    """

    factor: float
    threshold: float
    share: float
    distance: int

    @property
    def unlike_everything(self) -> bool:
        """Whether the factor exceeds the threshold."""
        return self.factor > self.threshold

    def __str__(self) -> str:
        kind = "unlike everything" if self.unlike_everything else "like some tiles"
        others = f"{self.share:.1%} of the tiles lie" if self.share else "no tile lies"
        return (
            f"the query is {kind} in the gallery: it lies {self.factor:.1f} times as far from its "
            f"nearest tiles as these lie from theirs, and {others} so far"
        )


def measure_novelty(gallery: Gallery, query: Query) -> Novelty | None:
    """Return how unlike the tiles of a gallery a query is; None with fewer than 100 tiles.

    The first call for a gallery takes a quarter of a second, and the next ones milliseconds.

    Args:
        gallery: an opened gallery.
        query: a tile, which is not compared with itself, an image or a vector.
    """
    if len(gallery) < LEAST_TILES:
        return None
    outliers, encodings = gallery.outliers, query.encodings(gallery)
    count = min(outliers.nearest + 1, len(gallery))  # one may be the query
    (hits,) = gallery.search(query.packed(gallery), top_k=count, include_held_out=True)
    others = hits.ids != query.row
    factor = outliers.of_query(encodings.relaxed, more=hits.ids[others], own=query.row)
    return Novelty(
        factor=factor,
        threshold=float(np.quantile(outliers.factors, 1 - EXCEEDED)),
        share=float((outliers.factors >= factor).mean()),
        distance=int(hits.distances[others][0]),
    )
