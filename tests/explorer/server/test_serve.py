"""When the page is not served, and what it leaves behind."""

import socket
import time
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from conftest import TinyRun
from make_command import refuse

from benchmarks.dashboard import server as benchmark
from benchmarks.dashboard.server import kernels_of, started

NO_KERNEL = """
from rsh.explorer.server import kernels, serve
kernels.PageKernel.format_kernel_cmd = lambda *_, **__: ["false"]
serve.TIMEOUTS["startup_timeout"] = 2
"""


def test_port_in_use(tiny_run: TinyRun, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        told = refuse(capsys, "dashboard", tiny_run.gallery, "--port", port)
    assert f"port {port} is in use" in told and "--port" in told


def test_public_page_without_a_token(
    tiny_run: TinyRun, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RSH_TOKEN", raising=False)
    told = refuse(capsys, "dashboard", tiny_run.gallery, "--public")
    assert "--public needs an access token" in told and "RSH_TOKEN=" in told


def test_only_one_user_reaches_the_kernels_and_nothing_of_them_stays(gallery) -> None:
    with started(gallery.folder) as (_, server):
        while not (kernels := kernels_of(psutil.Process(server.pid))):
            time.sleep(0.1)
        folder = Path(kernels[0].cmdline()[-1]).parent
        while not any(file.is_socket() for file in folder.iterdir()):
            time.sleep(0.1)
        assert folder.stat().st_mode & 0o777 == 0o700
        kernels = kernels_of(psutil.Process(server.pid))  # another may be just starting
    assert not folder.exists()
    assert not psutil.wait_procs(kernels, timeout=5)[1]


@pytest.mark.slow
def test_who_gets_no_kernel_is_told_so(gallery, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(benchmark, "SERVE", NO_KERNEL + benchmark.SERVE)
    log = tmp_path / "log.txt"
    with started(gallery.folder, log=log) as (url, _), urlopen(url, timeout=60) as page:
        assert "Reload the page" in page.read().decode()
    assert "a kernel did not answer within 2 s" in log.read_text()
