"""The web server of the dashboard: what it answers, and how much a stranger can take of it."""

import resource
from contextlib import suppress
from typing import Any

import psutil
from jupyter_core.utils import run_sync
from jupyter_server.base.handlers import FileFindHandler, JupyterHandler
from jupyter_server.services.kernels.handlers import KernelHandler, _kernel_id_regex
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.iostream import IOStream
from tornado.web import HTTPError
from traitlets import Bool, List
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler

from rsh.explorer.server.frames import MAX_MESSAGE_BYTES
from rsh.explorer.server.websocket import PageSocket

MAX_BODY_BYTES = 1 << 12  # a page posts only that its tab was closed, with an empty body
MAX_HEADER_BYTES = 1 << 14
REQUEST_SECONDS = 20.0  # until the headers of a request are complete, and then its body
WATCH_SECONDS = 2
MAX_CONNECTIONS = 1000  # without websockets, which the number of kernels limits
RESERVED_FILES = 400  # descriptors for websockets, kernels and files


class PageServer(Voila):  # type: ignore[misc]
    """Voila with the routes that the dashboard needs, and limits for requests."""

    behind_proxy = Bool(False, help="take a visitor's address from the proxy", config=True)
    watched: Any = List(help="files; when one changes, preheated pages are out of date")

    def init_handlers(self) -> list[Any]:
        """Return the routes; all other paths have no page."""
        base = self.server_url
        page = {
            "notebook_path": "dashboard.ipynb",
            "template_paths": self.template_paths,
            "config": self.config,
            "voila_configuration": self.voila_configuration,
        }
        return [
            (f"{base}", TornadoVoilaHandler, page),
            (rf"{base}api/kernels/{_kernel_id_regex}", OneKernel),
            (rf"{base}api/kernels/{_kernel_id_regex}/channels", PageSocket),
            (rf"{base}voila/api/shutdown/{_kernel_id_regex}", VoilaShutdownKernelHandler),
            (rf"{base}voila/static/(.*)", PageFiles, {"path": self.static_paths}),
            (rf"{base}voila/templates/rsh/static/(.*)", PageFiles, {"path": self.static_paths}),
            (rf"{base}voila/labextensions/(.*)", PageFiles, {"path": self.labextensions_path}),
            *self.identity_provider.get_handlers(),
            (r".*", Missing),
        ]

    def listen(self) -> None:
        """Serve until the loop ends, then end all kernels."""
        server = LimitedServer(
            self.app,
            max_body_size=MAX_BODY_BYTES,
            max_buffer_size=2 * MAX_MESSAGE_BYTES,
            max_header_size=MAX_HEADER_BYTES,
            body_timeout=REQUEST_SECONDS,
            idle_connection_timeout=REQUEST_SECONDS,
            xheaders=self.behind_proxy,
        )
        server.listen(self.port, self.ip)
        self.ioloop = IOLoop.current()
        self._stamps = self._read_stamps()
        PeriodicCallback(self._renew_pool, 1000 * WATCH_SECONDS).start()
        try:
            self.ioloop.start()
        finally:
            self.stop()

    def stop(self) -> None:
        """End all kernels; Voila removes their sockets first, which go with the server here."""
        run_sync(self.kernel_manager.shutdown_all)()
        for left in psutil.Process().children(recursive=True):  # such as one that is just starting
            with suppress(psutil.NoSuchProcess):
                left.kill()

    async def _renew_pool(self) -> None:
        stamps = self._read_stamps()
        if stamps != self._stamps:
            self._stamps = stamps
            await self.kernel_manager.renew_pool()

    def _read_stamps(self) -> list[tuple[int, int] | None]:
        """Return what changes with each file, and None for one that is missing just now."""
        stamps: list[tuple[int, int] | None] = []
        for file in self.watched:
            try:
                found = file.stat()
                stamps.append((found.st_ino, found.st_mtime_ns))
            except OSError:
                stamps.append(None)
        return stamps


class LimitedServer(HTTPServer):
    """Closes connections that are too many, in all or from one address."""

    def handle_stream(self, stream: IOStream, address: tuple[str, int]) -> None:
        """Accept a connection, or close it at once."""
        most = max_connections()
        local = address[0] in ("127.0.0.1", "::1")  # a proxy on this machine has its own limits
        contexts: list[Any] = [one.context for one in self._connections]
        of_address = sum(context.address[:1] == address[:1] for context in contexts)
        if len(self._connections) >= most or (of_address >= most // 2 and not local):
            stream.close()
        else:
            super().handle_stream(stream, address)


def max_connections() -> int:
    """Return how many connections may be open at once, as far as descriptors suffice."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(50, min(MAX_CONNECTIONS, files - RESERVED_FILES))


class OneKernel(KernelHandler):
    """Tells a page whether its kernel still runs."""

    async def delete(self, kernel_id: str) -> None:
        """Refuse: a page ends its kernel by the route for closed tabs.

        Raises:
            HTTPError: 405.
        """
        raise HTTPError(405)


class PageFiles(FileFindHandler):
    """Scripts and styles of the page, for those who may see it."""

    async def get(self, path: str, include_body: bool = True) -> None:
        """Send a file. Jupyter's own method lets strangers in, too."""
        await super().get(path, include_body)

    async def head(self, path: str) -> None:
        """Send the headers of a file."""
        await super().get(path, include_body=False)


class Missing(JupyterHandler):
    """Every other path."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse the request, with or without a token.

        Raises:
            HTTPError: 403, the Host header names another machine; 404.
        """
        self.current_user = self._jupyter_current_user = None
        raise HTTPError(404 if self.check_host() else 403)
