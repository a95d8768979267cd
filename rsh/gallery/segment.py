"""A segment of a gallery: tiles that were encoded together, in files that never change.

codes.npy        packed codes, (n, ceil(num_bits / 8)) uint8
relaxed.npy      hash layer output, whose signs are the codes, (n, num_bits) float16
features.npy     L2-normalized projection-head output, (n, d) float16
items.parquet    id, class, split and, if known, longitude, latitude, block, footprint
thumbs.bin       JPEG bytes one after another; none of an embedding without an image
thumbs.npy       the n + 1 offsets into them, int64
network.npy      of a learned gallery alone: the network's own hash layer output, (n, num_bits)

Class and split are "" where they are unknown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray

from rsh.codes.binary import Packed, binarize, pack
from rsh.codes.encodings import HalfArray
from rsh.errors import InputError
from rsh.gallery.items import read_items
from rsh.io.arrays import map_bytes, read_array
from rsh.io.files import FileRecord, file_record, link_or_copy, recovery_hint

FILES = ("codes.npy", "relaxed.npy", "features.npy", "items.parquet", "thumbs.bin", "thumbs.npy")
LEARNED_FILES = ("network.npy",)  # where labels have changed the codes, see `rsh.gallery.learned`
ROWS_AT_ONCE = 1 << 16  # in memory while an array is written
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
        network: hash layer output of the network, (n, num_bits) float16, if labels have changed
            the codes; else None.
    """

    items: pd.DataFrame
    packed: Rows
    relaxed: Rows
    features: Rows
    thumbnails: Iterable[bytes]
    network: Rows | None = None


class Segment:
    """An opened segment; large arrays stay on disk.

    Its items, packed, relaxed and features are those of `GalleryTiles`; so is network, which is
    relaxed where labels have not changed the codes.
    """

    def __init__(self, folder: Path, *, num_items: int, num_bits: int) -> None:
        """Open a folder whose checksums have been verified.

        Raises:
            InputError: a file is invalid, or holds another number of tiles or bits.
        """
        self.folder = folder
        try:
            self._read(folder, num_items)
        except InputError as error:
            raise InputError(f"{error}: {recovery_hint('gallery')}") from None
        arrays = (self.packed, self.relaxed, self.features, self.network)
        lengths = {len(column) for column in (self.items, *arrays, self._offsets[1:])}
        widths = (self.packed.shape[1], self.relaxed.shape[1], self.network.shape[1])
        if lengths != {num_items} or widths != (-(-num_bits // 8), num_bits, num_bits):
            raise InputError(
                f"gallery.json says {num_items} tiles of {num_bits} bits in {folder}, "
                f"its files hold others: {recovery_hint('gallery')}"
            )

    def _read(self, folder: Path, num_items: int) -> None:
        """Open all files, and check them, since a hostile file can have the right checksum."""
        self.items = read_items(folder / "items.parquet", num_items)
        self.packed: Packed = np.array(read_array(folder / "codes.npy", np.uint8), order="C")
        self.relaxed: HalfArray = read_array(folder / "relaxed.npy", np.float16)
        self.features: HalfArray = read_array(folder / "features.npy", np.float16)
        network = folder / "network.npy"
        self.network = read_array(network, np.float16) if network.exists() else self.relaxed
        self._offsets = np.array(read_array(folder / "thumbs.npy", np.int64, ndim=1))
        thumbnails = folder / "thumbs.bin"
        ends = np.concatenate([[0], self._offsets, [thumbnails.stat().st_size]])
        if len(ends) < 4 or (ends[1:] < ends[:-1]).any():  # a difference could overflow
            raise InputError(f"{folder / 'thumbs.npy'} names places outside {thumbnails.name}")
        self._thumbs = map_bytes(thumbnails)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def has_images(self) -> bool:
        """Whether any tile has a thumbnail."""
        return len(self._thumbs) > 0

    @property
    def with_image(self) -> NDArray[np.bool_]:
        """Whether each tile has a thumbnail, (n,)."""
        return np.diff(self._offsets) > 0

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
    tiles.items.reset_index(drop=True).to_parquet(folder / "items.parquet")
    _save(folder / "codes.npy", tiles.packed, np.uint8)
    _save(folder / "relaxed.npy", tiles.relaxed, np.float16)
    _save(folder / "features.npy", tiles.features, np.float16)
    np.save(folder / "thumbs.npy", np.array(offsets, dtype=np.int64))
    files: tuple[str, ...] = FILES
    if tiles.network is not None:
        _save(folder / "network.npy", tiles.network, np.float16)
        files += LEARNED_FILES
    return {name: file_record(folder / name) for name in files}


def write_changed_segment(
    folder: Path, old: Segment, relaxed: Rows, files: dict[str, FileRecord]
) -> dict[str, FileRecord]:
    """Write the tiles of a segment with other codes into an empty folder.

    All but the codes is linked to the files of the segment, which never change, or copied where the
    file system has no links.

    Args:
        folder: the empty folder.
        old: the segment.
        relaxed: new hash layer output, (n, num_bits), whose signs are the new codes.
        files: records of the segment's files.

    Returns:
        A record of each file.

    Raises:
        InputError: a number is not finite.
    """
    _save(folder / "relaxed.npy", relaxed, np.float16)
    written = read_array(folder / "relaxed.npy", np.float16)
    _save(folder / "codes.npy", PackedRows(written), np.uint8)
    made = {name: file_record(folder / name) for name in ("relaxed.npy", "codes.npy")}
    network = "network.npy" if "network.npy" in files else "relaxed.npy"
    kept = {name: name for name in files if name not in made} | {"network.npy": network}
    for name, source in kept.items():
        link_or_copy(old.folder / source, folder / name)
    return made | {name: files[source] for name, source in kept.items()}


@dataclass(frozen=True, eq=False)
class PackedRows:
    """The packed codes of hash layer output, (n, bytes) uint8, made for the rows that are read."""

    relaxed: Rows

    def __len__(self) -> int:
        return len(self.relaxed)

    def __getitem__(self, rows: slice, /) -> Packed:
        return pack(binarize(self.relaxed[rows]))


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
