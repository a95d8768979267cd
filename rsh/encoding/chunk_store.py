"""Parts of an archive that have been encoded: what an interrupted `rsh encode` goes on from.

    GALLERY/.encode/
      3f0c.../          one part, named by all that decides its content
        rows.npy        one record a tile: codes, hash layer output, feature, digest, place
        thumbs.bin      JPEG bytes one after another
        left_out.json   tiles that are not among the rows, and why
        files.json      sizes and checksums of these

A part appears whole or not at all. Its name changes with the network and with the images, so
that a part of other tiles is never taken for it.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.codes.encodings import Encodings
from rsh.data.dataset import TileDataset
from rsh.io.files import atomic_directory, file_record, write_json

TILES = 4096  # of a part: a kill costs seconds on a GPU, and a hundred million tiles 25,000 parts
OPENED = 4096  # parts that are kept open, three maps each; a process may have 65,530

FILES = ("rows.npy", "thumbs.bin", "left_out.json")
NOTES = "files.json"

Record = NDArray[np.void]


class Part(NamedTuple):
    """An encoded part.

    Attributes:
        rows: one record a tile, on disk: packed, relaxed, feature, digest, row (in the scenes),
            and start and stop of its thumbnail.
        thumbnails: all thumbnails.
    """

    rows: Record
    thumbnails: NDArray[np.uint8]


@dataclass(frozen=True)
class LeftOut:
    """Tiles that are not in a part.

    Attributes:
        unreadable: what is wrong with each image that cannot be read.
        empty: how many tiles have nothing to see on them.
    """

    unreadable: list[str]
    empty: int

    def __add__(self, other: "LeftOut") -> "LeftOut":
        return LeftOut(self.unreadable + other.unreadable, self.empty + other.empty)

    def __len__(self) -> int:
        return len(self.unreadable) + self.empty


def part_name(decides: str, dataset: TileDataset, rows: Sequence[int]) -> str:
    """Return a name for a part that changes with the network and the images.

    Args:
        decides: all of the network that decides what it says.
        dataset: the tiles, of which only names and stamps are looked at.
        rows: of the part.
    """
    digest = hashlib.sha256(f"{decides} {rows[0]}".encode())
    for tile in dataset.items["id"].iloc[list(rows)]:
        digest.update(f"\n{tile}\0{dataset.source.stamp(tile)}".encode())
    return digest.hexdigest()[:24]


class NewPart(NamedTuple):
    """A part in memory.

    Attributes:
        encoded: what the network says of its n tiles.
        rows: of the tiles in the scenes.
        digests: sha256 of the file of each tile.
        thumbnails: JPEG of each tile.
        left_out: the other tiles.
    """

    encoded: Encodings
    rows: list[int]
    digests: list[bytes]
    thumbnails: list[bytes]
    left_out: LeftOut


def write_part(folder: Path, part: NewPart) -> None:
    """Write a part, whole or not at all.

    Raises:
        InputError: the folder cannot be written.
    """
    records = _records(part)
    with atomic_directory(folder) as temporary:
        np.save(temporary / "rows.npy", records)
        (temporary / "thumbs.bin").write_bytes(b"".join(part.thumbnails))
        (temporary / "left_out.json").write_text(json.dumps(vars(part.left_out)))
        write_json(temporary / NOTES, {name: file_record(temporary / name) for name in FILES})


def _records(part: NewPart) -> Record:
    encoded = part.encoded
    columns: dict[str, NDArray[Any]]
    columns = {"packed": encoded.packed, "relaxed": encoded.relaxed, "feature": encoded.features}
    columns["digest"] = np.frombuffer(b"".join(part.digests), np.uint8).reshape(-1, 32)
    stops = np.cumsum([0, *map(len, part.thumbnails)])
    columns |= {"row": np.array(part.rows, np.int64), "start": stops[:-1], "stop": stops[1:]}
    kinds = [(name, column.dtype, column.shape[1:]) for name, column in columns.items()]
    records = np.empty(len(part.rows), dtype=kinds)
    for name, column in columns.items():
        records[name] = column
    return records


def read_left_out(folder: Path) -> LeftOut | None:
    """Return which tiles a part leaves out, or None if the part is not there or is damaged."""
    if not (folder / NOTES).exists():
        return None
    try:
        return LeftOut(**json.loads((folder / "left_out.json").read_text()))
    except (OSError, TypeError, ValueError):
        return None


def is_whole(folder: Path) -> bool:
    """Whether every byte of a part is as it was written."""
    try:
        notes = json.loads((folder / NOTES).read_text())
        same: bool = {name: file_record(folder / name) for name in FILES} == notes
    except (OSError, ValueError):
        return False
    return same


class Parts:
    """All parts of an archive as one list of tiles, which stays on disk.

    Attributes:
        rows: of the tiles in the scenes, ascending; those left out are missing.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        """Open parts that are all there, in the order of the scenes."""
        self._open = lru_cache(OPENED)(lambda number: _open(folders[number]))
        self._numbers = range(len(folders))
        self.rows = np.concatenate([self._open(number).rows["row"] for number in self._numbers])
        lengths = [len(self._open(number).rows) for number in self._numbers]
        places = np.concatenate([np.arange(length) for length in lengths])
        self._places = np.stack([np.repeat(self._numbers, lengths), places], axis=1)

    @property
    def digests(self) -> Iterator[bytes]:
        """The sha256 of the file of each tile."""
        for number in self._numbers:
            yield from map(bytes, self._open(number).rows["digest"])

    def column(self, name: str, order: Sequence[int]) -> "Column":
        """Return one field of all tiles in an order."""
        return Column(self, name, self._places[order])

    def gather(self, name: str, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return one field of some tiles, given as part and place in it."""
        first = self._open(int(places[0, 0])).rows[name]
        found = np.empty((len(places), *first.shape[1:]), first.dtype)
        for number in np.unique(places[:, 0]):
            mine = places[:, 0] == number
            found[mine] = self._open(int(number)).rows[name][places[mine, 1]]
        return found

    def thumbnails(self, order: Sequence[int]) -> Iterator[bytes]:
        """Yield the thumbnails of all tiles in an order."""
        for number, place in self._places[order]:
            part = self._open(int(number))
            record = part.rows[place]
            yield part.thumbnails[record["start"] : record["stop"]].tobytes()


class Column:
    """One field of tiles that lie in parts; a slice of it is read when it is asked for."""

    def __init__(self, parts: Parts, name: str, places: NDArray[np.int64]) -> None:
        """Use `Parts.column`."""
        self._parts, self._name, self._places = parts, name, places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        return self._parts.gather(self._name, self._places[rows])


def _open(folder: Path) -> Part:
    file = folder / "thumbs.bin"
    rows: Record = np.load(folder / "rows.npy", mmap_mode="r")
    if not len(rows):  # an empty file cannot be mapped
        return Part(rows, np.empty(0, np.uint8))
    return Part(rows, np.memmap(file, dtype=np.uint8, mode="r"))
