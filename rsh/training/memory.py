"""Memory of a training on CPU: keep freed memory, and check that a batch fits.

Each batch allocates and frees gigabytes in large blocks. glibc returns such blocks to the kernel,
which zeroes every page again for the next batch: two fifths of the time. Blocks that the process
keeps become fragmented, so that it may hold twice what it uses; it keeps them only while the
machine has enough free memory.
"""

import copy
import ctypes
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from rsh.config import TrainConfig, limits
from rsh.errors import InputError
from rsh.io.machine import memory
from rsh.models.hashnet import HashNet
from rsh.training.devices import num_nodes

T = TypeVar("T")
GB = 1e9
OVERHEAD = 1.5  # factor on the saved activations: gradients and fragmentation

# option numbers of mallopt in malloc.h, with glibc's defaults
TRIM_THRESHOLD, MMAP_MAX = -1, -4
DEFAULTS = {TRIM_THRESHOLD: 128 * 1024, MMAP_MAX: 65_536}
KEEP_ALL = {TRIM_THRESHOLD: -1, MMAP_MAX: 0}  # never trim, never allocate by mmap
MIN_FREE = 1 / 4  # fraction of all memory


@contextmanager
def keep_freed_memory(batches: Iterable[T] = ()) -> Iterator[Iterator[T]]:
    """Keep freed memory in the process until the block ends; without glibc, do nothing.

    Args:
        batches: iterated over inside the block. Kept memory is returned to the kernel before each
            next batch if less than a quarter of all memory is free.

    Yields:
        The same batches.

    Source: mallopt(3), https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    _set_options(KEEP_ALL)
    try:
        yield _trim_between(batches)
    finally:
        _set_options(DEFAULTS)
        _trim()


def _trim_between(batches: Iterable[T]) -> Iterator[T]:
    for batch in batches:
        yield batch
        now = memory()
        if now and now.free < MIN_FREE * now.total:
            _trim()


@cache
def _glibc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if hasattr(libc, "malloc_trim") else None  # musl has none


def _set_options(options: dict[int, int]) -> None:
    if libc := _glibc():
        for name, value in options.items():
            libc.mallopt(name, value)


def _trim() -> None:
    if libc := _glibc():
        libc.malloc_trim(0)


def check_batch_fits(net: HashNet, config: TrainConfig, fabric: Fabric, *, num_tiles: int) -> None:
    """Refuse a batch on CPU whose saved activations alone exceed the free memory.

    Nothing is refused for a compiled network, whose activations are not known in advance, or if
    the free memory is unknown.

    Args:
        net: all of it is trained.
        config: settings.
        fabric: where to train.
        num_tiles: tiles in a batch, over all processes.

    Raises:
        InputError: names the batch size, the memory it needs and a size that fits.
    """
    available = memory() if fabric.device.type == "cpu" and not config.compile else None
    if available is None:
        return
    with fabric.autocast():
        view_bytes = saved_bytes(
            net, torch.zeros(1, net.bands.channels, net.image_size, net.image_size)
        )
    tile_bytes = 2 * view_bytes / num_nodes()  # two views; each machine has its share of the tiles
    if num_tiles * tile_bytes > available.free:
        fits = int(available.free / tile_bytes / OVERHEAD)
        smaller = f"{fits} or " if fits >= limits("batch_size")[0] else ""
        raise InputError(
            f"a step needs over {num_tiles * tile_bytes / GB:.1f} GB of memory, "
            f"but only {available.free / GB:.1f} GB are free: "
            f"choose {smaller}a smaller --image-size, or close other programs",
            parameter="batch_size",
            value=config.batch_size,
        )


def saved_bytes(module: nn.Module, example: Tensor) -> int:
    """Return the bytes that autograd saves for the backward pass per row of a batch.

    Args:
        module: left unchanged, its batch statistics included.
        example: one row of its input, (1, ...).

    Returns:
        Bytes; what does not grow with the batch, such as weights, is not counted.
    """
    trial = copy.deepcopy(module).train()
    with torch.random.fork_rng(devices=[]):
        two, four = (_saved(trial, example.repeat_interleave(n, 0)) for n in (2, 4))
    return (four - two) // 2


def _saved(module: nn.Module, rows: Tensor) -> int:
    """Return the bytes that autograd saves for some rows, each storage counted once."""
    storages: dict[int, torch.UntypedStorage] = {}

    def record(saved: Tensor) -> Tensor:
        storage = saved.untyped_storage()
        storages[storage.data_ptr()] = storage  # held, so that its address is not used again
        return saved.detach()  # the tensor itself would keep its own graph alive

    with saved_tensors_hooks(record, lambda saved: saved):
        module(rows)
    return sum(storage.nbytes() for storage in storages.values())
