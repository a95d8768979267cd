"""Images that a visitor brings along, encoded beside the kernel while the page goes on."""

import asyncio
import io
import os
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from rsh.analysis.occlusion import Occlusion
from rsh.codes.encodings import Encodings
from rsh.errors import InputError
from rsh.explorer.uploads.messages import packed_message, read_message_later
from rsh.io.arrays import read_arrays
from rsh.search.query import QueryImage

MAX_BYTES = 20 << 20  # a tile of any sensor fits; a scene is to be cut into tiles first
PATIENCE = 90.0  # seconds that one image may take, the first among them with loading the model
STREAM_LIMIT = 1 << 24  # bytes that wait to be read
_STARTED: set[asyncio.Task[None]] = set()


class UploadEncoder:
    """Encodes one image after another in a process that starts with the first."""

    def __init__(self, folder: Path) -> None:
        """Encode for the gallery in a folder."""
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def encode(self, data: bytes, name: str) -> QueryImage:
        """Read and encode an image.

        Args:
            data: its file's bytes.
            name: what to call it.

        Raises:
            InputError: too large, no image, or one that cannot be encoded in time.
        """
        parts = await self._answer(data, name, want="codes")
        return QueryImage(name, parts["thumb"].tobytes(), _encoded(parts))

    async def parts(self, data: bytes, name: str) -> Occlusion:
        """Find out which parts of an image make its code, see `rsh.analysis.occlusion`.

        Raises:
            InputError: as for `encode`.
        """
        parts = await self._answer(data, name, want="parts")
        return Occlusion(_encoded(parts), parts["evidence"], parts["flips"])

    async def prepare(self) -> None:
        """Load the network, since an image may soon come; what fails now is told of then."""
        with suppress(InputError):
            await self._answer(b"", "", want="nothing")

    async def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process and process.returncode is None:
            process.kill()
            await process.communicate()  # empties its pipes, so that nothing is left open

    async def _answer(self, data: bytes, name: str, *, want: str) -> dict[str, Any]:
        check_size(len(data), name)
        async with self._turn:
            try:
                return await asyncio.wait_for(self._ask(data, name, want), PATIENCE)
            except (EOFError, ConnectionError, TimeoutError):
                await self.close()
                raise InputError(
                    f"{name} could not be encoded: the encoder ended or took more than "
                    f"{PATIENCE:.0f} s; try once more, or save the image as JPEG first"
                ) from None

    async def _ask(self, data: bytes, name: str, want: str) -> dict[str, Any]:
        process = await self._running()
        assert process.stdin and process.stdout
        process.stdin.write(packed_message({"name": name, "want": want}, data))
        await process.stdin.drain()
        head, body = await read_message_later(process.stdout)
        if "error" in head:
            raise InputError(str(head["error"]))
        try:
            return read_arrays(io.BytesIO(body)) if body else {}
        except InputError as error:
            raise EOFError from error

    async def _running(self) -> asyncio.subprocess.Process:
        if not self._process or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "rsh.explorer.uploads.worker", str(self._folder)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=STREAM_LIMIT,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            )
        return self._process


def _encoded(parts: dict[str, Any]) -> Encodings:
    return Encodings(*(parts[part] for part in Encodings._fields))


def start_soon(work: Coroutine[Any, Any, None]) -> None:
    """Start work in the loop that is running, and keep it until it is done."""
    task = asyncio.get_running_loop().create_task(work)
    _STARTED.add(task)  # the loop itself holds no more than a weak reference
    task.add_done_callback(_STARTED.discard)


def check_size(count: int, name: str) -> None:
    """Refuse files that are larger than any tile.

    Raises:
        InputError: larger than `MAX_BYTES`.
    """
    if count > MAX_BYTES:
        raise InputError(
            f"{name} has {count / 2**20:.0f} MB: at most {MAX_BYTES >> 20} MB can be looked at; "
            "cut a scene into tiles with `rsh data tiles`, or save the image smaller"
        )
