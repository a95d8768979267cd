"""What the dashboard benchmarks share: a served dashboard, a sealed browser, spreads of times."""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import psutil

from benchmarks.common.rows import Row
from rsh.config import LabelsKept
from rsh.explorer.server.serve import MAX_SESSIONS, POOL

# The browser finds no host but this machine; nothing has to look at its requests for that.
SEALED = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
RETURNING = "localStorage.setItem('rsh-toured', 'yes')"  # who was shown around before
CALM = 0.05  # of a core: kernels that use less are not at work
SERVE = (
    "import json, sys; from pathlib import Path; from rsh.explorer.server import serve; "
    "from rsh.explorer.server.access import Access; "
    "from rsh.explorer.settings import PageSettings; words = json.loads(sys.argv[3]); "
    "serve.CULLING.update(words['culling']); reach = Access.read(**words['access']); "
    "serve.serve([Path(sys.argv[1])], port=int(sys.argv[2]), open_browser=False, reach=reach, "
    "max_sessions=words['max_sessions'], settings=PageSettings(labels=words['labels']))"
)
ENDS = 60.0  # seconds that a server may take to end


def browser_path() -> str | None:
    """Return where Chromium or Chrome is; None lets Playwright take its own."""
    return shutil.which("chromium") or shutil.which("google-chrome")


def free_port() -> int:
    """Return a port on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(
    gallery: Path,
    *,
    log: Path | None = None,
    token: str = "",
    base_url: str = "/",
    hostnames: Sequence[str] = (),
    max_sessions: int = MAX_SESSIONS,
    culling: Mapping[str, int] | None = None,
    basemap: str = "",
    labels: LabelsKept = "gallery",
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve our page over a gallery in a process of its own, which ends with the block.

    Args:
        gallery: its folder.
        log: file for what the server writes to its log; it runs in the file's folder.
        token: what visitors need, or "".
        base_url: path of the page.
        hostnames: names by which it is reached.
        max_sessions: as of `rsh dashboard`.
        culling: times of culling that are to be others.
        basemap: address of an online map, or "".
        labels: where they are kept, as of `rsh dashboard`.

    Yields:
        Its address and its process.
    """
    port = free_port()
    words = {
        "culling": dict(culling or {}),
        "access": {"base_url": base_url, "hostnames": list(hostnames)}
        | ({"basemap": basemap, "basemap_credit": "a test"} if basemap else {}),
        "max_sessions": max_sessions,
        "labels": labels,
    }
    command = [sys.executable, "-c", SERVE, str(gallery.resolve()), str(port), json.dumps(words)]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "RSH_TOKEN": token}
    url = f"http://127.0.0.1:{port}{base_url}"
    with (
        log.open("w") if log else nullcontext() as errors,
        subprocess.Popen(
            command,
            cwd=log and log.parent,
            env=env,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            note = " for visitors with the token of RSH_TOKEN" if token else ""
            assert process.stdout
            if process.stdout.readline() != f"rsh page: {url}{note}\n":
                raise SystemExit(f"the page does not start: {log.read_text() if log else ''}")
            yield url, process
        finally:
            process.terminate()
            try:
                process.wait(ENDS)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def serve_ours(gallery: Path, **culling: int) -> Iterator[tuple[str, psutil.Process]]:
    """Serve our page as `started` does, with other times of culling if given."""
    with started(gallery, culling=culling) as (url, process):
        yield url, psutil.Process(process.pid)


def spread(what: str, times: list[Any]) -> Row:
    """Median and 95th percentile of those that came at all, and how many did not."""
    known = sorted(each for each in times if each is not None)
    if len(known) < 2:
        return {f"{what}_lost": len(times)}
    p95 = statistics.quantiles(known, n=20, method="inclusive")[-1]
    row = {f"{what}_ms": round(statistics.median(known)), f"{what}_p95_ms": round(p95)}
    return row | ({f"{what}_lost": len(times) - len(known)} if len(known) < len(times) else {})


def missed(row: Row, bars: Mapping[str, Callable[[Row], float]]) -> list[str]:
    """Name the figures of a row that are over their bars, or were not measured."""
    found = {what: bar(row) for what, bar in bars.items() if what in row}
    return [what for what, most in found.items() if row[what] is None or not row[what] <= most]


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
