"""Nothing that rsh runs connects to another machine.

A hook for audit events ends a process at its first attempt, and each that it starts. It sees what
goes through Python's sockets. What libraries do in C is seen by other signs.
"""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from in_loop import run
from PIL import Image
from tiers import RELEASE

from rsh.explorer.uploads.client import UploadEncoder
from rsh.gallery.gallery import Gallery

WATCH = """
import os, sys
from pathlib import Path

def watch(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        place = args[1]
        host = place[0] if isinstance(place, tuple) else "localhost"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = args[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in (None, "", "localhost", "127.0.0.1", "::1"):
        os.write(2, f"a connection to {host}".encode())
        os._exit(97)

sys.addaudithook(watch)
if Path(__file__).parent.joinpath("marks").is_dir():
    Path(__file__).parent.joinpath("marks", str(os.getpid())).touch()
"""
SHORT = ("train", "--epochs", 1, "--bits", 8, "--image-size", 32, "--cached-views", 2)
LOOK_UP = "import urllib.request; urllib.request.urlopen('http://example.invalid/')"
RSH = "import sys; from rsh.cli.main import main; main(sys.argv[1:])"


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Watch each Python that starts from now on; return a folder with a file for each."""
    folder = tmp_path / "watch"
    (folder / "marks").mkdir(parents=True)
    (folder / "sitecustomize.py").write_text(WATCH)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    return folder / "marks"


def python(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", *map(str, words)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)",
        "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 80))",
        LOOK_UP,
        f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {LOOK_UP!r}]))",
    ],
)
def test_the_hook_sees_connections(watched, code):
    done = python(code)
    assert done.returncode == 97 and "a connection to" in done.stderr


def test_the_hook_lets_this_machine_talk_to_itself(watched):
    done = python(
        "import socket; s = socket.create_server(('127.0.0.1', 0)); "
        "socket.create_connection(s.getsockname()); socket.getaddrinfo('localhost', 80)"
    )
    assert done.returncode == 0, done.stderr


def test_an_upload_connects_to_nothing(watched, tiny_run, capfd):
    stream = io.BytesIO()
    Image.new("RGB", (40, 30)).save(stream, "PNG")
    gallery = Gallery.open(tiny_run.gallery)

    async def ask() -> tuple[int, str]:
        mine = UploadEncoder(gallery.folder, gallery.manifest.model.fingerprint)
        try:
            image = await mine.encode(stream.getvalue(), "mine.png")
            return mine.worker.process.pid, image.name
        finally:
            await mine.close()

    pid, name = run(ask())
    assert name == "mine.png" and (watched / str(pid)).exists()
    assert "telemetry" not in capfd.readouterr().err  # of ONNX Runtime, which may not report


@RELEASE
def test_training_and_projecting_connect_to_nothing(watched, tiny_data, tmp_path, monkeypatch):
    monkeypatch.setenv("RSH_CACHE", str(tmp_path / "cache"))
    folder, gallery = tmp_path / "run", tmp_path / "gallery"
    for words in (
        (*SHORT, "--data", tiny_data, "--output", folder),
        ("encode", folder, "--output", gallery),
        ("project", gallery),
    ):
        done = python(RSH, *words)
        assert done.returncode == 0, done.stderr
    assert len(list(watched.iterdir())) >= 3
    assert json.loads((gallery / "gallery.json").read_text())
