"""The projections of a gallery: a file with two coordinates of each tile in two planes.

    hash                                   of the tile's id, int64
    feature_x, feature_y, code_x, code_y   float32, finite

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
KINDS = {KEY: pa.int64(), **dict.fromkeys(COORDINATES, pa.float32())}
Plane = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Planes:
    """Where each tile of a gallery lies in the planes of features and of codes.

    Attributes:
        feature: (n, 2).
        code: (n, 2).
        columns: of the file that they may be maps of.
    """

    feature: Plane
    code: Plane
    columns: Columns

    def frame(self) -> pd.DataFrame:
        """Return the columns feature_x, feature_y, code_x and code_y, one row a tile."""
        columns = (*self.feature.T, *self.code.T)
        return pd.DataFrame(dict(zip(COORDINATES, columns, strict=True)), copy=False)


def store_planes(projection: pd.DataFrame, hashes: NDArray[np.int64]) -> Columns:
    """Return a projection as a gallery stores it.

    Args:
        projection: feature_x, feature_y, code_x, code_y, one row a tile.
        hashes: of the ids of these tiles, (n,).
    """
    found = {name: pa.array(projection[name].to_numpy(np.float32)) for name in COORDINATES}
    return Columns({KEY: pa.array(hashes)} | found)


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
        for name, kind in KINDS.items():
            if name not in columns:
                raise InputError(f"{file} has no column {name}")
            if columns[name].type != kind or columns[name].null_count:
                raise InputError(f"{file} has a value of {name} that is no number")
        axes = [numbers(columns[name]) for name in COORDINATES]
        if not all(np.isfinite(axis).all() for axis in axes):
            raise InputError(f"{file} lacks finite coordinates for each tile")
    except InputError as error:
        raise InputError(f"{error}: compute it again with `rsh project`") from None
    keys = numbers(columns[KEY])
    if not np.array_equal(keys, hashes):
        rows = _find(keys, hashes)
        if rows is None:
            return None
        axes = [axis[rows] for axis in axes]
    return Planes(side_by_side(*axes[:2]), side_by_side(*axes[2:]), columns)


def _find(keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return where each wanted key is; None if one is missing."""
    order = np.argsort(keys, kind="stable")
    places = np.searchsorted(keys, wanted, sorter=order)
    if not len(keys):
        return None
    rows = order[np.minimum(places, len(keys) - 1)]
    return rows if np.array_equal(keys[rows], wanted) else None
