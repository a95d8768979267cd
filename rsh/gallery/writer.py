"""Changing a gallery: every change is a new version, which readers see whole or not at all.

A writer holds a lock, writes new files beside the old ones, replaces the head in one step, and only
then takes away what neither the new head nor the one before it names: a reader that has just read
the old head still finds its files. What a killed writer left behind goes with the next change.
"""

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from rsh.config import DEFAULT_TARGET_RECALL, IndexName
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import (
    INDEX_NAME,
    MANIFEST,
    PROJECTION_NAME,
    SEGMENT_NAME,
    WORK,
    Manifest,
    ProjectionInfo,
    SegmentInfo,
    check_files,
    list_entries,
    read_manifest,
    to_json,
)
from rsh.gallery.searcher import build_index, drop_index, update_index
from rsh.gallery.segment import GalleryTiles, write_segment
from rsh.io.files import (
    PROBE,
    atomic_directory,
    atomic_write,
    check_writable,
    exclusive_lock,
    explain_os_error,
    file_record,
    write_json,
)

LOCK = ".lock"
_NAMES = "|".join(name.pattern for name in (SEGMENT_NAME, PROJECTION_NAME, INDEX_NAME))
# Temporary names of atomic_write and check_writable, too.
OURS = re.compile(rf"{_NAMES}|\.({_NAMES}|gallery\.json|encode)\..+|{re.escape(PROBE)}.+")


def write_gallery(folder: Path, manifest: Manifest, tiles: GalleryTiles) -> Gallery:
    """Write a gallery; one that is already there is replaced in one step.

    Args:
        folder: where.
        manifest: its name, code length, network and data set.
        tiles: all of them.

    Raises:
        InputError: the folder cannot be written, or holds something else.
    """
    check_new_gallery(folder)
    with _next_version(folder, manifest) as written:
        _append(folder, written, tiles)
    return Gallery.open(folder)


def add_tiles(folder: Path, tiles: GalleryTiles) -> Gallery:
    """Add tiles to a gallery; its projection does not know them, and has to be made again.

    Raises:
        InputError: no gallery, or one that already holds a tile of one of these ids.
    """
    read_manifest(folder)
    with _next_version(folder) as manifest:
        old = Gallery.open(folder)
        check_new_tiles(old, tiles.items["id"])
        _append(folder, manifest, tiles)
        _update_index(old, manifest)
    return Gallery.open(folder)


def check_new_tiles(gallery: Gallery, ids: Iterable[str]) -> None:
    """Refuse ids of tiles that a gallery already holds.

    Raises:
        InputError: it holds one.
    """
    twice = set(ids) & set(gallery.items["id"])
    if twice:
        name = min(twice)
        raise InputError(f"{gallery.folder} already holds {name}: remove it first, or rename it")


def remove_tiles(folder: Path, ids: Sequence[str]) -> Gallery:
    """Take tiles out of a gallery; their bytes go when it is merged or encoded again.

    Raises:
        InputError: no gallery, one that does not hold them, or that would be left without tiles.
    """
    read_manifest(folder)
    with _next_version(folder) as manifest:
        gallery = Gallery.open(folder)
        rows = pd.Series(np.arange(len(gallery)), index=gallery.items["id"])
        unknown = [name for name in ids if name not in rows.index]
        if unknown:
            raise InputError(f"{folder} holds no tile {unknown[0]}: give the id of one it holds")
        if len(set(ids)) == len(gallery):
            raise InputError(f"{folder} would be left without tiles: delete the folder instead")
        for number, row in gallery.segment_rows[rows.loc[list(set(ids))].to_numpy()].tolist():
            manifest.segments[number].removed.append(row)
        for segment in manifest.segments:
            segment.removed.sort()
        manifest.segments = [s for s in manifest.segments if len(s.removed) < s.items]
        _update_index(gallery, manifest)
    return Gallery.open(folder)


def index_gallery(
    folder: Path, index: IndexName, *, recall: float = DEFAULT_TARGET_RECALL, uri: str = ""
) -> Gallery:
    """Choose what a gallery is searched with, and keep it with the gallery.

    Args:
        folder: the gallery.
        index: "exact", in memory, the default of every gallery; "ivf", lists of which a part is
            looked at; or "milvus", a server.
        recall: of "ivf": the least share of the nearest 20 that is to be found.
        uri: of "milvus": its address, or a path that ends in .db.

    Raises:
        InputError: no gallery, an argument that is missing or out of range, or a server that does
            not answer.
    """
    read_manifest(folder)
    with _next_version(folder) as manifest:
        gallery, file = Gallery.open(folder), _index_file(folder, manifest)
        old = manifest.index
        manifest.index = build_index(
            gallery.table, index, recall=recall, uri=uri, file=file, prefix=_collection(gallery)
        )
    drop_index(old)  # only now: until then the old head was searched with it
    return Gallery.open(folder)


def write_projection(gallery: Gallery, projection: pd.DataFrame) -> None:
    """Give a gallery a new projection.

    Args:
        gallery: an opened gallery.
        projection: feature_x, feature_y, code_x, code_y, one row an item.
    """
    folder = gallery.folder
    read_manifest(folder)
    with _next_version(folder) as manifest:
        file = folder / f"projection-{manifest.version + 1}.parquet"
        with atomic_write(file) as stream:
            projection.assign(id=gallery.items["id"]).to_parquet(stream)
        manifest.projection = ProjectionInfo(**asdict(file_record(file)), file=file.name)
    gallery.manifest.projection = manifest.projection
    gallery.__dict__.pop("projection", None)  # forget the cached answer


