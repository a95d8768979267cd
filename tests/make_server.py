"""A web server on 127.0.0.1 that serves one file, well or badly."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Server:
    """What is served, and how.

    Attributes:
        content: of the file.
        ranges: whether the server honors Range.
        cuts: after how many bytes each of the first answers breaks off.
        status: of each answer, if it is not to be good.
        pause: seconds between two parts of 512 bytes.
        length: what is said of it, if that is not to be true.
        asked: the Range of each request so far.
    """

    content: bytes
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    status: int = 0
    pause: float = 0.0
    length: str = ""
    asked: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def serve(content: bytes) -> Iterator[Server]:
    server = Server(content)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(server)) as http:
        server.url = f"http://127.0.0.1:{http.server_port}/data.zip"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        http.shutdown()
        thread.join()


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            server.asked.append(wanted)
            start = int(re.sub(r"\D", "", wanted) or 0) if server.ranges else 0
            body = server.content[start:]
            status = server.status or (206 if server.ranges and wanted else 200)
            self.send_response(status if body else 416)
            self.send_header("Content-Length", server.length or str(len(body)))
            self.end_headers()
            self.write(body[: server.cuts.pop(0)] if server.cuts else body)

        def write(self, body: bytes) -> None:
            try:
                for at in range(0, len(body), 512):
                    self.wfile.write(body[at : at + 512])
                    time.sleep(server.pause)
            except OSError:
                pass  # the other side has gone away

        def log_message(self, *_: object) -> None:
            pass

    return Handler
