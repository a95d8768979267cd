"""Overlap of two top-k lists with ties.

Where tiles tie for the last places of a list, their order is arbitrary. So a tile is in the list
with a probability: 1 if it is nearer than the last place, 0 if it is farther, and places / tied if
it ties for one of them. Ties of two lists are ordered independently.

Two galleries break ties by the same hash of the id, so two lists as shown are more alike than two
random orders. With short codes most of this likeness is no agreement, and is not counted here.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Overlap(NamedTuple):
    """Share of the first `depth` tiles of two lists that both hold, 0 to 1.

    Attributes:
        depth: how many tiles of each list are compared.
        expected: the mean over all orders of the ties of both lists.
        least: the smallest share in any order.
        most: the largest.
    """

    depth: int
    expected: float
    least: float
    most: float


def inclusion_probabilities(far: Floats, depth: int) -> Floats:
    """Return the probability of each tile to be in the first `depth`, over all orders of ties.

    Args:
        far: distance of each tile, (n,); infinite for tiles in no list.
        depth: 0 to the number of finite ones.

    Returns:
        (n,), 0 to 1; they add up to depth.
    """
    if not depth:
        return np.zeros(len(far))
    last = np.partition(far, depth - 1)[depth - 1]
    nearer, ties = far < last, far == last
    places = depth - int(nearer.sum())
    probability: Floats = nearer + ties * (places / int(ties.sum()))
    return probability


def overlap(left: Floats, right: Floats, *, depth: int) -> Overlap:
    """Compare two lists of the same tiles.

    Args:
        left: probability of each tile to be in one list, see `inclusion_probabilities`, (n,).
        right: that of the same tiles to be in the other, (n,).
        depth: length of both lists, 1 or more.
    """
    certain = [each == 1 for each in (left, right)]
    tied = [(each > 0) & (each < 1) for each in (left, right)]
    places = [depth - int(each.sum()) for each in certain]  # left to the tied tiles
    shared = int((certain[0] & certain[1]).sum())
    tied_in_both = int((tied[0] & tied[1]).sum())
    tied_and_certain = [int((tied[side] & certain[1 - side]).sum()) for side in (0, 1)]
    # The most: places go to tiles certain in the other list, then to those tied in both.
    given = [min(places[side], tied_and_certain[side]) for side in (0, 1)]
    more = min(tied_in_both, *(places[side] - given[side] for side in (0, 1)))
    # The least: places go to tiles that the other list does not hold, then to different tiles of
    # those tied in both; each place left after that adds one tile in common.
    alone = [int(tied[side].sum()) - tied_and_certain[side] - tied_in_both for side in (0, 1)]
    forced = sum(max(places[side] - alone[side], 0) for side in (0, 1))
    return Overlap(
        depth=depth,
        expected=float(left @ right) / depth,
        least=(shared + max(forced - tied_in_both, 0)) / depth,
        most=(shared + sum(given) + more) / depth,
    )
