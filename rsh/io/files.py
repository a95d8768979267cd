"""Atomic writes, locks, JSON files that are checked when read, and checksums."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from rsh.errors import InputError

CANNOT_WRITE_HINT = "fix that, or choose another path"
PROBE = ".rsh."  # name prefix of the temporary folders of `check_writable`
POLL = 0.01  # seconds between two tries to take a lock
COMMANDS = {"gallery": "rsh encode", "run": "rsh train", "site": "rsh site"}


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` if the block succeeds.

    Args:
        path: the file to write; a missing parent folder is created.

    Raises:
        InputError: the folder cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        yield stream


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield an empty temporary file, for libraries that open files themselves: see `atomic_write`.

    Raises:
        InputError: the folder cannot be written.
    """
    with explain_os_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            fsync(temporary)
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that replaces the folder `path` if the block succeeds.

    Args:
        path: the folder to write; an existing folder is replaced as a whole.

    Raises:
        InputError: the parent folder cannot be written.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"cannot write {path}: it is a file; {CANNOT_WRITE_HINT}")
    with explain_os_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        old = temporary.with_name(temporary.name + ".old")
        try:
            yield temporary
            for file in temporary.rglob("*"):
                fsync(file)
            temporary.chmod(0o755)
            if path.exists():
                path.replace(old)
            temporary.replace(path)
            fsync(path.parent)
        finally:
            if old.exists() and not path.exists():  # the second rename failed: restore the folder
                old.replace(path)
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


def check_writable(folder: Path) -> None:
    """Raise InputError if a folder cannot be created or written, before any work starts.

    It creates and removes a temporary folder there, since permissions alone do not tell what root
    may do or what a file system allows.
    """
    with explain_os_error(folder):
        with suppress(FileNotFoundError, NotADirectoryError):
            folder.stat()  # raises for names that are too long and for cyclic links
        existing = folder.absolute()
        while not os.path.lexists(existing):
            existing = existing.parent
        if not existing.is_dir():
            raise InputError(f"cannot write {folder}: {existing} is a file; {CANNOT_WRITE_HINT}")
        tempfile.TemporaryDirectory(prefix=PROBE, dir=existing).cleanup()


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file that never changes a second name, or copy it where the disk has no links."""
    try:
        os.link(source, target)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(source, target)


@contextmanager
def exclusive_lock(lock: Path, *, busy: str, wait: float = 0) -> Iterator[None]:
    """Hold a lock while the block runs.

    Args:
        lock: the lock file, in an existing folder.
        busy: error message if another process holds the lock.
        wait: how long to wait for that process, seconds.

    Raises:
        InputError: another process holds the lock, or the folder cannot be written.
    """
    with explain_os_error(lock.parent):
        try:
            held = FileLock(lock, timeout=wait).acquire(poll_interval=POLL)
        except Timeout:
            raise InputError(busy) from None
    with held:
        yield


@contextmanager
def explain_os_error(path: Path, *, hint: str = CANNOT_WRITE_HINT) -> Iterator[None]:
    """Turn an OSError of the block, such as "disk full", into an InputError about `path`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write {path}: {reason}; {hint}") from error


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    with atomic_write(path) as stream:
        stream.write(json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n")


def read_json(path: Path, *, what: str) -> dict[str, Any]:
    """Return the JSON object in a file.

    Args:
        path: the file.
        what: the kind of folder that it describes, "gallery", "run" or "site".

    Raises:
        InputError: the file is missing, or holds no JSON object.
    """
    if not path.is_file():
        reason = f"has no {path.name}" if path.parent.is_dir() else "is no folder"
        raise InputError(
            f"{path.parent} is no {what}, it {reason}: give a folder made by `{COMMANDS[what]}`"
        )
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(value, ensure_ascii=False).encode()  # raises for lone surrogates: no UTF-8
        if not isinstance(value, dict):
            raise ValueError("it holds no JSON object")
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} cannot be read as a {what} ({error}): {recovery_hint(what)}"
        ) from error
    return value


def recovery_hint(what: str, command: str = "") -> str:
    """Return how to recover a damaged gallery or run, for an error message.

    Args:
        what: "gallery", "run" or "site".
        command: that makes the damaged file again; by default the whole must be made again.
    """
    made = f"make it again with `{command}`" if command else ""
    made = made or f"rebuild the {what} with `{COMMANDS[what]}`"
    return f"{made}, or restore the file from a backup"


def is_utf8(name: str) -> bool:
    """Whether a file name is valid UTF-8, as tables require."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def sha256(path: Path) -> str:
    """Return the sha256 of a file as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fsync(path: Path) -> None:
    """Wait until a file, or the list of a folder's files, is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(frozen=True)
class FileRecord:
    """The size of a file, in bytes, and its checksum."""

    size: int
    sha256: str


def file_record(file: Path) -> FileRecord:
    """Return the size and checksum of a file."""
    return FileRecord(file.stat().st_size, sha256(file))
