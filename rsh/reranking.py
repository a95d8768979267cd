"""A second look at the top of a list: what bits have found, in the order of a finer measure.

Codes of K bits know K + 1 distances, so that most of a list is ties. What was computed before the
sign was taken tells them apart, and costs little for a hundred tiles.
"""

import numpy as np
from numpy.typing import NDArray

from rsh.codes import unpack
from rsh.engines import Hits
from rsh.errors import InputError
from rsh.gallery import Gallery
from rsh.protocols import Measure
from rsh.segments import Encoded

POOL = 100  # tiles that are looked at again, if nobody says how many


def score(
    gallery: Gallery, rows: NDArray[np.int64], query: Encoded, *, by: Measure
) -> NDArray[np.float32]:
    """Say how alike a query and some tiles are.

    Args:
        gallery: an opened gallery.
        rows: of the tiles, (n,).
        query: one picture.
        by: "features", the cosine of the features; or "asymmetric", the query's relaxed code
            against the tiles' binary ones: the mean over the bits of tanh(u) times the bit, so that
            a bit counts as much as the query is sure of it.

    Returns:
        (n,) float32, from -1 to 1, more is nearer.

    Raises:
        InputError: there is no such measure.
    """
    if by == "features":
        scores = gallery.features[rows].astype(np.float32) @ query.features[0].astype(np.float32)
    elif by == "asymmetric":
        sure = np.tanh(query.relaxed[0].astype(np.float32))
        codes = unpack(gallery.packed[rows], gallery.num_bits)  # of these, not of all
        scores = codes.astype(np.float32) @ sure / gallery.num_bits
    else:
        raise InputError(f"rerank={by}: choose features or asymmetric")
    return np.asarray(scores)


def rerank(
    gallery: Gallery, hits: Hits, query: Encoded, *, by: Measure
) -> tuple[Hits, NDArray[np.float32]]:
    """Bring hits into the order of a finer measure; equal scores stay as they were.

    Args:
        gallery: where they were found.
        hits: of one query.
        query: the query.
        by: see `score`.

    Returns:
        The same hits, and the score of each.
    """
    scores = score(gallery, hits.ids, query, by=by)
    order = np.argsort(-scores, kind="stable")
    return Hits(hits.ids[order], hits.distances[order]), scores[order]
