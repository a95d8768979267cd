"""The commands `rsh data fetch`, `rsh data list`, `rsh data check` and `rsh data tiles`."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rsh.cli.layout import print_json
from rsh.cli.parser import Settings
from rsh.config import setting
from rsh.errors import InputError
from rsh.labels import LabelSource
from rsh.text import plural

if TYPE_CHECKING:
    from rsh.data.bands import BandOptions
    from rsh.data.embeddings import ColumnOptions
    from rsh.data.rendering import Rendering
    from rsh.data.tile_grid import TilingOptions

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class TilingFlags:
    """How scenes are cut into tiles, as given on the command line."""

    size: int = setting(256, "Side of a tile of a scene, pixels.")
    stride: int | None = setting(
        None,
        "Distance between neighboring tiles, pixels. Those at the last edges may overlap others. "
        "(default: --size)",
    )
    crs: str = setting(
        "",
        "Coordinate system of a scene or of geometries that state none, such as EPSG:32633, or of "
        "the columns x, y and footprint of a table.",
    )

    def read(self) -> "TilingOptions":
        """Return the options."""
        from rsh.data.tile_grid import TilingOptions  # pandas

        return TilingOptions(**asdict(self))


@dataclass(frozen=True)
class RenderingFlags:
    """How rasters become 8-bit RGB, as given on the command line."""

    bands: str = setting(
        "",
        "One band of a raster, or three for red, green and blue, such as 4,3,2. (default: those "
        "that it names red, green and blue, or the first three)",
    )
    stretch: str = setting(
        "",
        "Values that become black and white, such as 0,3000, or two for each of three bands. "
        "8-bit values are kept. (default: the 2nd to the 98th percentile of each band over a "
        "sample of all tiles)",
    )

    def read(self) -> "Rendering":
        """Return the rendering, with numbers in place of text."""
        from rsh.data.rendering import Rendering

        bands = tuple(_numbers(int, "bands", self.bands))
        ends = _numbers(float, "stretch", self.stretch)
        if len(ends) % 2:
            raise InputError(
                "give a lower and a higher value, such as 0,3000",
                parameter="stretch",
                value=self.stretch,
            )
        return Rendering(bands, stretch=tuple(zip(ends[::2], ends[1::2], strict=True)))


@dataclass(frozen=True)
class ValueFlags:
    """What the values of bands mean, as given on the command line."""

    scale: float = setting(
        1.0, "What values of bands are multiplied by, such as 0.0001 for Sentinel-2."
    )
    offset: float = setting(
        0.0, "What is added to them then, such as -0.1 for Sentinel-2 since 2022."
    )
    unit: str = setting(
        "",
        "Unit of the result: reflectance, dB, DN, '8 bits' or unknown. (default: what files state, "
        "or values look like)",
    )

    def read(self, names: str = "") -> "BandOptions":
        """Return the options.

        Args:
            names: of the bands, with commas between them.
        """
        from rsh.data.bands import BandOptions

        listed = tuple(name.strip() for name in names.split(",") if name.strip())
        return BandOptions(listed, **asdict(self))


@dataclass(frozen=True)
class ColumnFlags:
    """Which columns of embeddings hold what, as given on the command line."""

    vector_column: str = setting(
        "",
        "Column of lists of numbers, or the prefix of a column per number. (default: the only one)",
    )
    id_column: str = setting(
        "", "Column of unique names, or row for row numbers. (default: id, name and the like)"
    )
    class_column: str = setting("", "Column of classes. (default: class or label)")
    image_column: str = setting(
        "", "Column of paths or addresses of images. (default: the first such column)"
    )

    def read(self, crs: str = "") -> "ColumnOptions":
        """Return the options."""
        from rsh.data.embeddings import ColumnOptions  # pandas

        return ColumnOptions(**asdict(self), crs=crs)


NO_TILING, NO_RENDERING, NO_COLUMNS = TilingFlags(), RenderingFlags(), ColumnFlags()
NO_VALUES = ValueFlags()


def data_fetch(name: str, /, *, output: Path | None = None, accept_license: bool = False) -> None:
    """Download and check a published data set, so that --data finds it by its name.

    An interrupted download resumes when you run the same command again.

    Args:
        name: A name from `rsh data list`.
        output: Folder for NAME.zip, or NAME. (default: $RSH_DATA_HOME, or data)
        accept_license: Show the license and accept it without asking.
    """
    from rsh.data.catalog import find_entry
    from rsh.data.catalog_entry import data_home
    from rsh.data.download import confirm_license, fetch, missing_entries

    dataset, folder = find_entry(name), output or data_home()
    for entry in missing_entries(dataset, folder):
        confirm_license(entry, accepted=accept_license)
    file = fetch(dataset, folder)
    found = dataset.find()
    at_home = found is not None and found.samefile(file)
    held = [plural(dataset.tiles, "tile")]
    held += [plural(len(dataset.counts), "class")] if dataset.has_classes else []
    held += [plural(len(dataset.labels), "label")] if dataset.labels else []
    held += [plural(len(dataset.bands), "band")] if dataset.bands else []
    print(f"{file}: {', '.join(held)}")
    print(f"use it as --data {name if at_home else file}", file=sys.stderr)


def data_list() -> None:
    """List the data sets: tiles, classes, labels, bands, size, license, and where they are."""
    from rsh.data.catalog import catalog_table

    print(catalog_table())


def data_check(
    data: str,
    /,
    *,
    near_duplicates: bool = False,
    output: Path | None = None,
    json_: bool = False,
    labels: LabelSource = "auto",
    tiling: Settings[TilingFlags] = NO_TILING,
    rendering: Settings[RenderingFlags] = NO_RENDERING,
    columns: Settings[ColumnFlags] = NO_COLUMNS,
) -> None:
    """Read every tile of a data set, and report what it holds and what may spoil a training.

    Classes, if there are any, sizes, values, places, equal images, files that cannot be read or
    were left out, and warnings with a way out.

    Args:
        data: As for `rsh train --data` and `rsh encode`.
        near_duplicates: Also look for tiles that are nearly equal.
        output: File for a contact sheet, of all classes if there are any, PNG.
        json_: Print JSON.
        labels: Where labels come from: the class in items.csv, shards or folders, or else several
            labels a tile if the table has them (auto); several labels a tile, from the column
            labels or columns such as label:water (multi); or nowhere (none).
        tiling: Tiling options.
        rendering: Rendering options.
        columns: Options of embeddings.
    """
    from rsh.data.check import check_data, to_text
    from rsh.io.files import check_writable

    if output:
        check_writable(output.absolute().parent)  # now, not after minutes of work
    report = check_data(
        data,
        tiling=tiling.read(),
        rendering=rendering.read(),
        labels=labels,
        columns=columns.read(),
        near_duplicates=near_duplicates,
        sheet=output,
    )
    if json_:
        print_json(asdict(report))
    else:
        print(to_text(report))


def data_tiles(
    scene: Path,
    /,
    *,
    output: Path | None = None,
    tiling: Settings[TilingFlags] = NO_TILING,
    rendering: Settings[RenderingFlags] = NO_RENDERING,
) -> None:
    """Cut a georeferenced scene (GeoTIFF or any other format of GDAL) into tiles with coordinates.

    The output folder is DATA for `rsh encode`. That command can also cut scenes while it reads
    them. The tiles have no class.

    Args:
        scene: The raster file.
        output: Output folder. (default: tiles/SCENE)
        tiling: Tiling options.
        rendering: Rendering options.
    """
    from rsh.data.tiling import tile_raster

    folder = output or Path("tiles") / scene.stem
    done = tile_raster(scene, folder, **asdict(tiling), rendering=rendering.read())
    empty = f", {done.left_out} left out for lack of data" if done.left_out else ""
    print(f"{folder}: {plural(done.tiles, 'tile')} of {done.size} x {done.size} pixels{empty}")
    bands = f"band{'' if len(done.bands) == 1 else 's'} {', '.join(map(str, done.bands))}"
    stretch = ", ".join(f"{low:g} to {high:g}" for low, high in done.stretch)
    print(f"{bands}: {stretch or '8 bits, unchanged'}", file=sys.stderr)


def _numbers(kind: type[Number], name: str, words: str) -> list[Number]:
    try:
        return [kind(word) for word in words.split(",") if words]
    except ValueError:
        raise InputError(
            "write numbers with commas between them", parameter=name, value=words
        ) from None
