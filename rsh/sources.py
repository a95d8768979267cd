"""Where the pictures of a data set lie: a folder or a zip, and who else there is.

A source lists its tiles once and then reads each by its id, in any order and from several threads.
"""

import os
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import pandas as pd

from rsh.errors import InputError
from rsh.files import is_text
from rsh.pictures import SUFFIXES
from rsh.places import add_places
from rsh.zips import open_zip, picture_paths, read_member

WAY_OUT = "need one folder a class, pictures inside"


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
    """A folder with one folder a class; an id is the path inside."""

    path: Path

    def items(self) -> pd.DataFrame:
        """See `Source`."""
        paths = sorted(
            path.relative_to(self.path).as_posix()
            for path in self.path.glob("*/**/*")
            if path.suffix.lower() in SUFFIXES and path.is_file()
        )
        for path in paths:
            if not is_text(path):
                raise InputError(f"{path!a} in {self.path} is not UTF-8: rename it")
        return add_places(_table(paths, self.path), self.path, "")

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
        return add_places(_table(list(self.paths), self.path), self.path, self.prefix)

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


def open_source(path: Path) -> Source:
    """Find out what lies at a path.

    Raises:
        InputError: nothing that holds tiles.
    """
    if path.is_dir():
        return Folder(path)
    if path.is_file() and zipfile.is_zipfile(path):
        return Zip.open(path)
    raise InputError(
        f"{os.fspath(path)} is neither a folder nor a zip file: give 'bluemarble', "
        "a folder with one folder a class, or a zip of such a folder"
    )


def _table(paths: list[str], source: Path) -> pd.DataFrame:
    if not paths:
        raise InputError(f"{source} holds no pictures: {WAY_OUT}")
    return pd.DataFrame({"id": paths, "class": [path.split("/")[0] for path in paths]})
