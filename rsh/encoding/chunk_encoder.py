"""Encodes one chunk of an archive: threads read and decode while the network computes."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import NamedTuple

import numpy as np
from PIL import Image

from rsh.codes.encodings import Encodings
from rsh.data.band_values import resize_values
from rsh.data.dataset import Dataset
from rsh.data.decoded import DecodedTiles, decode_tile
from rsh.data.embeddings import Embeddings
from rsh.data.images import to_jpeg
from rsh.data.tiles import SKIP_HINT, TileDataset
from rsh.encoding.chunk_store import NO_IMAGES, EncodedChunk, Skipped, TileImages
from rsh.errors import InputError, NoData
from rsh.gallery.segment import THUMB_SIDE, join_images
from rsh.models.hashnet import HashNet, apply_head, apply_net, to_encodings
from rsh.training.feature_cache import FeatureArray, extract_features, tiles_at_a_time

AHEAD = 256  # tiles that are decoded while others are computed


class ReadTile(NamedTuple):
    """A tile that has been read.

    Attributes:
        row: in the data set.
        digest: sha256 of its file.
        images: JPEG, as a thumbnail, as a preview, and as other composites.
        pixels: what the network sees, see `rsh.data.decoded`.
    """

    row: int
    digest: bytes
    images: TileImages
    pixels: DecodedTiles


def encode_chunk(
    net: HashNet,
    dataset: Dataset,
    rows: range,
    *,
    pool: ThreadPoolExecutor,
    known: FeatureArray | None = None,
    skip_unreadable: bool = False,
    preview: int = 0,
    on_tile: Callable[[], object] = lambda: None,
) -> EncodedChunk:
    """Encode some tiles of a data set.

    Args:
        net: a trained network.
        dataset: the tiles.
        rows: which of them.
        pool: reads and decodes.
        known: features of the plain views of all tiles, if there are any.
        skip_unreadable: skip images that cannot be read.
        preview: longest side of previews, pixels; 0 makes none.
        on_tile: progress callback, called once a tile.

    Raises:
        InputError: a tile cannot be read.
    """
    if isinstance(dataset, Embeddings):
        return _encode_vectors(net, dataset, rows, pool, preview, on_tile)
    assert isinstance(dataset, TileDataset)
    read: list[ReadTile] = []
    skipped = Skipped([], 0)

    def pixels() -> Iterator[DecodedTiles]:
        nonlocal skipped
        reader = partial(_read, dataset, net.image_size, skip_unreadable, preview)
        for found in _in_advance(reader, rows, pool):
            on_tile()
            if isinstance(found, Skipped):
                skipped += found
            else:
                read.append(found._replace(pixels=found.pixels[:0]))  # the network has them now
                yield found.pixels

    if known is None:
        batches = _batches(pixels(), tiles_at_a_time(net.plain))
        features = list(extract_features(net, batches, net.plain))
    else:
        deque(pixels(), maxlen=0)
        _check_unchanged(dataset, read)
        features = [known[[tile.row for tile in read]]] if read else []
    return EncodedChunk(
        encodings=_encodings(net, features),
        rows=[tile.row for tile in read],
        digests=[tile.digest for tile in read],
        images=[tile.images for tile in read],
        skipped=skipped,
    )


def _check_unchanged(dataset: TileDataset, read: Sequence[ReadTile]) -> None:
    """Refuse tiles that have changed since the fingerprint of their data set was taken."""
    for tile in read:
        if tile.digest != dataset.digests[tile.row]:
            name = dataset.items["id"].iloc[tile.row]
            raise InputError(f"{name} was changed meanwhile: run the same command again")


def _encode_vectors(
    net: HashNet,
    dataset: Embeddings,
    rows: range,
    pool: ThreadPoolExecutor,
    preview: int,
    on_tile: Callable[[], object],
) -> EncodedChunk:
    def read(name: str) -> TileImages:
        image = dataset.linked_image(name)
        return (*_shrink(image, preview), b"") if image else NO_IMAGES

    names = dataset.image_names(rows)
    found, images = pool.map(read, filter(None, names)), []
    for name in names:
        images.append(next(found) if name else NO_IMAGES)
        on_tile()
    return EncodedChunk(
        encodings=to_encodings(apply_net(net, dataset.read(np.array(rows)))),
        rows=list(rows),
        digests=[dataset.digests[row] for row in rows],
        images=images,
        skipped=Skipped([], 0),
    )


def _encodings(net: HashNet, features: Sequence[FeatureArray]) -> Encodings:
    if features:
        return to_encodings(apply_head(net.head, np.concatenate(features)))
    relaxed = np.empty((0, net.num_bits), np.float16)
    return Encodings(
        relaxed.astype(np.int8), relaxed, np.empty((0, net.settings["feature_dim"]), np.float16)
    )


def _batches(tiles: Iterable[DecodedTiles], size: int) -> Iterator[DecodedTiles]:
    """Stack tiles, `size` at a time."""
    rest = iter(tiles)
    while batch := list(islice(rest, size)):
        yield np.stack(batch)


def _in_advance(
    read: Callable[[int], ReadTile | Skipped], rows: Iterable[int], pool: ThreadPoolExecutor
) -> Iterator[ReadTile | Skipped]:
    """Read tiles in their order, some in advance."""
    waiting: deque[Future[ReadTile | Skipped]] = deque()
    try:
        for row in rows:
            waiting.append(pool.submit(read, row))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:  # one tile cannot be read: the others are not needed
            future.cancel()


def _read(
    dataset: TileDataset, image_size: int, skip_unreadable: bool, preview: int, row: int
) -> ReadTile | Skipped:
    """Read, decode and resize a tile."""
    try:
        content = dataset.read_bytes(row)
        image = dataset.decode(row, content)
        pixels = (
            resize_values(dataset.decode_bands(row, content), image_size)
            if dataset.bands
            else decode_tile(image, image_size)
        )
    except NoData:
        return Skipped([], 1)
    except InputError as error:
        if skip_unreadable:
            return Skipped([str(error)], 0)
        raise InputError(f"{error}, {SKIP_HINT}") from None
    others = join_images(
        [
            to_jpeg(dataset.decode(row, content, composite.rendering), side=THUMB_SIDE)
            for composite in dataset.composites[1:]
        ]
    )
    images = (*_shrink(image, preview), others)
    return ReadTile(row, sha256(content).digest(), images, pixels)


def _shrink(image: Image.Image, preview: int) -> tuple[bytes, bytes]:
    """Return an image as a thumbnail, and as a preview of a longest side or empty for 0."""
    large = to_jpeg(image, side=preview, detailed=True) if preview else b""
    return to_jpeg(image, side=THUMB_SIDE), large
