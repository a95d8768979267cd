"""Dashboards to attack: on this machine alone, with a token, and behind the project's nginx."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from benchmarks.common.rows import ROOT
from benchmarks.dashboard.server import free_port, kernels_of, settle, started

TOKEN = "a-token_of.more~than-16"
NAME = "demo.example.org"  # in deploy/nginx.conf
SETUPS = ("plain", "token", "nginx")


@dataclass
class Target:
    """A server that is attacked.

    Attributes:
        setup: one of `SETUPS`.
        url: where visitors reach it.
        token: what they need for their first visit, or "".
        process: the server.
        log: what it has written.
        gallery: the folder that it shows.
    """

    setup: str
    url: str
    token: str
    process: psutil.Process
    log: Path
    gallery: Path

    @property
    def megabytes(self) -> float:
        """Resident memory of the server alone."""
        return float(self.process.memory_info().rss) / 2**20

    @property
    def num_kernels(self) -> int:
        """How many kernels run."""
        return len(kernels_of(self.process))


@contextmanager
def served(
    gallery: Path, folder: Path, setup: str = "plain", *, max_sessions: int = 30
) -> Iterator[Target]:
    """Serve a gallery.

    Args:
        gallery: its folder.
        folder: for the log and what nginx writes.
        setup: one of `SETUPS`.
        max_sessions: as of `rsh dashboard`.
    """
    folder = folder.resolve()
    base = "/rsh/" if setup == "nginx" else "/"
    token = "" if setup == "plain" else TOKEN
    names = [NAME, "127.0.0.1"] if setup == "nginx" else []
    log = folder / "log.txt"
    with started(
        gallery,
        log=log,
        token=token,
        base_url=base,
        hostnames=names,
        max_sessions=max_sessions,
    ) as (url, server):
        process = psutil.Process(server.pid)
        settle(process)
        port = urlsplit(url).port
        with _nginx(folder, port) if setup == "nginx" else nullcontext(url) as front:
            yield Target(setup, front, token, process, log, gallery)


@contextmanager
def _nginx(folder: Path, port: int | None) -> Iterator[str]:
    """Run nginx with the project's configuration in front of a port; yield its address."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        raise SystemExit("nginx is not installed: apt install nginx")
    front = free_port()
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    text = re.sub("listen 80;", f"listen 127.0.0.1:{front};", text).replace("8866", str(port))
    text = text.replace(f"server_name {NAME};", f"server_name {NAME} 127.0.0.1;")
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(f"events {{}}\nhttp {{\n{paths}\n{text}\n}}\n")
    start = f"daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;"
    with subprocess.Popen(
        [found, "-c", str(config), "-e", f"{folder}/nginx.log", "-g", start]
    ) as it:
        try:
            while not _is_open(front):
                if it.poll() is not None:
                    raise SystemExit(f"nginx does not start: {(folder / 'nginx.log').read_text()}")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{front}/rsh/"
        finally:
            it.terminate()


def _is_open(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0
