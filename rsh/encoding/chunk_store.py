"""Chunks of an archive that have been encoded, from which an interrupted `rsh encode` resumes.

    GALLERY/.encode/
      3f0c.../          one chunk, named by everything that decides its content
        rows.npy        one record a tile: codes, hash layer output, feature, digest, images
        thumbs.bin      JPEG bytes one after another
        previews.bin    larger ones, if they were asked for
        composites.bin  thumbnails of other composites, of rasters of many bands
        skipped.json    tiles that are not among the rows, and why
        files.json      sizes and checksums of these

A chunk appears whole or not at all. Its name changes with the network and with the images, so a
chunk of other tiles is never taken for it.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from rsh.codes.encodings import Encodings
from rsh.data.dataset import Dataset
from rsh.gallery.segment import THUMB_SIDE
from rsh.io.arrays import map_bytes
from rsh.io.files import atomic_directory, explain_os_error, file_record, write_json
from rsh.models.hashnet import HashNet, fingerprint
from rsh.training.feature_cache import libraries

CHUNK_TILES = 4096  # a kill costs seconds on a GPU, and a hundred million tiles make 25,000 chunks
OPENED = 4096  # chunks that are kept open, three maps each; a process may have 65,530
FILES = ("rows.npy", "thumbs.bin", "previews.bin", "composites.bin", "skipped.json")
IMAGES = ("thumbs", "previews", "composites")
NOTES = "files.json"
Records = NDArray[np.void]
TileImages = tuple[bytes, bytes, bytes]  # of each of IMAGES, perhaps empty
NO_IMAGES: TileImages = (b"", b"", b"")


@dataclass(frozen=True)
class Skipped:
    """Tiles that are not encoded.

    Attributes:
        unreadable: what is wrong with each image that cannot be read.
        empty: how many tiles hold no data.
    """

    unreadable: list[str]
    empty: int

    def __add__(self, other: "Skipped") -> "Skipped":
        return Skipped(self.unreadable + other.unreadable, self.empty + other.empty)

    def __len__(self) -> int:
        return len(self.unreadable) + self.empty


class EncodedChunk(NamedTuple):
    """A chunk in memory.

    Attributes:
        encodings: what the network gives for its n tiles.
        rows: of the tiles in the data set.
        digests: sha256 of the file of each tile.
        images: of each tile, the kinds in IMAGES.
        skipped: the other tiles.
    """

    encodings: Encodings
    rows: list[int]
    digests: list[bytes]
    images: list[TileImages]
    skipped: Skipped


@dataclass(frozen=True)
class Chunk:
    """Some tiles of a data set, and the folder that holds them once they are encoded.

    Attributes:
        folder: where.
        rows: of the tiles in the data set.
    """

    folder: Path
    rows: range

    @contextmanager
    def claim(self) -> Iterator[bool]:
        """Lock the chunk while the block runs; yields False if another process has it."""
        lock = FileLock(self.folder.with_suffix(".lock"), timeout=0)
        with explain_os_error(self.folder), suppress(Timeout):
            lock.acquire()
        try:
            yield lock.is_locked
        finally:
            lock.release()

    def write(self, encoded: EncodedChunk) -> None:
        """Write the chunk, whole or not at all.

        Raises:
            InputError: the folder cannot be written.
        """
        records = _records(encoded)
        with atomic_directory(self.folder) as temporary:
            np.save(temporary / "rows.npy", records)
            for name, jpegs in zip(IMAGES, _by_kind(encoded), strict=True):
                (temporary / f"{name}.bin").write_bytes(b"".join(jpegs))
            (temporary / "skipped.json").write_text(json.dumps(vars(encoded.skipped)))
            write_json(temporary / NOTES, _file_records(temporary))

    def skipped(self) -> Skipped | None:
        """Return which tiles the chunk skips, or None if it is missing or damaged."""
        if not (self.folder / NOTES).exists():
            return None
        try:
            return Skipped(**json.loads((self.folder / "skipped.json").read_text()))
        except (OSError, TypeError, ValueError):
            return None

    def is_intact(self) -> bool:
        """Whether every byte is as it was written."""
        try:
            return bool(_file_records(self.folder) == json.loads((self.folder / NOTES).read_text()))
        except (OSError, ValueError):
            return False


def plan_chunks(net: HashNet, dataset: Dataset, work: Path, preview: int) -> list[Chunk]:
    """Return the chunks of a data set, whether the work folder holds them or not."""
    rendering, sides = asdict(dataset.rendering), [THUMB_SIDE, preview]
    parts = [fingerprint(net), net.settings, libraries(), sides, rendering]
    if dataset.bands:
        parts += [asdict(dataset.band_options), *map(asdict, dataset.composites)]
    decides = json.dumps(parts)
    every = range(len(dataset))
    ranges = [every[start : start + CHUNK_TILES] for start in every[::CHUNK_TILES]]
    return [Chunk(work / _chunk_name(decides, dataset, rows), rows) for rows in ranges]


def _chunk_name(decides: str, dataset: Dataset, rows: range) -> str:
    digest = hashlib.sha256(f"{decides} {rows[0]}".encode())
    ids = dataset.items["id"].iloc[rows.start : rows.stop]
    for tile, stamp in zip(ids, dataset.stamps(rows), strict=True):
        digest.update(f"\n{tile}\0{stamp}".encode())
    return digest.hexdigest()[:24]


def _records(encoded: EncodedChunk) -> Records:
    ends = {
        name: np.cumsum([0, *map(len, jpegs)])
        for name, jpegs in zip(IMAGES, _by_kind(encoded), strict=True)
    }
    columns: dict[str, NDArray[Any]] = {
        "packed": encoded.encodings.packed,
        "relaxed": encoded.encodings.relaxed,
        "features": encoded.encodings.features,
        "digest": np.frombuffer(b"".join(encoded.digests), np.uint8).reshape(-1, 32),
        "row": np.array(encoded.rows, np.int64),
        **{name: np.stack([each[:-1], each[1:]], axis=1) for name, each in ends.items()},
    }
    kinds = [(name, column.dtype, column.shape[1:]) for name, column in columns.items()]
    records = np.empty(len(encoded.rows), dtype=kinds)
    for name, column in columns.items():
        records[name] = column
    return records


def _by_kind(encoded: EncodedChunk) -> list[list[bytes]]:
    """Return the images of all tiles, of each of IMAGES."""
    return [[each[kind] for each in encoded.images] for kind in range(len(IMAGES))]


class ChunkReader:
    """All chunks of an archive as one list of tiles, which stays on disk.

    Attributes:
        rows: of the tiles in the data set, ascending; skipped tiles are missing.
    """

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        """Open chunks that are all complete, in the order of the data set."""
        self._open = lru_cache(OPENED)(lambda number: _open(chunks[number].folder))
        self._numbers = range(len(chunks))
        self.rows = np.concatenate([self._open(number)[0]["row"] for number in self._numbers])
        lengths = [len(self._open(number)[0]) for number in self._numbers]
        inside = np.concatenate([np.arange(length) for length in lengths])
        self._positions = np.stack([np.repeat(self._numbers, lengths), inside], axis=1)

    @property
    def digests(self) -> Iterator[bytes]:
        """The sha256 of the file of each tile."""
        for number in self._numbers:
            yield from map(bytes, self._open(number)[0]["digest"])

    def column(self, name: str, order: Sequence[int]) -> "Column":
        """Return one field of all tiles in an order."""
        return Column(lambda chunk: self._open(chunk)[0][name], self._positions[order])

    def images(self, kind: str, order: Sequence[int]) -> Iterator[bytes]:
        """Yield the images of all tiles in an order, of one of IMAGES."""
        for number, position in self._positions[order]:
            records, jpegs = self._open(int(number))
            start, stop = records[position][kind]
            yield jpegs[kind][start:stop].tobytes()


class Column:
    """One field of tiles that lie in chunks; a slice of it is read when it is used."""

    def __init__(self, read: Callable[[int], NDArray[Any]], positions: NDArray[np.int64]) -> None:
        """Use `ChunkReader.column`."""
        self._read, self._positions = read, positions

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        chunks, positions = self._positions[rows].T
        first = self._read(int(chunks[0]))
        found = np.empty((len(chunks), *first.shape[1:]), first.dtype)
        for chunk in np.unique(chunks):
            mine = chunks == chunk
            found[mine] = self._read(int(chunk))[positions[mine]]
        return found


def _open(folder: Path) -> tuple[Records, dict[str, NDArray[np.uint8]]]:
    """Return the records of a chunk, and all its images, as maps of the files."""
    records: Records = np.load(folder / "rows.npy", mmap_mode="r")
    return records, {name: map_bytes(folder / f"{name}.bin") for name in IMAGES}


def _file_records(folder: Path) -> dict[str, Any]:
    return {name: asdict(file_record(folder / name)) for name in FILES}
