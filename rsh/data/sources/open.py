"""Opens a path as the source that can read it."""

from dataclasses import fields
from pathlib import Path

from rsh.data.archive import is_zip
from rsh.data.raster import DRIVERS
from rsh.data.sources.base import Source
from rsh.data.sources.folder import FolderSource
from rsh.data.sources.raster import RasterSource
from rsh.data.sources.webdataset import WebDatasetSource, shard_files
from rsh.data.sources.zip import ZipSource
from rsh.data.tile_grid import TilingOptions
from rsh.errors import InputError


def open_source(path: Path, tiling: TilingOptions) -> Source:
    """Return the source that reads a path.

    Args:
        path: of a folder, a zip, shards or a scene.
        tiling: how to cut scenes; must be the default for other sources.

    Raises:
        InputError: the path holds no tiles, or `tiling` does not apply.
    """
    source: Source
    if path.is_file() and is_zip(path):
        source = ZipSource.open(path)
    elif path.is_dir() and (folder := FolderSource.open(path)).paths:
        source = folder
    elif files := shard_files(path):
        source = WebDatasetSource(path, files)
    elif scenes := _scenes(path):
        return RasterSource.open(path, scenes, tiling)
    elif path.is_dir():
        source = FolderSource(path, ())
    else:
        raise InputError(
            f"{path} is neither a folder nor a zip file, shards or a scene: give 'bluemarble', "
            "a folder with one folder per class, a zip of such a folder, .tar or GeoTIFF files"
        )
    for field in fields(tiling):
        if (value := getattr(tiling, field.name)) != field.default:
            given = ",".join(map(str, value)) if isinstance(value, tuple) else value
            raise InputError(
                f"{path} is no scene to cut into tiles; omit this option",
                parameter=field.name,
                value=given,
            )
    return source


def _scenes(path: Path) -> list[Path]:
    """Return the scene at a path, or all scenes in a folder."""
    files = sorted(path.glob("*")) if path.is_dir() else [path]
    return [file for file in files if file.suffix.lower() in DRIVERS and file.is_file()]
