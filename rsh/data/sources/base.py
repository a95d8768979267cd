"""The interface of all sources of tiles."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pandas as pd

from rsh.data.images import SUFFIXES
from rsh.data.listing import warn_of_twins
from rsh.data.rendering import Rendering
from rsh.data.splits import SPLIT_NAMES
from rsh.errors import InputError, RshWarning


class Source(Protocol):
    """Lists and reads the tiles of a data set."""

    @property
    def path(self) -> Path:
        """The path to open this source from."""

    @property
    def rendering(self) -> Rendering:
        """How rasters are rendered, as far as the source tells."""

    def items(self) -> pd.DataFrame:
        """Return one row per tile: id, class and, if known, its metadata."""

    def read(self, tile: str) -> bytes:
        """Return the bytes of a tile's image file.

        Raises:
            InputError: it cannot be read; `NoData` if the tile holds no data.
        """

    def stamp(self, tile: str) -> str:
        """Return a text that changes whenever the image does, without reading the image."""


def file_stamp(file: Path) -> str:
    """Return the size and time of a file, which change when it is written."""
    stat = file.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def table_from_paths(paths: Sequence[str], source: Path) -> pd.DataFrame:
    """Return a table of ids and classes; the first folder of a path is its class.

    Where all first folders have names of splits, such as train and test, they are the given split,
    and the second folder is the class.

    Raises:
        InputError: there are no paths.
    """
    if not paths:
        files = source.iterdir() if source.is_dir() else ()
        loose = sum(file.suffix.lower() in SUFFIXES and file.is_file() for file in files)
        if loose:
            raise InputError(
                f"{source} holds {loose} image(s) but no class folders: put the images into one "
                "folder per class"
            )
        raise InputError(
            f"{source} holds no images: give a folder with one folder per class, shards or scenes"
        )
    parts = [path.split("/") for path in paths]
    tops = sorted({part[0] for part in parts})
    splits = {SPLIT_NAMES.get(top.lower()) for top in tops}
    is_split = {"train"} < splits and None not in splits and all(len(part) > 2 for part in parts)
    table = pd.DataFrame({"id": paths, "class": [part[is_split] for part in parts]})
    if is_split:
        table["given_split"] = [part[0] for part in parts]
        warnings.warn(
            f"{source}: the folders {', '.join(tops)} are taken for the split, and those inside "
            "for the classes",
            RshWarning,
            stacklevel=3,
        )
    warn_of_twins(table["class"], source)
    return table
