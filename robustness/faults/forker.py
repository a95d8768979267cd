"""A warm process that forks one `rsh` after another: torch takes seconds to import, a fork none.

It reads jobs, one JSON object a line, and answers each with one line:

    {"argv": [...], ...}    run this command in a fork: the number of its process
    {"wait": 1234}          wait for it: its exit code, or minus the signal that ended it

OpenMP is used in forks alone, never before one.
"""

import errno
import importlib
import io
import json
import os
import resource
import signal
import sys
import time
import traceback
from dataclasses import replace
from typing import Any

WARM = (
    "encodings.cp437",  # of zips; another user may not read all of a Python
    "torch",
    "rsh.cli.main",
    "rsh.training.train",
    "rsh.encoding.build",
    "rsh.evaluation.evaluate",
    "rsh.gallery.projection",
    "rsh.models.onnx_export",
)
UNPRIVILEGED = 65534
LIMIT = 240  # seconds that a command may take
STEPS = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate"}
WRITES = os.O_WRONLY | os.O_RDWR
Job = dict[str, Any]


def main() -> None:
    """Answer jobs until there are no more."""
    for name in WARM:
        importlib.import_module(name)
    importlib.import_module("torch").set_num_threads(1)
    for line in sys.stdin:
        job: Job = json.loads(line)
        if "wait" in job:
            print(os.waitstatus_to_exitcode(os.waitpid(job["wait"], 0)[1]), flush=True)
        elif job.get("compile"):
            compile_projection()
            print("done", flush=True)
        else:
            child = os.fork()
            if not child:
                run(job)
            print(child, flush=True)


def compile_projection() -> None:
    """Let UMAP be compiled once, and not by each fork: that takes 20 seconds."""
    import numpy as np

    from rsh.gallery.projection import umap_code_layout, umap_layout

    rows = np.random.default_rng(0).normal(size=(30, 16)).astype(np.float32)
    umap_layout(rows)
    umap_code_layout(rows > 0)


def run(job: Job) -> None:
    """Be one command, and end."""
    code: Any = 1
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    said = [os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for name in ("out", "err")]
    if "file_size" in job:  # what is said would be cut short, too
        sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    else:
        os.dup2(said[0], 1), os.dup2(said[1], 2)
    try:
        signal.alarm(LIMIT)
        prepare(job)
        from rsh.cli.main import main as rsh

        rsh(job["argv"])
        code = 0
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        traceback.print_exc()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        for stream, number in ((sys.stdout, said[0]), (sys.stderr, said[1])):
            if isinstance(stream, io.StringIO):
                os.write(number, stream.getvalue().encode())
            stream.flush()
        os._exit(code if isinstance(code, int) else 1)


def prepare(job: Job) -> None:
    """Make the process what the job says: environment, settings, clock, rights, and its fault."""
    os.environ.update(job.get("env", {}))
    for path, value in job.get("settings", {}).items():
        module, _, name = path.rpartition(".")
        setattr(importlib.import_module(module), name, value)
    if "dataset" in job:
        publish(**job["dataset"])
    if "clock" in job:
        turn_clock(job["clock"])
    if "file_size" in job:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_size"], hard))
    if "step" in job:
        sys.addaudithook(Steps(**job["step"]))
    if job.get("unprivileged"):
        os.setgroups([])
        os.setgid(UNPRIVILEGED)
        os.setuid(UNPRIVILEGED)


def publish(url: str, sha256: str, each: int) -> None:
    """Let a server's file be UC Merced, with fewer tiles."""
    from rsh.data import catalog
    from rsh.data.catalog_entry import RemoteFile

    known = catalog.UCMERCED
    counts = dict.fromkeys(known.counts, each)
    files = (RemoteFile(url, f"sha256:{sha256}"),)
    catalog.CATALOG["ucmerced"] = replace(known, files=files, counts=counts)


def turn_clock(seconds: float) -> None:
    """Let the time of day be another, for what queries for it and for files that are touched."""
    now, touch = time.time, os.utime

    def utime(path: Any, times: Any = None, **named: Any) -> None:
        if times is None and "ns" not in named:
            times = (time.time(), time.time())
        touch(path, times, **named)

    time.time = lambda: now() + seconds
    time.time_ns = lambda: int(1e9 * time.time())
    os.utime = utime


class Steps:
    """Counts what is done to files below a folder, and lets one step go wrong.

    A step is an opening for writing, or that a name is made, taken away or changed: at each of them
    the disk is in another state.
    """

    def __init__(self, within: str, at: int = 0, what: str = "", count: str = "") -> None:
        """Watch a folder.

        Args:
            within: the folder.
            at: the number of the step that goes wrong, from 1; 0 for none.
            what: "kill", or "full": no space left on the device.
            count: a file for the number of steps so far.
        """
        self.within, self.at, self.what, self.done = within, at, what, 0
        self.count = os.open(count, os.O_WRONLY | os.O_CREAT, 0o644) if count else None

    def __call__(self, event: str, words: tuple[Any, ...]) -> None:
        """Be told of a step before it is done."""
        if event not in STEPS or not any(self._inside(word) for word in words[:2]):
            return
        if event == "open" and not _for_writing(words):
            return
        self.done += 1
        if self.count is not None:
            os.pwrite(self.count, b"%08d" % self.done, 0)
        if self.done != self.at:
            return
        if self.what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if event not in ("os.remove", "os.rmdir"):  # a full disk lets go of what it holds
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _inside(self, word: Any) -> bool:
        return isinstance(word, str | os.PathLike) and os.fspath(word).startswith(self.within)


def _for_writing(words: tuple[Any, ...]) -> bool:
    """Whether a file is opened for writing: as Python says it, or as the system does."""
    _, mode, flags = words
    return any(c in mode for c in "wax+") if isinstance(mode, str) else bool(flags & WRITES)


if __name__ == "__main__":
    main()
