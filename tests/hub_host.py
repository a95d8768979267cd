"""A hub on 127.0.0.1: files by their paths, with what the real one says of large files."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Hub:
    """What the hub serves, and what is wrong with it.

    Attributes:
        files: content by path, without the first slash.
        cuts: after how many bytes each of the first responses breaks off.
        states_checksum: whether it states the sha256 of large files, as the real one does.
        headers: that are sent in place of the right ones.
        spoils: whether content has another last byte than the checksum says.
        url: of the hub, without a last slash.
        asked: method, path and range of each request so far.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    states_checksum: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    spoils: bool = False
    url: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def downloads(self) -> list[str]:
        """Return the ranges of all downloads so far, of which each led to another host."""
        return [wanted for method, path, wanted in self.asked if method == "GET" and "cdn" in path]


@contextmanager
def hub() -> Iterator[Hub]:
    """Serve an empty hub until the block ends."""
    served = Hub()
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Serving", (Handler,), {"served": served})
    ) as http:
        http.daemon_threads = True
        served.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            http.shutdown()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    served: Hub

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        path, wanted = self.path.lstrip("/"), self.headers.get("Range", "")
        self.served.asked.append((self.command, path, wanted))
        content = self.served.files.get(path.removeprefix("cdn/"))
        if content is None:
            self.send_error(404)
        elif path.startswith("cdn/"):
            self.send(content, int(re.sub(r"\D", "", wanted) or 0), with_body=with_body)
        else:  # large files lie on another host
            self.lead_on(path, content)

    def lead_on(self, path: str, content: bytes) -> None:
        headers = {"Location": f"{self.served.url}/cdn/{path}", "Content-Length": "0"}
        if self.served.states_checksum:
            headers["X-Linked-ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
            headers["X-Linked-Size"] = str(len(content))
        self.send_response(302)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, content: bytes, start: int, *, with_body: bool) -> None:
        if self.served.spoils:
            content = content[:-1] + bytes([content[-1] ^ 1])
        body = content[start:]
        self.send_response(206 if start else 200)
        for name, value in ({"Content-Length": str(len(body))} | self.served.headers).items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body[: self.served.cuts.pop(0)] if self.served.cuts else body)

    def log_message(self, *_: object) -> None:
        pass
