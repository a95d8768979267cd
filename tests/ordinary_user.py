"""Permissions of files that also bind tests that run as root."""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
WRITES_ANYWHERE = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


def as_ordinary_user(work: Callable[[], None]) -> None:
    """Run work in a thread that may not write where permissions forbid it, even if root started it.

    Linux keeps capabilities by thread. Source: capset(2)
    """
    with ThreadPoolExecutor(1, initializer=_give_up) as pool:
        pool.submit(work).result()


def _give_up() -> None:
    if os.geteuid():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(VERSION, 0)  # 0: this thread
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice
    for call in (libc.capget, libc.capset):
        if call(header, sets):
            raise OSError(ctypes.get_errno(), call.__name__)
        sets[0], sets[1] = sets[0] & ~WRITES_ANYWHERE, sets[1] & ~WRITES_ANYWHERE
