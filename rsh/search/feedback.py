"""Relevance feedback (Rocchio): tiles marked positive or negative move the query.

    moved query = query * tanh(q) + positive * mean tanh(p) - negative * mean tanh(n)

over the relaxed codes of the query q, the positive tiles p and the negative tiles n, divided by the
sum of the weights used. The result has one weight per bit; all codes are scored with it, see
`rsh.codes.asymmetric`.

Source: Rocchio 1971, "Relevance feedback in information retrieval", in Salton (ed.), The SMART
Retrieval System, ch. 14; Manning et al. 2008, Introduction to Information Retrieval, sec. 9.1.1
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsh.codes.asymmetric import nearest, soft_bits
from rsh.codes.binary import hamming
from rsh.codes.cosine import cosines
from rsh.config import check_top_k
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.index.base import Hits
from rsh.search.query import Query, SearchOptions


class Weights(NamedTuple):
    """Weights of Rocchio's formula, 0 or more, no unit.

    Attributes:
        query: of the original query.
        positive: of the mean of the positive tiles.
        negative: of the mean of the negative tiles, which is subtracted.
    """

    query: float = 1.0
    positive: float = 1.0
    negative: float = 0.75


# Chosen on validation tiles, see benchmarks/README.md. The classic 1, 0.75, 0.15 are for word
# vectors. At 1 the negative tiles cancel the bits they share with the query, which are its surest.
WEIGHTS = Weights()


def rocchio(
    query: ArrayLike, positives: ArrayLike, negatives: ArrayLike, *, weights: Weights = WEIGHTS
) -> NDArray[np.float32]:
    """Combine the query with positive and negative tiles.

    Args:
        query: relaxed code, (num_bits,), any scale.
        positives: relaxed codes of the positive tiles, (p, num_bits); p may be 0.
        negatives: relaxed codes of the negative tiles, (n, num_bits); n may be 0.
        weights: of the three parts; a part without tiles has no weight.

    Returns:
        A weight for each bit, (num_bits,), -1 to 1.

    Raises:
        InputError: the codes differ in length, or no part has a weight.
    """
    if min(weights) < 0:
        raise InputError("choose 0 or more", parameter="weights", value=tuple(weights))
    signed = (weights.query, weights.positive, -weights.negative)
    parts = [np.atleast_2d(np.asarray(part)) for part in (query, positives, negatives)]
    used = [(weight, part) for weight, part in zip(signed, parts, strict=True) if part.size]
    total = sum(abs(weight) for weight, _ in used)
    if not total or len({part.shape[1] for _, part in used}) != 1:
        shapes = ", ".join(str(part.shape) for part in parts)
        raise InputError(
            f"nothing to combine of relaxed codes {shapes}",
            parameter="weights",
            value=tuple(weights),
        )
    moved = sum(weight * soft_bits(part).mean(axis=0) for weight, part in used) / total
    return np.asarray(moved, dtype=np.float32)


def rank_with_feedback(
    gallery: Gallery, query: Query, options: SearchOptions
) -> tuple[Hits, NDArray[np.float32]]:
    """Rank a gallery by a query with feedback; its own tile and those marked are left out.

    Returns:
        The top_k hits and all that tie with the last of them, in the order (-score, -cosine of the
        features with those of the query, row), with their Hamming distance from the query; and the
        scores.

    Raises:
        InputError: options do not fit, top_k is out of range, or no tile is left to be found.
    """
    options.check_with_feedback()
    rows = np.setdiff1d(gallery.searchable_rows(**options.among()), query.excluded)
    if not len(rows):
        raise InputError(f"every tile of {gallery.folder} is marked: none is left to be found")
    top_k = check_top_k(options.top_k, len(rows))
    relaxed = gallery.relaxed
    marked = (relaxed[list(given)] for given in (query.positive, query.negative))
    encodings = query.encodings(gallery)
    ids, scores = nearest(rocchio(encodings.relaxed[0], *marked), gallery.packed, rows, top_k=top_k)
    order = np.lexsort((-cosines(encodings.features[0], gallery.features, ids), -scores))
    (distances,) = hamming(encodings.packed, gallery.packed[ids])
    return Hits(ids[order], distances[order]), scores[order]
