"""The footprints of a gallery for a map: of given tiles, or of those within a view."""

from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rsh.data.outlines import Outlines, read_areas, read_outlines
from rsh.data.places import useful_decimals, wrap
from rsh.gallery.gallery import Gallery

MOST = 2000  # footprints at once: more are too small to be seen
SAMPLED = 2000  # tiles whose size stands for that of all
View = tuple[float, float, float, float]  # west, south, east, north


@lru_cache(4)
def open_footprints(gallery: Gallery) -> "Footprints":
    """Return the footprints of a gallery, with what was found out of them before."""
    return Footprints(gallery)


class Footprints:
    """Reads the footprints of a gallery on demand; texts of a million would take seconds.

    Attributes:
        gallery: an opened gallery.
    """

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery

    @property
    def are_known(self) -> bool:
        """Whether the gallery has footprints and coordinates."""
        return "footprint" in self.gallery.table and self.gallery.has_map

    def of_rows(self, rows: ArrayLike, *, tolerance: float = 0.0, most: int = MOST) -> Outlines:
        """Return the outlines of the first `most` of these tiles.

        Args:
            rows: of the gallery, in any order.
            tolerance: how far a simpler ring may be from the true one, degrees, such as those of a
                pixel on the screen.
            most: how many tiles.
        """
        chosen = np.unique(np.asarray(rows, dtype=np.int64)[:most])
        return read_outlines(self.texts(chosen), chosen, tolerance=tolerance)

    def texts(self, rows: ArrayLike) -> "pd.Series[str]":
        """Return the footprints of some tiles; empty ones if the gallery has none."""
        if not self.are_known:
            return pd.Series("", index=range(np.size(rows)))
        texts: pd.Series[str] = self.gallery.table.take(rows, ["footprint"])["footprint"]
        return texts

    def in_view(
        self, view: View, *, tolerance: float = 0.0, most: int = MOST
    ) -> tuple[Outlines, int]:
        """Return the outlines of tiles within a view, and how many more there are.

        A tile is within a view if its center is, or is near it: at most half the size of the
        largest of a sample of tiles. Of too many, those of the first rows are taken, which are a
        random choice, since rows are in the order of hashed ids.

        Args:
            view: west, south, east, north in degrees; across the 180th meridian the west is greater
                than the east, or the east greater than 180.
            tolerance: see `of_rows`.
            most: how many tiles.
        """
        rows = self._within(view)
        return self.of_rows(rows[:most], tolerance=tolerance, most=most), max(0, len(rows) - most)

    def _within(self, view: View) -> NDArray[np.int64]:
        """Return the rows of tiles whose center is in a view or near it, ascending."""
        places = self.gallery.positions
        if places is None or not self.are_known:
            return np.empty(0, dtype=np.int64)
        west, south, east, north = view
        width, height = self.reach
        inside = (places[:, 1] >= south - height) & (places[:, 1] <= north + height)
        span = (east - west) % 360 if east < west else east - west
        if span + 2 * width < 360:
            middle = west + span / 2
            inside[inside] = np.abs(wrap(places[inside, 0] - middle)) <= span / 2 + width
        return np.flatnonzero(inside)

    @cached_property
    def decimals(self) -> int:
        """How many decimals of a place are worth showing: see `useful_decimals`."""
        places = self.gallery.positions
        if places is None:
            return 1
        rows = np.unique(np.linspace(0, len(places) - 1, SAMPLED).astype(np.int64))
        size = 2 * max(self.reach) if self.are_known else 0.0
        return useful_decimals(places[rows], size)

    @cached_property
    def reach(self) -> tuple[float, float]:
        """Half the width and height of the largest tile of a sample, degrees."""
        import shapely

        rows = np.unique(np.linspace(0, len(self.gallery) - 1, SAMPLED).astype(np.int64))
        parts, owners = shapely.get_parts(read_areas(self.texts(rows)), return_index=True)
        west, south, east, north = shapely.bounds(parts).T
        widths = np.bincount(owners, east - west)  # of all parts, as one may be cut in two
        heights = north - south
        return widths.max(initial=0.0) / 2, heights.max(initial=0.0) / 2
