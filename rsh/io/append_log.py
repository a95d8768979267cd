"""A log: a file to which several processes append lines, and in which no line ever changes.

    CONTENT CHECKSUM    a line: the content has no line break, the checksum is its CRC-32 in hex
                        digits; the first line is the header, which names what the log holds

A writer takes a lock, reads what others have appended, and appends its line in one write, which is
on disk before `append` returns. A killed writer leaves at most a torn last line, whose checksum is
wrong: readers ignore it, and the next writer cuts it off. A reader remembers how far it has read.

Editors and Git may end lines with CR LF, remove the last line break, or leave blank lines: all
lines are read nonetheless.
"""

import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rsh.errors import InputError
from rsh.io.files import atomic_write, exclusive_lock, explain_os_error, fsync

MAX_LINE = 1 << 25  # bytes; longer ones are damaged
WAIT = 10.0  # seconds that a writer waits for another
CHECKSUM = 9  # bytes: a space and eight digits
LINE_BREAK = b"\r\n"
TAIL = 64  # bytes before the place reached, which tell whether the file is still the same
NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # a link may lead out of the folder; Windows has no flag
RESTORE = "restore it from a backup, or move it away to begin without it"

Stamp = tuple[int, int, int, int]  # device, inode, size, time of the last change


class News(NamedTuple):
    """What was appended to a log.

    Attributes:
        from_start: whether this is the whole log, as it was replaced, or never read.
        lines: the contents of the lines, None for a damaged one; read while they are taken.
    """

    from_start: bool
    lines: Iterator[bytes | None]


