"""Re-ranking: the nearest tiles by Hamming distance, reordered by a finer similarity.

Codes of K bits have only K + 1 distances, so most of a ranking is tied. The continuous values that
the network gives with them separate these ties, at little cost for a hundred tiles. Every search
orders the tiles of one distance by their features; re-ranking also moves tiles across distances.
"""

from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from rsh.codes import asymmetric
from rsh.codes.binary import Packed
from rsh.codes.cosine import cosines
from rsh.codes.encodings import Encodings, HalfRows
from rsh.codes.parts import code_parts, part_distances
from rsh.config import DEFAULT_LOOK_WEIGHT, Measure
from rsh.errors import InputError
from rsh.index.base import Hits

RERANK_DEPTH = 100  # tiles that are re-ranked by default
NEEDED = {  # parts of the codes that a measure compares
    "class-bits": {"class"},
    "look-bits": {"look"},
    "weighted-bits": {"class", "look"},
}


class BitWeights(NamedTuple):
    """How codes with look bits are compared part by part.

    Attributes:
        look_bits: how many bits are look bits, the last ones; 0 if codes are not divided.
        look_weight: of a look bit, in class bits, above 0, no unit; for "weighted-bits".
    """

    look_bits: int = 0
    look_weight: float = DEFAULT_LOOK_WEIGHT


ONE_PART = BitWeights()


def list_measures(num_bits: int, look_bits: int) -> list[Measure]:
    """Return the measures of codes of a length, some of which are look bits."""
    names = {part.name for part in code_parts(num_bits, look_bits)}
    return [by for by in get_args(Measure) if NEEDED.get(by, set()) <= names]


def check_measure(by: str, num_bits: int, look_bits: int) -> None:
    """Refuse a measure that does not exist, or that needs a part which the codes do not have.

    Raises:
        InputError: names the measure and those to choose from.
    """
    can = list_measures(num_bits, look_bits)
    if by not in can:
        have = "look bits alone" if look_bits else "no look bits"
        why = f"these codes have {have}: " if by in NEEDED else ""
        choice = f"choose {', '.join(can[:-1])} or {can[-1]}"
        raise InputError(f"{why}{choice}", parameter="rerank", value=by)


def score(
    query: Encodings,
    packed: Packed,
    features: HalfRows,
    *,
    by: Measure,
    weights: BitWeights = ONE_PART,
) -> NDArray[np.float32]:
    """Return the similarity of each tile to the query.

    Args:
        query: one image.
        packed: codes of the tiles, (n, bytes) uint8.
        features: of the same tiles, (n, d) float16, length 1.
        by: "features", the cosine of the features; "asymmetric", the query's relaxed code against
            the tiles' binary ones, see `rsh.codes.asymmetric`; or the share of bits that agree less
            the share that differ: of "class-bits" or of "look-bits" alone, or of "weighted-bits",
            both parts with weights.
        weights: the parts of the codes; needed for the last three.

    Returns:
        (n,) float32, from -1 to 1, more is nearer.

    Raises:
        InputError: there is no such measure or part, or a number is not finite.
    """
    if by == "features":
        return cosines(query.features[0], features).astype(np.float32)
    return _score_codes(query, packed, by, weights)


def rerank(
    query: Encodings,
    hits: Hits,
    packed: Packed,
    features: HalfRows,
    *,
    by: Measure,
    weights: BitWeights = ONE_PART,
) -> tuple[Hits, NDArray[np.float32]]:
    """Sort hits by a finer measure; equal scores by the cosine of features, then by row.

    Args:
        query: one image.
        hits: its nearest tiles by Hamming distance.
        packed: codes of the whole gallery, (n, bytes) uint8; `hits.ids` are its rows.
        features: of the same, (n, d) float16, length 1.
        by: see `score`.
        weights: see `score`.

    Returns:
        The same hits, the highest score first, and the score of each.

    Raises:
        InputError: as `score` does.
    """
    near = cosines(query.features[0], features, hits.ids)
    if by == "features":
        scores = near.astype(np.float32)
    else:
        scores = _score_codes(query, packed[hits.ids], by, weights)
    order = np.lexsort((hits.ids, hits.distances, -near, -scores))
    return Hits(hits.ids[order], hits.distances[order]), scores[order]


def order_ties(query: Encodings, hits: Hits, features: HalfRows) -> Hits:
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


def _score_codes(
    query: Encodings, packed: Packed, by: Measure, weights: BitWeights
) -> NDArray[np.float32]:
    num_bits = query.codes.shape[1]
    check_measure(by, num_bits, weights.look_bits)
    if by == "asymmetric":
        return asymmetric.score(asymmetric.soft_bits(query.relaxed[0]), packed)
    differ, total = np.zeros(len(packed)), 0.0
    for part in code_parts(num_bits, weights.look_bits):
        if part.name in NEEDED[by]:
            weighted = by == "weighted-bits" and part.name == "look"
            weight = weights.look_weight if weighted else 1.0
            differ += weight * part_distances(query.packed, packed, part, num_bits=num_bits)
            total += weight * part.num_bits
    return (1 - 2 * differ / total).astype(np.float32)
