"""Several tiles as one query: what a person marks as like or unlike moves the query.

    composed = query * tanh(q) + positive * mean tanh(p) - negative * mean tanh(n)

over the relaxed codes of the query q, the tiles p it shall be like and the tiles n it shall be
unlike, divided by the weights used. It stays a weight a bit, and all codes are scored by it, see
`rsh.codes.asymmetric`.

Source: Rocchio 1971, "Relevance feedback in information retrieval", in Salton (ed.), The SMART
Retrieval System, ch. 14; Manning et al. 2008, Introduction to Information Retrieval, sec. 9.1.1
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsh.codes.asymmetric import nearest, soft_bits
from rsh.codes.binary import hamming
from rsh.codes.encodings import Encodings
from rsh.config import check_top_k
from rsh.errors import InputError
from rsh.gallery.filters import NO_FILTER, Filter
from rsh.gallery.gallery import Gallery
from rsh.index.base import Hits


class Weights(NamedTuple):
    """How much each part of a composed query counts, 0 or more, no unit.

    Attributes:
        query: the tile that was asked with.
        positive: the mean of the tiles it shall be like.
        negative: the mean of the tiles it shall be unlike, which is taken away.
    """

    query: float = 1.0
    positive: float = 1.0
    negative: float = 0.75


# Chosen on validation tiles, see benchmarks/README.md. The classic 1, 0.75, 0.15 are for vectors of
# words. At 1 the tiles taken away cancel what they share with the query, which is all that is sure.
WEIGHTS = Weights()


def compose(
    query: ArrayLike, positives: ArrayLike, negatives: ArrayLike, *, weights: Weights = WEIGHTS
) -> NDArray[np.float32]:
    """Make one query of several tiles.

    Args:
        query: relaxed code, (num_bits,), any scale.
        positives: relaxed codes of the tiles it shall be like, (p, num_bits); p may be 0.
        negatives: relaxed codes of the tiles it shall be unlike, (n, num_bits); n may be 0.
        weights: how much each part counts; a part without tiles counts nothing.

    Returns:
        A weight for each bit, (num_bits,), -1 to 1.

    Raises:
        InputError: the codes differ in length, or no part counts.
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
            f"nothing to compose of relaxed codes {shapes}",
            parameter="weights",
            value=tuple(weights),
        )
    composed = sum(weight * soft_bits(part).mean(axis=0) for weight, part in used) / total
    return np.asarray(composed, dtype=np.float32)


def ask(
    gallery: Gallery,
    query: Encodings,
    row: int | None,
    *,
    like: Sequence[str] = (),
    unlike: Sequence[str] = (),
    top_k: int | None = None,
    where: Filter = NO_FILTER,
) -> tuple[Hits, NDArray[np.float32]]:
    """Search a gallery with a composed query; its own tile and those marked are left out.

    Args:
        gallery: an opened gallery.
        query: one image.
        row: the query's own row, None if it is no tile of the gallery.
        like: ids of tiles that the answer shall be like.
        unlike: ids of tiles that it shall be unlike.
        top_k: how many; by default 20, or all if there are fewer.
        where: conditions on the tiles that may be found.

    Returns:
        Hits in the order (-score, row), with the bits that differ from the query, and their scores.

    Raises:
        InputError: an id is unknown, that of the query, or given twice; or top_k is out of range.
    """
    positives, negatives = _marked(gallery, row, like=like, unlike=unlike)
    itself = [] if row is None else [row]
    rows = np.setdiff1d(gallery.searchable_where(where), [*positives, *negatives, *itself])
    if not len(rows):
        raise InputError(f"every tile of {gallery.folder} is marked: none is left to be found")
    top_k = check_top_k(top_k, len(rows))
    relaxed = gallery.relaxed
    composed = compose(query.relaxed[0], relaxed[positives], relaxed[negatives])
    ids, scores = nearest(composed, gallery.packed, rows, top_k=top_k)
    (distances,) = hamming(query.packed, gallery.packed[ids])
    return Hits(ids, distances), scores


def _marked(
    gallery: Gallery, row: int | None, *, like: Sequence[str], unlike: Sequence[str]
) -> tuple[list[int], list[int]]:
    """Return the rows of the tiles that are marked."""
    found: dict[str, list[int]] = {"like": [], "unlike": []}
    for name, tiles in (("like", like), ("unlike", unlike)):
        for tile in tiles:
            its = np.flatnonzero(gallery.items["id"] == tile).tolist()
            if not its:
                known = gallery.items["id"].iloc[0]
                raise InputError(
                    f"no tile of {gallery.folder} has this id; one is {known}",
                    parameter=name,
                    value=tile,
                )
            if its == [row]:
                raise InputError(
                    "this is the query itself, mark other tiles", parameter=name, value=tile
                )
            if [*like, *unlike].count(tile) > 1:
                raise InputError(
                    "this tile is marked twice, mark it once", parameter=name, value=tile
                )
            found[name] += its
    return found["like"], found["unlike"]
