"""Tiles in a folder, with one folder per class if they have classes.

A source lists its tiles once, and then reads any of them by id, also from several threads.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from rsh.data.backgrounds import Background, read_backgrounds
from rsh.data.listing import BACKGROUNDS, INSIDE, TABLES, list_images, walk_files, warn_left_out
from rsh.data.metadata import add_metadata, scene_rendering
from rsh.data.rendering import Rendering
from rsh.data.sources.base import file_stamp, table_from_paths
from rsh.errors import InputError
from rsh.io.files import is_utf8


@dataclass(frozen=True)
class FolderSource:
    """A folder of images at any depth; an id is the path inside.

    Attributes:
        path: the folder.
        paths: of the images, relative to the folder.
        crs: coordinate system of places in the table, "" for what that states.
    """

    path: Path
    paths: tuple[str, ...]
    crs: str = ""

    @classmethod
    def open(cls, path: Path, crs: str = "") -> "FolderSource":
        """List the images of a folder.

        Raises:
            InputError: a file name is not UTF-8.
        """
        names = list(walk_files(path))
        found = list_images(names, path)
        if not {*TABLES} & {*names}:
            tables = [name for name in names if name.endswith(tuple(f"/{each}" for each in TABLES))]
            warn_left_out(path, tables, INSIDE)
        for name in found:
            if not is_utf8(name):
                raise InputError(f"{name!a} in {path} is not UTF-8: rename it")
        return cls(path, tuple(found), crs)

    def items(self) -> pd.DataFrame:
        """See `Source`."""
        return add_metadata(table_from_paths(self.paths, self.path), self.path, "", self.crs)

    @cached_property
    def rendering(self) -> Rendering:
        """See `Source`; the tiles may come from a scene."""
        return scene_rendering(self.path, "")

    def read(self, tile: str) -> bytes:
        """See `Source`."""
        try:
            return (self.path / tile).read_bytes()
        except OSError as error:
            raise InputError(
                f"{tile} in {self.path} cannot be read ({error.strerror}): download it again"
            ) from None

    def backgrounds(self) -> list[Background]:
        """See `Source`; `rsh data tiles` writes them."""
        file = self.path / BACKGROUNDS
        return read_backgrounds(file, str(file)) if file.is_file() else []

    def stamp(self, tile: str) -> str:
        """See `Source`."""
        try:
            return file_stamp(self.path / tile)
        except OSError:
            return "missing"  # `read` reports the error
