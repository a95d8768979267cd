"""A disk cache of arrays that are computed once: decoded images and cached features.

    KIND/KEY.npy            an array; the key names everything that decides its content
    KIND/KEY.sha256         of its numbers
    KIND/KEY.partial.npy    an array that is being computed, or was interrupted
    KIND/KEY.partial.txt    how many of its rows are complete, and their sha256

An interrupted computation resumes. A damaged array is recomputed. If two processes need the same
array, the second waits for the first. The least recently used arrays are deleted to make room.
"""

import hashlib
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import DTypeLike, NDArray
from platformdirs import user_cache_path
from tqdm import tqdm

from rsh.errors import InputError, RshWarning
from rsh.io.arrays import ARRAY_ERRORS, read_array
from rsh.io.files import explain_os_error

SAVE_EVERY = 256  # rows between two saves of the progress
KEEP_BYTES = 20 * 2**30  # size of the cache
DAY = 24 * 3600  # seconds without a write after which an unfinished array counts as abandoned

Array = NDArray[Any]
MappedArray = np.memmap[Any, np.dtype[Any]]
Rows = Callable[[int], Iterator[Array]]  # first row -> batches of it and all later rows


def cached(
    kind: str,
    key: str,
    rows: Rows,
    *,
    shape: tuple[int, ...],
    dtype: DTypeLike,
    title: str = "",
    progress: bool = True,
) -> Array:
    """Return an array from the cache, and compute it first if it is missing.

    Args:
        kind: kind of content, the folder's name.
        key: identifies the content.
        rows: computes the array from any row on.
        shape: of the array; its rows are tiles.
        dtype: of the array.
        title: of the progress bar; by default the kind.
        progress: show a progress bar.

    Returns:
        A read-only memory map.

    Raises:
        InputError: the cache folder cannot be written, or `rows` raises it.
    """
    file = _file(kind, key)
    dtype = np.dtype(dtype)
    with explain_os_error(file, hint="set RSH_CACHE to a writable folder with free space"):
        file.parent.mkdir(parents=True, exist_ok=True)
        array = _open_complete(file, shape, dtype)
        if array is None:
            with _exclusive(file, kind):
                array = _open_complete(file, shape, dtype)  # another process may have made it
                if array is None:
                    if file.exists() and _checksum_file(file).exists():
                        warnings.warn(
                            f"the cache of {kind} is damaged: it is recomputed",
                            RshWarning,
                            stacklevel=2,
                        )
                    name, total = title or kind, shape[0]
                    with tqdm(total=total, unit="tile", desc=name, disable=not progress) as bar:
                        _fill(file, rows, shape, dtype, bar)
                    _evict(file)
                    array = read_array(file, dtype, ndim=len(shape))
        with suppress(OSError):  # a cache that this user can only read
            os.utime(file)  # the time of its last use
    return array


def find_cached(kind: str, key: str, *, shape: tuple[int, ...], dtype: DTypeLike) -> Array | None:
    """Return an array if the cache holds it, see `cached`; it is not computed."""
    return _open_complete(_file(kind, key), shape, np.dtype(dtype))


def _file(kind: str, key: str) -> Path:
    return cache_folder() / kind.replace(" ", "-") / f"{key}.npy"


def _open_complete(file: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array | None:
    """Return the complete and undamaged array, or None."""
    try:
        array = read_array(file, dtype, ndim=len(shape))
        noted = _checksum_file(file).read_text()
    except (InputError, OSError, ValueError):
        return None
    return array if array.shape == shape and _sha256(array).hexdigest() == noted else None


def _checksum_file(file: Path) -> Path:
    return file.with_suffix(".sha256")


def _sha256(array: Array) -> "hashlib._Hash":
    """Return the sha256 of an array, to be updated with more rows."""
    return hashlib.sha256(np.ascontiguousarray(array).data)


def cache_folder() -> Path:
    """Return the folder of the cache: $RSH_CACHE, or rsh in the user's cache folder."""
    return Path(os.environ.get("RSH_CACHE") or user_cache_path("rsh"))


def _exclusive(file: Path, kind: str) -> AbstractContextManager[object]:
    """Lock an array; warn before waiting for another process."""
    lock = FileLock(file.with_name(f".{file.stem}.lock"))
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        warnings.warn(
            f"another process computes the {kind}: waiting for it", RshWarning, stacklevel=2
        )
        return lock.acquire()


def _fill(
    file: Path, rows: Rows, shape: tuple[int, ...], dtype: np.dtype[Any], bar: "tqdm[Any]"
) -> None:
    partial, note = file.with_suffix(".partial.npy"), file.with_suffix(".partial.txt")
    array, start = _start(partial, note, shape, dtype)
    digest = _sha256(array[:start])
    bar.update(start)
    done = noted = start
    try:
        for batch in rows(start):
            array[done : done + len(batch)] = batch
            digest.update(np.ascontiguousarray(array[done : done + len(batch)]).data)
            done += len(batch)
            bar.update(len(batch))
            if done - noted >= SAVE_EVERY:
                array.flush()
                note.write_text(f"{done} {digest.hexdigest()}")
                noted = done
    except InputError:  # an unreadable tile: once it is fixed or left out, the key differs
        partial.unlink()
        note.unlink(missing_ok=True)
        raise
    array.flush()
    _checksum_file(file).write_text(digest.hexdigest())
    partial.replace(file)
    note.unlink(missing_ok=True)


def _start(
    partial: Path, note: Path, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[MappedArray, int]:
    """Open an interrupted array or create one; return it and its number of complete rows."""
    with suppress(*ARRAY_ERRORS):  # missing or damaged: start from row 0
        array: MappedArray = np.lib.format.open_memmap(partial, mode="r+")
        rows, noted = note.read_text().split()
        start = int(rows)
        fits = array.shape == shape and array.dtype == dtype and 0 <= start <= len(array)
        if fits and _sha256(array[:start]).hexdigest() == noted:
            return array, start
    array = np.lib.format.open_memmap(partial, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate"):  # raises if the disk is full; later SIGBUS would kill rsh
        with partial.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, partial.stat().st_size)
    return array, 0


def _evict(newest: Path) -> None:
    """Delete the least recently used arrays beyond KEEP_BYTES, but never `newest`."""
    found = []
    for array in cache_folder().glob("*/*.npy"):
        with suppress(FileNotFoundError):  # another process has just renamed or deleted it
            stat = array.stat()
            found.append((stat.st_mtime, stat.st_size, array))
    room, a_day_ago = KEEP_BYTES, time.time() - DAY
    for modified, size, array in sorted(found, reverse=True):
        room -= size
        in_progress = array.name.endswith(".partial.npy") and (
            modified > a_day_ago or _is_held(array)
        )
        if room < 0 and array != newest and not in_progress:
            array.unlink(missing_ok=True)
            _checksum_file(array).unlink(missing_ok=True)


def _is_held(partial: Path) -> bool:
    """Whether a process is computing an array; its time may mislead, since clocks differ."""
    stem = partial.name.removesuffix(".partial.npy")
    try:
        with FileLock(partial.with_name(f".{stem}.lock"), timeout=0):
            return False
    except Timeout:
        return True
