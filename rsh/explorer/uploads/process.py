"""A process without rights that answers the messages of a kernel, one at a time."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rsh.explorer.uploads.confinement import environment
from rsh.explorer.uploads.messages import Message, packed_message, read_message_async

STREAM_LIMIT = 1 << 24  # bytes of the read buffer


class WorkerProcess:
    """Starts `python -m MODULE ARGUMENTS` with the first message, and again after it has ended.

    Attributes:
        process: the running one; None before the first message.
    """

    def __init__(self, module: str, *arguments: str, variables: Sequence[str] = ()) -> None:
        """Start nothing yet.

        Args:
            module: what the process runs.
            arguments: of the module.
            variables: of the environment that it needs besides those of every encoder.
        """
        self._variables = variables
        self._command = (sys.executable, "-m", module, *arguments)
        self._scratch: TemporaryDirectory[str] | None = None
        self.process: asyncio.subprocess.Process | None = None

    async def ask(self, message: Message, *, timeout: float) -> Message:
        """Send a message and return the reply; after an error the process is ended.

        Args:
            message: a JSON object and bytes, see `messages`.
            timeout: seconds, which include the start of the process.

        Raises:
            EOFError: the process has ended, or its reply is invalid.
            ConnectionError: the process has ended.
            TimeoutError: it took too long.
        """
        try:
            return await asyncio.wait_for(self._exchange(message), timeout)
        except (EOFError, ConnectionError, TimeoutError):
            await self.close()
            raise

    async def close(self) -> None:
        """End the process, if it is running."""
        process, self.process = self.process, None
        if process and process.returncode is None:
            process.kill()
            await process.communicate()  # drains and closes the pipes
        if self._scratch:
            self._scratch.cleanup()

    async def _exchange(self, message: Message) -> Message:
        process = await self._running()
        assert process.stdin and process.stdout
        process.stdin.write(packed_message(*message))
        await process.stdin.drain()
        return await read_message_async(process.stdout)

    async def _running(self) -> asyncio.subprocess.Process:
        if not self.process or self.process.returncode is not None:
            self._scratch = TemporaryDirectory(prefix="rsh-worker-", ignore_cleanup_errors=True)
            self.process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=STREAM_LIMIT,
                env=environment(Path(self._scratch.name), self._variables),
            )
        return self.process
