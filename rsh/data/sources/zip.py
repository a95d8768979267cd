"""Tiles in a zip file."""

import io
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from rsh.data.archive import image_paths, member_names, open_zip, read_member
from rsh.data.backgrounds import Background, read_backgrounds
from rsh.data.listing import BACKGROUNDS
from rsh.data.metadata import add_metadata, scene_rendering
from rsh.data.rendering import Rendering
from rsh.data.sources.base import table_from_paths


@dataclass(frozen=True)
class ZipSource:
    """A zip of a folder of images, read without unpacking.

    Attributes:
        path: the zip.
        prefix: folder inside that holds all images, "" or ending in "/".
        paths: of the images, relative to the prefix.
        crs: coordinate system of places in the table, "" for what that states.
    """

    path: Path
    prefix: str
    paths: tuple[str, ...]
    crs: str = ""

    @classmethod
    def open(cls, path: Path, crs: str = "") -> "ZipSource":
        """List the images of a zip.

        Raises:
            InputError: the zip is damaged, or holds a path outside itself.
        """
        paths, prefix = image_paths(path)
        return cls(path, prefix, tuple(paths), crs)

    def items(self) -> pd.DataFrame:
        """See `Source`."""
        table = table_from_paths(self.paths, self.path)
        return add_metadata(table, self.path, self.prefix, self.crs)

    @cached_property
    def rendering(self) -> Rendering:
        """See `Source`; the tiles may come from a scene."""
        return scene_rendering(self.path, self.prefix)

    def read(self, tile: str) -> bytes:
        """See `Source`."""
        return read_member(self._archive, self._members[self.prefix + tile])

    def backgrounds(self) -> list[Background]:
        """See `Source`; `rsh data tiles` writes them."""
        member = self._members.get(self.prefix + BACKGROUNDS)
        if member is None:
            return []
        content = read_member(self._archive, member)
        return read_backgrounds(io.BytesIO(content), f"{BACKGROUNDS} in {self.path}")

    def stamp(self, tile: str) -> str:
        """See `Source`."""
        member = self._archive.getinfo(self._members[self.prefix + tile])
        return f"{member.file_size} {member.CRC}"

    @cached_property
    def _members(self) -> dict[str, str]:
        return member_names(self._archive)

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        return open_zip(self.path)  # several threads may read from it
