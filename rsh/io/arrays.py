"""Reads arrays from untrusted files: checked, and never unpickled."""

import mmap
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rsh.errors import InputError
from rsh.text import first_sentence

# numpy raises these for damaged or hostile files.
ARRAY_ERRORS = (
    *(AttributeError, EOFError, KeyError, MemoryError, OSError, OverflowError, RuntimeError),
    *(SyntaxError, TypeError, ValueError, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)

ROWS_AT_ONCE = 1 << 16  # that are read before their pages are given back


def read_array(file: Path, kind: DTypeLike, *, ndim: int = 2) -> NDArray[Any]:
    """Return the array of a .npy file as a read-only memory map.

    Args:
        file: the .npy file.
        kind: required type of the numbers.
        ndim: required number of dimensions.

    Raises:
        InputError: the file holds no such array.
    """
    array = read_numbers(file)
    if array.dtype != kind or array.ndim != ndim:
        raise InputError(
            f"{file} holds {array.dtype} of {array.ndim} dimensions, not {np.dtype(kind)} of {ndim}"
        )
    return array


def read_numbers(file: Path) -> NDArray[Any]:
    """Return the array of a .npy file, of any type and shape.

    Raises:
        InputError: the file holds no array.
    """
    try:
        # A plain view of the map: each slice of numpy's own class takes microseconds.
        array: NDArray[Any] = np.asarray(np.lib.format.open_memmap(file, mode="r"))
    except ARRAY_ERRORS as error:
        raise InputError(f"{file} holds no array ({first_sentence(error)})") from None
    return array


def forget_pages(array: NDArray[Any]) -> None:
    """Stop counting a mapped array as memory of this process, until it is used again.

    Nothing happens to an array that is no map.
    """
    owner: object = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap) and hasattr(owner, "madvise"):
        owner.madvise(mmap.MADV_DONTNEED)


def map_bytes(file: Path) -> NDArray[np.uint8]:
    """Return the bytes of a file as a read-only memory map; an empty file cannot be mapped."""
    if not file.stat().st_size:
        return np.empty(0, np.uint8)
    return np.memmap(file, dtype=np.uint8, mode="r")


def read_arrays(source: Path | BinaryIO) -> dict[str, NDArray[Any]]:
    """Return all arrays of a .npz file, by name.

    Raises:
        InputError: the file is no .npz file, or is cut or altered.
    """
    try:
        with np.load(source) as stored:
            arrays = {name: stored[name] for name in stored.files}
        if not all(isinstance(array, np.ndarray) for array in arrays.values()):
            raise ValueError("it holds other files")
        return arrays
    except ARRAY_ERRORS as error:
        raise InputError(f"no archive of arrays ({first_sentence(error)})") from None


def take_rows(array: Any, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return some rows of an array, of which a memory map does not keep pages in memory.

    Args:
        array: in memory, or the memory map of a file.
        rows: ascending.
    """
    taken = np.empty((len(rows), *array.shape[1:]), array.dtype)
    for start in range(0, len(array), ROWS_AT_ONCE):
        first, last = np.searchsorted(rows, (start, start + ROWS_AT_ONCE))
        taken[first:last] = array[rows[first:last]]
        forget_pages(array)
    return taken
