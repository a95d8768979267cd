"""A segment of a gallery: tiles that were encoded together, in files that never change.

codes.npy        packed codes, (n, ceil(num_bits / 8)) uint8
relaxed.npy      hash layer output, whose signs are the codes, (n, num_bits) float16
features.npy     L2-normalized projection-head output, (n, d) float16
items.arrow      id, class, split and, if known, longitude, latitude, block, footprint
hashes.npy       of the ids, see `rsh.codes.order`, (n,) int64
thumbs.bin       JPEG bytes one after another; none of an embedding without an image
thumbs.npy       the n + 1 offsets into them, int64

Class and split are "" where they are unknown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from rsh.codes.binary import Packed
from rsh.codes.encodings import HalfArray
from rsh.codes.order import id_hashes
from rsh.errors import InputError
from rsh.gallery.columns import write_columns
from rsh.gallery.items import read_items, store_items
from rsh.io.arrays import forget_pages, map_bytes, read_array
from rsh.io.files import FileRecord, file_record, recovery_hint

FILES = (
    *("codes.npy", "relaxed.npy", "features.npy", "items.arrow", "hashes.npy"),
    *("thumbs.bin", "thumbs.npy"),
)
ROWS_AT_ONCE = 1 << 16  # in memory while an array is written or checked
SAMPLED = 1000  # ids whose hashes are compared when a segment is opened
THUMB_SIDE = 128  # pixels


class Rows(Protocol):
    """An array, or an object that loads slices of one on demand."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> NDArray[Any]: ...


@dataclass(frozen=True, eq=False)
class GalleryTiles:
    """The data of n tiles for a gallery; row i of every attribute is the same tile.

    Attributes:
        items: the table.
        packed: codes, (n, bytes) uint8.
        relaxed: hash layer output, (n, num_bits) float16.
        features: projection-head output, (n, d) float16, length 1.
        thumbnails: n JPEG images, read one at a time.
    """

    items: pd.DataFrame
    packed: Rows
    relaxed: Rows
    features: Rows
    thumbnails: Iterable[bytes]


