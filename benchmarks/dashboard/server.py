"""What the dashboard benchmarks share: a served dashboard, a sealed browser, spreads of times."""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.common.rows import Row
from rsh.explorer.server.serve import POOL

# The browser finds no host but this machine; nothing has to look at its requests for that.
SEALED = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
RETURNING = "localStorage.setItem('rsh-toured', 'yes')"  # who was shown around before
CALM = 0.05  # of a core: kernels that use less are not at work
SERVE = (
    "import json, sys; from pathlib import Path; from rsh.explorer.server import serve; "
    "serve.CULLING.update(json.loads(sys.argv[3])); "
    "serve.serve([Path(sys.argv[1])], port=int(sys.argv[2]), open_browser=False)"
)


def browser_path() -> str | None:
    """Return where Chromium or Chrome is; None lets Playwright take its own."""
    return shutil.which("chromium") or shutil.which("google-chrome")


def free_port() -> int:
    """Return a port on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve_ours(gallery: Path, **culling: int) -> Iterator[tuple[str, psutil.Process]]:
    """Serve our page over a gallery, with other times of culling if given.

    Yields:
        Its address and its process.
    """
    port = free_port()
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", SERVE, str(gallery), str(port), json.dumps(culling)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or "rsh page" not in process.stdout.readline():
                raise SystemExit("our page does not start")
            yield f"http://127.0.0.1:{port}/", psutil.Process(process.pid)
        finally:
            process.terminate()


def spread(what: str, times: list[Any]) -> Row:
    """Median and 95th percentile of those that came at all, and how many did not."""
    known = sorted(each for each in times if each is not None)
    if len(known) < 2:
        return {f"{what}_lost": len(times)}
    p95 = statistics.quantiles(known, n=20, method="inclusive")[-1]
    row = {f"{what}_ms": round(statistics.median(known)), f"{what}_p95_ms": round(p95)}
    return row | ({f"{what}_lost": len(times) - len(known)} if len(known) < len(times) else {})


def settle(server: psutil.Process) -> None:
    """Wait until as many kernels stand ready as should and none is at work; a minute at most."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        before = {one.pid: seconds([one]) for one in kernels_of(server)}
        time.sleep(4)
        after = {one.pid: seconds([one]) for one in kernels_of(server)}
        busy = sum(after.values()) - sum(before.values())
        if len(after) >= POOL and after.keys() == before.keys() and busy < 4 * CALM:
            return


def kernels_of(server: psutil.Process) -> list[psutil.Process]:
    """Return the kernels of a server that are alive."""
    found = []
    for one in server.children(recursive=True):
        try:
            if any("ipykernel" in part for part in one.cmdline()):
                found.append(one)
        except psutil.NoSuchProcess:  # a zombie, too
            continue
    return found


def seconds(processes: list[psutil.Process]) -> float:
    """What processes have used of a core, seconds."""
    return float(sum(sum(one.cpu_times()[:2]) for one in processes))


def megabytes(processes: list[psutil.Process]) -> int:
    """Resident memory of processes together, MB."""
    return round(sum(int(one.memory_info().rss) for one in processes) / 1e6)
