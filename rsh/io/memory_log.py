"""A log like `AppendLog` that is kept in memory alone."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

from rsh.errors import InputError
from rsh.io.append_log import News


class MemoryLog:
    """Lines in memory: see `AppendLog`."""

    def __init__(self, contents: Iterable[bytes], *, max_bytes: int, full_hint: str) -> None:
        """Begin with these lines.

        Args:
            contents: of the lines.
            max_bytes: size that they may reach together.
            full_hint: what to do then, for error messages.

        Raises:
            InputError: they are larger.
        """
        self.max_bytes, self._full_hint = max_bytes, full_hint
        self._lines: list[bytes] = []
        self._num_read = 0
        self._was_read = False
        self.replace(contents)

    def read(self) -> News | None:
        """Return what was appended since the last call, or None if nothing was."""
        start, self._num_read = self._num_read, len(self._lines)
        if self._was_read and start == self._num_read:
            return None
        self._was_read = True
        return News(start == 0, iter(self._lines[start:]))

    def contents(self) -> list[bytes]:
        """Return all lines."""
        return list(self._lines)

    def rewind(self) -> None:
        """Let the next `read` return all lines."""
        self._num_read, self._was_read = 0, False

    def append(self, content: bytes) -> None:
        """Append a line.

        Raises:
            InputError: the log would be too large.
        """
        self._check_size([*self._lines, content])
        self._lines.append(content)
        self._num_read = len(self._lines)

    def replace(self, contents: Iterable[bytes]) -> None:
        """Replace all lines.

        Raises:
            InputError: they are too large.
        """
        lines = list(contents)
        self._check_size(lines)
        self._lines = lines
        self.rewind()

    def exclusive(self) -> AbstractContextManager[None]:
        """Return a context that needs to keep no one out."""
        return nullcontext()

    def _check_size(self, lines: list[bytes]) -> None:
        if sum(map(len, lines)) > self.max_bytes:
            raise InputError(
                f"labels and sets would exceed {self.max_bytes / 2**20:g} MB: {self._full_hint}"
            )
