"""Encoding an archive of any size, part by part, by one process or several.

Stopped at any moment, it goes on from the parts that are there (`rsh.encoding.chunk_store`).
Nothing else of an archive is kept; in the end they become one segment of a gallery.
"""

import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from rsh.codes.order import hash_order
from rsh.data.dataset import fingerprint_tiles
from rsh.encoding.chunk_encoder import Job, encode_part
from rsh.encoding.chunk_store import LeftOut, Parts, is_whole, write_part
from rsh.errors import InputError, RshWarning
from rsh.gallery.manifest import WORK
from rsh.gallery.segment import GalleryTiles
from rsh.io.files import explain_os_error
from rsh.training.devices import ProcessGroup, process_group

LOOK = 1.0  # seconds between two looks at what other processes have done
MOST_THREADS = 16  # that decode; beyond, they wait for Python's lock


def stream(
    job: Job, *, check: Callable[[], object], finish: Callable[[GalleryTiles, str], object]
) -> None:
    """Encode all tiles, and hand them over in the order of `hash_order`.

    Args:
        job: what.
        check: raises InputError if the work would be in vain.
        finish: called by process 0 with the tiles and the fingerprint of the data.

    Raises:
        InputError: a tile cannot be read, the folder cannot be written, or another process is
            encoding into it.
    """
    with ExitStack() as held, process_group() as group:
        alone = _alone(job)
        group.led(lambda: (check(), held.enter_context(alone), job.bank))
        left_out = _encode(job, group)
        group.led(lambda: _join(job, left_out, finish))


@contextmanager
def _alone(job: Job) -> Iterator[None]:
    """Be the only encode into a gallery; a folder in which nothing came about goes again."""
    with explain_os_error(job.folder):
        job.work.mkdir(parents=True, exist_ok=True)
    lock = FileLock(job.work / "lock", timeout=0)
    with explain_os_error(job.folder):
        try:
            lock.acquire()
        except Timeout:
            raise InputError(
                f"{job.folder} is being encoded by another process: "
                "wait for it, or give another --output"
            ) from None
    try:
        for path in job.work.glob(".*"):  # what a killed process was writing
            shutil.rmtree(path, ignore_errors=True)
        yield
    finally:
        if not any(path.is_dir() for path in job.work.glob("*")):
            shutil.rmtree(job.work, ignore_errors=True)
            with suppress(OSError):  # it holds a gallery
                job.folder.rmdir()
        lock.release()


def _encode(job: Job, group: ProcessGroup) -> LeftOut:
    """Make parts until all are there, whichever process makes them."""
    threads = max(2, (os.cpu_count() or 2) // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))
    progress = Progress(job, drawn=job.progress and group.rank == 0)
    with progress.bar, ThreadPoolExecutor(min(threads, MOST_THREADS)) as pool:
        while len(progress.done) < len(job.parts):
            missing = [part for part in job.parts if part not in progress.done]
            if not sum(_claim(job, part, pool, progress) for part in missing):
                time.sleep(LOOK / 5)  # the rest is in the hands of others
            progress.look()
    return sum(progress.done.values(), LeftOut([], 0))


class Progress:
    """Which parts are there, and a bar over all tiles.

    Attributes:
        done: what each part that is there leaves out.
        bar: counts tiles.
    """

    def __init__(self, job: Job, *, drawn: bool) -> None:
        """Look for parts of an encode that was interrupted."""
        self._job, self._next = job, 0.0
        self.done: dict[Path, LeftOut] = {}
        here = self._find()
        self.bar = tqdm(
            total=len(job.dataset),
            initial=here,
            unit="tile",
            desc="encode",
            smoothing=0,  # the time left by the speed so far: others are seen a part at a time
            disable=not drawn,
        )

    def tick(self, count: int) -> None:
        """Count tiles of the part in work."""
        self.bar.update(count)
        if time.monotonic() > self._next:
            self.look()

    def look(self) -> None:
        """Count what other processes have made."""
        self.bar.update(self._find())
        self._next = time.monotonic() + LOOK

    def _find(self) -> int:
        """Note the parts that have come about; return how many tiles they are of."""
        names = set(os.listdir(self._job.work))
        new = [part for part in self._job.parts if part not in self.done and part.name in names]
        found = {part: left for part in new if (left := self._job.left_out(part)) is not None}
        self.done |= found
        return sum(len(self._job.parts[part]) for part in found)


def _claim(job: Job, part: Path, pool: ThreadPoolExecutor, progress: Progress) -> bool:
    """Make a part, unless another process is about it."""
    lock = FileLock(part.with_suffix(".lock"), timeout=0)
    with explain_os_error(job.folder):
        try:
            lock.acquire()
        except Timeout:
            return False
    try:
        if job.left_out(part) is None:  # it may have come about since we looked
            rows = job.parts[part]
            made = encode_part(job, rows, pool, progress.tick)
            write_part(part, made)
            progress.done[part] = made.left_out
    finally:
        lock.release()
    return True


def _check_parts(job: Job) -> None:
    """Refuse parts that were altered since they were written; without them they are made anew."""
    altered = [part for part in job.parts if not is_whole(part)]
    for part in altered:
        shutil.rmtree(part, ignore_errors=True)
    if altered:
        raise InputError(
            f"{len(altered)} of {len(job.parts)} encoded parts in {job.work} were altered or cut "
            "short, and were deleted: run the same again"
        )


def _join(job: Job, left_out: LeftOut, finish: Callable[[GalleryTiles, str], object]) -> None:
    """Hand all parts over as one list of tiles, and take them away."""
    _check_parts(job)
    parts, dataset = Parts(list(job.parts)), job.dataset
    if len(parts.rows) + len(left_out) != len(dataset):
        raise RuntimeError(f"{len(parts.rows)} rows and {len(left_out)} others of {len(dataset)}")
    if not len(parts.rows):
        raise InputError(f"no image in {dataset.path} can be read: fetch or save them again")
    items = dataset.items.iloc[parts.rows]
    order: list[int] = hash_order(items["id"]).tolist()
    tiles = GalleryTiles(
        items=items.iloc[order],
        packed=parts.column("packed", order),
        relaxed=parts.column("relaxed", order),
        features=parts.column("feature", order),
        thumbnails=parts.thumbnails(order),
    )
    finish(tiles, fingerprint_tiles(items, parts.digests))
    for reason in left_out.unreadable:
        warnings.warn(f"left out: {reason}", RshWarning, stacklevel=2)
    if left_out.empty:
        warnings.warn(f"left out: {left_out.empty} tiles without data", RshWarning, stacklevel=2)
    gone = job.work.with_name(f"{WORK}.{os.getpid()}")
    job.work.replace(gone)  # in one step: what is left of it after a kill is no half of an encode
    shutil.rmtree(gone, ignore_errors=True)
