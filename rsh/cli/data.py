"""The commands `rsh data fetch`, `rsh data list` and `rsh data tiles`."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rsh.errors import InputError

if TYPE_CHECKING:
    from rsh.data.tile_grid import TilingOptions

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class CutFlags:
    """How a scene is cut into tiles, as it is typed."""

    size: int = 256
    """Side of a tile of a scene, pixels."""
    step: int | None = None
    """From one tile of a scene to the next, pixels. (default: --size, no overlap)"""
    bands: str = ""
    """One band of a scene or three, for red, green and blue, such as 4,3,2. (default: the first
    three)"""
    stretch: str = ""
    """Values of a scene that become black and white, such as 0,3000. (default: 8-bit values stay as
    they are, others go from the 2nd to the 98th percentile of each band)"""
    crs: str = ""
    """Coordinate system of a scene that states none, such as EPSG:32633."""

    def read(self) -> "TilingOptions":
        """Return what was typed as numbers."""
        from rsh.data.tile_grid import TilingOptions  # pandas

        bands, stretch = (
            tuple(_numbers(int, "bands", self.bands)),
            tuple(_numbers(float, "stretch", self.stretch)),
        )
        return TilingOptions(self.size, self.step, bands, stretch, self.crs)


def data_fetch(name: str, *, output: Path | None = None, accept_license: bool = False) -> None:
    """Fetch a published data set, check it, and put it where --data finds it by its name.

    A download that broke off goes on where it stopped when the same is run again.

    Args:
        name: One of `rsh data list`.
        output: The folder to put NAME.zip into. (default: $RSH_DATA_HOME, or data)
        accept_license: Accept the license, which is shown, without being asked.
    """
    from rsh.data.catalog import data_home, find_entry
    from rsh.data.download import confirm_license, fetch

    dataset = find_entry(name)
    confirm_license(dataset, accepted=accept_license)
    file = fetch(dataset, output or data_home())
    found = dataset.find()
    at_home = found is not None and found.samefile(file)
    print(f"{file}: {dataset.tiles} tiles, {len(dataset.counts)} classes")
    print(f"use it as --data {name if at_home else file}", file=sys.stderr)


def data_list() -> None:
    """List the data sets with tiles, classes, size of the download, license, and where they are."""
    from rsh.data.catalog import catalog_table

    print(catalog_table())


def data_tiles(scene: Path, *, output: Path | None = None, cut: CutFlags) -> None:
    """Cut a georeferenced scene (GeoTIFF and whatever else GDAL reads) into tiles with places.

    The folder it makes is one for --data of `rsh encode`, which can also cut a scene while it reads
    it: all tiles of a scene are of one class.

    Args:
        scene: The file.
        output: The folder to make. (default: tiles/SCENE)
        cut: How.
    """
    from rsh.data.tiling import tile_raster

    folder = output or Path("tiles") / scene.stem
    done = tile_raster(scene, folder, **asdict(cut.read()))
    empty = f", {done.left_out} left out for lack of data" if done.left_out else ""
    print(f"{folder}: {done.tiles} tiles of {done.size} x {done.size} pixels{empty}")
    numbers = ", ".join(map(str, done.bands))
    how = ", ".join(f"{low:g} to {high:g}" for low, high in done.stretch)
    print(f"bands {numbers}: {how or '8 bits, as they are'}", file=sys.stderr)


def _numbers(kind: type[Number], name: str, words: str) -> list[Number]:
    try:
        return [kind(word) for word in words.split(",") if words]
    except ValueError:
        raise InputError(
            "write numbers with commas between them", parameter=name, value=words
        ) from None
