"""Names the folder of a learned gallery: beside the gallery that was taught."""

import fcntl
import glob
import os
import re
from contextlib import suppress
from itertools import count
from pathlib import Path

from rsh.gallery.manifest import MANIFEST
from rsh.gallery.writer import discard_unfinished
from rsh.io.files import explain_os_error

NAMED = re.compile(r"(.+)-learned-(\d+)")


def learned_from(folder: Path) -> list[Path]:
    """Return the galleries of the name GALLERY-learned-N beside a gallery, in their order."""
    place = folder.resolve()
    found = [NAMED.fullmatch(other.parent.name) for other in place.parent.glob(f"*/{MANIFEST}")]
    numbers = sorted(int(one[2]) for one in found if one and one[1] == place.name)
    return [folder.parent / f"{place.name}-learned-{number}" for number in numbers]


def reserve_output(folder: Path) -> Path:
    """Create the first free folder of the name GALLERY-learned-N beside a gallery, and return it.

    No other process gets the same one, until this one ends. What a killed process left behind is
    deleted first. Call `rsh.gallery.writer.discard_unfinished` if no gallery is written into it.

    Args:
        folder: of the gallery; of a learned one, the number counts on.

    Raises:
        InputError: the folder cannot be created.
    """
    place = folder.resolve()
    found = NAMED.fullmatch(place.name)
    base = found[1] if found else place.name
    for number in count(1):
        name = folder.parent / f"{base}-learned-{number}"
        if name.is_dir() and not (name / MANIFEST).exists():
            _discard_left(name)
        with explain_os_error(name), suppress(FileExistsError):
            name.mkdir()
            if _hold(name):
                return name
    raise AssertionError("unreachable")


def discard_left(folder: Path) -> None:
    """Delete what killed processes left behind when they learned from a gallery."""
    place = folder.resolve()
    for other in place.parent.glob(f"{glob.escape(place.name)}-learned-*"):
        if NAMED.fullmatch(other.name) and other.is_dir() and not (other / MANIFEST).exists():
            _discard_left(other)


def _hold(folder: Path) -> bool:
    """Lock a new folder until this process ends; return whether it is still there.

    Another process may have found it without a lock, and deleted it, and a third one made it again.
    """
    with suppress(FileNotFoundError):
        handle = os.open(folder, os.O_RDONLY)  # stays open
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except OSError:  # a file system without locks
            pass
        if os.path.samestat(folder.stat(), os.fstat(handle)):
            return True
        os.close(handle)
    return False


def _discard_left(folder: Path) -> None:
    """Delete a folder without a gallery, unless the process that reserved it is still there."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            discard_unfinished(folder)
        finally:
            os.close(handle)
