"""Serves the dashboard: Voila running dashboard.ipynb."""

import errno
import os
import shutil
import signal
import socket
import tempfile
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from rsh.errors import InputError
from rsh.explorer.basemap import to_environment
from rsh.explorer.server import access, logs
from rsh.explorer.server.access import Access
from rsh.explorer.server.frames import MAX_MESSAGE_BYTES
from rsh.explorer.server.registry import VARIABLE, Registry
from rsh.explorer.settings import DEFAULTS, PageSettings
from rsh.explorer.uploads.confinement import MEMORY_VARIABLE
from rsh.io.machine import memory, return_large_blocks

PACKAGE = Path(str(files("rsh")))
TEMPLATE = PACKAGE / "explorer" / "template"
NOTEBOOKS = (PACKAGE.parent / "notebooks", PACKAGE / "assets")  # checkout, installed wheel
# Other installed JupyterLab extensions would only slow down loading.
EXTENSIONS = [
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
    "anywidget",
]
LOOKS = {
    "template": "rsh",
    "theme": "light",
    "allow_template_override": "NO",  # a query string must not change the template
    "allow_theme_override": "NO",
    "file_allowlist": [],
    "extension_allowlist": EXTENSIONS,
    "extension_denylist": [],
    "show_tracebacks": False,
    "preheat_kernel": True,
    "multi_kernel_manager_class": "rsh.explorer.server.kernels.Kernels",
}
MAX_SESSIONS = 30  # default limit: 6 GB with 10,000 tiles
KERNEL_MEMORY = 2 << 30  # bytes that a kernel may hold, at least
POOL = 2  # preheated kernels with a rendered page, 180 MB each
# Seconds; ends the kernels of tabs that vanished without notice (a crash, a sleeping phone).
CULLING = {"cull_interval": 15, "cull_idle_timeout": 600}
# Seconds. By default Voila waits 4 s for the output of a finished cell. With many visitors the
# server is busy, and some visitors then got an empty page.
TIMEOUTS = {
    "startup_timeout": 120,  # until a kernel answers for the first time
    "iopub_timeout": 120,
    "raise_on_iopub_timeout": True,
    "cell_timeout_instruction": "This machine is too busy: reload the page.",
    "cell_error_instruction": "Reload the page.",
}
TORNADO = {
    "websocket_max_message_size": MAX_MESSAGE_BYTES,
    "log_function": logs.log_request,
    "jinja2_env": Environment(loader=FileSystemLoader(TEMPLATE), autoescape=True),
    # The request with which Voila reports a closed tab carries no such cookie; if it were refused,
    # the kernel would keep running. Any other abuse needs the random id of a kernel.
    "disable_check_xsrf": True,
}


