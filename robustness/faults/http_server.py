"""A web server on 127.0.0.1 that serves one file, as well or as badly as a test says."""

import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STEP = 512  # bytes sent at once


@dataclass
class Server:
    """What is served, and what is wrong with it.

    Attributes:
        content: of the file.
        ranges: whether the server honors Range.
        cuts: after how many bytes each of the first responses breaks off.
        pause: seconds between two parts of a response.
        status: of each response, in place of the right one.
        shift: how many bytes after the requested ones a response begins.
        headers: that are sent in place of the right ones.
        raw: what is sent in place of a response.
        url: of the file.
        asked: the Range of each request so far.
        good: the content that `mend` serves again.
    """

    content: bytes
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    pause: float = 0.0
    status: int = 0
    shift: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    url: str = ""
    asked: list[str] = field(default_factory=list)
    good: bytes = b""

    def mend(self) -> None:
        """Be good from now on."""
        self.__dict__ |= Server(self.good, url=self.url, good=self.good).__dict__


def _set(**what: Any) -> Callable[[Server, random.Random], None]:
    return lambda server, draw: server.__dict__.update(what)


def _break_often(server: Server, draw: random.Random) -> None:
    server.cuts = [draw.randint(1, len(server.content) // 4) for _ in range(draw.randint(1, 4))]


def _break_always(server: Server, draw: random.Random) -> None:
    server.cuts = [draw.randint(1, 2000)] + 50 * [0]


def _flip(server: Server, draw: random.Random) -> None:
    spoilt = bytearray(server.content)
    spoilt[draw.randrange(len(spoilt))] ^= 1 << draw.randrange(8)
    server.content = bytes(spoilt)


def _cut_content(server: Server, draw: random.Random) -> None:
    server.content = server.content[: draw.randrange(len(server.content))]


def _wrong_range(server: Server, draw: random.Random) -> None:
    _break_often(server, draw)
    server.shift = draw.choice((-100, 1, 77))


WAYS: dict[str, Callable[[Server, random.Random], None]] = {
    "breaks off now and then": _break_often,
    "breaks off always": _break_always,
    "is slow": _set(pause=0.02),
    "falls silent": _set(pause=1.5),
    "sends a flipped bit": _flip,
    "sends a part as the whole": _cut_content,
    "sends another range": _wrong_range,
    "promises more than it sends": _set(headers={"Content-Length": "9999999"}),
    "promises less than it sends": _set(headers={"Content-Length": "1000"}),
    "promises a length that is no number": _set(headers={"Content-Length": "many"}),
    "says that it packs": _set(headers={"Content-Encoding": "gzip"}),
    "sends a page to log in": _set(content=b"<html>log in first</html>"),
    "leads round in a ring": _set(status=302, headers={"Location": "/data.zip"}),
    "says 404": _set(status=404),
    "says 503": _set(status=503),
    "says that nothing is missing": _set(status=416),
    "speaks no HTTP": _set(raw=b"220 mail.example ESMTP\r\n"),
    "hangs up": _set(raw=b""),
}


@contextmanager
def serve(content: bytes) -> Iterator[Server]:
    """Serve a file until the block ends."""
    server = Server(content, good=content)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(server)) as http:
        http.daemon_threads = True
        server.url = f"http://127.0.0.1:{http.server_port}/data.zip"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        http.shutdown()
        thread.join()


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if server.raw is not None:
                return self.write(server.raw)
            wanted = self.headers.get("Range", "")
            server.asked.append(wanted)
            start = int(re.sub(r"\D", "", wanted) or 0) if server.ranges else 0
            body = server.content[max(0, start + server.shift * (start > 0)) :]
            status = server.status or (206 if server.ranges and wanted else 200)
            self.send_response(status if body else 416)
            headers = {"Content-Length": str(len(body))} | server.headers
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.write(body[: server.cuts.pop(0)] if server.cuts else body)

        def write(self, body: bytes) -> None:
            try:
                for at in range(0, len(body), STEP):
                    self.wfile.write(body[at : at + STEP])
                    time.sleep(server.pause)
            except OSError:
                pass  # the other side has gone away

        def log_message(self, *_: object) -> None:
            pass

    return Handler
