"""Re-ranking: the nearest tiles by Hamming distance, reordered by a finer similarity.

Codes of K bits have only K + 1 distances, so most of a ranking is tied. The continuous values that
the network gives with them separate these ties, at little cost for a hundred tiles. Every search
orders the tiles of one distance by their features; re-ranking also moves tiles across distances.
"""

import numpy as np
from numpy.typing import NDArray

from rsh.codes import asymmetric
from rsh.codes.binary import Packed
from rsh.codes.cosine import cosines
from rsh.codes.encodings import Encodings, HalfArray
from rsh.config import Measure
from rsh.errors import InputError
from rsh.index.base import Hits

RERANK_DEPTH = 100  # tiles that are re-ranked by default


def score(
    query: Encodings, packed: Packed, features: HalfArray, *, by: Measure
) -> NDArray[np.float32]:
    """Return the similarity of each tile to the query.

    Args:
        query: one image.
        packed: codes of the tiles, (n, bytes) uint8.
        features: of the same tiles, (n, d) float16, length 1.
        by: "features", the cosine of the features; or "asymmetric", the query's relaxed code
            against the tiles' binary ones, see `rsh.codes.asymmetric`.

    Returns:
        (n,) float32, from -1 to 1, more is nearer.

    Raises:
        InputError: there is no such measure, or a number is not finite.
    """
    if by == "features":
        return cosines(query.features[0], features).astype(np.float32)
    return _score_codes(query, packed, by=by)


def rerank(
    query: Encodings, hits: Hits, packed: Packed, features: HalfArray, *, by: Measure
) -> tuple[Hits, NDArray[np.float32]]:
    """Sort hits by a finer measure; equal scores by the cosine of features, then by row.

    Args:
        query: one image.
        hits: its nearest tiles by Hamming distance.
        packed: codes of the whole gallery, (n, bytes) uint8; `hits.ids` are its rows.
        features: of the same, (n, d) float16, length 1.
        by: see `score`.

    Returns:
        The same hits, the highest score first, and the score of each.

    Raises:
        InputError: as `score` does.
    """
    near = cosines(query.features[0], features, hits.ids)
    if by == "features":
        scores = near.astype(np.float32)
    else:
        scores = _score_codes(query, packed[hits.ids], by=by)
    order = np.lexsort((hits.ids, hits.distances, -near, -scores))
    return Hits(hits.ids[order], hits.distances[order]), scores[order]


def order_ties(query: Encodings, hits: Hits, features: HalfArray) -> Hits:
    """Sort the tiles of each distance by the cosine of features; equal cosines by row.

    Args:
        query: one image.
        hits: its nearest tiles by Hamming distance, nearest first.
        features: of the whole gallery, (n, d) float16, length 1; `hits.ids` are its rows.

    Raises:
        InputError: a feature is not a finite number.
    """
    near = cosines(query.features[0], features, hits.ids)
    order = np.lexsort((hits.ids, -near, hits.distances))
    return Hits(hits.ids[order], hits.distances[order])


def _score_codes(query: Encodings, packed: Packed, *, by: Measure) -> NDArray[np.float32]:
    if by == "asymmetric":
        return asymmetric.score(asymmetric.soft_bits(query.relaxed[0]), packed)
    raise InputError("choose features or asymmetric", parameter="rerank", value=by)
