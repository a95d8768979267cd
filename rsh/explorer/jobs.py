"""Commands of rsh in a process of their own: what takes long, or needs torch or numba."""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress

from rsh.errors import InputError

GENTLE = 5  # added to the niceness: searches of the page go first
LIMIT = 1 << 26  # bytes of one line of output
Listener = Callable[[str], None]


class Job:
    """One command at a time; a new one ends that before."""

    def __init__(self) -> None:
        """Run nothing yet."""
        self._process: asyncio.subprocess.Process | None = None
        self._turn: object = None  # of the command that runs, or is about to

    async def run(self, words: list[str], *, hear: Listener = lambda line: None) -> bytes:
        """Run a command and return what it prints.

        Args:
            words: of the command, after `rsh`.
            hear: is called with each line of its messages, such as its progress.

        Raises:
            InputError: what the command says if it refuses something.
            asyncio.CancelledError: it was canceled, or another one was started.
        """
        self.cancel()
        turn = self._turn = object()
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "rsh", *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LIMIT,
            preexec_fn=lambda: os.nice(GENTLE) and None,
        )
        if self._turn is not turn:  # canceled before there was anything to end
            process.terminate()
        assert process.stdout and process.stderr
        (output, _), said = await asyncio.gather(
            asyncio.gather(process.stdout.read(), process.wait()), _listen(process.stderr, hear)
        )
        if self._turn is not turn:
            raise asyncio.CancelledError
        self._process = self._turn = None
        if process.returncode:
            words_of = next((line for line in reversed(said) if line.startswith("rsh: ")), "")
            raise InputError(words_of.removeprefix("rsh: ") or f"`rsh {words[0]}` has failed")
        return output

    @property
    def is_running(self) -> bool:
        """Whether a command is running."""
        return self._turn is not None

    def cancel(self) -> None:
        """End the command, if one is running; it leaves nothing half-written."""
        process, self._process = self._process, None
        self._turn = None
        if process and process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()


async def _listen(stream: asyncio.StreamReader, hear: Listener) -> list[str]:
    """Hear each line, also those that a progress bar writes over; return them."""
    said: list[str] = []
    rest = ""
    while data := await stream.read(1 << 16):
        *lines, rest = (rest + data.decode(errors="replace")).replace("\r", "\n").split("\n")
        for line in filter(None, lines):
            said.append(line)
            hear(line)
    return [*said, rest] if rest else said
