"""Files that are there whole or not at all, and their checksums."""

import hashlib
import json
import os
import reprlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from rsh.errors import InputError

ANOTHER_PATH = "mend that, or choose another place"
PROBE = ".rsh."  # begins the name of a folder that is made to see whether one could be
REMAKE = {"gallery": "rsh encode", "run": "rsh train"}


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary neighbor of `path` that takes its place when the block ends well.

    Args:
        path: the file to write; its parent folder is made if it is missing.

    Raises:
        InputError: the folder cannot be written.
    """
    with explain_os_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with explain_os_error(path), os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        with explain_os_error(path):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Fill a temporary neighbor of the folder `path` that takes its place if the block ends well.

    Args:
        path: the folder to make; one that is already there is replaced as a whole.

    Raises:
        InputError: the parent folder cannot be written.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"cannot write {path}: it is a file; {ANOTHER_PATH}")
    with explain_os_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    old = temporary.with_name(temporary.name + ".old")
    try:
        with explain_os_error(path):
            yield temporary
            for file in temporary.rglob("*"):
                _sync(file)
            temporary.chmod(0o755)
            if path.exists():
                path.replace(old)
            temporary.replace(path)
            _sync(path.parent)
    finally:
        if old.exists() and not path.exists():  # the second rename failed: put the old one back
            old.replace(path)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def check_writable(folder: Path) -> None:
    """Refuse a folder that could not be made or written, before work is done for it.

    A folder is made there and taken away again: permissions do not tell what root may do, nor
    what a file system allows.

    Raises:
        InputError: it is a file, lies below one, or cannot be written.
    """
    with explain_os_error(folder):
        with suppress(FileNotFoundError, NotADirectoryError):
            folder.stat()  # a name that is too long, links in a ring
        place = folder.absolute()
        while not os.path.lexists(place):
            place = place.parent
        if not place.is_dir():
            raise InputError(f"cannot write {folder}: {place} is a file; {ANOTHER_PATH}")
        tempfile.TemporaryDirectory(prefix=PROBE, dir=place).cleanup()


@contextmanager
def exclusive_lock(lock: Path, *, busy: str) -> Iterator[None]:
    """Hold a lock, or say that another process has it; its folder has to be there.

    Args:
        lock: the file.
        busy: what is said then.

    Raises:
        InputError: another process has it, or the folder cannot be written.
    """
    held = FileLock(lock, timeout=0)
    with explain_os_error(lock.parent):
        try:
            held.acquire()
        except Timeout:
            raise InputError(busy) from None
    try:
        yield
    finally:
        held.release()


@contextmanager
def explain_os_error(path: Path, *, hint: str = ANOTHER_PATH) -> Iterator[None]:
    """Turn "permission denied" and "disk full" on `path` into an InputError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write {path}: {reason}; {hint}") from error


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    with atomic_write(path) as stream:
        stream.write(json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n")


def read_json(path: Path, *, what: str) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: the file.
        what: what the file is to the reader, for the message ("gallery", "run").

    Raises:
        InputError: there is no such file, or it holds no JSON object.
    """
    if not path.is_file():
        lack = f"has no {path.name}" if path.parent.is_dir() else "is no folder"
        raise InputError(
            f"{path.parent} is no {what}, it {lack}: give a folder made by `{REMAKE[what]}`"
        )
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(value, ensure_ascii=False).encode()  # halves of characters are no text
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} cannot be read as a {what} ({error}): {recovery_hint(what)}"
        ) from error
    if not isinstance(value, dict):
        raise InputError(
            f"{path} cannot be read as a {what} (it holds no JSON object): {recovery_hint(what)}"
        )
    return value


def check_object(
    value: dict[str, Any], kinds: dict[str, type], *, where: str, what: str, exact: bool = False
) -> None:
    """Refuse a JSON object that is not as it was written.

    Args:
        value: the object.
        kinds: the type of the value of each key.
        where: what the object is called in the message.
        what: what the file is to the reader, as in `read_json`.
        exact: whether there may be no other keys.

    Raises:
        InputError: a key is missing, is not known, or has a value of another type.
    """
    for key in [*kinds, *(value if exact else ())]:
        if key not in value:
            raise InputError(f"{where} has no {key!r}: {recovery_hint(what)}")
        if key not in kinds:
            raise InputError(f"{where} has an unknown {key!r}: {recovery_hint(what)}")
        found, kind = value[key], kinds[key]
        number = isinstance(found, int) and not isinstance(found, bool) and kind is float
        if not (number or isinstance(found, kind)) or (isinstance(found, bool) and kind is int):
            raise InputError(f"{where} has {key}={reprlib.repr(found)}: {recovery_hint(what)}")


def recovery_hint(what: str) -> str:
    """Say what can be done about a spoilt gallery or run."""
    return f"make the {what} again with `{REMAKE[what]}`, or bring the file back from a copy"


def is_utf8(name: str) -> bool:
    """Whether the name of a file can be kept in a table; names that are not UTF-8 cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def sha256(path: Path) -> str:
    """Return the sha256 of a file as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_record(file: Path) -> dict[str, Any]:
    """Return what gallery.json notes of a file."""
    return {"bytes": file.stat().st_size, "sha256": sha256(file)}
