"""The page in the browser: Voila over dashboard.ipynb."""

import errno
import logging
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
from rsh.explorer.server import access
from rsh.explorer.server.access import Access
from rsh.explorer.server.registry import VARIABLE, Registry
from rsh.explorer.uploads.client import MAX_BYTES

PACKAGE = Path(str(files("rsh")))
NOTEBOOKS = (PACKAGE.parent / "notebooks", PACKAGE / "assets")  # checkout, installed wheel
# All else that JupyterLab has installed would only make the page slower to open.
EXTENSIONS = [
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
    "anywidget",
]
LOOKS = {
    "template": "rsh",
    "theme": "light",
    "allow_template_override": "NO",  # a query string must not change them
    "allow_theme_override": "NO",
    "file_allowlist": [],
    "extension_allowlist": EXTENSIONS,
    "extension_denylist": [],
    "show_tracebacks": False,
    "preheat_kernel": True,
    "multi_kernel_manager_class": "rsh.explorer.server.kernels.Kernels",
}
VISITORS = 30  # at once, unless told otherwise: 6 GB with 10,000 tiles
POOL = 2  # kernels that stand ready with the page already made, 180 MB each
# A kernel whose tab went without a word (a crash, a sleeping phone) ends by itself, seconds.
CULLING = {"cull_interval": 60, "cull_idle_timeout": 600}
# Many visitors at once keep the server busy: with the usual 4 s between the end of a cell and its
# output it gave up on the page, and some of them got an empty one.
PATIENCE = {
    "iopub_timeout": 120,  # seconds
    "raise_on_iopub_timeout": True,
    "cell_timeout_instruction": "This machine is too busy: reload the page.",
}
TORNADO = {
    "websocket_max_message_size": 2 * MAX_BYTES,
    "jinja2_env": Environment(
        loader=FileSystemLoader(PACKAGE / "explorer" / "template"), autoescape=True
    ),
    # Voila's "the tab was closed" carries no such cookie, and refused it would leave a kernel
    # behind. What else it could do needs a kernel's random name.
    "disable_check_xsrf": True,
}


def serve(
    galleries: Sequence[Path],
    *,
    port: int,
    open_browser: bool,
    reach: Access | None = None,
    visitors: int = VISITORS,
) -> None:
    """Serve the page over one or several galleries until Ctrl-C.

    Prints one line, "rsh page: http://127.0.0.1:8866/", when the page can be opened.

    Args:
        galleries: their folders; a visitor begins with the first.
        port: where to listen.
        open_browser: whether to open the page in the visitor's browser then.
        reach: who can reach it; none stands for this machine alone.
        visitors: how many at once; whoever comes to a full house is told so.

    Raises:
        InputError: no such gallery, two of one name, no visitor, or the port is in use or not
            allowed.
    """
    site = Registry(galleries)
    for name in site.names:
        site.open(name)
    reach = reach or Access()
    if visitors < 1:
        raise InputError("let 1 or more in at once", parameter="visitors", value=visitors)
    check_port(port, reach.host)
    os.environ.pop(access.VARIABLE, None)  # the kernels need not know it
    with _served_folder() as folder:
        os.environ[VARIABLE] = os.pathsep.join(str(path.resolve()) for path in galleries)
        # Voila looks for templates here first: the page never gets another version's.
        paths = [str(folder / "jupyter"), os.environ.get("JUPYTER_PATH", "")]
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, paths))
        # Arrow's own allocator keeps what reading a table took, 40 MB of a kernel at 100,000 tiles.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        app = _app(folder / "root", port, reach, visitors)
        _run(
            app, reach.url(port), reach.entry(port) if open_browser else "", asks=bool(reach.token)
        )


