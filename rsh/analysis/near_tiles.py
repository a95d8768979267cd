"""Pairs of near duplicates: tiles whose codes are near, and which pass a check.

Tiles that a check cannot tell apart are one item, so that a thousand black tiles do not give half
a million pairs. Items of one code, and of codes at most r bits apart, are compared: few pairs one
by one, many in matrices.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from rsh.analysis.pair_checks import Check, Scores
from rsh.codes.binary import Ids, Packed
from rsh.codes.distinct import DistinctCodes
from rsh.errors import InputError
from rsh.index.base import CodePairs

ONE_BY_ONE = 64  # from so many pairs of one code on, a matrix is faster
AT_ONCE = 2**22  # pairs of one code between two steps of the bar
PAIRS = 2**16  # compared one by one at a time
ROWS, COLUMNS = 2048, 4096  # of a matrix


@dataclass(frozen=True, eq=False)
class Items:
    """Tiles, where those of one code that a check cannot tell apart are one item.

    Attributes:
        rows: one tile of each item, (i,) int64, rows of the gallery.
        tiles: all tiles of each item, code by code; its codes are the items.
        codes: the items of each distinct code.
        all_rows: rows of the gallery that `tiles` numbers, (n,).
    """

    rows: Ids
    tiles: DistinctCodes
    codes: DistinctCodes
    all_rows: Ids

    @classmethod
    def fold(cls, packed: Packed, rows: Ids, check: Check) -> Self:
        """Return the items of some tiles.

        Args:
            packed: codes of the gallery, (n, bytes).
            rows: of the tiles; the first tile of an item stands for it.
            check: what tells tiles apart.
        """
        tiles = DistinctCodes.fold(np.hstack([packed[rows], check.contents(rows)]))
        first = rows[tiles.rows[tiles.starts[:-1]]]
        return cls(first, tiles, DistinctCodes.fold(packed[first]), rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many tiles each item has, (i,)."""
        return self.tiles.sizes

    def members(self, items: Ids) -> Ids:
        """Return the tiles of some items, as rows of the gallery."""
        return self.all_rows[self.tiles.members(items)]


class NearItems(NamedTuple):
    """Some pairs of near duplicates, in no order.

    Attributes:
        first: number of an item of the first list, (m,) int64.
        second: number of an item of the second list, (m,) int64.
        distances: of their codes, bits, (m,) uint16.
        similarities: by the check, (m,) float32; NaN if it has none.
    """

    first: Ids
    second: Ids
    distances: NDArray[np.uint16]
    similarities: Scores


def near_items(
    items: Items,
    others: Items | None,
    check: Check,
    *,
    num_bits: int,
    radius: int,
    progress: bool,
) -> Iterator[NearItems]:
    """Find the near duplicates within one list of items, or between two.

    Args:
        items: the first list.
        others: the second list; None for the pairs within the first, each of which comes once.
        check: what the pairs must pass.
        num_bits: code length, bits.
        radius: the largest distance of their codes, bits.
        progress: show a bar.

    Returns:
        Portions of the pairs.

    Raises:
        InputError: the radius is out of range, nothing can be compiled, or a tile is damaged.
    """
    try:
        from rsh.index.pairs import near_pairs  # numba
    except RuntimeError:  # it finds no folder to cache its machine code in
        raise InputError(
            "numba cannot store its machine code: set NUMBA_CACHE_DIR to a folder that can be "
            "written"
        ) from None
    found = near_pairs(
        items.codes,
        None if others is None else others.codes,
        num_bits=num_bits,
        radius=radius,
        progress=progress,
    )
    if others is None:
        return _on_one_thread(
            chain(_within(items, check, progress), _among(items, items, check, found))
        )
    return _on_one_thread(_among(items, others, check, found))


def _on_one_thread(portions: Iterator[NearItems]) -> Iterator[NearItems]:
    """Take portions while matrix products use one thread: several cost more for small ones."""
    with threadpool_limits(1, "blas"):
        yield from portions


