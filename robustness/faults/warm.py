"""Running `rsh` many times from one warm process, and what each run said."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

CHILD = "robustness.faults.forker"
ROOT = Path(__file__).parents[2]


class Told(NamedTuple):
    """What a command said.

    Attributes:
        code: its exit code, or minus the signal that ended it.
        out: what it printed.
        err: what it said beside that.
    """

    code: int
    out: str
    err: str

    def lines(self) -> list[str]:
        """Return what was said on the error stream; a bar that is drawn again is one line."""
        lines = (line.rpartition("\r")[2].strip() for line in self.err.split("\n"))
        return [line for line in lines if line]


class Running(NamedTuple):
    """A command that runs.

    Attributes:
        pid: its process, which stays a zombie until `Warm.finish`: its number is no one else's.
        folder: holds what it says.
    """

    pid: int
    folder: Path


class Warm:
    """A process that has imported everything, and forks."""

    def __init__(self) -> None:
        """Start it."""
        env = {"OMP_NUM_THREADS": "1", "NUMBA_THREADING_LAYER": "workqueue", "NO_PROXY": "*"}
        env |= {"PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "1", "TQDM_MININTERVAL": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | env,
        )

    def ask(self, job: dict[str, Any]) -> str:
        """Send a job, and return the results."""
        assert self._process.stdin and self._process.stdout
        print(json.dumps(job), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline().strip()
        if not answer:
            raise RuntimeError("the warm process has ended")
        return answer

    def start(self, argv: list[str], **job: Any) -> Running:
        """Begin a command."""
        folder = Path(tempfile.mkdtemp(prefix="rsh-told-"))
        said = {"out": str(folder / "out"), "err": str(folder / "err")}
        return Running(int(self.ask({"argv": argv} | said | job)), folder)

    def finish(self, running: Running) -> Told:
        """Wait for a command."""
        code = int(self.ask({"wait": running.pid}))
        told = [running.folder / name for name in ("out", "err")]
        texts = [file.read_text(errors="replace") if file.exists() else "" for file in told]
        for file in told:
            file.unlink(missing_ok=True)
        running.folder.rmdir()
        return Told(code, *texts)

    def close(self) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
