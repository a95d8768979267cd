"""Encodes a visitor's own images and words in separate processes, without blocking the kernel."""

import asyncio
import io
import math
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rsh.analysis.occlusion import Occlusion
from rsh.codes.encodings import Encodings
from rsh.errors import InputError
from rsh.explorer.uploads.messages import THUMB
from rsh.explorer.uploads.process import WorkerProcess
from rsh.io.arrays import read_arrays
from rsh.search.query import QueryImage

MAX_BYTES = 20 << 20  # enough for a tile of any sensor; scenes must be cut into tiles first
TIMEOUT = 90.0  # seconds per image; the first one includes loading the model
MAX_NOTES = 3
# Where weights of a text tower are found, see `rsh.models.weight_files`.
VARIABLES = ("HOME", "RSH_CACHE", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE")
TEXT = "text"  # what is wanted of the process for words
_STARTED: set[asyncio.Task[None]] = set()


class Answer(NamedTuple):
    """Arrays by name, and notes on how an image was converted."""

    arrays: dict[str, Any]
    notes: list[str]


class Superseded(Exception):
    """A newer request of the same kind came before this one was answered."""


class UploadEncoder:
    """Encodes images and words one at a time, in processes that start with the first of each.

    Attributes:
        worker: the process for images.
        text_worker: the process for words.
    """

    def __init__(self, folder: Path, fingerprint: str, *, run: str = "") -> None:
        """Encode as a gallery does.

        Args:
            folder: of the gallery.
            fingerprint: of its encoder, which must not change.
            run: run folder of its network, if the one that the gallery names is gone.
        """
        about = str(folder), fingerprint, run
        self.worker = WorkerProcess("rsh.explorer.uploads.worker", *about)
        self.text_worker = WorkerProcess(
            "rsh.explorer.uploads.text_worker", *about, variables=VARIABLES
        )
        self._turn = asyncio.Lock()
        self._newest: dict[str, object] = {}  # by what is wanted

    async def encode(self, data: bytes, name: str) -> QueryImage:
        """Read and encode an image.

        Args:
            data: bytes of the image file.
            name: of the image.

        Raises:
            InputError: too large, no image, or not encoded in time.
            Superseded: another image came meanwhile; only that one counts.
        """
        parts, notes = await self._request(data, name, want="codes")
        thumbs = {
            key.removeprefix(THUMB): value.tobytes()
            for key, value in parts.items()
            if key.startswith(THUMB)
        }
        note = "; ".join(notes)
        return QueryImage(name, thumbs.pop(""), _encoded(parts), note, composites=thumbs)

    async def encode_text(self, text: str) -> Encodings:
        """Encode words.

        Raises:
            InputError: they cannot be encoded, or not in time.
            Superseded: other words came meanwhile; only those count.
        """
        parts, _ = await self._request(text.encode(), "the text", want=TEXT)
        return _encoded(parts)

    async def parts(self, data: bytes, name: str) -> Occlusion:
        """Return which regions of an image determine its code: see `rsh.analysis.occlusion`.

        Raises:
            InputError: as for `encode`.
            Superseded: the regions of another image were asked for meanwhile.
        """
        parts, _ = await self._request(data, name, want="parts")
        return Occlusion(_encoded(parts), parts["evidence"], parts["flips"])

    async def enlarge(self, data: bytes, name: str, composite: str) -> bytes:
        """Return an image as JPEG bytes, as large as a screen shows it.

        Args:
            data: bytes of the image file.
            name: of the image.
            composite: of its bands; "" of an image.

        Raises:
            InputError: as for `encode`.
            Superseded: another image was to be enlarged meanwhile.
        """
        parts, _ = await self._request(data, name, want="image", composite=composite)
        return bytes(parts["image"].tobytes())

    async def prepare(self) -> None:
        """Load the network before the first image; `encode` reports any error."""
        with suppress(InputError, Superseded):
            await self._request(b"", "", want="nothing")

    async def close(self) -> None:
        """End the processes that are running."""
        await self.worker.close()
        await self.text_worker.close()

    async def _request(self, data: bytes, name: str, *, want: str, composite: str = "") -> Answer:
        self._newest[want] = mine = object()
        answer: Answer | InputError = Answer({}, [])
        async with self._turn:
            if self._newest[want] is mine:
                try:
                    check_size(len(data), name)
                    answer = await self._answer(data, name, want, composite)
                except InputError as error:
                    answer = error
        if self._newest[want] is not mine:
            raise Superseded
        if isinstance(answer, InputError):
            raise answer
        return answer

    async def _answer(self, data: bytes, name: str, want: str, composite: str) -> Answer:
        worker = self.text_worker if want == TEXT else self.worker
        try:
            message = {"name": name, "want": want, "composite": composite}, data
            return _read_answer(*await worker.ask(message, timeout=TIMEOUT))
        except (EOFError, ConnectionError, TimeoutError):
            await worker.close()
            hint = "" if want == TEXT else ", or save the image as JPEG first"
            raise InputError(
                f"{name} could not be encoded: the encoder stopped or took more than "
                f"{TIMEOUT:.0f} s; try again{hint}"
            ) from None


def _read_answer(head: dict[str, Any], body: bytes) -> Answer:
    """Return an answer of the process.

    Raises:
        InputError: what it says of the image.
        EOFError: it is no answer.
    """
    if "error" in head:
        raise InputError(str(head["error"]))
    try:
        found = head.get("notes")
        notes = list(map(str, found[:MAX_NOTES])) if isinstance(found, list) else []
        return Answer(read_arrays(io.BytesIO(body)) if body else {}, notes)
    except InputError as error:
        raise EOFError from error


def _encoded(parts: dict[str, Any]) -> Encodings:
    return Encodings(*(parts[part] for part in Encodings._fields))


def start_soon(work: Coroutine[Any, Any, None]) -> None:
    """Start a coroutine in the running event loop, and keep a reference until it is done."""
    task = asyncio.get_running_loop().create_task(work)
    _STARTED.add(task)  # the loop holds only a weak reference
    task.add_done_callback(_STARTED.discard)


def check_size(count: int, name: str) -> None:
    """Raise InputError for a file that is larger than any tile.

    Raises:
        InputError: larger than `MAX_BYTES`.
    """
    if count > MAX_BYTES:
        raise InputError(
            f"{name} has {math.ceil(count / 2**20)} MB: at most {MAX_BYTES >> 20} MB are accepted; "
            "cut a scene into tiles with `rsh data tiles`, or save the image smaller"
        )
