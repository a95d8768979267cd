"""Opens a path as the source that can read it."""

from dataclasses import fields, replace
from pathlib import Path

from rsh.data.archive import is_zip
from rsh.data.listing import BESIDE, SCENES, TABLES, is_hidden, warn_left_out
from rsh.data.raster import DRIVERS, VIRTUAL, is_scene
from rsh.data.rendering import Rendering
from rsh.data.sources.base import Source
from rsh.data.sources.folder import FolderSource
from rsh.data.sources.raster import RasterSource
from rsh.data.sources.webdataset import WebDatasetSource, shard_files
from rsh.data.sources.zip import ZipSource
from rsh.data.tile_grid import DEFAULT_TILING, TilingOptions
from rsh.errors import InputError


def open_source(
    path: Path,
    tiling: TilingOptions,
    rendering: Rendering,
    like: Rendering,
    *,
    whole: bool = False,
) -> Source:
    """Return the source that reads a path.

    Args:
        path: of a folder, a zip, shards or a scene.
        tiling: how to cut scenes; must be the default for other sources, but for the coordinate
            system, which is then that of places in their tables.
        rendering: how to render scenes.
        like: what holds where `rendering` says nothing.
        whole: whether tiles of scenes have all bands, and are no images.

    Raises:
        InputError: the path holds no tiles, or `tiling` does not apply.
    """
    source: Source
    if path.is_file() and (is_zip(path) or path.suffix.lower() == ".zip"):
        source = ZipSource.open(path, tiling.crs)
    elif path.is_dir():
        source = _open_folder(path, tiling, rendering, like, whole)
    elif files := shard_files(path):
        source = WebDatasetSource(path, files, tiling.crs)
    elif path.suffix.lower() in DRIVERS and path.is_file():
        source = RasterSource.open(path, [path], tiling, rendering, like, whole=whole)
    else:
        what = "does not exist" if not path.exists() else "is no zip, tar or GeoTIFF"
        hint = "" if not path.exists() else f", after `gdal_translate {path.name} scene.tif`"
        raise InputError(
            f"{path} {what}: give 'bluemarble' or another name of `rsh data list`, a folder of "
            f"images, a zip of such a folder, .tar files, a scene{hint}, or embeddings (.npy or "
            ".parquet)"
        )
    others = () if isinstance(source, RasterSource) else fields(tiling)
    for field in others:
        if field.name != "crs" and (value := getattr(tiling, field.name)) != field.default:
            raise InputError(
                f"{path} is no scene to cut into tiles; omit this option",
                parameter=field.name,
                value=value,
            )
    return source


def _open_folder(
    path: Path, tiling: TilingOptions, rendering: Rendering, like: Rendering, whole: bool
) -> Source:
    """Return the source of a folder: of folders of images, else of shards, scenes or images."""
    folder = FolderSource.open(path, tiling.crs)
    loose = [name for name in folder.paths if "/" not in name]
    rasters = [name for name in loose if Path(name).suffix.lower() in DRIVERS]
    if len(loose) < len(folder.paths):
        scenes = [name for name in rasters if is_scene(path / name, tiling.size)]
        warn_left_out(path, scenes, SCENES)
        return replace(folder, paths=tuple(name for name in folder.paths if name not in scenes))
    if shards := shard_files(path):
        warn_left_out(path, loose, BESIDE)
        return WebDatasetSource(path, shards, tiling.crs)
    names = [file.name for file in path.iterdir() if file.suffix.lower() == VIRTUAL]
    virtual = [name for name in names if not is_hidden(name)]
    warn_left_out(path, virtual, "it reads other files: name it itself if you trust it")
    are_scenes = (is_scene(path / name, tiling.size) for name in rasters)
    of_table = any((path / name).is_file() for name in TABLES)  # then crs is of its places
    options = replace(tiling, crs="") if of_table else tiling
    if rasters and (options != DEFAULT_TILING or any(are_scenes)):
        warn_left_out(path, [name for name in loose if name not in rasters], BESIDE)
        files = [path / name for name in rasters]
        return RasterSource.open(path, files, tiling, rendering, like, whole=whole)
    return folder
