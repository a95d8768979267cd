"""Disks that are full, at every size that a file may have and at every step of a writer."""

import errno
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rsh.errors import InputError

STEPS = {"open", "os.mkdir", "os.rename", "os.truncate"}  # a full disk lets go of what it holds
SIZES = (0, 1, 100, 200, 400, 700, 1000, 1500, 2500, 4000, 8000, 20_000, 100_000)


class Watch:
    """What the audit hook looks for; it cannot be taken away again, so that it is put in once."""

    folder, left, installed = "", 0, False

    def __call__(self, event: str, words: tuple) -> None:
        if not self.folder or event not in STEPS:
            return
        if event == "open" and not (words[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            return
        names = [os.fspath(word) for word in words[:2] if isinstance(word, str | os.PathLike)]
        if any(str(name).startswith(self.folder) for name in names):
            self.left -= 1
            if self.left == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


WATCH = Watch()


@contextmanager
def sized(most: int) -> Iterator[None]:
    """Let no file be larger than this: what goes beyond it cannot be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def failing(step: int, folder: Path) -> Iterator[None]:
    """Let the disk be full when something below a folder is made or renamed the step-th time."""
    if not WATCH.installed:
        sys.addaudithook(WATCH)
    WATCH.installed, WATCH.folder, WATCH.left = True, str(folder), step
    try:
        yield
    finally:
        WATCH.folder = ""


def full_everywhere(
    folder: Path,
    begin: Callable[[], object],
    change: Callable[[], object],
    state: Callable[[], object],
) -> int:
    """Fill the disk at every size and every step of a change; say how often it was refused.

    Args:
        folder: where it writes.
        begin: lays there what it starts from.
        change: is done, or refused in one sentence; then all is as before, and it can be done when
            there is room.
        state: of what it changes.
    """
    begin()
    before = state()
    change()
    after, refused = state(), 0
    for fault in (sized(size) for size in SIZES):
        refused += _full_once(fault, begin, change, state, before, after)
    for step in range(1, 200):
        with_room = not _full_once(failing(step, folder), begin, change, state, before, after)
        refused += not with_room
        if WATCH.left > 0:  # it has fewer steps
            return refused
    raise AssertionError("it has no end")


def _full_once(fault, begin, change, state, before, after) -> bool:
    begin()
    try:
        with fault:
            change()
    except InputError as error:
        assert str(error).isprintable() and str(error).startswith("cannot write ")
        assert state() == before
        change()
        assert state() == after
        return True
    assert state() == after
    return False
