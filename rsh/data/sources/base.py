"""What all sources of tiles share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pandas as pd

from rsh.data.images import SUFFIXES
from rsh.errors import InputError


class Source(Protocol):
    """What Scenes asks of a place."""

    @property
    def path(self) -> Path:
        """What to open to have it again."""

    def items(self) -> pd.DataFrame:
        """Return one row a tile: id, class and, where known, its place."""

    def read(self, tile: str) -> bytes:
        """Return the image of a tile as a file.

        Raises:
            InputError: it cannot be read; `NoData` if there is nothing to see on it.
        """

    def stamp(self, tile: str) -> str:
        """Return what changes when the image does, found without reading it."""


def _loose_images(folder: Path) -> int:
    return sum(file.suffix.lower() in SUFFIXES and file.is_file() for file in folder.iterdir())


def _table(paths: Sequence[str], source: Path) -> pd.DataFrame:
    if not paths:
        if source.is_dir() and (loose := _loose_images(source)):
            raise InputError(
                f"{source} holds {loose} image(s) and no folder of a class: put them into one "
                "folder a class"
            )
        raise InputError(
            f"{source} holds no images: need one folder a class, images inside, or shards, "
            "or scenes"
        )
    return pd.DataFrame({"id": paths, "class": [path.split("/")[0] for path in paths]})
