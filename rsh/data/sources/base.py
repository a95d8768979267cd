"""The interface of all sources of tiles."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pandas as pd

from rsh.data.images import SUFFIXES
from rsh.data.listing import LOOSE, NO_CLASSES, warn_left_out, warn_of_twins
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
    and the second folder is the class; or the other way around.

    Raises:
        InputError: there are no paths.
    """
    if not paths:
        files = source.iterdir() if source.is_dir() else ()
        loose = sum(file.suffix.lower() in SUFFIXES and file.is_file() for file in files)
        if loose:
            raise InputError(f"{source} holds {NO_CLASSES.format(loose)}")
        raise InputError(
            f"{source} holds no images: give a folder with one folder per class, shards or scenes"
        )
    parts = [path.split("/") for path in paths]
    deep = [part for part in parts if len(part) > 2]
    found = [at for at in (0, 1) if _is_split([part[at] for part in deep])]
    if not found or 2 * len(deep) < len(parts):
        _tell_split_names({part[0] for part in parts}, source)
        table = pd.DataFrame({"id": paths, "class": [part[0] for part in parts]})
    else:
        outside = [path for path, part in zip(paths, parts, strict=True) if len(part) < 3]
        warn_left_out(source, outside, LOOSE)
        table = pd.DataFrame({
            "id": ["/".join(part) for part in deep],
            "class": [part[1 - found[0]] for part in deep],
            "given_split": [part[found[0]] for part in deep],
        })  # fmt: skip
        names = ", ".join(sorted(set(table["given_split"])))
        warnings.warn(
            f"{source}: the folders {names} are taken for the split, not for classes",
            RshWarning,
            stacklevel=3,
        )
    warn_of_twins(table["class"], source)
    return table


def _is_split(names: Sequence[str]) -> bool:
    """Whether folders are named like the parts of a split, train among them."""
    found = {SPLIT_NAMES.get(name.lower()) for name in names}
    return {"train"} < found and None not in found


def _tell_split_names(classes: set[str], source: Path) -> None:
    """Warn of classes that have the name of a part of a split."""
    found = sorted(name for name in classes if name.lower() in SPLIT_NAMES)
    if len(found) > 1:
        warnings.warn(
            f"{source}: the folders {', '.join(found)} are taken for classes: for a split, put "
            "folders of classes into each, and no other folder beside them",
            RshWarning,
            stacklevel=4,
        )
