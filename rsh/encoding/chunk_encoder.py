"""One part of an archive through the network: threads read and decode while it computes."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rsh.codes.encodings import Encodings
from rsh.data.dataset import LEAVE_OUT, TileDataset
from rsh.data.decoded import DecodedTiles, decode_tile
from rsh.data.images import to_jpeg
from rsh.encoding.chunk_store import TILES, LeftOut, NewPart, part_name, read_left_out
from rsh.errors import InputError, NoData
from rsh.gallery.manifest import WORK
from rsh.gallery.segment import THUMB_SIDE
from rsh.models.hashnet import HashNet, apply_head, fingerprint, to_encodings
from rsh.training.feature_cache import (
    FeatureArray,
    cached_features,
    extract_features,
    libraries,
    tiles_at_a_time,
)

AHEAD = 256  # tiles that are decoded while others are computed


@dataclass(frozen=True)
class Job:
    """What is to be encoded.

    Attributes:
        net: a trained network.
        dataset: the tiles. Those that were split have been trained on, so their features come from
            the view bank; all others go straight through the network.
        folder: the gallery.
        skip_unreadable: leave out images that cannot be read.
        progress: show bars.
    """

    net: HashNet
    dataset: TileDataset
    folder: Path
    skip_unreadable: bool = False
    progress: bool = True

    @property
    def work(self) -> Path:
        """Where parts lie until all are there."""
        return self.folder / WORK

    @cached_property
    def parts(self) -> dict[Path, range]:
        """The folder of each part, and its rows in the scenes."""
        net, count = self.net, len(self.dataset)
        decides = json.dumps([fingerprint(net), net.settings, libraries(), THUMB_SIDE])
        ranges = [range(start, min(start + TILES, count)) for start in range(0, count, TILES)]
        return {self.work / part_name(decides, self.dataset, rows): rows for rows in ranges}

    @cached_property
    def bank(self) -> FeatureArray | None:
        """Backbone features of tiles that are also trained on."""
        if not (self.dataset.items["split"] != "").any():
            return None
        return cached_features(self.net, self.dataset, self.net.plain, progress=self.progress)

    def left_out(self, part: Path) -> LeftOut | None:
        """Return what a part leaves out, or None if it has to be made."""
        found = read_left_out(part)
        return None if found and found.unreadable and not self.skip_unreadable else found


class Read(NamedTuple):
    """A tile that has been read.

    Attributes:
        row: in the scenes.
        digest: sha256 of its file.
        thumbnail: JPEG.
    """

    row: int
    digest: bytes
    thumbnail: bytes


def encode_part(
    job: Job, rows: Sequence[int], pool: ThreadPoolExecutor, tick: Callable[[int], object]
) -> NewPart:
    """Encode the tiles of a part.

    Args:
        job: what they are part of.
        rows: of the tiles in the scenes.
        pool: reads and decodes.
        tick: is told how many tiles more have been read.

    Raises:
        InputError: a tile cannot be read.
    """
    kept: list[Read] = []
    left_out = [LeftOut([], 0)]

    def tiles() -> Iterator[DecodedTiles]:
        for found in _in_advance(job, rows, pool):
            tick(1)
            if isinstance(found, LeftOut):
                left_out.append(found)
            else:
                kept.append(found[0])
                yield found[1]

    if job.bank is None:
        batches = _batches(tiles(), tiles_at_a_time(job.net.plain))
        features = list(extract_features(job.net, batches, job.net.plain))
    else:
        deque(tiles(), maxlen=0)  # for digests and thumbnails
        features = [job.bank[[read.row for read in kept]]] if kept else []
    return NewPart(
        encoded=_encoded(job.net, features),
        rows=[read.row for read in kept],
        digests=[read.digest for read in kept],
        thumbnails=[read.thumbnail for read in kept],
        left_out=sum(left_out[1:], left_out[0]),
    )


def _encoded(net: HashNet, features: Sequence[FeatureArray]) -> Encodings:
    if features:
        return to_encodings(apply_head(net.head, np.concatenate(features)))
    relaxed = np.empty((0, net.num_bits), np.float16)
    return Encodings(
        relaxed.astype(np.int8), relaxed, np.empty((0, net.settings["feature_dim"]), np.float16)
    )


def _batches(tiles: Iterable[DecodedTiles], step: int) -> Iterator[DecodedTiles]:
    """Stack tiles, `step` at a time."""
    rest = iter(tiles)
    while batch := list(islice(rest, step)):
        yield np.stack(batch)


def _in_advance(
    job: Job, rows: Iterable[int], pool: ThreadPoolExecutor
) -> Iterator[tuple[Read, DecodedTiles] | LeftOut]:
    """Read tiles in their order, some in advance of those that are asked for."""
    waiting: deque[Future[tuple[Read, DecodedTiles] | LeftOut]] = deque()
    try:
        for row in rows:
            waiting.append(pool.submit(_read, job, row))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:  # one tile cannot be read: the others need not be
            future.cancel()


def _read(job: Job, row: int) -> tuple[Read, DecodedTiles] | LeftOut:
    """Read, decode and shrink a tile; the network's view is empty where the view bank knows it."""
    try:
        content = job.dataset.read_bytes(row)
        image = job.dataset.decode(row, content)
    except NoData:
        return LeftOut([], 1)
    except InputError as error:
        if job.skip_unreadable:
            return LeftOut([str(error)], 0)
        raise InputError(f"{error}, {LEAVE_OUT}") from None
    known = job.bank is not None
    tile = np.empty(0, np.uint8) if known else decode_tile(image, job.net.image_size)
    return Read(row, sha256(content).digest(), to_jpeg(image, side=THUMB_SIDE)), tile
