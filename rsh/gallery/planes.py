"""The projections of a gallery: a file with two coordinates of each tile in two planes.

    hash                                   of the tile's id, int64
    feature_x, feature_y, code_x, code_y   float32, finite
    feature_landmark, code_landmark        whether UMAP was fitted to the tile; perhaps missing

It names tiles, since tiles may be removed after it was made.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from rsh.errors import InputError
from rsh.gallery.columns import Columns, map_columns, numbers, side_by_side

KEY = "hash"
COORDINATES = ("feature_x", "feature_y", "code_x", "code_y")
LANDMARKS = ("feature_landmark", "code_landmark")
Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Planes:
    """Where each tile of a gallery lies in the planes of features and of codes.

    Attributes:
        feature: (n, 2).
        code: (n, 2).
        landmarks: which tiles UMAP was fitted to, in each plane, (n,) both; None if the file does
            not say so.
        columns: of the file that they may be maps of.
    """

    feature: Plane
    code: Plane
    landmarks: tuple[Mask, Mask] | None
    columns: Columns


def store_planes(projection: pd.DataFrame, hashes: NDArray[np.int64]) -> Columns:
    """Return a projection as a gallery stores it.

    Args:
        projection: the coordinates, one row a tile, and perhaps the landmarks.
        hashes: of the ids of these tiles, (n,).
    """
    found = {name: pa.array(projection[name].to_numpy(np.float32)) for name in COORDINATES}
    marks = {name: pa.array(projection[name]) for name in LANDMARKS if name in projection}
    return Columns({KEY: pa.array(hashes)} | found | marks)


def read_planes(file: Path, hashes: NDArray[np.int64]) -> Planes | None:
    """Map a projection.

    Args:
        file: the table.
        hashes: of the ids of the gallery's tiles, (n,).

    Returns:
        The coordinates of these tiles; None if the file lacks one of them.

    Raises:
        InputError: no table, or a column is missing or invalid.
    """
    try:
        columns = map_columns(file)
        _check(columns, file)
    except InputError as error:
        raise InputError(f"{error}: compute it again with `rsh project`") from None
    keys = numbers(columns[KEY])
    axes = [numbers(columns[name]) for name in COORDINATES]
    marks = [_mask(columns[name]) for name in LANDMARKS if name in columns]
    if not np.array_equal(keys, hashes):
        rows = _find(keys, hashes)
        if rows is None:
            return None
        axes, marks = [axis[rows] for axis in axes], [mark[rows] for mark in marks]
    landmarks = (marks[0], marks[1]) if len(marks) == len(LANDMARKS) else None
    return Planes(side_by_side(*axes[:2]), side_by_side(*axes[2:]), landmarks, columns)


def _check(columns: Columns, file: Path) -> None:
    """Raise InputError if a column is missing or invalid."""
    kinds = {KEY: pa.int64(), **dict.fromkeys(COORDINATES, pa.float32())}
    kinds |= {name: pa.bool_() for name in LANDMARKS if name in columns}
    for name, kind in kinds.items():
        if name not in columns:
            raise InputError(f"{file} has no column {name}")
        if columns[name].type != kind or columns[name].null_count:
            raise InputError(f"{file} has a value of {name} that is not of type {kind}")
    if not all(np.isfinite(numbers(columns[name])).all() for name in COORDINATES):
        raise InputError(f"{file} lacks finite coordinates for each tile")


def _mask(column: pa.Array) -> Mask:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=bool)


def _find(keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return where each wanted key is; None if one is missing."""
    order = np.argsort(keys, kind="stable")
    places = np.searchsorted(keys, wanted, sorter=order)
    if not len(keys):
        return None
    rows = order[np.minimum(places, len(keys) - 1)]
    return rows if np.array_equal(keys[rows], wanted) else None
