"""How much memory does a visitor's kernel take, how much of it do ten share, how soon does it open?

    python -m benchmarks.dashboard.kernels                       10,000 and 1 M tiles, ten visitors
    python -m benchmarks.dashboard.kernels --beside CHECKOUT     the same of another commit, in turn

Each visitor is an IPython kernel as the server starts them, without server and browser. All kernels
of a row are there at once, and each goes the same way: it opens the page, asks twice with each of
ten conditions, points at 200 tiles, selects two groups in a map, types into the search field, and
opens a bit. A row is one JSON line in benchmarks/results/kernels.jsonl, one for each step; memory
is that at its end.

    ms, p95_ms      of one kernel while the others rest: to open, to answer one click, one hover
    resident_mb     of that kernel, as the system counts it
    heap_mb         what it has allocated: no other process can share it
    private_mb      heap, and the pages of files that no other process has mapped
    share_mb        what a kernel costs: all kernels together, shared pages counted once, divided

`dim` is how many numbers a feature has; `parts` in how many segments the gallery lies.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from benchmarks.common.rows import RESULTS_FOLDER, ROOT, Row, append
from benchmarks.dashboard.gallery import SEED

RESULTS = RESULTS_FOLDER / "kernels.jsonl"
SIZES, VISITORS = (10_000, 1_000_000), 10
BEGIN = """
import time
import numpy as np
from rsh.explorer.app import dashboard
draw = np.random.default_rng(%d)
times = []

def say(kind, *buffers, **content):
    explorer.receive(explorer.header, {"kind": kind} | content, list(buffers))
    assert not explorer.header.message, explorer.header.message

def timed(act, *arguments, **named):
    start = time.perf_counter()
    act(*arguments, **named)
    times.append(1000 * (time.perf_counter() - start))

def choose():
    timed(say, "choose", row=int(explorer.state.results().rows[draw.integers(20)]))

def open_page():
    global explorer
    header = dashboard(%r).children[0]
    explorer = header._msg_callbacks.callbacks[0].__self__  # what listens to all panels
"""
STEPS = {
    "kernel": "pass",
    "open": "timed(open_page)",
    "click": "for _ in range(20): choose()",
    "filter": """
for number in range(10):
    say("where", texts=[f"class!=class {number:02}", f"longitude=-{100 - number}..100"])
    choose(), choose()
say("where", texts=[])
""",
    "hover": "for row in draw.integers(len(explorer.state.gallery), size=200): "
    "timed(say, 'peek', row=int(row))",
    "select": """
