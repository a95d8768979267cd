"""Tiles to which persons gave different classes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.gallery.tile_ids import NO_ROWS, Rows


class Said(NamedTuple):
    """One statement about the class of tiles.

    Attributes:
        person: who made it.
        name: of the class, "" if it was taken away.
        rows: of the tiles.
        settles: whether it ends earlier conflicts.
    """

    person: str
    name: str
    rows: Rows
    settles: bool


def find_conflicts(said: Sequence[Said], num_tiles: int) -> list[tuple[int, list[int]]]:
    """Return the tiles to which persons gave different classes, by their last statements.

    Args:
        said: statements in their order.
        num_tiles: of the gallery.

    Returns:
        For each such tile its row, ascending, and the places in `said` of the last statement of
        each person, ascending.
    """
    if len({one.person for one in said}) < 2:
        return []
    rows, places = last_statements(said, num_tiles)
    if not len(rows):
        return []
    names = np.unique([one.name for one in said], return_inverse=True)[1][places]
    starts = np.flatnonzero(np.append(True, np.diff(rows) != 0))
    ends = np.append(starts[1:], len(rows))
    differ = np.minimum.reduceat(names, starts) != np.maximum.reduceat(names, starts)
    return [
        (int(rows[start]), sorted(places[start:end].tolist()))
        for start, end in zip(starts[differ], ends[differ], strict=True)
    ]


def last_statements(
    said: Sequence[Said], num_tiles: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the last statement of each person about each tile since it was taken away or settled.

    Args:
        said: statements in their order.
        num_tiles: of the gallery.

    Returns:
        Rows, ascending, and the place in `said` of each statement, (m,) both.
    """
    if not said:
        return NO_ROWS, np.empty(0, np.int64)
    sizes = [len(one.rows) for one in said]
    rows = np.concatenate([one.rows for one in said])
    places = np.repeat(np.arange(len(said)), sizes)
    start = np.zeros(num_tiles, np.int64)
    for place, one in enumerate(said):
        if one.settles or not one.name:
            start[one.rows] = place
    persons = np.unique([one.person for one in said], return_inverse=True)[1]
    has_name = np.array([one.name != "" for one in said])
    counts = has_name[places] & (places >= start[rows])
    rows, places = rows[counts], places[counts]
    order = np.lexsort((places, persons[places], rows))
    rows, places = rows[order], places[order]
    is_last = np.append((np.diff(rows) != 0) | (np.diff(persons[places]) != 0), True)[: len(rows)]
    return rows[is_last], places[is_last]
