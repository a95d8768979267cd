"""The most unusual tiles of a gallery: those with the largest outlier factors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsh.codes.density import Ints
from rsh.codes.parts import CodePart
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.gallery.part_names import part_name

COUNT = 20


@dataclass(frozen=True, eq=False)
class UnusualTiles:
    """Unusual tiles, the most unusual first.

    Attributes:
        rows: of the gallery, (k,).
        factors: how many times as far each lies from its nearest tiles as these lie from theirs,
            see `rsh.codes.outliers`, (k,) float32.
        sparsity: mean distance to the nearest hundredth of the tiles, (k,) float32, bits.
        median: of the sparsity of all tiles, bits.
        part: the bits that the sparsity is measured in; without classes its name is "group".
    """

    rows: Ints
    factors: NDArray[np.float32]
    sparsity: NDArray[np.float32]
    median: float
    part: CodePart

    def __len__(self) -> int:
        return len(self.rows)

    def explain(self, place: int) -> str:
        """Say why the tile at a place, from 0, is unusual."""
        bits = f"{self.part.name.removesuffix('code')} bits".strip()
        return (
            f"{self.factors[place]:.1f} times as far from its nearest tiles as these are from "
            f"theirs; on average {self.sparsity[place]:.1f} of {self.part.num_bits} {bits} differ, "
            f"{self.median:.1f} for the median tile"
        )


def most_unusual(gallery: Gallery, *, count: int = COUNT) -> UnusualTiles:
    """Return the most unusual tiles.

    Args:
        gallery: an opened gallery.
        count: how many tiles, or all if there are fewer.

    Raises:
        InputError: count is below 1, or the gallery is large and `rsh groups` has not run.
    """
    if count < 1:
        raise InputError("choose 1 or more", parameter="count", value=count)
    groups = gallery.groups
    if groups is None:
        raise InputError(
            f"{gallery.folder} has {len(gallery):,} tiles: measure them with `rsh groups` first"
        )
    factors = groups.outlier_factors
    rows = np.argsort(-factors, kind="stable")[:count]
    median = float(np.median(groups.sparsity))
    part = groups.part._replace(name=part_name(gallery, groups.part))
    return UnusualTiles(rows, factors[rows], groups.sparsity[rows], median, part)
