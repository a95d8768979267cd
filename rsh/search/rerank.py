"""Re-ranking: the nearest tiles by Hamming distance, reordered by a finer similarity.

Codes of K bits have only K + 1 distances, so most of a ranking is tied. The continuous values that
the network gives with them separate these ties, at little cost for a hundred tiles.
"""

import numpy as np
from numpy.typing import NDArray

from rsh.codes import asymmetric
from rsh.codes.binary import Packed
from rsh.codes.encodings import Encodings, HalfArray
from rsh.config import Measure
from rsh.errors import InputError
from rsh.index.base import Hits
from rsh.io.files import recovery_hint

RERANK_DEPTH = 100  # tiles that are re-ranked by default
BATCH = 2**14  # tiles whose features are in memory at a time: a radius may hold the whole gallery


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
        rows, one = (part.astype(np.float32) for part in (features, query.features[0]))
        with np.errstate(invalid="ignore"):  # reported below as an InputError
            cosines = np.asarray(rows @ one)
        if not np.isfinite(cosines).all():
            raise InputError(f"a feature is not a finite number: {recovery_hint('gallery')}")
        return cosines
    if by == "asymmetric":
        return asymmetric.score(asymmetric.soft_bits(query.relaxed[0]), packed)
    raise InputError("choose features or asymmetric", parameter="rerank", value=by)


def rerank(
    query: Encodings, hits: Hits, packed: Packed, features: HalfArray, *, by: Measure
) -> tuple[Hits, NDArray[np.float32]]:
    """Sort hits by a finer measure; equal scores keep their order.

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
    batches = np.array_split(hits.ids, len(hits.ids) // BATCH + 1)
    scores = np.concatenate([score(query, packed[ids], features[ids], by=by) for ids in batches])
    order = np.argsort(-scores, kind="stable")
    return Hits(hits.ids[order], hits.distances[order]), scores[order]
