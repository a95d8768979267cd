"""Groups of codes: dense regions of the hash space, found without being told how many.

Sparsity (see `rsh.codes.density`) is taken for the height of a landscape over the codes, in which
groups are valleys:

1. A pass leads from each code to each denser one among its `NEIGHBORS` nearest. It is as high as
   the code is sparse, or as half of the bits in which the two codes differ: every way from one to
   the other, bit by bit, has a code that lies so far from both.
2. Each code begins as a valley of its own. The passes are taken from the lowest to the highest.
   Each merges the two valleys it joins, unless both are at least `prominence` bits deep, measured
   from the bottom of the valley to the pass.
3. A tile is in no group if its code differs from the majority code of its group in more than a
   third of the bits, where unrelated codes differ in half; nor if the group has fewer than one in
   200 tiles.

Nothing is drawn at random, and the order of the tiles does not matter.

Source: steps 1 and 2 are ToMATo of Chazal et al. 2013, "Persistence-based clustering in Riemannian
manifolds", algorithm 1, https://doi.org/10.1145/2535927; that distance makes a pass higher is ours,
for codes that many tiles share: these are dense, however far all others are.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed, count_on
from rsh.codes.density import (
    Density,
    Ints,
    measure_density,
    sample_rows,
)
from rsh.codes.distinct import DistinctCodes

NO_GROUP = -1  # number of the group of a tile in none
NEIGHBORS = 10  # codes to which passes may lead from a code
REACH = 1 / 3  # of the bits: how far from the majority code a tile of a group may be
LEAST_SHARE = 1 / 200  # of the tiles that are compared, in the smallest group
LEAST_TILES = 5  # where that would be fewer


class Grouping(NamedTuple):
    """The groups of some tiles.

    Attributes:
        number: of the group of each tile, from 0, the largest group first; NO_GROUP, -1, for a tile
            in none; (n,) int32.
        sparsity: of each tile, see `rsh.codes.density`, (n,) float32, bits.
    """

    number: NDArray[np.int32]
    sparsity: NDArray[np.float32]


def group_codes(packed: Packed, num_bits: int, *, prominence: float) -> Grouping:
    """Find the groups of some tiles by their codes.

    Where there are more than `density.MOST_COMPARED` tiles, groups are found among so many of them,
    and each other tile joins the group of the nearest of these codes.

    Args:
        packed: codes, (n, bytes) uint8.
        num_bits: how many of their bits can differ.
        prominence: see the module, 0 or more, bits; a larger one makes fewer groups.
    """
    if not len(packed):
        return Grouping(np.empty(0, np.int32), np.empty(0, np.float32))
    every, rows = DistinctCodes.fold(packed), sample_rows(len(packed))
    compared = DistinctCodes.fold(packed[rows])
    density = measure_density(every.packed, compared, neighbors=NEIGHBORS)
    own = every.number[rows[compared.first]]
    among = Density(density.sparsity[own], density.nearest[own], density.distances[own])
    valley = find_valleys(among, prominence=prominence)
    number = leave_out(
        packed,
        valley[density.nearest[:, 0]][every.number],
        reach=REACH * num_bits,
        least=max(LEAST_TILES, LEAST_SHARE * len(rows)) * len(packed) / len(rows),
    )
    return Grouping(number, density.sparsity[every.number])


def find_valleys(density: Density, *, prominence: float) -> Ints:
    """Return the number of the code at the bottom of each code's valley, (m,): steps 1 and 2.

    Args:
        density: of distinct codes among themselves.
        prominence: see the module, bits.
    """
    sparsity = density.sparsity.tolist()
    order = np.argsort(density.sparsity, kind="stable")  # equally sparse ones by their codes
    place = np.argsort(order).tolist()
    bottom = list(range(len(order)))
    for height, code, other in _passes(density, order):
        one, two = _find(bottom, other), _find(bottom, code)
        lower, upper = (one, two) if place[one] < place[two] else (two, one)
        depth = height - sparsity[upper]
        if depth < prominence or depth == 0:
            bottom[upper] = lower
    return np.array([_find(bottom, code) for code in range(len(order))], np.int64)


def leave_out(
    packed: Packed, number: NDArray[np.integer], *, reach: float, least: float
) -> NDArray[np.int32]:
    """Return the numbers of groups after step 3, the largest group first.

    Args:
        packed: codes, (n, bytes) uint8.
        number: of the group of each tile, (n,), 0 or more.
        reach: how far from the majority code a tile may be, bits.
        least: how many tiles a group must have.
    """
    number = number_by_size(number, least)
    for rows in rows_of_groups(number):
        center = majority_code(packed[rows])
        far = np.bitwise_count(packed[rows] ^ center).sum(axis=1) > reach
        number[rows[far]] = NO_GROUP
    return number_by_size(number, least)


def number_by_size(number: NDArray[np.integer], least: float = 1) -> NDArray[np.int32]:
    """Return groups numbered from 0, the largest first; smaller ones than `least` are none.

    Args:
        number: of the group of each tile, NO_GROUP or 0 and more, (n,).
        least: how many tiles a group must have.
    """
    sizes = np.bincount(number + 1, minlength=1)[1:]
    new = np.full(len(sizes) + 1, NO_GROUP, np.int32)  # the last one is that of NO_GROUP
    kept = np.flatnonzero(sizes >= least)
    new[kept[np.argsort(-sizes[kept], kind="stable")]] = np.arange(len(kept))
    renumbered: NDArray[np.int32] = new[number]
    return renumbered


def rows_of_groups(number: NDArray[np.integer]) -> list[Ints]:
    """Return the rows of each group, ascending, from group 0 on."""
    order = np.argsort(number, kind="stable")
    ends = np.cumsum(np.bincount(number + 1, minlength=1))
    return np.split(order, ends)[1:-1]


def majority_code(packed: Packed) -> Packed:
    """Return the bits that most of some codes have on, of a draw on, (bytes,) uint8."""
    return np.packbits(2 * count_on(packed, 8 * packed.shape[1]) >= len(packed))


def _passes(density: Density, order: Ints) -> list[tuple[float, int, int]]:
    """Return height, code and denser neighbor of each pass, the lowest first.

    A code that has others among its nearest is not always among theirs: many tiles of one code, far
    from all others, do not attract these.

    Args:
        density: of distinct codes among themselves.
        order: the codes, the densest first, (m,).
    """
    place = np.argsort(order)
    code, column = np.nonzero(place[density.nearest] < place[:, None])
    other = density.nearest[code, column]
    height = np.maximum(density.sparsity[code], density.distances[code, column] // 2)
    by_height = np.lexsort((place[other], place[code], height))
    lists = (each[by_height].tolist() for each in (height, code, other))
    return list(zip(*lists, strict=True))


def _find(bottom: list[int], code: int) -> int:
    """Return the bottom of a code's valley, and shorten the way to it."""
    while bottom[code] != code:
        bottom[code] = bottom[bottom[code]]
        code = bottom[code]
    return code
