"""Arrays that are computed once and kept on disk: packed tiles and view banks.

    KIND/KEY.npy            an array, named by all that decides its content
    KIND/KEY.sha256         of its numbers
    KIND/KEY.partial.npy    one that is being made, or was interrupted
    KIND/KEY.partial.txt    how many of its rows are there, and the sha256 of these

An interrupted array goes on where it stopped, one that was damaged is made again, of two processes
that want the same one the second waits for the first, and the ones unused for longest make room for
new ones.
"""

import hashlib
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import DTypeLike, NDArray
from platformdirs import user_cache_path
from tqdm import tqdm

from rsh.errors import InputError, RshWarning
from rsh.io.arrays import CANNOT_READ, read_array
from rsh.io.files import explain_os_error

SAVE_EVERY = 256  # rows between two notes of how far an array has come
KEEP_BYTES = 20 * 2**30  # of arrays; beyond that the one unused for longest goes
DAY = 24 * 3600  # seconds; an unfinished array that nobody wrote to for so long was given up

Array = NDArray[Any]
MappedArray = np.memmap[Any, np.dtype[Any]]
Rows = Callable[[int], Iterator[Array]]  # first row wanted -> that row and all later ones, in parts


def cached(
    kind: str,
    key: str,
    rows: Rows,
    *,
    shape: tuple[int, ...],
    dtype: DTypeLike,
    progress: bool = True,
) -> Array:
    """Return an array from disk, computed first if it is not there.

    Args:
        kind: what it is, for the folder and the progress bar ("view bank").
        key: names the content.
        rows: computes it, from any row on.
        shape: of the array; its rows are tiles.
        dtype: of the array.
        progress: show a bar on the terminal or in the notebook.

    Returns:
        A read-only memory map.

    Raises:
        InputError: the cache folder cannot be written; what `rows` raises passes through.
    """
    file, kinds = cache_folder() / kind.replace(" ", "-") / f"{key}.npy", np.dtype(dtype)
    with explain_os_error(file, hint="set RSH_CACHE to a folder with room that can be written"):
        file.parent.mkdir(parents=True, exist_ok=True)
        if (array := _open_complete(file, shape, kinds)) is None:
            with _exclusive(file, kind):
                if (
                    array := _open_complete(file, shape, kinds)
                ) is None:  # nobody that was waited for did
                    if file.exists() and _sum_of(file).exists():
                        warnings.warn(
                            f"what was kept as {kind} is damaged: it is made again",
                            RshWarning,
                            stacklevel=2,
                        )
                    with tqdm(total=shape[0], unit="tile", desc=kind, disable=not progress) as bar:
                        _fill(file, rows, shape, kinds, bar)
                    _evict(file)
        with suppress(OSError):  # somebody else's folder can be read all the same
            file.touch()  # used now: the last to go
    return read_array(file, kinds, ndim=len(shape)) if array is None else array


def _open_complete(file: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array | None:
    """Return an array that is as it was written, or None."""
    try:
        array = read_array(file, dtype, ndim=len(shape))
        noted = _sum_of(file).read_text()
    except (InputError, OSError, ValueError):
        return None
    return array if array.shape == shape and _sum(array).hexdigest() == noted else None


def _sum_of(file: Path) -> Path:
    return file.with_suffix(".sha256")


def _sum(array: Array) -> "hashlib._Hash":
    """Return a sha256 over all numbers, which more can be added to."""
    return hashlib.sha256(np.ascontiguousarray(array).data)


def cache_folder() -> Path:
    """Where arrays are kept: $RSH_CACHE, or the user's cache folder."""
    return Path(os.environ.get("RSH_CACHE") or user_cache_path("rsh"))


@contextmanager
def _exclusive(file: Path, kind: str) -> Iterator[None]:
    """Hold the lock on an array, and say so when another process has it."""
    lock = FileLock(file.with_name(f".{file.stem}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        warnings.warn(
            f"another process makes this {kind}: waiting for it", RshWarning, stacklevel=2
        )
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fill(
    file: Path, rows: Rows, shape: tuple[int, ...], dtype: np.dtype[Any], bar: "tqdm[Any]"
) -> None:
    partial, note = file.with_suffix(".partial.npy"), file.with_suffix(".partial.txt")
    array, start = _start(partial, note, shape, dtype)
    digest = _sum(array[:start])
    bar.update(start)
    done = noted = start
    try:
        for part in rows(start):
            array[done : done + len(part)] = part
            digest.update(np.ascontiguousarray(array[done : done + len(part)]).data)
            done += len(part)
            bar.update(len(part))
            if done - noted >= SAVE_EVERY:
                array.flush()
                note.write_text(f"{done} {digest.hexdigest()}")
                noted = done
    except InputError:  # a tile cannot be read: without it, or mended, this is another array
        partial.unlink()
        note.unlink(missing_ok=True)
        raise
    array.flush()
    _sum_of(file).write_text(digest.hexdigest())
    partial.replace(file)
    note.unlink(missing_ok=True)


def _start(
    partial: Path, note: Path, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[MappedArray, int]:
    """Open an interrupted array and say how many rows are done, or make a new one."""
    try:
        array: MappedArray = np.lib.format.open_memmap(partial, mode="r+")
        rows, noted = note.read_text().split()
        start = int(rows)
        fits = array.shape == shape and array.dtype == dtype and 0 <= start <= len(array)
        if fits and _sum(array[:start]).hexdigest() == noted:
            return array, start
    except CANNOT_READ:
        pass  # nothing there, or spoilt: both mean to begin at the beginning
    array = np.lib.format.open_memmap(partial, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate"):  # a full disk should say so now, not kill us at a page
        with partial.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, partial.stat().st_size)
    return array, 0


def _evict(newest: Path) -> None:
    """Delete the arrays unused for longest until those left take KEEP_BYTES, `newest` the last."""
    room, now = KEEP_BYTES, time.time()
    for array in sorted(cache_folder().glob("*/*.npy"), key=_last_used, reverse=True):
        room -= array.stat().st_size
        in_work = array.name.endswith(".partial.npy") and (
            now - _last_used(array) < DAY or _is_held(array)
        )
        if room < 0 and array != newest and not in_work:
            array.unlink(missing_ok=True)
            _sum_of(array).unlink(missing_ok=True)


def _is_held(partial: Path) -> bool:
    """Whether a process is filling an array; clocks may differ, or be turned."""
    stem = partial.name.removesuffix(".partial.npy")
    try:
        with FileLock(partial.with_name(f".{stem}.lock"), timeout=0):
            return False
    except Timeout:
        return True


def _last_used(array: Path) -> float:
    return array.stat().st_mtime
