"""How much of two lists is the same, where ties leave open what belongs to them.

A list of the k nearest is cut somewhere, and where tiles tie for the last places their order is an
accident. So a tile is in a list with a chance: 1 if it is nearer than the last place, 0 if it is
farther, and places / tied if it ties for one of them. Ties of two lists are ordered independently.

Two galleries break their ties by the same hash of the id, so that two lists as they are shown are
more alike than two orders drawn at random: with codes of few bits most of that is not agreement.
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
    """Return the chance of each tile to be among the first `depth`, over all orders of ties.

    Args:
        far: of each tile, (n,), less is nearer; infinite for what is in no list.
        depth: 0 to the number of finite ones.

    Returns:
        (n,), 0 to 1; they add up to depth.
    """
    if not depth:
        return np.zeros(len(far))
    last = np.partition(far, depth - 1)[depth - 1]
    nearer, ties = far < last, far == last
    places = depth - int(nearer.sum())
    chance: Floats = nearer + ties * (places / int(ties.sum()))
    return chance


def overlap(left: Floats, right: Floats, *, depth: int) -> Overlap:
    """Compare two lists of the same tiles.

    Args:
        left: chance of each tile to be in one list, from `inclusion_probabilities`, (n,).
        right: that of the same tiles to be in the other, (n,).
        depth: length of both lists, 1 or more.
    """
    sure = [chance == 1 for chance in (left, right)]
    open_ = [(chance > 0) & (chance < 1) for chance in (left, right)]
    places = [depth - int(each.sum()) for each in sure]  # left to those that tie
    whole = int((sure[0] & sure[1]).sum())
    meet = int((open_[0] & open_[1]).sum())  # tiles that tie in both lists
    match = [int((open_[side] & sure[1 - side]).sum()) for side in (0, 1)]
    # The most: places go to tiles that the other list holds for sure, then to those that meet.
    given = [min(places[side], match[side]) for side in (0, 1)]
    more = min(meet, *(places[side] - given[side] for side in (0, 1)))
    # The least: places go to tiles that the other list does not hold, then apart among those that
    # meet; each that is still left is one more in common, wherever it goes.
    alone = [int(open_[side].sum()) - match[side] - meet for side in (0, 1)]
    forced = sum(max(places[side] - alone[side], 0) for side in (0, 1))
    return Overlap(
        depth=depth,
        expected=float(left @ right) / depth,
        least=(whole + max(forced - meet, 0)) / depth,
        most=(whole + sum(given) + more) / depth,
    )
