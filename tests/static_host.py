"""A plain web host for a folder, with ranges or without."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@contextmanager
def hosting(
    folder: Path, *, ranges: bool = True, caching: bool = False
) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder; yield its address and the list of the paths that were asked for.

    With `caching`, a browser may keep files, but must ask whether they changed.
    """
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *given: object) -> None:
            pass

        def do_GET(self) -> None:
            asked.append(self.path)
            file = folder / self.path.split("?")[0].strip("/")
            file = file / "index.html" if file.is_dir() else file
            if not file.is_file():
                self.send_error(404)
                return
            content = file.read_bytes()
            tag = f'"{file.stat().st_mtime_ns}"'
            if caching and self.headers.get("If-None-Match") == tag:
                self.send_response(304)
                self.end_headers()
                asked[-1] += " (not changed)"
                return
            wanted = RANGE.fullmatch(self.headers.get("Range", "")) if ranges else None
            if wanted:
                start, stop = int(wanted[1]), min(int(wanted[2]) + 1, len(content))
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
                content = content[start:stop]
            else:
                self.send_response(200)
            self.send_header("Content-Type", self.guess_type(str(file)))
            self.send_header("Content-Length", str(len(content)))
            if caching:
                self.send_header("ETag", tag)
            self.send_header("Cache-Control", "no-cache" if caching else "no-store")
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
