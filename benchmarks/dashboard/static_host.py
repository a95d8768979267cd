"""A plain web host in a process of its own, which notes what it was asked for.

python -m benchmarks.dashboard.static_host FOLDER PORT LOG
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPError
from tornado.web import Application, StaticFileHandler

from benchmarks.dashboard.server import free_port


@dataclass(frozen=True)
class Request:
    """One answer of the host.

    Attributes:
        path: below the host, without its first slash.
        range: header "Range" of the request, or "".
        status: of the response.
        size: of its content, bytes.
    """

    path: str
    range: str
    status: int
    size: int


@dataclass(frozen=True)
class Host:
    """A host that runs.

    Attributes:
        url: its address, ending in a slash.
        process: it is served by.
        log: file of what it was asked for.
    """

    url: str
    process: psutil.Process
    log: Path

    def requests(self) -> list[Request]:
        """Return all requests so far."""
        return [Request(**json.loads(line)) for line in self.log.read_text().splitlines()]


@contextmanager
def hosting(folder: Path) -> Iterator[Host]:
    """Serve a folder, with ranges, until the block ends."""
    with tempfile.TemporaryDirectory() as place:
        log, port = Path(place) / "requests.jsonl", free_port()
        log.touch()
        command = [sys.executable, "-m", __name__, str(folder), str(port), str(log)]
        with subprocess.Popen(command) as process:
            try:
                url = f"http://127.0.0.1:{port}/"
                asyncio.run(answers(url))
                log.write_text("")
                yield Host(url, psutil.Process(process.pid), log)
            finally:
                process.terminate()


async def answers(url: str) -> None:
    """Wait until a host answers; it has ten seconds."""
    for _ in range(100):
        try:
            await AsyncHTTPClient().fetch(url)
        except (ConnectionError, HTTPError):
            await asyncio.sleep(0.1)
        else:
            return
    raise SystemExit(f"{url} does not answer")


def handler(log: TextIO) -> type[StaticFileHandler]:
    """Return a handler of files that notes each request; browsers keep nothing of them."""

    class Noting(StaticFileHandler):
        def set_extra_headers(self, path: str) -> None:
            self.set_header("Cache-Control", "no-store")

        def on_finish(self) -> None:
            request: dict[str, Any] = {
                "path": self.request.path.lstrip("/"),
                "range": self.request.headers.get("Range", ""),
                "status": self.get_status(),
                "size": int(self._headers.get("Content-Length", 0)),
            }
            log.write(json.dumps(request) + "\n")

    return Noting


async def serve(folder: Path, port: int, log: Path) -> None:
    """Serve a folder until the process ends."""
    with log.open("a", buffering=1) as stream:
        route = (r"/(.*)", handler(stream), {"path": folder, "default_filename": "index.html"})
        Application([route], log_function=lambda _: None).listen(port, "127.0.0.1")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]).resolve(), int(sys.argv[2]), Path(sys.argv[3])))