def check_port(port: int, host: str = access.HERE) -> None:
    """Raise InputError unless one can listen on host:port."""
    if not 1 <= port <= 65535:
        raise InputError(f"port {port}: choose 1 to 65535 with --port")
    with socket.socket() as probe:
        # As the server does: a port that is still cooling down after its last use is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            busy = error.errno == errno.EADDRINUSE
            why = "is in use: stop the other program or" if busy else "is not allowed here:"
            raise InputError(f"port {port} {why} choose another with --port") from error


@contextmanager
def _served_folder() -> Iterator[Path]:
    """Make a folder with `root`, which holds the notebook and nothing else, and the template.

    Voila hands out images below its root to whoever asks.
    """
    notebook = next(
        (
            folder / "dashboard.ipynb"
            for folder in NOTEBOOKS
            if (folder / "dashboard.ipynb").is_file()
        ),
        None,
    )
    if notebook is None:
        raise InputError("dashboard.ipynb is missing from this installation: install rsh again")
    with tempfile.TemporaryDirectory(prefix="rsh-page-") as name:
        folder = Path(name)
        (folder / "root").mkdir()
        shutil.copy(notebook, folder / "root")
        shutil.copytree(
            PACKAGE / "explorer" / "template", folder / "jupyter" / "voila" / "templates" / "rsh"
        )
        yield folder


def _app(root: Path, port: int, reach: Access, visitors: int) -> Any:
    from voila.app import Voila  # slow to import: only who serves waits for it

    # At each visit it warns that Jupyter counts a ping's timeout in other units than it does.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    logging.getLogger("asyncio").addFilter(is_news)
    config = _config(root, port, reach, visitors)
    app = Voila(config=config, notebook_path=str(root / "dashboard.ipynb"))
    app.config_file_paths = []  # the page is the same in every folder and on every machine
    app.initialize([])
    return app


def _run(app: Any, url: str, entry: str, *, asks: bool) -> None:
    from tornado.ioloop import IOLoop

    def ready() -> None:
        whom = f" for visitors with the token of {access.VARIABLE}" if asks else ""
        print(f"rsh page: {url}{whom}", flush=True)
        if entry:
            webbrowser.open(entry)

    # Voila listens before it starts the loop, so the loop's first act is the moment to say so.
    IOLoop.current().add_callback(ready)
    # `kill` ends the page as Ctrl-C does, kernels included; and a shell that starts a job in the
    # background has it ignore Ctrl-C, which would leave no way to end it in good order.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        app.start()  # shuts the kernels down when it ends
    except KeyboardInterrupt:  # a second Ctrl-C, while it does so
        pass


def is_news(record: logging.LogRecord) -> bool:
    """Whether a log record is more than that a visitor went while something was being sent."""
    from tornado.websocket import WebSocketClosedError

    return not (record.exc_info and isinstance(record.exc_info[1], WebSocketClosedError))


def _config(root: Path, port: int, reach: Access, visitors: int) -> Any:
    import zmq
    from traitlets.config import Config

    server = {"ip": reach.host, "port": port, "port_retries": 0, "open_browser": False}
    server |= {"base_url": reach.base_url, "token": reach.token}
    server |= {"tornado_settings": TORNADO | reach.names | {"headers": reach.headers}}
    server |= {"identity_provider_class": "rsh.explorer.server.auth.LinkIdentity"}
    # Its warnings say at each visit that the notebook is not signed.
    quiet = {"root_dir": str(root), "log_level": "ERROR"}
    return Config(
        Voila=server | quiet,
        VoilaConfiguration=LOOKS,
        VoilaKernelManager={"kernel_pools_config": {"default": {"pool_size": POOL}}},
        MappingKernelManager=CULLING,
        Kernels={"most": visitors + POOL},
        VoilaExecutor=PATIENCE,
        # Otherwise in the user's home, which a container may lack or may not let one write.
        NotebookNotary={"data_dir": str(root.parent)},
        # Between server and kernel, where other users of this machine could listen.
        KernelManager={"transport_encryption": "auto"} if zmq.has("curve") else {},
    )
