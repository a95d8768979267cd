"""What a process that decodes images can no longer do. Each test runs in a process of its own."""

import json
import resource
import subprocess
import sys

import pytest

from rsh.explorer.uploads import confinement

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone confines a process")
TRY = """
import json, os, socket, subprocess, sys, threading
from pathlib import Path
from rsh.explorer.uploads.confinement import confine_calls, confine_files, limit_memory
inside, outside, scratch = map(Path, sys.argv[1:])
limit_memory(1 << 30)
done = [confine_files([inside], scratch), confine_calls()]

def tried(act):
    try:
        act()
        return "done"
    except (OSError, MemoryError) as error:
        return type(error).__name__

acts = {
    "read inside": lambda: (inside / "a").read_text(),
    "read outside": lambda: (outside / "a").read_text(),
    "list outside": lambda: list(outside.iterdir()),
    "write a temporary file": lambda: (scratch / "b").write_text("x"),
    "write a large file": lambda: (scratch / "c").write_bytes(bytes(2 << 20)),
    "run what it wrote": lambda: os.execv(scratch / "b", ["b"]),
    "write inside": lambda: (inside / "b").write_text("x"),
    "write outside": lambda: (outside / "b").write_text("x"),
    "delete": lambda: (inside / "a").unlink(),
    "start a program": lambda: subprocess.run(["/bin/true"]),
    "fork": os.fork,
    "connect": lambda: socket.socket().connect(("127.0.0.1", 9)),
    "a Unix socket": lambda: socket.socket(socket.AF_UNIX),
    "signal the parent": lambda: os.kill(os.getppid(), 0),
    "2 GB": lambda: bytearray(2 << 30),
    "100 MB": lambda: bytearray(100 << 20),
    "import": lambda: __import__("wave"),
    "a thread": lambda: threading.Thread(target=int).start(),
}
print(json.dumps([done, {name: tried(act) for name, act in acts.items()}]))
"""
ALLOWED = {"read inside", "write a temporary file", "100 MB", "import", "a thread"}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory) -> tuple[list[bool], dict[str, str]]:
    """What confines the process, and what came of each act."""
    places = [tmp_path_factory.mktemp(name) for name in ("inside", "outside", "scratch")]
    for place in places:
        (place / "a").write_text("text")
    words = [sys.executable, "-c", TRY, *map(str, places)]
    env = confinement.environment(places[2])
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=env)
    assert not any((place / "b").exists() for place in places[:2])
    return tuple(json.loads(done.stdout))


def test_the_machine_confines_processes(outcome):
    assert outcome[0] == [True, True]


def test_a_confined_process_can_do_its_work_and_nothing_else(outcome):
    done = {name for name, result in outcome[1].items() if result == "done"}
    assert done == ALLOWED


def test_an_encoder_gets_few_variables(monkeypatch, tmp_path):
    monkeypatch.setenv("RSH_MILVUS_TOKEN", "secret")
    monkeypatch.setenv("RSH_TOKEN", "secret")
    assert "secret" not in confinement.environment(tmp_path).values()
    assert "PATH" in confinement.environment(tmp_path)


def test_where_the_system_cannot_confine_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(confinement, "_LIBC", None)
    monkeypatch.setattr(resource, "setrlimit", lambda what, values: None)
    assert not confinement.confine_files([tmp_path], tmp_path)
    assert not confinement.confine_calls()
