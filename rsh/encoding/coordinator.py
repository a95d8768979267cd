"""Encodes a data set of any size chunk by chunk, in one process or several.

An interrupted run resumes from the chunks that are complete. Processes share the work through the
file system: each claims a chunk that is missing. Over the network they only exchange whether a step
is done or was refused.
"""

import os
import shutil
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from rsh.codes.order import hash_order
from rsh.data.dataset import Dataset, fingerprint_tiles
from rsh.encoding.chunk_encoder import encode_chunk
from rsh.encoding.chunk_store import Chunk, ChunkReader, Skipped, plan_chunks
from rsh.errors import InputError, RshWarning
from rsh.gallery.manifest import WORK
from rsh.gallery.segment import GalleryTiles
from rsh.io.files import explain_os_error
from rsh.models.hashnet import HashNet
from rsh.training.devices import ProcessGroup, process_group
from rsh.training.feature_cache import find_plain_features

LOOK = 1.0  # seconds between two looks at what other processes have encoded
MOST_THREADS = 16  # that decode; more would wait for Python's lock


@dataclass(frozen=True)
class EncodedDataset:
    """A data set that has been encoded.

    Attributes:
        tiles: in the order of a gallery, `order.hash_order`.
        fingerprint: of the data, over the tiles that could be read.
    """

    tiles: GalleryTiles
    fingerprint: str


@contextmanager
def encoded(
    net: HashNet,
    dataset: Dataset,
    folder: Path,
    *,
    skip_unreadable: bool = False,
    preview: int = 0,
    progress: bool = True,
) -> Iterator[EncodedDataset | None]:
    """Encode a data set and yield it in process 0; the other processes get None.

    What has been encoded is kept in the folder until the block ends well.

    Args:
        net: a trained network.
        dataset: the tiles.
        folder: the gallery that they go into.
        skip_unreadable: skip images that cannot be read, and name them in the end.
        preview: longest side of previews, pixels; 0 makes none.
        progress: show a bar.

    Raises:
        InputError: a tile cannot be read, the folder cannot be written, or another process is
            encoding into it.
    """
    work = folder / WORK
    with process_group() as group, _exclusive(folder, group):
        chunks = plan_chunks(net, dataset, work, preview)
        board = _Board(chunks, skip_unreadable=skip_unreadable, shown=progress and group.rank == 0)
        _encode_missing(net, dataset, board, preview)
        group.barrier()  # from here on no process needs a chunk but 0
        with group.together():
            yield _join(dataset, chunks, board.skipped, preview) if group.rank == 0 else None
            if group.rank == 0:
                _name(board.skipped)
                done = work.with_name(f"{WORK}.{os.getpid()}")
                work.replace(done)  # in one step: after a kill it must not look like half a run
                shutil.rmtree(done, ignore_errors=True)


@contextmanager
def _exclusive(folder: Path, group: ProcessGroup) -> Iterator[None]:
    """Lock the gallery for encoding; delete its folder in the end if nothing was written."""
    work = folder / WORK
    lock = FileLock(work / "lock", timeout=0)
    with group.together(), explain_os_error(folder):
        if group.rank == 0:
            work.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire()
            except Timeout:
                raise InputError(
                    f"{folder} is being encoded by another process: "
                    "wait for it, then run this again"
                ) from None
            for path in work.glob(".*"):  # what a killed process was writing
                shutil.rmtree(path, ignore_errors=True)
    try:
        yield
    finally:
        if group.rank == 0:
            if not any(path.is_dir() for path in work.glob("*")):
                shutil.rmtree(work, ignore_errors=True)
                with suppress(OSError):  # it holds a gallery
                    folder.rmdir()
            lock.release()


