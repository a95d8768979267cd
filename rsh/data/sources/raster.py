"""Tiles of georeferenced scenes, read window by window."""

import re
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from rsh.data.backgrounds import Background
from rsh.data.raster import (
    OFFLINE,
    Raster,
    explain_raster_error,
    open_scene,
    open_with_driver,
    settle_rendering,
)
from rsh.data.rendering import AS_IS, Rendering
from rsh.data.scene_overview import render_backgrounds
from rsh.data.sources.base import file_stamp
from rsh.data.tile_grid import Origin, TileGrid, TilingOptions, locate_tiles, plan_tiles, tile_name
from rsh.errors import InputError, NoData

NAME = re.compile(r"(.+)/r(\d+)_c(\d+)", re.DOTALL)


@dataclass(frozen=True)
class RasterSource:
    """Rasters whose tiles are cut while they are read, and never written.

    Attributes:
        path: a scene, or a folder of scenes.
        plans: the tile grid of each scene, by the scene's name, with which its tile ids begin.
        rendering: how values become 8 bits; one stretch for all scenes.
        whole: whether a tile is a GeoTIFF with all bands, and not an image.
    """

    path: Path
    plans: dict[str, TileGrid]
    rendering: Rendering
    whole: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _open_scenes: dict[Path, Any] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def open(
        cls,
        path: Path,
        scenes: Sequence[Path],
        tiling: TilingOptions,
        rendering: Rendering = AS_IS,
        like: Rendering = AS_IS,
        *,
        whole: bool = False,
    ) -> "RasterSource":
        """Plan the tiles of scenes.

        Raises:
            InputError: a scene cannot be read or cut into such tiles, or two have the same name.
        """
        with closing(open_all(scenes)) as rasters:
            rendering = settle_rendering(rasters, rendering, like=like, of=len(scenes))
        plans: dict[str, TileGrid] = {}
        for scene in scenes:
            if scene.stem in plans:
                raise InputError(f"{scene} has the same name as another scene: rename one of them")
            with open_scene(scene) as raster:
                plans[scene.stem] = plan_tiles(raster, scene, tiling, rendering)
        return cls(path, plans, rendering, whole)

    @classmethod
    def for_scene(cls, scene: Path, size: int, rendering: Rendering) -> "RasterSource":
        """Return a source that reads tiles of one scene again, wherever it lies on Earth.

        Args:
            scene: its file.
            size: side of a tile, pixels.
            rendering: with which its tiles were encoded.

        Raises:
            InputError: the scene cannot be read, or lacks a band of the rendering.
        """
        with open_scene(scene) as raster:
            bands = raster.choose_bands(rendering)
            plan = TileGrid(
                scene=scene,
                shape=raster.source.shape,
                transform=None,
                crs=None,
                bands=bands,
                stretch=() if raster.has_8_bits(bands) else raster.pairs(bands, rendering),
                size=size,
                stride=size,
                blend=not raster.is_chosen(rendering),
            )
        return cls(scene, {scene.stem: plan}, rendering)

    def items(self) -> pd.DataFrame:
        """See `rsh.data.sources.base.Source`."""
        tables = []
        for name, plan in self.plans.items():
            tiles = [(f"{name}/{tile_name(origin)}", origin) for origin in plan.origins()]
            with explain_raster_error(plan.scene):
                table = locate_tiles(plan, tiles).rename(columns={"path": "id"})
            table.insert(1, "class", "")
            if len(self.plans) > 1:
                table["block"], table["scene"] = f"{name}/" + table["block"], name
            if any(plan.date for plan in self.plans.values()):
                table["date"] = pd.Series(plan.date or None, table.index, dtype="string")
            tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def read(self, tile: str) -> bytes:
        """See `base.Source`; the file of an image is a PPM, which is fast to write and read."""
        import rasterio

        plan, origin = self._locate(tile)
        with self._lock:  # a raster that GDAL has opened serves one thread at a time
            with rasterio.Env(**OFFLINE), explain_raster_error(plan.scene):
                raster = Raster(self._open_scene(plan.scene), str(plan.scene))
                content = plan.cut(raster, origin) if self.whole else _to_ppm(plan, raster, origin)
        if not content:
            raise NoData(f"{tile} of {plan.scene} holds too little data")
        return content

    def backgrounds(self) -> list[Background]:
        """See `rsh.data.sources.base.Source`."""
        return render_backgrounds(list(self.plans.values()))

    def stamp(self, tile: str) -> str:
        """See `rsh.data.sources.base.Source`."""
        plan, _ = self._locate(tile)
        kind = " whole" * self.whole
        return f"{file_stamp(plan.scene)} {plan.size} {plan.bands} {plan.stretch}{kind}"

    def _locate(self, tile: str) -> tuple[TileGrid, Origin]:
        match = NAME.fullmatch(tile)
        assert match  # `items` made all ids
        return self.plans[match[1]], (int(match[2]), int(match[3]))

    def _open_scene(self, scene: Path) -> Any:
        """Return the opened scene; only the last one stays open, as tiles come scene by scene."""
        if scene not in self._open_scenes:
            while self._open_scenes:
                self._open_scenes.popitem()[1].close()
            self._open_scenes[scene] = open_with_driver(scene)
        return self._open_scenes[scene]


def _to_ppm(plan: TileGrid, raster: Raster, origin: Origin) -> bytes:
    """Return a tile as an image; empty if it holds too little data."""
    pixels = plan.pixels(raster, origin)
    if pixels is None:
        return b""
    return b"P6 %d %d 255\n" % (plan.size, plan.size) + pixels.transpose(1, 2, 0).tobytes()


def open_all(scenes: Iterable[Path]) -> Generator[Raster]:
    """Yield one scene after the other, opened.

    Close the generator, whatever happens: GDAL's settings must be restored in their order.
    """
    for scene in scenes:
        with open_scene(scene) as raster:
            yield raster
