"""Learns from labels in a separate process: the kernel is not blocked, and imports no torch."""

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rsh.errors import InputError
from rsh.explorer.uploads.confinement import environment
from rsh.gallery.writer import discard_unfinished
from rsh.io.schema import from_json
from rsh.learning.progress import Progress, Watch
from rsh.learning.report import LearnReport

GRACE = 5.0  # seconds in which a canceled process cleans up


class Canceled(Exception):
    """The learning was canceled; nothing is left of it."""


class Learner:
    """Learns one gallery at a time, in a process that ends with it."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._canceled = False

    @property
    def is_running(self) -> bool:
        """Whether a gallery is being learned."""
        return self._process is not None

    async def learn(
        self,
        gallery: Path,
        labels: Mapping[str, str],
        output: Path,
        *,
        name: str = "",
        seed: int = 0,
        watch: Watch = lambda progress: None,
    ) -> LearnReport:
        """Learn from labels: see `rsh.learning.learn.learn`.

        Args:
            gallery: folder of the gallery.
            labels: class by id.
            output: folder of the new gallery.
            name: of the new gallery.
            seed: of the training.
            watch: progress callback.

        Returns:
            What has changed; the new gallery is in its folder.

        Raises:
            InputError: as there, another gallery is being learned, or the process was killed.
            Canceled: `cancel` was called.
        """
        if self._process:
            raise InputError("a gallery is being learned: wait for it, or cancel it")
        self._canceled = False
        request = {
            "gallery": str(gallery),
            "labels": dict(labels),
            "output": str(output),
            "name": name,
            "seed": seed,
        }
        with TemporaryDirectory(prefix="rsh-learn-", ignore_cleanup_errors=True) as scratch:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "rsh.explorer.learning.worker"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=environment(Path(scratch)),
            )
            answer: dict[str, Any] = {}
            try:
                answer = await _exchange(self._process, request, watch)
            finally:
                await _end(self._process)
                self._process = None
                if "report" not in answer:
                    discard_unfinished(output)
        if "report" in answer:
            return from_json(LearnReport, answer["report"], where="the report", what="gallery")
        if self._canceled:
            raise Canceled
        raise InputError(str(answer.get("error", "learning was stopped from outside: try again")))

    async def cancel(self) -> None:
        """Stop learning, if a gallery is being learned; its `learn` raises Canceled."""
        if process := self._process:
            self._canceled = True
            with suppress(ProcessLookupError):
                process.terminate()
            await _end(process)


async def _exchange(
    process: asyncio.subprocess.Process, request: dict[str, Any], watch: Watch
) -> dict[str, Any]:
    """Return the last answer of a process; {} if it ends without any."""
    assert process.stdin and process.stdout
    with suppress(ConnectionError):
        process.stdin.write(json.dumps(request).encode() + b"\n")
        await process.stdin.drain()
    async for line in process.stdout:
        answer: dict[str, Any] = json.loads(line)
        if "stage" not in answer:
            return answer
        watch(Progress(**answer))
    return {}


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let a process end by itself, or kill it after a time."""
    assert process.stdin
    process.stdin.close()  # whereupon it stops
    try:
        await asyncio.wait_for(process.wait(), GRACE)
    except TimeoutError:
        process.kill()
        await process.wait()