def _encode_missing(net: HashNet, dataset: Dataset, board: "_Board", preview: int) -> None:
    """Encode chunks until all are complete, whichever process encodes them."""
    threads = max(2, (os.cpu_count() or 2) // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))
    known = find_plain_features(net, dataset)
    with board.bar, ThreadPoolExecutor(min(threads, MOST_THREADS)) as pool:
        while missing := board.missing:
            idle = True
            for chunk in missing:
                with chunk.claim() as ours:
                    if not ours:
                        continue
                    idle = False
                    if board.usable(chunk) is None:  # another process may have encoded it by now
                        made = encode_chunk(
                            net,
                            dataset,
                            chunk.rows,
                            pool=pool,
                            known=known,
                            skip_unreadable=board.skip_unreadable,
                            preview=preview,
                            on_tile=board.count_tile,
                        )
                        chunk.write(made)
                        board.done[chunk] = made.skipped
            if idle:
                time.sleep(LOOK / 5)  # other processes have the rest
            board.look()


class _Board:
    """Which chunks are complete, and a bar over all tiles.

    Attributes:
        done: what each complete chunk skips.
        bar: counts tiles.
    """

    def __init__(self, chunks: Sequence[Chunk], *, skip_unreadable: bool, shown: bool) -> None:
        """Find the chunks of a run that was interrupted."""
        self.skip_unreadable = skip_unreadable
        self._chunks, self._next_look = chunks, 0.0
        self.done: dict[Chunk, Skipped] = {}
        here = self._find()
        self.bar = tqdm(
            total=sum(len(chunk.rows) for chunk in chunks),
            initial=here,
            unit="tile",
            desc="encode",
            smoothing=0,  # the time left by the mean speed: other processes are seen in jumps
            disable=not shown,
        )

    @property
    def missing(self) -> list[Chunk]:
        """Chunks that are not complete."""
        return [chunk for chunk in self._chunks if chunk not in self.done]

    @property
    def skipped(self) -> Skipped:
        """What all complete chunks skip, in the order of the data set."""
        return sum((self.done[chunk] for chunk in self._chunks), Skipped([], 0))

    def usable(self, chunk: Chunk) -> Skipped | None:
        """Return what a chunk skips; None if it is missing, or skips what this run must not."""
        found = chunk.skipped()
        return None if found and found.unreadable and not self.skip_unreadable else found

    def count_tile(self) -> None:
        """Count one tile of the chunk in work."""
        self.bar.update(1)
        if time.monotonic() > self._next_look:
            self.look()

    def look(self) -> None:
        """Count what other processes have encoded."""
        self.bar.update(self._find())
        self._next_look = time.monotonic() + LOOK

    def _find(self) -> int:
        """Note chunks that have become complete; return how many tiles they hold."""
        names = set(os.listdir(self._chunks[0].folder.parent)) if self._chunks else set()
        new = [chunk for chunk in self.missing if chunk.folder.name in names]
        found = {chunk: skips for chunk in new if (skips := self.usable(chunk)) is not None}
        self.done |= found
        return sum(len(chunk.rows) for chunk in found)


def _join(
    dataset: Dataset, chunks: Sequence[Chunk], skipped: Skipped, preview: int
) -> EncodedDataset:
    """Return all chunks as one data set; damaged chunks are deleted and named."""
    damaged = [chunk for chunk in chunks if not chunk.is_intact()]
    for chunk in damaged:
        shutil.rmtree(chunk.folder, ignore_errors=True)
    if damaged:
        raise InputError(
            f"{len(damaged)} of {len(chunks)} encoded chunks in {damaged[0].folder.parent} were "
            "altered or cut short, and were deleted: run the same command again"
        )
    reader = ChunkReader(chunks)
    if len(reader.rows) + len(skipped) != len(dataset):
        raise RuntimeError(f"{len(reader.rows)} rows and {len(skipped)} others of {len(dataset)}")
    if not len(reader.rows):
        raise InputError(f"no image in {dataset.path} can be read: download or save them again")
    items = dataset.items.iloc[reader.rows]
    order: list[int] = hash_order(items["id"]).tolist()
    tiles = GalleryTiles(
        items=items.iloc[order],
        packed=reader.column("packed", order),
        relaxed=reader.column("relaxed", order),
        features=reader.column("features", order),
        thumbnails=reader.images("thumbs", order),
        previews=reader.images("previews", order) if preview else None,
        composites=reader.images("composites", order) if len(dataset.composites) > 1 else None,
    )
    fingerprint = fingerprint_tiles(items, reader.digests, several=dataset.has_several)
    return EncodedDataset(tiles, fingerprint)


def _name(skipped: Skipped) -> None:
    """Warn of each image that was skipped."""
    for reason in skipped.unreadable:
        warnings.warn(f"left out: {reason}", RshWarning, stacklevel=2)
    if skipped.empty:
        warnings.warn(f"left out: {skipped.empty} tiles without data", RshWarning, stacklevel=2)
