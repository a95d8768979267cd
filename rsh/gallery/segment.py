"""A segment of a gallery: tiles that were encoded together, in files that never change.

codes.npy        packed codes, (n, ceil(num_bits / 8)) uint8
relaxed.npy      hash layer output, whose signs are the codes, (n, num_bits) float16
features.npy     L2-normalized projection-head output, (n, d) float16
items.arrow      id, class, split and, if known, longitude, latitude, block, footprint
hashes.npy       of the ids, see `rsh.codes.order`, (n,) int64
thumbs.bin       JPEG bytes one after another; none of an embedding without an image
thumbs.npy       the n + 1 offsets into them, int64
network.npy      of a learned gallery alone: the network's own hash layer output, (n, num_bits)
previews.bin     larger images, if `rsh encode` was told to store them
previews.npy     offsets into these
composites.bin   thumbnails in other composites of bands, if there are any, see `join_images`
composites.npy   offsets into these

Class and split are "" where they are unknown.
"""

from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from rsh.codes.binary import Packed, binarize, pack
from rsh.codes.encodings import HalfArray
from rsh.codes.order import id_hashes
from rsh.errors import InputError
from rsh.gallery.columns import write_columns
from rsh.gallery.items import read_items, store_items
from rsh.io.arrays import forget_pages, map_bytes, read_array
from rsh.io.files import FileRecord, file_record, link_or_copy, recovery_hint

