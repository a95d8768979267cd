"""Where the pictures of a data set lie: a folder or a zip, and who else there is.

A source lists its tiles once and then reads each by its id, in any order and from several threads.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Protocol

import pandas as pd

from rsh.errors import InputError
from rsh.files import is_text
from rsh.pictures import SUFFIXES
from rsh.places import add_places
from rsh.shards import Shards, shard_files
from rsh.windows import RASTERS, Cutting, Windows
from rsh.zips import is_zip, open_zip, picture_paths, read_member


class Source(Protocol):
    """What Scenes asks of a place."""

    @property
    def path(self) -> Path:
        """What to open to have it again."""

    def items(self) -> pd.DataFrame:
        """Return one row a tile: id, class and, where known, its place."""

    def read(self, tile: str) -> bytes:
        """Return the picture of a tile as a file.

        Raises:
            InputError: it cannot be read; `NoData` if there is nothing to see on it.
        """

    def stamp(self, tile: str) -> str:
        """Return what changes when the picture does, found without reading it."""


@dataclass(frozen=True)
class Folder:
    """A folder with one folder a class; an id is the path inside.

    Attributes:
        path: the folder.
        paths: of the pictures inside.
    """

    path: Path

    paths: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> "Folder":
        """List a folder.

        Raises:
            InputError: a name is not UTF-8.
        """
        found = sorted(
            file.relative_to(path).as_posix()
            for file in path.glob("*/**/*")
            if file.suffix.lower() in SUFFIXES and file.is_file()
        )
        for name in found:
            if not is_text(name):
                raise InputError(f"{name!a} in {path} is not UTF-8: rename it")
        return cls(path, tuple(found))

    def items(self) -> pd.DataFrame:
        """See `Source`."""
        return add_places(_table(self.paths, self.path), self.path, "")

    def read(self, tile: str) -> bytes:
        """See `Source`."""
        try:
            return (self.path / tile).read_bytes()
        except OSError as error:
            raise InputError(
                f"{tile} in {self.path} cannot be read ({error.strerror}): fetch it again"
            ) from None

    def stamp(self, tile: str) -> str:
        """See `Source`."""
        try:
            found = (self.path / tile).stat()
        except OSError:
            return "gone"  # whoever reads it says so
        return f"{found.st_size} {found.st_mtime_ns}"


@dataclass(frozen=True)
class Zip:
    """A zip of such a folder, read as it is.

    Attributes:
        path: the zip.
        prefix: folder inside that holds the class folders, "" or ending in "/".
        paths: of the pictures, below the prefix.
    """

    path: Path
    prefix: str
    paths: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> "Zip":
        """List a zip.

        Raises:
            InputError: it is damaged, or names a path outside itself.
        """
        paths, prefix = picture_paths(path)
        return cls(path, prefix, tuple(paths))

    def items(self) -> pd.DataFrame:
        """See `Source`."""
        return add_places(_table(self.paths, self.path), self.path, self.prefix)

    def read(self, tile: str) -> bytes:
        """See `Source`."""
        return read_member(self._archive, self.prefix + tile)

    def stamp(self, tile: str) -> str:
        """See `Source`."""
        found = self._archive.getinfo(self.prefix + tile)
        return f"{found.file_size} {found.CRC}"

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        return open_zip(self.path)  # threads may read from it side by side


def open_source(path: Path, cutting: Cutting) -> Source:
    """Find out what lies at a path.

    Args:
        path: of a folder, a zip, shards or a scene.
        cutting: how scenes are cut; nothing else can be.

    Raises:
        InputError: nothing that holds tiles.
    """
    scenes: list[Path] = []
    source: Source
    if path.is_file() and is_zip(path):
        source = Zip.open(path)
    elif path.is_dir() and (folder := Folder.open(path)).paths:
        source = folder
    elif files := shard_files(path):
        source = Shards(path, files)
    elif scenes := _scenes(path):
        return Windows.open(path, scenes, cutting)
    elif path.is_dir():
        source = Folder(path, ())
    else:
        raise InputError(
            f"{path} is neither a folder nor a zip file, shards or a scene: give 'bluemarble', "
            "a folder with one folder a class, a zip of such a folder, .tar or GeoTIFF files"
        )
    for field in fields(cutting):
        if (value := getattr(cutting, field.name)) != field.default:
            words = value if not isinstance(value, tuple) else ",".join(map(str, value))
            raise InputError(
                f"{field.name}={words}: {path} is no scene that could be cut, leave it out"
            )
    return source


def _scenes(path: Path) -> list[Path]:
    """Return the scene, or those in a folder."""
    found = sorted(path.glob("*")) if path.is_dir() else [path]
    return [file for file in found if file.suffix.lower() in RASTERS and file.is_file()]


def _loose_pictures(folder: Path) -> int:
    return sum(file.suffix.lower() in SUFFIXES and file.is_file() for file in folder.iterdir())


def _table(paths: Sequence[str], source: Path) -> pd.DataFrame:
    if not paths:
        if source.is_dir() and (loose := _loose_pictures(source)):
            raise InputError(
                f"{source} holds {loose} picture(s) and no folder of a class: put them into one "
                "folder a class"
            )
        raise InputError(
            f"{source} holds no pictures: need one folder a class, pictures inside, or shards, "
            "or scenes"
        )
    return pd.DataFrame({"id": paths, "class": [path.split("/")[0] for path in paths]})
