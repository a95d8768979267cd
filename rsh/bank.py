"""The view bank: backbone features of many views of each tile, computed once, kept on disk.

With a frozen backbone the features never change, so the head can train on them in seconds. A bank
is keyed by everything that decides its content; an interrupted one goes on where it stopped, and
of two processes that want the same one the second waits for the first.
"""

import hashlib
import json
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from lightning.fabric import Fabric
from numpy.typing import NDArray
from platformdirs import user_cache_path
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from rsh.errors import InputError
from rsh.files import explain_os_error
from rsh.model import HashNet, fingerprint
from rsh.scenes import Scenes
from rsh.views import ViewSpec

Bank = NDArray[np.float16]
BankFile = np.memmap[Any, np.dtype[np.float16]]
SAVE_EVERY = 256  # tiles between two notes of how far the bank has come
KEEP_BYTES = 20 * 2**30  # of banks; beyond that the one unused for longest goes
DAY = 24 * 3600  # seconds; an unfinished bank that nobody wrote to for so long was given up
DECIDE_PIXELS = ("torch", "torchvision", "timm", "pillow")


def view_bank(net: HashNet, scenes: Scenes, spec: ViewSpec, *, progress: bool = True) -> Bank:
    """Return the backbone features of every view of every tile, from disk where they are known.

    Args:
        net: its backbone is used as it is, in evaluation mode.
        scenes: n tiles.
        spec: which views.
        progress: show a bar on the terminal or in the notebook.

    Returns:
        (n, views, num_features) float16, a read-only memory map.

    Raises:
        InputError: a tile cannot be read, or the cache folder cannot be written.
    """
    file = cache_folder() / f"{bank_key(net, scenes, spec)}.npy"
    with explain_os_error(file, way_out="set RSH_CACHE to a folder with room that can be written"):
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            with _alone(file):
                if not file.exists():  # the process that was waited for has made it
                    _fill(file, net, scenes, spec, progress=progress)
                    _evict(file)
        file.touch()  # used now: the last to go
    bank: Bank = np.load(file, mmap_mode="r")
    return bank


def bank_key(net: HashNet, scenes: Scenes, spec: ViewSpec) -> str:
    """Return a name for the bank that changes with tiles, backbone, views and library versions."""
    parts = [
        scenes.fingerprint,
        fingerprint(net.backbone),
        json.dumps([asdict(spec), net.mean, net.std]),
        json.dumps([(name, version(name)) for name in DECIDE_PIXELS]),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def cache_folder() -> Path:
    """Where banks are kept: $RSH_CACHE, or the user's cache folder."""
    return Path(os.environ.get("RSH_CACHE") or user_cache_path("rsh")) / "banks"


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Hold the lock on a bank, and say so when another process has it."""
    lock = FileLock(file.with_name(f".{file.stem}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        warnings.warn("another process makes this view bank: waiting for it", stacklevel=2)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fill(file: Path, net: HashNet, scenes: Scenes, spec: ViewSpec, *, progress: bool) -> None:
    partial, note = file.with_suffix(".partial.npy"), file.with_suffix(".partial.txt")
    shape = (len(scenes), len(spec), net.head.num_features)
    rows, start = _start(partial, note, shape)
    bar = tqdm(
        total=len(scenes), initial=start, unit="tile", desc="view bank", disable=not progress
    )
    done = noted = start
    try:
        with bar:
            for features in _features(net, _Views(scenes, spec, start)):
                rows[done : done + len(features)] = features.numpy()
                done += len(features)
                bar.update(len(features))
                if done - noted >= SAVE_EVERY:
                    rows.flush()
                    note.write_text(str(done))
                    noted = done
    except InputError:  # a tile cannot be read: without it, or mended, this is another bank
        partial.unlink()
        note.unlink(missing_ok=True)
        raise
    rows.flush()
    partial.replace(file)
    note.unlink(missing_ok=True)


def _start(partial: Path, note: Path, shape: tuple[int, int, int]) -> tuple[BankFile, int]:
    """Open an interrupted bank and say how many tiles are done, or make a new one."""
    try:
        rows: BankFile = np.lib.format.open_memmap(partial, mode="r+")
        start = int(note.read_text())
        if rows.shape == shape and 0 <= start <= len(rows):
            return rows, start
    except (OSError, ValueError):
        pass  # nothing there, or spoilt: both mean to begin at the beginning
    rows = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float16, shape=shape)
    if hasattr(os, "posix_fallocate"):  # a full disk should say so now, not kill us at a page
        with partial.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, partial.stat().st_size)
    return rows, 0


def _evict(newest: Path) -> None:
    """Delete the banks unused for longest until those left take KEEP_BYTES, `newest` among them."""
    room, now = KEEP_BYTES, time.time()
    for bank in sorted(newest.parent.glob("*.npy"), key=_last_used, reverse=True):
        room -= bank.stat().st_size
        in_work = bank.name.endswith(".partial.npy") and now - _last_used(bank) < DAY
        if room < 0 and bank != newest and not in_work:
            bank.unlink(missing_ok=True)


def _last_used(bank: Path) -> float:
    return bank.stat().st_mtime


class _Views(Dataset[Tensor | InputError]):
    """All views of each tile from `start` on, made in worker processes.

    A tile that cannot be read comes as the error itself: raised in a worker, its one sentence
    would reach the reader inside a traceback.
    """

    def __init__(self, scenes: Scenes, spec: ViewSpec, start: int) -> None:
        self.scenes, self.spec, self.start = scenes, spec, start

    def __len__(self) -> int:
        return len(self.scenes) - self.start

    def __getitem__(self, index: int) -> Tensor | InputError:
        row = self.start + index
        try:
            return self.spec.of(self.scenes.read(row), row)
        except InputError as error:
            return error

    @staticmethod
    def collate(tiles: list[Tensor | InputError]) -> Tensor | InputError:
        """Stack tiles to (tiles, views, 3, h, w), unless one could not be read."""
        errors = [tile for tile in tiles if isinstance(tile, InputError)]
        return (
            errors[0] if errors else torch.stack([tile for tile in tiles if torch.is_tensor(tile)])
        )


@torch.inference_mode()
def _features(net: HashNet, views: _Views) -> Iterator[Tensor]:
    """Yield (tiles, views, num_features) float16, batch by batch, on the CPU."""
    device = Fabric(devices=1).device
    backbone = net.backbone.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    # Workers that are started afresh would run the caller's script again: forked ones or none.
    workers = 2 if len(views) > SAVE_EVERY and sys.platform == "linux" else 0
    loader = DataLoader(
        views,
        batch_size=max(1, 64 // len(views.spec)),
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        collate_fn=_Views.collate,
    )
    try:
        for batch in loader:
            if isinstance(batch, InputError):
                raise batch
            images = net.normalize(batch.flatten(0, 1).to(device))
            features = backbone(images.contiguous(memory_format=torch.channels_last))
            yield features.half().cpu().unflatten(0, (len(batch), -1))
    finally:
        backbone.cpu()
