"""Memory that is freed and taken again at once: kept, it need not be cleared anew.

Each batch on a CPU takes and frees gigabytes in large pieces. glibc gives such pieces back to the
kernel, which clears every page again before the next batch gets it: two fifths of the time.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# numbers that malloc.h gives to the settings, and glibc's own values of them
TRIM_THRESHOLD, MMAP_MAX = -1, -4
USUAL = {TRIM_THRESHOLD: 128 * 1024, MMAP_MAX: 65_536}
KEPT = {TRIM_THRESHOLD: -1, MMAP_MAX: 0}  # never give back; no pieces of their own


@contextmanager
def memory_kept() -> Iterator[None]:
    """Keep what is freed until the end of the block; does nothing where there is no glibc.

    Source: mallopt(3), https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "malloc_trim"):  # musl has none
        yield
        return
    _set(libc, KEPT)
    try:
        yield
    finally:
        _set(libc, USUAL)
        libc.malloc_trim(0)


def _set(libc: ctypes.CDLL, values: dict[int, int]) -> None:
    for name, value in values.items():
        libc.mallopt(name, value)