size = len(explorer.state.gallery)
for few in (1_000, min(size // 2, 100_000)):
    rows = np.sort(draw.choice(size, few, replace=False)).astype(np.int32)
    timed(say, "select", memoryview(rows.tobytes()))
""",
    "type": "for text in ('0', '00', '004', '0042'): timed(explorer.suggest, {'new': text})",
    "bit": "timed(setattr, explorer.dock, 'tab', 'bit')",
}
MAKE = str(ROOT / "benchmarks" / "dashboard" / "gallery.py")
SAY = "import json; from rsh.io.provenance import environment; print(json.dumps(environment()))"
# As `rsh.explorer.server.serve` sets them.
ENV = {"ARROW_DEFAULT_MEMORY_POOL": "system", "RSH_KERNEL_MEMORY": str(4 << 30)}
PATIENCE = 600.0  # seconds for a step


def main(sizes: list[int], visitors: int, dim: int, parts: int, checkouts: list[Path]) -> None:
    """Measure kernels of each checkout with galleries of each size."""
    for size in sizes:
        for checkout in checkouts:
            row: Row = {"tiles": size, "visitors": visitors, "dim": dim, "parts": parts}
            row |= {"seed": SEED, "environment": json.loads(run(checkout, "-c", SAY))}
            with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
                run(checkout, MAKE, name, str(size), str(dim), str(parts))
                for measured in measure(checkout, name, visitors):
                    append(RESULTS, measured | row)
                    print(row["environment"]["revision"], size, *measured.values(), flush=True)


def measure(checkout: Path, gallery: str, visitors: int) -> Iterator[Row]:
    """Yield a row for each step of all kernels."""
    with ExitStack() as stack:
        kernels = [stack.enter_context(kernel(checkout)) for _ in range(visitors)]
        for one in kernels:
            one.run(BEGIN % (SEED, gallery))
        for step, code in STEPS.items():
            for one in reversed(kernels):
                one.run(f"times.clear()\n{code}")
            row: Row = {"step": step} | kernels[0].times()
            found = [one.memory() for one in kernels]
            row |= {name: found[0][name] for name in ("resident_mb", "heap_mb", "private_mb")}
            yield row | {"share_mb": round(sum(each["pss_mb"] for each in found) / visitors)}


class Kernel:
    """A visitor's kernel: code goes in, memory is read from outside."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        """Use `kernel`."""
        self._client = client
        self._pid: Any = manager.provisioner.pid  # type: ignore[union-attr]

    def run(self, code: str, **wanted: str) -> dict[str, str]:
        """Execute code and return the values of expressions.

        Raises:
            RuntimeError: an error in the code.
        """
        reply = self._client.execute_interactive(
            code,
            user_expressions=wanted,
            timeout=PATIENCE,
            output_hook=lambda message: None,
        )["content"]
        if reply["status"] != "ok":
            raise RuntimeError("\n".join(reply.get("traceback", [str(reply)])))
        return {
            name: found["data"]["text/plain"] for name, found in reply["user_expressions"].items()
        }

    def times(self) -> Row:
        """Return median and 95th percentile of the last step, milliseconds."""
        found = self.run(
            "", ms="round(float(np.median(times or [0])), 1)",
            p95="round(float(np.quantile(times or [0], 0.95)), 1)", count="len(times)",
        )  # fmt: skip
        if not int(found["count"]):
            return {}
        return {"ms": float(found["ms"]), "p95_ms": float(found["p95"])}

    def memory(self) -> dict[str, int]:
        """Return what the process holds, MB."""
        text = Path(f"/proc/{self._pid}/smaps_rollup").read_text()
        kb = {name: int(count) for name, count in re.findall(r"(\w+): +(\d+) kB", text)}
        private = kb["Private_Clean"] + kb["Private_Dirty"]
        sizes = {"resident": kb["Rss"], "heap": kb["Anonymous"], "private": private}
        return {f"{name}_mb": round(size * 1024 / 1e6) for name, size in sizes.items()} | {
            "pss_mb": round(kb["Pss"] * 1024 / 1e6)
        }


@contextmanager
def kernel(checkout: Path) -> Iterator[Kernel]:
    """Start a kernel that imports rsh from a checkout; it ends with the block."""
    manager = KernelManager(transport="ipc")
    manager.start_kernel(env=variables(checkout), cwd=str(checkout))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run(checkout: Path, *arguments: str) -> str:
    """Run Python with the rsh of a checkout, and return what it prints."""
    env = variables(checkout)
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=checkout, env=env, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


def variables(checkout: Path) -> dict[str, str]:
    """Return the environment of a process that imports rsh from a checkout."""
    return os.environ | ENV | {"PYTHONPATH": str(checkout)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--visitors", type=int, default=VISITORS)
    parser.add_argument("--dim", type=int, default=2, help="numbers of a feature")
    parser.add_argument("--parts", type=int, default=1, help="segments of the gallery")
    parser.add_argument("--beside", type=Path, nargs="*", default=[], help="other checkouts")
    chosen = parser.parse_args()
    checkouts = [*(one.resolve() for one in chosen.beside), ROOT]
    main(chosen.sizes, chosen.visitors, chosen.dim, chosen.parts, checkouts)