def merge_galleries(folders: Sequence[Path], into: Path) -> Gallery:
    """Put galleries of one model together in a new one, and leave out what was removed.

    Raises:
        InputError: they are of different models or share ids, or the folder is taken.
    """
    galleries = [Gallery.open(folder) for folder in folders]
    first = galleries[0]
    for other in galleries[1:]:
        if (other.num_bits, _weights(other)) != (first.num_bits, _weights(first)):
            raise InputError(
                f"{other.folder} is of another model than {first.folder}: their codes mean "
                "different things; encode one of them again"
            )
    ids = pd.concat([gallery.items["id"] for gallery in galleries])
    if ids.duplicated().any():
        raise InputError(f"two galleries hold {ids[ids.duplicated()].iloc[0]}: remove one of them")
    if (into / MANIFEST).exists():
        raise InputError(f"{into} exists: give another --output, or delete it")
    check_new_gallery(into)  # what a merge that was killed has left is no hindrance
    new = Manifest(first.name, first.num_bits, first.manifest.model, first.manifest.data)
    with _next_version(into, new) as manifest:
        for gallery in galleries:
            _append(into, manifest, gallery.tiles())
    return Gallery.open(into)


def check_gallery(folder: Path) -> Gallery:
    """Read every byte of a gallery and hold it against what was noted.

    Raises:
        InputError: no gallery, or a file that is missing, cut or altered.
    """
    check_files(folder, read_manifest(folder), whole=True)
    return Gallery.open(folder)


def check_new_gallery(folder: Path) -> None:
    """Raise InputError for a folder that holds other files than a gallery, or is not writable.

    Raises:
        InputError: it does.
    """
    check_writable(folder)
    if not folder.is_dir() or (folder / MANIFEST).exists():
        return
    if not all(_is_ours(path.name) for path in folder.iterdir()):
        raise InputError(f"{folder} holds other files than a gallery: choose another --output")


def _collection(gallery: Gallery) -> str:
    """Return the beginning of a collection's name, which tells model and data."""
    prints = [part.fingerprint[:8] for part in (gallery.manifest.model, gallery.manifest.data)]
    return "_".join(["rsh", *filter(None, prints), str(gallery.num_bits)])


def _weights(gallery: Gallery) -> str:
    return gallery.manifest.model.fingerprint


@contextmanager
def _next_version(folder: Path, new: Manifest | None = None) -> Iterator[Manifest]:
    """Yield the manifest to change, or a new one; it replaces the old if the block ends well."""
    with explain_os_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder):
        old = _new_manifest(folder)
        manifest = deepcopy(new or old or read_manifest(folder))
        manifest.version = old.version if old else 0
        unread = {path.name for path in folder.iterdir()} if (folder / MANIFEST).exists() else set()
        keep = list_entries(old) if old else unread  # until it is replaced, another rsh may read it
        try:
            yield manifest
            manifest.version += 1
            manifest.num_items = sum(s.items - len(s.removed) for s in manifest.segments)
            write_json(folder / MANIFEST, to_json(manifest))
            keep = list_entries(manifest) | (list_entries(old) if old else set())
        finally:
            _clean(folder, keep=keep)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Be the only writer; a folder in which nothing came about goes again."""
    busy = f"{folder} is being changed by another process: wait for it, then run this again"
    with exclusive_lock(folder / LOCK, busy=busy):
        try:
            yield
        finally:
            if not (folder / MANIFEST).exists():
                (folder / LOCK).unlink(missing_ok=True)
                with suppress(OSError):  # it holds something else
                    folder.rmdir()


def _new_manifest(folder: Path) -> Manifest | None:
    """Return the head, or None where there is none that can be read: it is then replaced."""
    with suppress(InputError):
        return read_manifest(folder)
    return None


def _update_index(old: Gallery, manifest: Manifest) -> None:
    """Bring the index that a gallery keeps up to date with its new head."""
    entry, file = manifest.index, _index_file(old.folder, manifest)
    if entry:
        new = Gallery(old.folder, manifest)
        manifest.index = update_index(old.table, new.table, entry, file=file)


def _index_file(folder: Path, manifest: Manifest) -> Path:
    return folder / f"index-{manifest.version + 1}.npz"


def _append(folder: Path, manifest: Manifest, tiles: GalleryTiles) -> None:
    """Write a segment and enter it into the head."""
    name = f"{manifest.version + 1:06}-{len(manifest.segments)}"
    with atomic_directory(folder / name) as temporary:
        files = write_segment(temporary, tiles)
    manifest.segments.append(SegmentInfo(name, len(tiles.items), [], files))


def _clean(folder: Path, *, keep: set[str]) -> None:
    """Take away what is ours and not to be kept."""
    for path in folder.iterdir():
        if path.name not in keep | {MANIFEST, LOCK, WORK} and _is_ours(path.name):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _is_ours(name: str) -> bool:
    """Whether a writer of galleries made what has this name, be it for a moment."""
    return name in {LOCK, WORK} or bool(OURS.fullmatch(name))
