"""Codes and ids that are held in memory: how they change, and how they are kept in a file."""

from abc import ABC, abstractmethod
from copy import copy
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes.binary import Ids, Packed, check_packed
from rsh.errors import InputError
from rsh.index.base import IDSelector, check_ids, check_new, positions_of
from rsh.io.arrays import read_arrays
from rsh.io.files import atomic_write


class StoredCodes(NamedTuple):
    """All that an engine in memory is made of; row i of both parts is one item.

    Attributes:
        packed: (n, bytes) uint8.
        ids: (n,) int64, ascending, so that hits at one distance come in the order of their ids.
    """

    packed: Packed
    ids: Ids


class InMemoryIndex(ABC):
    """What engines share that hold all codes themselves: after any change they index them anew.

    Attributes:
        recall: None, they are exact.
        kind: what a file calls the engine.
    """

    recall: float | None = None
    kind: ClassVar[str]
    num_bits: int

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

    @property
    @abstractmethod
    def held(self) -> StoredCodes:
        """All codes and their ids; they are copied out of the index."""

    def among(self, selection: IDSelector) -> Self:
        """Return an engine of these items alone, which compares no others."""
        engine = copy(self)
        engine._index_all(select_codes(self.held, selection.ids))
        return engine

    def add(self, packed: Packed, ids: Ids, items: pd.DataFrame | None = None) -> None:
        """Add codes: see `Engine`."""
        self._index_all(merge_codes(self.held, store_codes(packed, self.num_bits, ids)))

    def remove(self, ids: Ids) -> None:
        """Remove codes: see `Engine`."""
        self._index_all(drop_codes(self.held, ids))

    def save(self, file: Path) -> None:
        """Write codes and ids: see `Engine`."""
        write_codes(file, self.kind, self.num_bits, **self.held._asdict())

    @abstractmethod
    def _index_all(self, codes: StoredCodes) -> None:
        """Take these codes, and none of those before."""


def store_codes(packed: Packed, num_bits: int, ids: Ids | None = None) -> StoredCodes:
    """Put codes into the order of their ids, which by default are their rows.

    Raises:
        InputError: wrong width or type, or an id that comes twice.
    """
    packed = check_packed(packed, num_bits)
    ids = np.arange(len(packed)) if ids is None else ids
    ids = check_ids(ids, packed, num_bits)
    if (ids[1:] > ids[:-1]).all():
        return StoredCodes(packed, ids)
    order = np.argsort(ids)
    return StoredCodes(packed[order], ids[order])


def merge_codes(old: StoredCodes, new: StoredCodes) -> StoredCodes:
    """Return the codes of both, in the order of their ids.

    Raises:
        InputError: an id is in both.
    """
    check_new(np.intersect1d(old.ids, new.ids))
    packed = np.concatenate([old.packed, new.packed])
    ids = np.concatenate([old.ids, new.ids])
    order = np.argsort(ids, kind="stable")  # two ascending runs are merged in one go
    return StoredCodes(packed[order], ids[order])


def drop_codes(old: StoredCodes, ids: Ids) -> StoredCodes:
    """Return the codes that remain when some are removed.

    Raises:
        InputError: there is no code of such an id.
    """
    keep = np.ones(len(old.ids), dtype=bool)
    keep[positions_of(np.asarray(ids), old.ids)] = False
    return StoredCodes(old.packed[keep], old.ids[keep])


def select_codes(old: StoredCodes, ids: Ids) -> StoredCodes:
    """Return some of the codes.

    Raises:
        InputError: there is no code of such an id.
    """
    places = positions_of(ids, old.ids)
    return StoredCodes(old.packed[places], old.ids[places])


def write_codes(file: Path, kind: str, num_bits: int, **arrays: NDArray[Any]) -> None:
    """Write an engine's arrays; the zip's checksums tell when a bit has changed since.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic_write(file) as stream:
        named: dict[str, Any] = {"kind": np.array(kind), "num_bits": np.array(num_bits)} | arrays
        np.savez(stream, **named)


def read_codes(file: Path) -> dict[str, NDArray[Any]]:
    """Read what `write_codes` has written.

    Raises:
        InputError: no such file, or one that is cut or altered.
    """
    try:
        return read_arrays(file)
    except InputError as error:
        raise InputError(
            f"{file} cannot be read as a search index ({error}): make it again with "
            "`rsh gallery index`"
        ) from None