FILES = (
    *("codes.npy", "relaxed.npy", "features.npy", "items.arrow", "hashes.npy"),
    *("thumbs.bin", "thumbs.npy"),
)
LEARNED_FILES = ("network.npy",)  # where labels have changed the codes, see `rsh.gallery.learned`
PREVIEWS = ("previews.bin", "previews.npy")  # both, or neither
COMPOSITES = ("composites.bin", "composites.npy")  # likewise
ROWS_AT_ONCE = 1 << 16  # in memory while an array is written or checked
SAMPLED = 1000  # ids whose hashes are compared when a segment is opened
THUMB_SIDE = 128  # pixels
PREVIEW_SIDES = (160, 4096)  # pixels of the longest side, least and most


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
        previews: n larger ones, if there are any.
        composites: n of other composites, if there are any, see `join_images`.
        network: hash layer output of the network, (n, num_bits) float16, if labels have changed
            the codes; else None.
    """

    items: pd.DataFrame
    packed: Rows
    relaxed: Rows
    features: Rows
    thumbnails: Iterable[bytes]
    previews: Iterable[bytes] | None = None
    composites: Iterable[bytes] | None = None
    network: Rows | None = None


class Segment:
    """An opened segment; all of it stays on disk until it is used.

    Attributes:
        folder: of its files.
        items: the columns of the table.
        hashes: of the ids, (n,) int64.
        packed, relaxed, features, network: as in `GalleryTiles`; network is relaxed where labels
            have not changed the codes.
    """

    def __init__(
        self, folder: Path, *, num_items: int, num_bits: int, names: Collection[str] = FILES
    ) -> None:
        """Open a folder whose checksums have been verified.

        Args:
            folder: of its files.
            num_items: tiles in them.
            num_bits: code length.
            names: of its files.

        Raises:
            InputError: a file is invalid, or holds another number of tiles or bits.
        """
        self.folder = folder
        try:
            self._read(folder, num_items, names)
        except InputError as error:
            raise InputError(f"{error}: {recovery_hint('gallery')}") from None
        arrays = (self.packed, self.relaxed, self.features, self.network)
        columns = (self.hashes, *arrays, self._thumbs)
        images = [each for each in (self._previews, self._composites) if each]
        lengths = {len(column) for column in (*columns, *images)}
        widths = (self.packed.shape[1], self.relaxed.shape[1], self.network.shape[1])
        if lengths != {num_items} or widths != (-(-num_bits // 8), num_bits, num_bits):
            raise InputError(
                f"gallery.json says {num_items} tiles of {num_bits} bits in {folder}, "
                f"its files hold others: {recovery_hint('gallery')}"
            )
        self.check_hashes(np.unique(np.linspace(0, num_items - 1, SAMPLED).astype(np.int64)))

    def _read(self, folder: Path, num_items: int, names: Collection[str]) -> None:
        """Open all files, and check them, since a hostile file can have the right checksum."""
        self.items = read_items(folder / "items.arrow", num_items)
        self.hashes: NDArray[np.int64] = read_array(folder / "hashes.npy", np.int64, ndim=1)
        # Searches need rows of successive bytes; a file may have columns of them.
        self.packed: Packed = np.ascontiguousarray(read_array(folder / "codes.npy", np.uint8))
        self.relaxed: HalfArray = read_array(folder / "relaxed.npy", np.float16)
        self.features: HalfArray = read_array(folder / "features.npy", np.float16)
        network = folder / "network.npy"
        self.network = read_array(network, np.float16) if network.exists() else self.relaxed
        self._thumbs = StoredImages(folder, "thumbs")
        self._previews, self._composites = (
            StoredImages(folder, files[0].removesuffix(".bin")) if files[0] in names else None
            for files in (PREVIEWS, COMPOSITES)
        )

    def __len__(self) -> int:
        return len(self.hashes)

    def forget_pages(self) -> None:
        """Stop counting what was read of the arrays as memory of this process."""
        for each in (self.hashes, self.relaxed, self.features, self.network):
            forget_pages(each)
        for images in (self._thumbs, self._previews, self._composites):
            if images:
                images.forget_pages()

    def check_hashes(self, rows: NDArray[np.int64]) -> None:
        """Check that the hashes of some rows are those of their ids.

        Raises:
            InputError: one is not.
        """
        ids: list[str] = self.items["id"].take(pa.array(rows)).to_pylist()
        if (id_hashes(ids) != self.hashes[rows]).any():
            raise InputError(
                f"{self.folder / 'hashes.npy'} does not fit the ids: {recovery_hint('gallery')}"
            )

    @property
    def has_images(self) -> bool:
        """Whether any tile has a thumbnail."""
        return self._thumbs.has_any

    @property
    def has_previews(self) -> bool:
        """Whether any tile has a preview."""
        return self._previews is not None and self._previews.has_any

    @property
    def with_image(self) -> NDArray[np.bool_]:
        """Whether each tile has a thumbnail, (n,)."""
        return self._thumbs.are_there

    def thumbnail(self, row: int) -> bytes:
        """Return the JPEG bytes of one thumbnail, empty if there is none."""
        return self._thumbs[row]

    def preview(self, row: int) -> bytes:
        """Return the JPEG bytes of one preview, empty if there is none."""
        return self._previews[row] if self._previews else b""

    def composites(self, row: int) -> bytes:
        """Return the thumbnails of one tile in other composites, see `join_images`, or nothing."""
        return self._composites[row] if self._composites else b""


def join_images(images: Sequence[bytes]) -> bytes:
    """Return some images as one: their sizes, uint32, and then they themselves."""
    if not images:
        return b""
    sizes = np.array([len(images), *map(len, images)], dtype="<u4")
    return sizes.tobytes() + b"".join(images)


def split_images(joined: bytes) -> list[bytes]:
    """Return the images that `join_images` has joined; none if they are not such."""
    if len(joined) < 4:
        return []
    count = int.from_bytes(joined[:4], "little")
    start = 4 * (count + 1)
    ends = start + np.cumsum(np.frombuffer(joined[4:start], "<u4"), dtype=np.int64)
    if len(ends) != count or not count or ends[-1] != len(joined):
        return []
    return [joined[first:last] for first, last in zip([start, *ends], ends, strict=False)]


class StoredImages:
    """The JPEG images of n tiles, some perhaps empty: NAME.bin, and offsets in NAME.npy."""

    def __init__(self, folder: Path, name: str) -> None:
        """Map both files.

        Raises:
            InputError: the offsets do not fit the images.
        """
        images, offsets = folder / f"{name}.bin", folder / f"{name}.npy"
        self._offsets: NDArray[np.int64] = read_array(offsets, np.int64, ndim=1)
        if not _ascends(self._offsets, images.stat().st_size):
            raise InputError(f"{offsets} names places outside {images.name}")
        self._bytes = map_bytes(images)
        forget_pages(self._offsets)

    @property
    def has_any(self) -> bool:
        """Whether one of them is not empty."""
        return len(self._bytes) > 0

    @property
    def are_there(self) -> NDArray[np.bool_]:
        """Which of them are not empty, (n,)."""
        return self._offsets[1:] > self._offsets[:-1]

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, row: int) -> bytes:
        start, stop = self._offsets[row : row + 2]
        return bytes(self._bytes[start:stop])

    def forget_pages(self) -> None:
        """Stop counting what was read as memory of this process."""
        forget_pages(self._offsets)
        forget_pages(self._bytes)


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
    counts = {
        "items": len(tiles.items),
        "codes": len(tiles.packed),
        "relaxed codes": len(tiles.relaxed),
        "features": len(tiles.features),
        "thumbnails": _write_images(folder, "thumbs", tiles.thumbnails),
    }
    if tiles.previews is not None:
        counts["previews"] = _write_images(folder, "previews", tiles.previews)
    if tiles.composites is not None:
        counts["composites"] = _write_images(folder, "composites", tiles.composites)
    if len({*counts.values()}) > 1:
        listed = ", ".join(f"{count} {name}" for name, count in counts.items())
        raise InputError(f"{listed}: need one of each per tile")
    with (folder / "items.arrow").open("wb") as stream:
        write_columns(stream, store_items(tiles.items))
    np.save(folder / "hashes.npy", id_hashes(tiles.items["id"]))
    _save(folder / "codes.npy", tiles.packed, np.uint8)
    _save(folder / "relaxed.npy", tiles.relaxed, np.float16)
    _save(folder / "features.npy", tiles.features, np.float16)
    files: tuple[str, ...] = FILES
    if tiles.previews is not None:
        files += PREVIEWS
    if tiles.composites is not None:
        files += COMPOSITES
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


def _write_images(folder: Path, name: str, images: Iterable[bytes]) -> int:
    """Write images and their offsets, as `StoredImages` reads them; return how many."""
    offsets = array("q", [0])  # 8 bytes each
    with (folder / f"{name}.bin").open("wb") as stream:
        for image in images:
            offsets.append(offsets[-1] + stream.write(image))
    np.save(folder / f"{name}.npy", np.array(offsets, dtype=np.int64))
    return len(offsets) - 1


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
