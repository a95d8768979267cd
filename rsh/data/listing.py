"""Which files of a folder, zip or tar are images of a data set; warnings tell of the others."""

import os
import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from rsh.data.images import SUFFIXES
from rsh.errors import RshWarning
from rsh.text import plural

# What systems put beside one's files; all other hidden folders begin with a dot.
SYSTEM_FOLDERS = frozenset({  # in lower case
    *("__macosx", "@eadir", "#recycle", "@recycle", "#snapshot", "$recycle.bin", "recycle.bin"),
    *("system volume information", "lost+found", "network trash folder", "temporary items"),
    "__pycache__",
})  # fmt: skip
# Formats of images that no reader here opens as a tile.
OTHER_IMAGES = {".avif", ".ecw", ".heic", ".heif", ".hdf", ".jxl", ".sid"} - SUFFIXES
SYSTEM_FILES = frozenset({"Thumbs.db", "desktop.ini", "ehthumbs.db"})
TABLE, PARQUET_TABLES = "items.csv", ("items.parquet", "items.geoparquet")
TABLES = (TABLE, *PARQUET_TABLES)
# Beside tiles cut from a scene: see `rsh.data.tiling`.
SCENE, BACKGROUNDS = "scene.json", "backgrounds.parquet"
NOT_TOLD = SYSTEM_FILES | {*TABLES, SCENE, BACKGROUNDS}
# Why files are left out.
HIDDEN = "hidden, or in a folder of the system"
LOOSE = "in no folder of the split"
INSIDE = "only the table beside all folders is read"
BESIDE = "beside shards or scenes"
SCENES = "scenes beside tiles: give them by themselves"
UNREAD = "in a format that is not read here: convert to JPEG, PNG or TIFF"
NO_IMAGE = "no image by its name"


def list_images(names: Iterable[str], source: Path) -> list[str]:
    """Return the images among file names, in alphabetical order.

    It leaves out hidden files and folders and those of systems, images in formats that are not
    read, and other files in folders. A warning says how many, and names the first.

    Args:
        names: paths inside the data set.
        source: the data set, for the warning.
    """
    images: list[str] = []
    left_out: dict[str, list[str]] = {why: [] for why in (HIDDEN, UNREAD, NO_IMAGE)}
    for name in names:
        path = PurePosixPath(name)
        suffix = path.suffix.lower()
        if is_hidden(name):
            left_out[HIDDEN] += [name] if suffix in SUFFIXES else []
        elif suffix in SUFFIXES:
            images.append(name)
        elif suffix in OTHER_IMAGES:
            left_out[UNREAD].append(name)
        elif len(path.parts) > 1 and path.name not in NOT_TOLD:
            left_out[NO_IMAGE].append(name)
    for why, found in left_out.items():
        warn_left_out(source, found, why)
    return sorted(images)


def is_hidden(name: str) -> bool:
    """Whether a path inside a data set is hidden, or belongs to a system."""
    parts = [part for part in name.split("/") if part not in (".", "..")]
    return any(part.startswith(".") or part.casefold() in SYSTEM_FOLDERS for part in parts)


def warn_left_out(source: Path, names: list[str], why: str) -> None:
    """Warn of files that were left out, if there are any."""
    if names:
        warnings.warn(
            f"{source}: left out {plural(len(names), 'file')}, such as {min(names)} ({why})",
            RshWarning,
            stacklevel=3,
        )


def walk_files(folder: Path) -> Iterator[str]:
    """Yield the files below a folder, relative to it.

    Links are followed, but into no folder twice below the same class folder.
    """
    seen: dict[str, set[str]] = {}  # folders by class folder
    for place, folders, files in os.walk(folder, followlinks=True):
        inside = Path(place).relative_to(folder).as_posix()
        start = "" if inside == "." else f"{inside}/"
        known = seen.setdefault(
            inside.split("/")[0], {os.path.realpath(folder)} if start else set()
        )
        if os.path.realpath(place) in known:
            folders.clear()
            continue
        known.add(os.path.realpath(place))
        yield from (start + name for name in files if os.path.isfile(os.path.join(place, name)))


def warn_of_twins(names: Iterable[str], source: Path, what: str = "classes") -> None:
    """Warn of names of classes, or of labels, that differ in case or Unicode form alone."""
    known: dict[str, str] = {}
    for name in dict.fromkeys(names):
        other = known.setdefault(unicodedata.normalize("NFKC", name).casefold(), name)
        if other != name:
            warnings.warn(
                f"{source}: the {what} {other!a} and {name!a} differ only in case or in "
                "how letters are encoded: rename one of them if they are the same",
                RshWarning,
                stacklevel=3,
            )