def _within(items: Items, check: Check, progress: bool) -> Iterator[NearItems]:
    """Check the items of each code that has several."""
    sizes = items.codes.sizes
    pairs = sizes * (sizes - 1) // 2
    shared = np.flatnonzero(pairs)
    parts = np.cumsum(pairs[shared]) // AT_ONCE
    cuts = np.flatnonzero(np.diff(parts)) + 1
    with tqdm(
        total=int(pairs.sum()),
        unit="pair",
        unit_scale=True,
        desc="of one code",
        disable=not progress or not len(shared),
    ) as bar:
        for codes in np.split(shared, cuts):
            same = CodePairs(codes, codes, np.zeros(len(codes), np.uint16))
            yield from _check(items, items, check, same)
            bar.update(int(pairs[codes].sum()))


def _among(
    items: Items, others: Items, check: Check, found: Iterator[CodePairs]
) -> Iterator[NearItems]:
    """Check the items of pairs of codes."""
    for portion in found:
        yield from _check(items, others, check, portion)


def _check(items: Items, others: Items, check: Check, pairs: CodePairs) -> Iterator[NearItems]:
    """Check the items of some pairs of codes."""
    order = np.argsort(pairs.first, kind="stable")
    first, second, distances = pairs.first[order], pairs.second[order], pairs.distances[order]
    sizes = others.codes.sizes[second]
    codes, starts = np.unique(first, return_index=True)
    work = items.codes.sizes[codes] * np.add.reduceat(sizes, starts) if len(codes) else starts
    is_large = work >= ONE_BY_ONE
    stops = np.append(starts[1:], len(first))
    for code, start, stop in zip(
        codes[is_large].tolist(), starts[is_large].tolist(), stops[is_large].tolist(), strict=True
    ):
        these = slice(start, stop)
        yield from _in_matrices(
            items.codes.members(np.array([code])),
            others.codes.members(second[these]),
            np.repeat(distances[these], sizes[these]),
            (items, others, check),
            same=first[start] == second[start] and items is others,
        )
    few = np.repeat(~is_large, stops - starts)
    yield from _one_by_one(
        CodePairs(first[few], second[few], distances[few]), (items, others, check)
    )


def _in_matrices(
    first: Ids,
    second: Ids,
    distances: NDArray[np.uint16],
    task: tuple[Items, Items, Check],
    *,
    same: bool,
) -> Iterator[NearItems]:
    """Check every item of a code against items of other codes, or of the same one."""
    items, others, check = task
    for row in range(0, len(first), ROWS):
        for column in range(row if same else 0, len(second), COLUMNS):
            rows, columns = first[row : row + ROWS], second[column : column + COLUMNS]
            one, other, similarities = check.find_across(items.rows[rows], others.rows[columns])
            if same:
                once = rows[one] < columns[other]
                one, other, similarities = one[once], other[once], similarities[once]
            if len(one):
                yield NearItems(rows[one], columns[other], distances[column:][other], similarities)


def _one_by_one(pairs: CodePairs, task: tuple[Items, Items, Check]) -> Iterator[NearItems]:
    """Check the items of pairs of codes that have few."""
    items, others, check = task
    width = others.codes.sizes[pairs.second]
    counts = items.codes.sizes[pairs.first] * width
    ends = np.cumsum(counts)
    cuts = np.searchsorted(ends, np.arange(PAIRS, ends[-1] if len(ends) else 0, PAIRS))
    for part in np.split(np.arange(len(counts)), cuts):
        number = np.repeat(part, counts[part])
        place = np.arange(len(number)) - np.repeat(
            np.cumsum(counts[part]) - counts[part], counts[part]
        )
        one = items.codes.rows[items.codes.starts[pairs.first[number]] + place // width[number]]
        other = others.codes.rows[others.codes.starts[pairs.second[number]] + place % width[number]]
        if items is others:  # a code with itself has each pair twice, and each item with itself
            once = (pairs.first[number] != pairs.second[number]) | (one < other)
            one, other, number = one[once], other[once], number[once]
        found, similarities = check.find(items.rows[one], others.rows[other])
        if len(found):
            distances = pairs.distances[number[found]]
            yield NearItems(one[found], other[found], distances, similarities)
