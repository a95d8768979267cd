"""Base of the exact indexes in memory: adding, removing, and saving codes and ids."""

from abc import ABC, abstractmethod
from copy import copy
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes.binary import Ids, Packed, check_packed
from rsh.errors import InputError
from rsh.index.base import IDSelector, check_ids, find_positions
from rsh.io.arrays import read_arrays
from rsh.io.files import atomic_write


class StoredCodes(NamedTuple):
    """Codes and their ids; row i of both is one item.

    Attributes:
        packed: (n, bytes) uint8.
        ids: (n,) int64, ascending, so that tied hits come in the order of their ids.
    """

    packed: Packed
    ids: Ids


class InMemoryIndex(ABC):
    """An exact index that holds all codes, and is rebuilt after every change.

    Attributes:
        recall: None, since the index is exact.
        kind: name of the index type in a saved file.
    """

    recall: float | None = None
    kind: ClassVar[str]
    _ids: Ids  # set by `_index_all`

    def __init__(self, packed: Packed, num_bits: int, ids: Ids | None = None) -> None:
        """Index codes.

        Args:
            packed: (n, ceil(num_bits / 8)) uint8.
            num_bits: code length, bits.
            ids: (n,) int64; row numbers by default.

        Raises:
            InputError: wrong width or type, or an id that comes twice.
        """
        self.num_bits = num_bits
        self._index_all(store_codes(packed, num_bits, ids))

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> Ids:
        """All ids, ascending."""
        return self._ids

    @property
    @abstractmethod
    def held(self) -> StoredCodes:
        """All codes and their ids, copied out of the index."""

    def subset(self, selector: IDSelector) -> Self:
        """Return an index of the selected items only: see `Index`."""
        index, held = copy(self), self.held
        rows = find_positions(selector.ids, held.ids)
        index._index_all(StoredCodes(held.packed[rows], held.ids[rows]))
        return index

    def add(self, packed: Packed, ids: Ids, items: pd.DataFrame | None = None) -> None:
        """Add codes: see `Index`."""
        old, new = self.held, store_codes(packed, self.num_bits, ids)
        all_packed = np.concatenate([old.packed, new.packed])
        all_ids = np.concatenate([old.ids, new.ids])
        self._index_all(store_codes(all_packed, self.num_bits, all_ids))

    def remove(self, ids: Ids) -> None:
        """Remove codes: see `Index`."""
        held = self.held
        rows = find_positions(np.asarray(ids), held.ids)
        remaining = np.delete(held.packed, rows, axis=0), np.delete(held.ids, rows)
        self._index_all(StoredCodes(*remaining))

    def save(self, file: Path) -> None:
        """Write codes and ids: see `Index`."""
        write_codes(file, self.kind, self.num_bits, **self.held._asdict())

    @abstractmethod
    def _index_all(self, codes: StoredCodes) -> None:
        """Index these codes in place of the previous ones."""


def store_codes(packed: Packed, num_bits: int, ids: Ids | None = None) -> StoredCodes:
    """Return codes sorted by id; by default ids are row numbers.

    Raises:
        InputError: wrong width or type, or an id that comes twice.
    """
    packed = check_packed(packed, num_bits)
    ids = np.arange(len(packed)) if ids is None else ids
    ids = check_ids(ids, packed, num_bits)
    if (ids[1:] > ids[:-1]).all():
        return StoredCodes(packed, ids)
    order = np.argsort(ids, kind="stable")  # merges two ascending runs in linear time
    return StoredCodes(packed[order], ids[order])


def write_codes(file: Path, kind: str, num_bits: int, **arrays: NDArray[Any]) -> None:
    """Write the arrays of an index; the checksums of the zip reveal later changes.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic_write(file) as stream:
        named: dict[str, Any] = {"kind": np.array(kind), "num_bits": np.array(num_bits)} | arrays
        np.savez(stream, **named)


def read_codes(file: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays that `write_codes` wrote.

    Raises:
        InputError: the file is missing, cut or altered.
    """
    try:
        return read_arrays(file)
    except InputError as error:
        raise InputError(
            f"{file} cannot be read as a search index ({error}): "
            "rebuild it with `rsh gallery index`"
        ) from None
