"""A second look at the top of a list: what bits have found, in the order of a finer measure.

Codes of K bits know K + 1 distances, so that most of a list is ties. What was computed before the
sign was taken tells them apart, and costs little for a hundred tiles.
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

POOL = 100  # tiles that are looked at again, if nobody says how many
PIECE = 2**14  # tiles whose features are in memory at a time: a radius may hold the whole gallery


def score(
    query: Encodings, packed: Packed, features: HalfArray, *, by: Measure
) -> NDArray[np.float32]:
    """Say how alike a query and some tiles are.

    Args:
        query: one image.
        packed: codes of the tiles, (n, bytes) uint8.
        features: of the same tiles, (n, d) float16, length 1.
        by: "features", the cosine of the features; or "asymmetric", the query's relaxed code
            against the tiles' binary ones, see `rsh.codes.asymmetric`.

    Returns:
        (n,) float32, from -1 to 1, more is nearer.

    Raises:
        InputError: there is no such measure, or what it needs holds numbers that are not finite.
    """
    if by == "features":
        rows, one = (part.astype(np.float32) for part in (features, query.features[0]))
        with np.errstate(invalid="ignore"):  # it is said below, in words
            cosines = np.asarray(rows @ one)
        if not np.isfinite(cosines).all():
            raise InputError(
                f"a feature holds what is no finite number: {recovery_hint('gallery')}"
            )
        return cosines
    if by == "asymmetric":
        return asymmetric.score(asymmetric.soft_bits(query.relaxed[0]), packed)
    raise InputError("choose features or asymmetric", parameter="rerank", value=by)


def rerank(
    query: Encodings, hits: Hits, packed: Packed, features: HalfArray, *, by: Measure
) -> tuple[Hits, NDArray[np.float32]]:
    """Bring hits into the order of a finer measure; equal scores stay as they were.

    Args:
        query: one image.
        hits: what bits have found for it.
        packed: codes of all that was searched, (n, bytes) uint8; `hits.ids` are rows of it.
        features: of the same, (n, d) float16, length 1.
        by: see `score`.

    Returns:
        The same hits, and the score of each.

    Raises:
        InputError: as `score` does.
    """
    pieces = np.array_split(hits.ids, len(hits.ids) // PIECE + 1)
    found = [score(query, packed[ids], features[ids], by=by) for ids in pieces]
    scores = np.concatenate(found)
    order = np.argsort(-scores, kind="stable")
    return Hits(hits.ids[order], hits.distances[order]), scores[order]
