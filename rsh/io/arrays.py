"""Arrays in files that others may have written: of the kind that is asked for, never unpickled."""

import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rsh.errors import InputError
from rsh.text import first_sentence

# What numpy raises for files that are damaged or were made to do harm.
CANNOT_READ = (
    *(AttributeError, EOFError, KeyError, MemoryError, OSError, OverflowError, RuntimeError),
    *(SyntaxError, TypeError, ValueError, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)


def read_array(file: Path, kind: DTypeLike, *, ndim: int = 2) -> NDArray[Any]:
    """Map the array of a .npy file into memory, where its pages are read when they are needed.

    Args:
        file: no longer and no shorter than it says.
        kind: the type that its numbers must have.
        ndim: how many dimensions it must have.

    Raises:
        InputError: it holds no array, or another one.
    """
    try:
        array: NDArray[Any] = np.lib.format.open_memmap(file, mode="r")
    except CANNOT_READ as error:
        raise InputError(f"{file} holds no array ({first_sentence(error)})") from None
    if array.dtype != kind or array.ndim != ndim:
        raise InputError(
            f"{file} holds {array.dtype} of {array.ndim} dimensions, not {np.dtype(kind)} of {ndim}"
        )
    return array


def read_arrays(source: Path | BinaryIO) -> dict[str, NDArray[Any]]:
    """Read all arrays of a .npz file.

    Raises:
        InputError: it is none, or is cut or altered.
    """
    try:
        with np.load(source) as stored:
            found = {name: stored[name] for name in stored.files}
        if not all(isinstance(array, np.ndarray) for array in found.values()):
            raise ValueError("it holds other files")
        return found
    except CANNOT_READ as error:
        raise InputError(f"no archive of arrays ({first_sentence(error)})") from None
