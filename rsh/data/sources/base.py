"""The interface of all sources of tiles."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pandas as pd

from rsh.data.backgrounds import Background
from rsh.data.listing import LOOSE, warn_left_out
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
        """Return one row per tile: id, class ("" if unknown) and, if known, its metadata."""

    def read(self, tile: str) -> bytes:
        """Return the bytes of a tile's image file.

        Raises:
            InputError: it cannot be read; `NoData` if the tile holds no data.
        """

    def stamp(self, tile: str) -> str:
        """Return a text that changes whenever the image does, without reading the image."""

    def backgrounds(self) -> list[Background]:
        """Return overviews of the scenes that the tiles are from, as far as they are known.

        Raises:
            InputError: a scene or its overview cannot be read.
        """


def file_stamp(file: Path) -> str:
    """Return the size and time of a file, which change when it is written."""
    stat = file.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def table_from_paths(paths: Sequence[str], source: Path) -> pd.DataFrame:
    """Return a table of ids and classes; the first folder of a path is its class.

    Where all first folders have names of splits, such as train and test, they are the given split,
    and the second folder is the class; or the other way around. An image in no such folder has no
    class, and no image has one where there are fewer than two folders of classes: a folder that
    holds everything says nothing.

    Raises:
        InputError: there are no paths.
    """
    if not paths:
        raise InputError(f"{source} holds no images: give a folder of images, shards or scenes")
    parts = [path.split("/") for path in paths]
    at = _split_depth(parts)
    if at is not None:
        outside = [part for part in parts if not _is_split_name(_folder(part, at))]
        warn_left_out(source, ["/".join(part) for part in outside], LOOSE)
        parts = [part for part in parts if _is_split_name(_folder(part, at))]
    table = pd.DataFrame({
        "id": ["/".join(part) for part in parts],
        "class": [_folder(part, 0 if at is None else 1 - at) for part in parts],
    })  # fmt: skip
    if at is None:
        _tell_split_names(set(table["class"]), source)
    else:
        table["given_split"] = [part[at] for part in parts]
        names = ", ".join(sorted(set(table["given_split"])))
        warnings.warn(
            f"{source}: the folders {names} are taken for the split, not for classes",
            RshWarning,
            stacklevel=3,
        )
    if table["class"].where(table["class"] != "").nunique() < 2:
        if at is None:
            _tell_folder_of_all(parts, source)
        table["class"] = ""
    return table


def _folder(part: Sequence[str], depth: int) -> str:
    """Return the folder of an image at a depth, from 0; "" if it is not as deep."""
    return part[depth] if len(part) > depth + 1 else ""


def _split_depth(parts: Sequence[Sequence[str]]) -> int | None:
    """Return the depth of the folders that are the given split: 0, 1, or None without any."""
    if _is_split([part[0] for part in parts if len(part) > 1]):
        return 0
    deep = [part for part in parts if len(part) > 2]
    found = [at for at in (0, 1) if _is_split([part[at] for part in deep])]
    return found[0] if found and 2 * len(deep) >= len(parts) else None


def _tell_folder_of_all(parts: Sequence[Sequence[str]], source: Path) -> None:
    """Say where the classes may be if one folder holds other folders with all images."""
    inside = {part[1] for part in parts if len(part) > 2}
    if len(inside) > 1 and all(len(part) > 2 for part in parts):
        warnings.warn(
            f"{source}: {parts[0][0]} holds all images, so its folders are not taken for classes: "
            f"open {source / parts[0][0]} if they are",
            RshWarning,
            stacklevel=4,
        )


def _is_split_name(name: str) -> bool:
    return name.lower() in SPLIT_NAMES


def _is_split(names: Sequence[str]) -> bool:
    """Whether folders are named like the parts of a split, train among them."""
    found = {SPLIT_NAMES.get(name.lower()) for name in names}
    return {"train"} < found and None not in found


def _tell_split_names(classes: set[str], source: Path) -> None:
    """Warn of classes that have the name of a part of a split."""
    found = sorted(filter(_is_split_name, classes))
    if len(found) > 1:
        warnings.warn(
            f"{source}: the folders {', '.join(found)} are taken for classes: for a split, put "
            "folders of classes into each, and no other folder beside them",
            RshWarning,
            stacklevel=4,
        )
