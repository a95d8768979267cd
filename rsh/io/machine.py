"""Memory of the machine, or of the container or service that the process runs in."""

import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LARGE_BLOCK = 1 << 20  # bytes
RECLAIMABLE = ("active_file", "inactive_file", "slab_reclaimable")  # page cache


class Memory(NamedTuple):
    """Memory of the machine, or of the container or service if its limit is lower.

    Attributes:
        total: bytes.
        free: bytes that can be allocated before a process is killed or swapped out.
    """

    total: int
    free: int


def memory(root: Path = Path("/")) -> Memory | None:
    """Return total and free memory on Linux.

    Args:
        root: folder that contains proc and sys.

    Returns:
        None on other systems, or if proc and sys cannot be read.

    Source: proc_meminfo(5); for containers and services, control groups version 2:
        https://docs.kernel.org/admin-guide/cgroup-v2.html
    """
    try:
        machine = _numbers(root / "proc/meminfo")
        total, free = (1024 * machine[name] for name in ("MemTotal:", "MemAvailable:"))
        for limit, used in _limits(root):
            total, free = min(total, limit), min(free, max(0, limit - used))
    except (OSError, KeyError, ValueError):
        return None
    return Memory(total, free)


def return_large_blocks() -> None:
    """Let glibc return large freed blocks, such as a column of a table, to the system at once.

    By itself it keeps what is freed once it has seen a large block. Source: mallopt(3)
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc and hasattr(libc, "mallopt"):
        libc.mallopt(-3, LARGE_BLOCK)  # M_MMAP_THRESHOLD


def _limits(root: Path) -> Iterator[tuple[int, int]]:
    """Yield limit and usage, bytes, of the process's control group and of each parent."""
    group = root / "sys/fs/cgroup"
    lines = (root / "proc/self/cgroup").read_text().splitlines()
    own = next((line[4:] for line in lines if line.startswith("0::/")), "")
    for folder in (group / own, *(group / own).parents):
        if not folder.is_relative_to(group):
            return
        limit = folder / "memory.max"  # the root group has none
        if limit.exists() and (text := limit.read_text().strip()) != "max":
            stat = _numbers(folder / "memory.stat")
            cached = sum(stat[name] for name in RECLAIMABLE)
            yield int(text), int((folder / "memory.current").read_text()) - cached


def _numbers(file: Path) -> dict[str, int]:
    lines = (line.split() for line in file.read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines}
