"""Windows of a georeferenced scene: where its tiles lie, and the pixels of one of them."""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from rsh.data.raster import (
    AT_HOME,
    explain_raster_error,
    open_raster,
    reading,
)
from rsh.data.tile_grid import Origin, TileGrid, TilingOptions, locate_tiles, plan_tiles, tile_name
from rsh.errors import InputError, NoData

RASTERS = frozenset({".tif", ".tiff", ".vrt", ".jp2"})
NAME = re.compile(r"(.+)/r(\d+)_c(\d+)", re.DOTALL)


@dataclass(frozen=True)
class RasterSource:
    """Scenes that are cut while they are read: no tile is written.

    Attributes:
        path: a scene, or a folder of them.
        plans: how each is cut, by the name that its tiles begin with.
    """

    path: Path
    plans: dict[str, TileGrid]

    @classmethod
    def open(cls, path: Path, scenes: Sequence[Path], tiling: TilingOptions) -> "RasterSource":
        """Look at scenes.

        Raises:
            InputError: one cannot be read or cut so, or two have the same name.
        """
        plans: dict[str, TileGrid] = {}
        for scene in scenes:
            if scene.stem in plans:
                raise InputError(f"{scene} has the name of another scene: rename one of them")
            with open_raster(scene) as source:
                plans[scene.stem] = plan_tiles(source, scene, tiling)
        return cls(path, plans)

    def items(self) -> pd.DataFrame:
        """See `rsh.data.sources.base.Source`."""
        tables = []
        for name, plan in self.plans.items():
            tiles = [(f"{name}/{tile_name(corner)}", corner) for corner in plan.corners()]
            with explain_raster_error(plan.scene):
                table = locate_tiles(plan, tiles).rename(columns={"path": "id"})
            table.insert(1, "class", name)
            if len(self.plans) > 1:
                table["block"] = f"{name}/" + table["block"]
            tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def read(self, tile: str) -> bytes:
        """See `base.Source`; the file is a PPM, which costs nothing to write or to read."""
        import rasterio

        plan, corner = self._place(tile)
        with self._lock:  # GDAL reads a scene one window at a time, and keeps blocks between two
            with rasterio.Env(**AT_HOME), explain_raster_error(plan.scene):
                pixels = plan.pixels(self._opened(plan.scene), corner)
        if pixels is None:
            raise NoData(f"{tile} of {plan.scene} holds too little data")
        return b"P6 %d %d 255\n" % (plan.size, plan.size) + pixels.transpose(1, 2, 0).tobytes()

    def stamp(self, tile: str) -> str:
        """See `rsh.data.sources.base.Source`."""
        plan, _ = self._place(tile)
        return f"{self._stamps[plan.scene]} {plan.size} {plan.bands} {plan.stretch}"

    def _place(self, tile: str) -> tuple[TileGrid, Origin]:
        found = NAME.fullmatch(tile)
        assert found  # all names are ours
        return self.plans[found[1]], (int(found[2]), int(found[3]))

    @cached_property
    def _stamps(self) -> dict[Path, str]:
        found = {plan.scene: plan.scene.stat() for plan in self.plans.values()}
        return {scene: f"{each.st_size} {each.st_mtime_ns}" for scene, each in found.items()}

    @cached_property
    def _lock(self) -> threading.Lock:
        return threading.Lock()

    @cached_property
    def _open_scenes(self) -> dict[Path, Any]:
        return {}

    def _opened(self, scene: Path) -> Any:
        """Keep the last scene open: tiles come scene by scene."""
        if scene not in self._open_scenes:
            for other in list(self._open_scenes):
                self._open_scenes.pop(other).close()
            self._open_scenes[scene] = reading(scene)
        return self._open_scenes[scene]