class AppendLog:
    """A log in a file, which need not exist; see the module."""

    def __init__(self, file: Path, *, header: bytes, max_bytes: int, full_hint: str) -> None:
        """Describe a log; nothing is read or written.

        Args:
            file: where it is.
            header: content of its first line.
            max_bytes: size that it may reach.
            full_hint: what to do when it has reached it, for error messages.
        """
        self.file, self.max_bytes = file, max_bytes
        self._header, self._full_hint = header, full_hint
        self._lock = file.with_name(f".{file.name}.lock")
        self._was_read = False
        self._stamp: Stamp | None = None  # of the file as it was read, None if there was none
        self._end, self._tail = 0, b""

    def read(self) -> News | None:
        """Return what was appended since the last call, or None if nothing was.

        Raises:
            InputError: the file is no log, is too large, or cannot be read.
        """
        stamp = self._look()
        if stamp == self._stamp and self._was_read:
            return None
        if stamp is None:
            self.rewind()
            self._was_read = True
            return News(True, iter(()))
        with _reading(self.file):
            stream = os.fdopen(os.open(self.file, os.O_RDONLY | NO_LINK), "rb")
        found = os.fstat(stream.fileno())
        if found.st_size > self.max_bytes + MAX_LINE:
            stream.close()
            raise InputError(f"{self.file} is larger than {self.max_bytes >> 20} MB: {RESTORE}")
        if not self._goes_on(stream):
            self.rewind()
        return News(self._end == 0, self._lines(stream, _stamp(found)))

    def contents(self) -> list[bytes]:
        """Return all lines that are not damaged, without moving the place that `read` reached.

        Raises:
            InputError: as for `read`.
        """
        other = AppendLog(
            self.file, header=self._header, max_bytes=self.max_bytes, full_hint=self._full_hint
        )
        news = other.read()
        return [line for line in news.lines if line is not None] if news else []

    def rewind(self) -> None:
        """Let the next `read` return all lines."""
        self._was_read, self._stamp = False, None
        self._end, self._tail = 0, b""

    def append(self, content: bytes) -> None:
        """Append a line; it is on disk when this returns, or else the log is as before.

        Call it in `exclusive`, after all lines were read.

        Raises:
            InputError: the line or the log would be too long, or cannot be written.
        """
        data = seal_line(content)
        if len(data) > MAX_LINE:
            raise InputError(f"this change exceeds {MAX_LINE >> 20} MB: choose fewer tiles")
        if self._end == 0:
            data = seal_line(self._header) + data
        elif not self._tail.endswith(b"\n"):  # an editor removed the last line break
            data = b"\n" + data
        if self._end + len(data) > self.max_bytes:
            raise InputError(
                f"{self.file} would exceed {self.max_bytes >> 20} MB: {self._full_hint}"
            )
        with explain_os_error(self.file):
            handle = os.open(self.file, os.O_RDWR | os.O_CREAT | NO_LINK, 0o666)
            try:
                if self._end == 0:
                    fsync(self.file.parent)  # first: what fails now can be repeated
                self._write(handle, data)
                self._stamp = _stamp(os.fstat(handle))
            finally:
                os.close(handle)
        self._advance(data)

    def replace(self, contents: Iterable[bytes]) -> None:
        """Replace all lines in one step. Call it in `exclusive`.

        Raises:
            InputError: the file cannot be written.
        """
        with explain_os_error(self.file):
            for left in self.file.parent.glob(f".{self.file.name}.*"):  # by a killed `replace`
                if left != self._lock:
                    left.unlink()
            with atomic_write(self.file) as stream:
                for content in (self._header, *contents):
                    stream.write(seal_line(content))
            fsync(self.file.parent)

    def exclusive(self) -> AbstractContextManager[None]:
        """Return a context that keeps other writers out.

        Raises:
            InputError: another process holds the lock too long, or the folder cannot be written.
        """
        busy = f"{self.file} is being written by another process: try again"
        return exclusive_lock(self._lock, busy=busy, wait=WAIT)

    def _look(self) -> Stamp | None:
        """Return what tells whether the file has changed, None if there is no file."""
        try:
            found = os.lstat(self.file)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(self.file, error) from None
        if not stat.S_ISREG(found.st_mode):  # reading a pipe may never end
            raise InputError(f"{self.file} is no regular file: {RESTORE}")
        return _stamp(found)

    def _goes_on(self, stream: BinaryIO) -> bool:
        """Whether the file still holds what was read, so that the rest is news."""
        stream.seek(self._end - len(self._tail))
        return stream.read(len(self._tail)) == self._tail

    def _lines(self, stream: BinaryIO, stamp: Stamp) -> Iterator[bytes | None]:
        with stream, _reading(self.file):
            stream.seek(self._end)
            while line := _next_line(stream):
                is_first = self._end == 0
                self._advance(line)
                if not is_first and not line.strip(LINE_BREAK):
                    continue
                content = _content(line)
                if not is_first or content is None:
                    yield content
                elif content != self._header:
                    self.rewind()
                    raise InputError(f"{self.file} has another format than this rsh: {RESTORE}")
        self._was_read, self._stamp = True, stamp

    def _advance(self, data: bytes) -> None:
        self._end += len(data)
        self._tail = (self._tail + data[-TAIL:])[-TAIL:]

    def _write(self, handle: int, data: bytes) -> None:
        """Write at the end of what was read, or leave the file as it was."""
        if os.fstat(handle).st_size != self._end:
            os.ftruncate(handle, self._end)  # what a killed writer left
        os.lseek(handle, self._end, os.SEEK_SET)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(handle, self._end)
                os.fsync(handle)
            raise


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unreadable(file, error) from None


def _unreadable(file: Path, error: OSError) -> InputError:
    return InputError(f"{file} cannot be read ({error.strerror or error}): {RESTORE}")


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def seal_line(content: bytes) -> bytes:
    """Return the line of a content, with its checksum."""
    return b"%b %08x\n" % (content, zlib.crc32(content))


def _content(line: bytes) -> bytes | None:
    """Return the content of a line, None if it is damaged."""
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    content, checksum = line[:-CHECKSUM], line[-CHECKSUM:]
    is_whole = len(line) < MAX_LINE and checksum == b" %08x" % zlib.crc32(content)
    return content if is_whole else None


def _next_line(stream: BinaryIO) -> bytes:
    """Return the next line, empty at the end and for a line that is torn or being written.

    A last line with its checksum is whole, even without its line break.

    Of a line beyond MAX_LINE, all of it: the file's size is limited, too.
    """
    parts = [stream.readline(MAX_LINE)]
    while parts[-1] and not parts[-1].endswith(b"\n"):
        parts.append(stream.readline(MAX_LINE))
    line = b"".join(parts)
    return line if parts[-1] or _content(line) is not None else b""