class Segment:
    """An opened segment; all of it stays on disk until it is used.

    Attributes:
        items: the columns of the table.
        hashes: of the ids, (n,) int64.
        packed, relaxed, features: as in `GalleryTiles`.
    """

    def __init__(self, folder: Path, *, num_items: int, num_bits: int) -> None:
        """Open a folder whose checksums have been verified.

        Raises:
            InputError: a file is invalid, or holds another number of tiles or bits.
        """
        try:
            self._read(folder, num_items)
        except InputError as error:
            raise InputError(f"{error}: {recovery_hint('gallery')}") from None
        columns = (self.hashes, self.packed, self.relaxed, self.features, self._offsets[1:])
        lengths = {len(column) for column in columns}
        widths = (self.packed.shape[1], self.relaxed.shape[1])
        if lengths != {num_items} or widths != (-(-num_bits // 8), num_bits):
            raise InputError(
                f"gallery.json says {num_items} tiles of {num_bits} bits in {folder}, "
                f"its files hold others: {recovery_hint('gallery')}"
            )
        self.check_hashes(np.unique(np.linspace(0, num_items - 1, SAMPLED).astype(np.int64)))

    def _read(self, folder: Path, num_items: int) -> None:
        """Open all files, and check them, since a hostile file can have the right checksum."""
        self._folder = folder
        self.items = read_items(folder / "items.arrow", num_items)
        self.hashes: NDArray[np.int64] = read_array(folder / "hashes.npy", np.int64, ndim=1)
        # Searches need rows of successive bytes; a file may have columns of them.
        self.packed: Packed = np.ascontiguousarray(read_array(folder / "codes.npy", np.uint8))
        self.relaxed: HalfArray = read_array(folder / "relaxed.npy", np.float16)
        self.features: HalfArray = read_array(folder / "features.npy", np.float16)
        self._offsets = read_array(folder / "thumbs.npy", np.int64, ndim=1)
        thumbnails = folder / "thumbs.bin"
        if not _ascends(self._offsets, thumbnails.stat().st_size):
            raise InputError(f"{folder / 'thumbs.npy'} names places outside {thumbnails.name}")
        self._thumbs = map_bytes(thumbnails)

    def __len__(self) -> int:
        return len(self.hashes)

    def forget_pages(self) -> None:
        """Stop counting what was read of the arrays as memory of this process."""
        for array in (self.hashes, self.relaxed, self.features, self._offsets, self._thumbs):
            forget_pages(array)

    def check_hashes(self, rows: NDArray[np.int64]) -> None:
        """Check that the hashes of some rows are those of their ids.

        Raises:
            InputError: one is not.
        """
        ids: list[str] = self.items["id"].take(pa.array(rows)).to_pylist()
        if (id_hashes(ids) != self.hashes[rows]).any():
            raise InputError(
                f"{self._folder / 'hashes.npy'} does not fit the ids: {recovery_hint('gallery')}"
            )

    @property
    def has_images(self) -> bool:
        """Whether any tile has a thumbnail."""
        return len(self._thumbs) > 0

    def thumbnail(self, row: int) -> bytes:
        """Return the JPEG bytes of one thumbnail, empty if there is none."""
        start, stop = self._offsets[row : row + 2]
        return bytes(self._thumbs[start:stop])


def write_segment(folder: Path, tiles: GalleryTiles) -> dict[str, FileRecord]:
    """Write a segment into an empty folder.

    Returns:
        A record of each file.

    Raises:
        InputError: lengths differ, an id comes twice, or a number is not finite.
    """
    duplicates = tiles.items["id"][tiles.items["id"].duplicated()]
    if len(duplicates):
        raise InputError(f"two tiles have the id {duplicates.iloc[0]}: rename one of them")
    offsets = [0]
    with (folder / "thumbs.bin").open("wb") as stream:
        for thumbnail in tiles.thumbnails:
            offsets.append(offsets[-1] + stream.write(thumbnail))
    lengths = [len(tiles.items), len(tiles.packed), len(tiles.relaxed), len(tiles.features)]
    if {*lengths, len(offsets) - 1} != {lengths[0]}:
        items, codes, relaxed, features = lengths
        raise InputError(
            f"{items} items, {codes} codes, {relaxed} relaxed codes, {features} features, "
            f"{len(offsets) - 1} thumbnails: need one of each per tile"
        )
    with (folder / "items.arrow").open("wb") as stream:
        write_columns(stream, store_items(tiles.items))
    np.save(folder / "hashes.npy", id_hashes(tiles.items["id"]))
    _save(folder / "codes.npy", tiles.packed, np.uint8)
    _save(folder / "relaxed.npy", tiles.relaxed, np.float16)
    _save(folder / "features.npy", tiles.features, np.float16)
    np.save(folder / "thumbs.npy", np.array(offsets, dtype=np.int64))
    return {name: file_record(folder / name) for name in FILES}


def _ascends(offsets: NDArray[np.int64], end: int) -> bool:
    """Whether offsets are at least two, never descend, and lie within a file."""
    if len(offsets) < 2 or offsets[0] < 0 or offsets[-1] > end:
        return False
    parts = range(0, len(offsets), ROWS_AT_ONCE)  # a comparison of all would copy them
    pieces = (offsets[start : start + ROWS_AT_ONCE + 1] for start in parts)
    return all((piece[1:] >= piece[:-1]).all() for piece in pieces)  # a difference could overflow


def _save(file: Path, rows: Rows, dtype: DTypeLike) -> None:
    """Write an array like np.save, slice by slice, since it may exceed memory."""
    shape = (len(rows), *rows[:1].shape[1:])
    kind = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False}
    with file.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, kind | {"shape": shape})
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = np.ascontiguousarray(rows[start : start + ROWS_AT_ONCE], dtype)
            is_bad = ~np.isfinite(part).all(axis=1)
            if is_bad.any():
                row = start + int(np.argmax(is_bad))
                raise InputError(
                    f"row {row} of {file.stem} is not finite: the model has diverged, retrain it"
                )
            stream.write(part.tobytes())
