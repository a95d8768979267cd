"""Writes galleries: every change is a new version, which readers see completely or not at all.

A writer holds a lock, writes new files beside the old ones, and replaces the manifest atomically.
Then it deletes files that neither the new nor the previous manifest names, so a reader of the
previous manifest still finds its files. The next change deletes files that a killed writer left.
"""

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rsh.config import DEFAULT_TARGET_RECALL, IndexName
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import (
    FORMAT,
    INDEX_NAME,
    MANIFEST,
    PROJECTION_NAME,
    SEGMENT_NAME,
    WORK,
    Manifest,
    check_files,
    list_entries,
    read_manifest,
    with_checksum,
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
# Including temporary names of atomic_write, atomic_directory and check_writable.
OUR_NAMES = re.compile(rf"{_NAMES}|\.({_NAMES}|gallery\.json|encode)\..+|{re.escape(PROBE)}.+")


def write_gallery(
    folder: Path, *, info: dict[str, Any], num_bits: int, tiles: GalleryTiles
) -> Gallery:
    """Write a gallery; an existing gallery is replaced atomically.

    Args:
        folder: of the gallery.
        info: "name", "model" and "data" for gallery.json.
        num_bits: code length, bits.
        tiles: all tiles.

    Raises:
        InputError: the folder cannot be written, or holds other files.
    """
    check_new_gallery(folder)
    with _next_version(folder) as manifest:
        manifest.update(info, num_bits=num_bits, segments=[], projection={}, index={})
        _append(folder, manifest, tiles)
    return Gallery.open(folder)


def add_tiles(folder: Path, tiles: GalleryTiles) -> Gallery:
    """Add tiles to a gallery; its projection must then be computed again.

    Raises:
        InputError: no gallery, or it already holds one of the ids.
    """
    read_manifest(folder)
    with _next_version(folder) as manifest:
        old = Gallery.open(folder)
        check_new_tiles(old, tiles.items["id"])
        _append(folder, manifest, tiles)
        _update_index(old, manifest)
    return Gallery.open(folder)


def check_new_tiles(gallery: Gallery, ids: Iterable[str]) -> None:
    """Check that a gallery holds none of some ids.

    Raises:
        InputError: it holds one of them.
    """
    if duplicates := set(ids) & set(gallery.items["id"]):
        name = min(duplicates)
        raise InputError(f"{gallery.folder} already holds {name}: remove it first, or rename it")


def remove_tiles(folder: Path, ids: Sequence[str]) -> Gallery:
    """Remove tiles from a gallery; merging or encoding again frees their disk space.

    Raises:
        InputError: no gallery, it lacks one of the tiles, or no tile would remain.
    """
    read_manifest(folder)
    with _next_version(folder) as manifest:
        gallery = Gallery.open(folder)
        rows = pd.Series(np.arange(len(gallery)), index=gallery.items["id"])
        unknown = [name for name in ids if name not in rows.index]
        if unknown:
            raise InputError(f"{folder} holds no tile {unknown[0]}: give the id of one it holds")
        if len(set(ids)) == len(gallery):
            raise InputError(f"no tile of {folder} would remain: delete the folder instead")
        for number, row in gallery.segment_rows[rows.loc[list(set(ids))].to_numpy()].tolist():
            manifest["segments"][number]["removed"].append(row)
        for segment in manifest["segments"]:
            segment["removed"].sort()
        manifest["segments"] = [s for s in manifest["segments"] if len(s["removed"]) < s["items"]]
        _update_index(gallery, manifest)
    return Gallery.open(folder)


def index_gallery(
    folder: Path, index: IndexName, *, recall: float = DEFAULT_TARGET_RECALL, uri: str = ""
) -> Gallery:
    """Build the index of a gallery, and keep it with the gallery.

    Args:
        folder: the gallery.
        index: "exact", in memory, the default; "ivf", approximate; or "milvus", a server.
        recall: of "ivf": target recall@20, a fraction.
        uri: of "milvus": the server's address, or a path that ends in .db.

    Raises:
        InputError: no gallery, an argument is missing or out of range, or the server does not
            answer.
    """
    read_manifest(folder)
    with _next_version(folder) as manifest:
        gallery, file = Gallery.open(folder), _index_file(folder, manifest)
        old = manifest["index"]
        manifest["index"] = build_index(
            gallery.table, index, recall=recall, uri=uri, file=file, prefix=_collection(gallery)
        )
    drop_index(old)  # the previous manifest used it until now
    return Gallery.open(folder)


def write_projection(gallery: Gallery, projection: pd.DataFrame) -> None:
    """Replace the projection of a gallery.

    Args:
        gallery: an opened gallery.
        projection: feature_x, feature_y, code_x, code_y, one row per item.
    """
    folder = gallery.folder
    read_manifest(folder)
    with _next_version(folder) as manifest:
        file = folder / f"projection-{manifest['version'] + 1}.parquet"
        with atomic_write(file) as stream:
            projection.assign(id=gallery.items["id"]).to_parquet(stream)
        manifest["projection"] = {"file": file.name} | file_record(file)
    gallery.info["projection"] = manifest["projection"]
    gallery.__dict__.pop("projection", None)  # clear the cached property


def merge_galleries(folders: Sequence[Path], into: Path) -> Gallery:
    """Merge galleries of one model into a new gallery, without their removed tiles.

    Raises:
        InputError: the models differ, two galleries share an id, or the new folder is in use.
    """
    galleries = [Gallery.open(folder) for folder in folders]
    first = galleries[0]
    for other in galleries[1:]:
        if (other.num_bits, _weights(other)) != (first.num_bits, _weights(first)):
            raise InputError(
                f"{other.folder} is of another model than {first.folder}, so their codes are not "
                "comparable; encode one of them again"
            )
    ids = pd.concat([gallery.items["id"] for gallery in galleries])
    if ids.duplicated().any():
        raise InputError(f"two galleries hold {ids[ids.duplicated()].iloc[0]}: remove one of them")
    if (into / MANIFEST).exists():
        raise InputError(f"{into} exists: give another --output, or delete it")
    check_new_gallery(into)  # allows files that a killed merge left
    info = {name: first.info[name] for name in ("name", "model", "data")}
    with _next_version(into) as manifest:
        manifest.update(info, num_bits=first.num_bits, segments=[], projection={}, index={})
        for gallery in galleries:
            _append(into, manifest, gallery.tiles())
    return Gallery.open(into)


def check_gallery(folder: Path) -> Gallery:
    """Compare every byte of a gallery with the checksums in its manifest.

    Raises:
        InputError: no gallery, or a file that is missing, cut or altered.
    """
    check_files(folder, read_manifest(folder), whole=True)
    return Gallery.open(folder)


def check_new_gallery(folder: Path) -> None:
    """Check that a gallery can be written into a folder.

    Raises:
        InputError: the folder cannot be written, or holds files of no gallery.
    """
    check_writable(folder)
    if not folder.is_dir() or (folder / MANIFEST).exists():
        return
    if not all(_is_ours(path.name) for path in folder.iterdir()):
        raise InputError(f"{folder} holds other files than a gallery: choose another --output")


def _collection(gallery: Gallery) -> str:
    """Return the prefix of a collection's name, which identifies model and data."""
    prints = [str(gallery.info[part].get("fingerprint", ""))[:8] for part in ("model", "data")]
    return "_".join(["rsh", *filter(None, prints), str(gallery.num_bits)])


def _weights(gallery: Gallery) -> Any:
    return gallery.info["model"].get("fingerprint")


@contextmanager
def _next_version(folder: Path) -> Iterator[Manifest]:
    """Yield a manifest to change; it replaces the old one if the block succeeds."""
    with explain_os_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder):
        old = _read_if_valid(folder)
        manifest: Manifest = deepcopy(old) if old else {"format": FORMAT, "version": 0}
        present = {path.name for path in folder.iterdir()}
        unreadable = present if (folder / MANIFEST).exists() else set()
        keep = list_entries(old) if old else unreadable  # another rsh may still read these files
        try:
            yield manifest
            manifest["version"] += 1
            manifest["num_items"] = sum(
                s["items"] - len(s["removed"]) for s in manifest["segments"]
            )
            write_json(folder / MANIFEST, with_checksum(manifest))
            keep = list_entries(manifest) | (list_entries(old) if old else set())
        finally:
            _clean(folder, keep=keep)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Lock the gallery for writing; delete its folder in the end if nothing was written."""
    busy = f"{folder} is being changed by another process: wait for it, then run this again"
    with exclusive_lock(folder / LOCK, busy=busy):
        try:
            yield
        finally:
            if not (folder / MANIFEST).exists():
                (folder / LOCK).unlink(missing_ok=True)
                with suppress(OSError):  # it holds other files
                    folder.rmdir()


def _read_if_valid(folder: Path) -> Manifest | None:
    """Return the manifest, or None if it is missing or invalid, and is then replaced."""
    with suppress(InputError):
        return read_manifest(folder)
    return None


def _update_index(old: Gallery, manifest: Manifest) -> None:
    """Update the kept index of a gallery, if there is one, to its new manifest."""
    entry, file = manifest["index"], _index_file(old.folder, manifest)
    if entry:
        new = Gallery(old.folder, manifest)
        manifest["index"] = update_index(old.table, new.table, entry, file=file)


def _index_file(folder: Path, manifest: Manifest) -> Path:
    return folder / f"index-{manifest['version'] + 1}.npz"


def _append(folder: Path, manifest: Manifest, tiles: GalleryTiles) -> None:
    """Write a segment and add it to the manifest."""
    name = f"{manifest['version'] + 1:06}-{len(manifest['segments'])}"
    with atomic_directory(folder / name) as temporary:
        entry = write_segment(temporary, tiles)
    manifest["segments"].append({"folder": name} | entry)


def _clean(folder: Path, *, keep: set[str]) -> None:
    """Delete files of galleries that are not to be kept."""
    for path in folder.iterdir():
        if path.name not in keep | {MANIFEST, LOCK, WORK} and _is_ours(path.name):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _is_ours(name: str) -> bool:
    """Whether a writer of galleries uses this name, also for temporary files."""
    return name in {LOCK, WORK} or bool(OUR_NAMES.fullmatch(name))