def serve(
    galleries: Sequence[Path],
    *,
    port: int,
    open_browser: bool,
    reach: Access | None = None,
    settings: PageSettings = DEFAULTS,
    max_sessions: int = MAX_SESSIONS,
) -> None:
    """Serve the dashboard of one or several galleries until Ctrl-C.

    Prints one line, "rsh page: http://127.0.0.1:8866/", when the dashboard is ready.

    Args:
        galleries: their folders; the first is shown by default.
        port: to listen on.
        open_browser: open the dashboard in a browser when it is ready.
        reach: who can reach it; only this machine by default.
        settings: what visitors may do.
        max_sessions: largest number of visitors at once; further visitors see a "server full" page.

    Raises:
        InputError: a gallery is missing, two have the same name, `max_sessions` is below 1, or
            the port is in use or not allowed.
    """
    site = Registry(galleries)
    for name in site.names:
        site.open(name)
    reach = reach or Access()
    if max_sessions < 1:
        raise InputError("choose 1 or more", parameter="max_sessions", value=max_sessions)
    check_port(port, reach.host)
    os.environ.pop(access.VARIABLE, None)  # the kernels do not need it
    to_environment(reach.basemap)
    settings.write()
    with _served_folder() as folder:
        os.environ[VARIABLE] = "\n".join(str(path.resolve()) for path in galleries)
        # Voila searches here first, so it never uses the template of another version.
        paths = [str(folder / "jupyter"), os.environ.get("JUPYTER_PATH", "")]
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, paths))
        (folder / "scratch").mkdir()
        os.environ["TMPDIR"] = str(folder / "scratch")  # of the kernels: it goes with the server
        most = memory()
        os.environ[MEMORY_VARIABLE] = str(max(KERNEL_MEMORY, most.total // 8 if most else 0))
        # Arrow's own allocator would keep 40 MB per kernel after reading a table of 100,000 tiles.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        app = _app(folder / "root", port, reach, max_sessions)
        app.watched = [path.resolve() / "gallery.json" for path in galleries]
        _run(app, port, reach, open_browser)


def check_port(port: int, host: str = access.HERE) -> None:
    """Raise InputError unless a server can listen on host:port."""
    if not 1 <= port <= 65535:
        raise InputError(f"port {port}: choose 1 to 65535 with --port")
    with socket.socket() as probe:
        # The server sets this, too: a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            busy = error.errno == errno.EADDRINUSE
            why = "is in use: stop the other program or" if busy else "is not allowed here:"
            raise InputError(f"port {port} {why} choose another with --port") from error


@contextmanager
def _served_folder() -> Iterator[Path]:
    """Yield a folder with `root`, which holds only the notebook, and with the template.

    Voila serves any image below its root to every visitor.
    """
    notebooks = (folder / "dashboard.ipynb" for folder in NOTEBOOKS)
    notebook = next(filter(Path.is_file, notebooks), None)
    if notebook is None:
        raise InputError("dashboard.ipynb is missing from this installation: reinstall rsh")
    # A kernel that is just starting may write into it while it goes.
    with tempfile.TemporaryDirectory(prefix="rsh-page-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "root").mkdir()
        shutil.copy(notebook, folder / "root")
        shutil.copytree(TEMPLATE, folder / "jupyter" / "voila" / "templates" / "rsh")
        yield folder


def _app(root: Path, port: int, reach: Access, max_sessions: int) -> Any:
    from rsh.explorer.server.application import PageServer  # slow import

    config = _config(root, port, reach, max_sessions)
    app = PageServer(config=config, notebook_path=str(root / "dashboard.ipynb"))
    app.config_file_paths = []  # ignores the user's Voila settings
    app.initialize([])
    logs.set_up(reach.token, app.log)
    return app


def _run(app: Any, port: int, reach: Access, open_browser: bool) -> None:
    from tornado.ioloop import IOLoop

    return_large_blocks()  # a visitor's image is one

    def ready() -> None:
        note = f" for visitors with the token of {access.VARIABLE}" if reach.token else ""
        print(f"rsh page: {reach.url(port)}{note}", flush=True)
        if open_browser:
            webbrowser.open(reach.entry(port))

    # Voila listens before it starts the loop, so the server is ready at the first callback.
    IOLoop.current().add_callback(ready)
    # `kill` shuts down the server and its kernels like Ctrl-C. Shells make background jobs ignore
    # Ctrl-C, so its handler is set, too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        app.start()  # shuts the kernels down when it ends
    except KeyboardInterrupt:  # a second Ctrl-C during the shutdown
        pass


def _config(root: Path, port: int, reach: Access, max_sessions: int) -> Any:
    from traitlets.config import Config

    return Config(
        PageServer={
            "ip": reach.host,
            "port": port,
            "base_url": reach.base_url,
            "root_dir": str(root),
            "connection_dir_root": str(root.parent),  # it goes with the server
            "token": reach.token,
            "identity_provider_class": "rsh.explorer.server.auth.LinkIdentity",
            "kernel_websocket_connection_class": "rsh.explorer.server.websocket.PageConnection",
            "tornado_settings": TORNADO | reach.names | {"headers": reach.headers},
            # Only a proxy on this machine reaches such a server, so its headers are true.
            "behind_proxy": bool(reach.hostnames) and reach.host == access.HERE,
            "log_level": "ERROR",  # it warns at each visit that the notebook is not signed
        },
        LinkIdentity={"is_framed": bool(reach.frames)},
        VoilaConfiguration=LOOKS,
        VoilaKernelManager={"kernel_pools_config": {"default": {"pool_size": POOL}}},
        MappingKernelManager=CULLING,
        Kernels={"most": max_sessions + POOL},
        VoilaExecutor=TIMEOUTS,
        # The default is the user's home, which may be missing or read-only in a container.
        NotebookNotary={"data_dir": str(root.parent)},
    )
