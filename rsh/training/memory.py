"""Memory that is freed and taken again at once: kept, it need not be cleared anew.

Each batch on a CPU takes and frees gigabytes in large pieces. glibc gives such pieces back to the
kernel, which clears every page again before the next batch gets it: two fifths of the time. Kept
pieces come to lie apart, so that a process may hold twice what it uses: it keeps them only while
the machine has plenty.
"""

import copy
import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from rsh.config import LIMITS, TrainConfig
from rsh.errors import InputError
from rsh.models.hashnet import HashNet
from rsh.training.devices import num_nodes

GB = 1e9
ON_TOP = 1.5  # of what is saved: gradients, and gaps between pieces of memory

# numbers that malloc.h gives to the settings, and glibc's own values of them
TRIM_THRESHOLD, MMAP_MAX = -1, -4
USUAL = {TRIM_THRESHOLD: 128 * 1024, MMAP_MAX: 65_536}
KEPT = {TRIM_THRESHOLD: -1, MMAP_MAX: 0}  # never give back; no pieces of their own
PLENTY = 1 / 4  # of all memory is free
CACHED = ("active_file", "inactive_file", "slab_reclaimable")  # can be taken back at any time


class Memory(NamedTuple):
    """Of the machine, or of a container or service that may take less.

    Attributes:
        total: bytes.
        free: bytes that can be taken before anything is killed or swapped out.
    """

    total: int
    free: int


@contextmanager
def memory_kept() -> Iterator[None]:
    """Keep what is freed until the end of the block; does nothing where there is no glibc.

    Source: mallopt(3), https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    _set(KEPT)
    try:
        yield
    finally:
        _set(USUAL)
        _give_back()


def give_back_if_scarce() -> None:
    """Give back what is kept, if less than a quarter of the memory is free: between batches."""
    now = memory()
    if now and now.free < PLENTY * now.total:
        _give_back()


def memory(root: Path = Path("/")) -> Memory | None:
    """Read how much memory there is, on Linux.

    Args:
        root: below which proc and sys lie.

    Returns:
        None where nobody says so: on other systems, or where they hide it.

    Source: proc_meminfo(5); for containers and services, the control groups of Linux, version 2:
        https://docs.kernel.org/admin-guide/cgroup-v2.html
    """
    try:
        machine = _numbers(root / "proc/meminfo")
        total, free = (1024 * machine[name] for name in ("MemTotal:", "MemAvailable:"))
        for limit, taken in _limits(root):
            total, free = min(total, limit), min(free, max(0, limit - taken))
    except (OSError, KeyError, ValueError):
        return None
    return Memory(total, free)


def _limits(root: Path) -> Iterator[tuple[int, int]]:
    """Yield what the process's control group may take and has taken, then each one around it."""
    group = root / "sys/fs/cgroup"
    lines = (root / "proc/self/cgroup").read_text().splitlines()
    own = next((line[4:] for line in lines if line.startswith("0::/")), "")
    for folder in (group / own, *(group / own).parents):
        if not folder.is_relative_to(group):
            return
        limit = folder / "memory.max"  # not there at the root of a machine
        if limit.exists() and (text := limit.read_text().strip()) != "max":
            stat = _numbers(folder / "memory.stat")
            cached = sum(stat[name] for name in CACHED)
            yield int(text), int((folder / "memory.current").read_text()) - cached


def _numbers(file: Path) -> dict[str, int]:
    lines = (line.split() for line in file.read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines}


@cache
def _glibc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if hasattr(libc, "malloc_trim") else None  # musl has none


def _set(values: dict[int, int]) -> None:
    if libc := _glibc():
        for name, value in values.items():
            libc.mallopt(name, value)


def _give_back() -> None:
    if libc := _glibc():
        libc.malloc_trim(0)


def check_batch_fits(net: HashNet, config: TrainConfig, fabric: Fabric, *, tiles: int) -> None:
    """Refuse a batch on a CPU of which the forward pass alone saves more than is free.

    What a compiled network saves is not known before; nothing is refused then, or where nobody
    says how much is free.

    Args:
        net: all of it will learn.
        config: settings.
        fabric: where it will learn.
        tiles: in a batch, of all processes.

    Raises:
        InputError: names the batch size, what it takes, what there is, and a way out.
    """
    here = memory() if fabric.device.type == "cpu" and not config.compile else None
    if here is None:
        return
    with fabric.autocast():
        view = saved_bytes(net, torch.zeros(1, 3, net.image_size, net.image_size))
    tile = 2 * view / num_nodes()  # seen by both branches, each on its share of the tiles
    if tiles * tile > here.free:
        fits = int(here.free / tile / ON_TOP)
        smaller = f"{fits} or " if fits >= LIMITS["batch_size"][0] else ""
        raise InputError(
            f"a step takes over {tiles * tile / GB:.1f} GB of "
            f"memory, {here.free / GB:.1f} GB are free: "
            f"choose {smaller}a smaller --image-size, or close other programs",
            parameter="batch_size",
            value=config.batch_size,
        )


def saved_bytes(module: nn.Module, example: Tensor) -> int:
    """Return what one more row of a batch makes autograd save for the backward pass.

    Args:
        module: is left as it is, statistics of its batches included.
        example: one row of its input, (1, ...).

    Returns:
        Bytes; what does not grow with the batch, such as weights, is not counted.
    """
    trial = copy.deepcopy(module).train()
    with torch.random.fork_rng(devices=[]):
        two, four = (_saved(trial, example.repeat_interleave(n, 0)) for n in (2, 4))
    return (four - two) // 2


def _saved(module: nn.Module, rows: Tensor) -> int:
    """Return the bytes that are saved of some rows, each piece of memory counted once."""
    pieces: dict[int, torch.UntypedStorage] = {}

    def keep(saved: Tensor) -> Tensor:
        piece = saved.untyped_storage()
        pieces[piece.data_ptr()] = piece  # held, so that no other piece gets its place
        return saved.detach()  # the tensor itself would hold the graph that holds it, for ever

    with saved_tensors_hooks(keep, lambda saved: saved):
        module(rows)
    return sum(piece.nbytes() for piece in pieces.values())
