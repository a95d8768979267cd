"""Opens a path as the source that can read it."""

from dataclasses import fields
from pathlib import Path

from rsh.data.archive import is_zip
from rsh.data.listing import is_hidden, warn_left_out
from rsh.data.raster import DRIVERS, VIRTUAL
from rsh.data.rendering import Rendering
from rsh.data.sources.base import Source
from rsh.data.sources.folder import FolderSource
from rsh.data.sources.raster import RasterSource
from rsh.data.sources.webdataset import WebDatasetSource, shard_files
from rsh.data.sources.zip import ZipSource
from rsh.data.tile_grid import TilingOptions
from rsh.errors import InputError


def open_source(path: Path, tiling: TilingOptions, rendering: Rendering, like: Rendering) -> Source:
    """Return the source that reads a path.

    Args:
        path: of a folder, a zip, shards or a scene.
        tiling: how to cut scenes; must be the default for other sources.
        rendering: how to render scenes.
        like: what holds where `rendering` says nothing.

    Raises:
        InputError: the path holds no tiles, or `tiling` does not apply.
    """
    source: Source
    if path.is_file() and (is_zip(path) or path.suffix.lower() == ".zip"):
        source = ZipSource.open(path)
    elif path.is_dir() and (folder := FolderSource.open(path)).paths:
        source = folder
    elif files := shard_files(path):
        source = WebDatasetSource(path, files)
    elif scenes := _scenes(path):
        return RasterSource.open(path, scenes, tiling, rendering, like)
    elif path.is_dir():
        source = FolderSource(path, ())
    else:
        what = "does not exist" if not path.exists() else "is no zip, tar or GeoTIFF"
        hint = "" if not path.exists() else f", after `gdal_translate {path.name} scene.tif`"
        raise InputError(
            f"{path} {what}: give 'bluemarble' or another name of `rsh data list`, a folder with "
            f"one folder per class, a zip of such a folder, .tar files, or a scene{hint}"
        )
    for field in fields(tiling):
        if (value := getattr(tiling, field.name)) != field.default:
            raise InputError(
                f"{path} is no scene to cut into tiles; omit this option",
                parameter=field.name,
                value=value,
            )
    return source


def _scenes(path: Path) -> list[Path]:
    """Return the scene at a path, or all scenes in a folder."""
    if not path.is_dir():
        return [path] if path.suffix.lower() in DRIVERS and path.is_file() else []
    files = [file for file in sorted(path.glob("*")) if file.is_file() and not is_hidden(file.name)]
    virtual = [file.name for file in files if file.suffix.lower() == VIRTUAL]
    warn_left_out(path, virtual, "it reads other files: name it itself if you trust it")
    return [file for file in files if file.suffix.lower() in DRIVERS.keys() - {VIRTUAL}]
