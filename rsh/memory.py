"""Memory that is freed and taken again at once: kept, it need not be cleared anew.

Each batch on a CPU takes and frees gigabytes in large pieces. glibc gives such pieces back to the
kernel, which clears every page again before the next batch gets it: two fifths of the time. Kept
pieces come to lie apart, so that a process may hold twice what it uses: it keeps them only while
the machine has plenty.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

# numbers that malloc.h gives to the settings, and glibc's own values of them
TRIM_THRESHOLD, MMAP_MAX = -1, -4
USUAL = {TRIM_THRESHOLD: 128 * 1024, MMAP_MAX: 65_536}
KEPT = {TRIM_THRESHOLD: -1, MMAP_MAX: 0}  # never give back; no pieces of their own
PLENTY = 1 / 4  # of all memory is free


class Memory(NamedTuple):
    """Of the machine, or of a container that may take less.

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
    if _glibc() and (now := memory()).free < PLENTY * now.total:
        _give_back()


def memory(root: Path = Path("/")) -> Memory:
    """Read how much memory there is, on Linux.

    Args:
        root: below which proc and sys lie.

    Source: proc_meminfo(5); for containers, the control groups of Linux, version 2:
        https://docs.kernel.org/admin-guide/cgroup-v2.html
    """
    machine, group = _numbers(root / "proc/meminfo"), root / "sys/fs/cgroup"
    whole = Memory(1024 * machine["MemTotal:"], 1024 * machine["MemAvailable:"])
    try:
        limit = int((group / "memory.max").read_text())
        taken = int((group / "memory.current").read_text())
        cached = _numbers(group / "memory.stat")["inactive_file"]
    except (OSError, ValueError):  # no container, or one whose limit is "max"
        return whole
    return Memory(min(whole.total, limit), min(whole.free, limit - taken + cached))


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
