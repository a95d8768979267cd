"""Does a hostile file do more than be refused? Every reader is fuzzed, guided by coverage.

    python -m robustness.fuzz.run --seconds 240             every reader, an hour and a quarter
    python -m robustness.fuzz.run --seconds 60 zip tar      these alone
    python -m robustness.fuzz.run --table                   Markdown, from the newest rows

Each reader runs in a process of its own, which begins with small valid files and is bounded: 5 s
an input, 1 GB of memory. A failure is any exception but InputError, a message that is no line of
text, a crash of a native library, a hang, a file written elsewhere, a program run, anything
unpickled. Its input is kept in build/fuzz/TARGET. Every row is one JSON line in
robustness/results/fuzz.jsonl.

It needs Linux and atheris (`pip install 'rsh[fuzz]'`), which is there for CPython 3.11 to 3.13.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import ROOT, Row, append, read_rows
from robustness.fuzz.targets import READS

RESULTS = ROOT / "robustness" / "results" / "fuzz.jsonl"
HOME = ROOT / "build" / "fuzz"
SLOW, MEMORY = 5, 1024  # seconds an input, megabytes
LEAST = 3  # seconds that are worth another start
STARTS = 40  # a reader that crashes at once is not started for ever
COUNTS = ("executions", "seconds", "crashes", "hangs")
WITHOUT = (
    "atheris is not installed: pip install 'rsh[fuzz]', on Linux with CPython 3.11 to 3.13; "
    f"this is {platform.python_version()} on {platform.system()}"
)


def main(names: list[str], results: Path, *, seconds: int, seed: int, fresh: bool) -> int:
    """Fuzz targets one after another; 1 if anything was found."""
    if unknown := set(names) - set(READS):
        raise SystemExit(f"no target {min(unknown)}: choose among {', '.join(READS)}")
    found = 0
    for name in names or READS:
        row = fuzz(name, READS[name][1], seconds=seconds, seed=seed, fresh=fresh)
        append(results, row)
        print(
            f"{name}: {row['executions']:,} inputs in {row['seconds']:.0f} s, {row['crashes']} "
            f"crashes, {row['hangs']} hangs, at most {row['memory_mb']} MB and "
            f"{row['slowest_s']} s an input",
            flush=True,
        )
        found += row["crashes"] + row["hangs"]
    return int(found > 0)


def fuzz(name: str, about: str, *, seconds: int, seed: int, fresh: bool) -> Row:
    """Fuzz one target; what libFuzzer says goes to a log."""
    from robustness.fuzz.child import STATS  # and with it atheris, without which tables can be made

    home = HOME / name
    if fresh:
        shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    before = _kept(home)
    (home / "stats").write_bytes(bytes(STATS.size))
    start = time.monotonic()
    starts = _until(start + seconds, name, home, seed=seed)
    executions, slowest, used, peak = STATS.unpack((home / "stats").read_bytes())
    if not executions:
        raise SystemExit(f"{name} could not be started: see {home / 'log'}")
    new = [file for file in _kept(home) if file not in before]
    hangs = [file for file in new if file.startswith(("hang", "native-timeout"))]
    return {
        "target": name,
        "reads": about,
        "executions": executions,
        "seconds": round(time.monotonic() - start, 1),
        "reading_s": round(used, 1),
        "crashes": len(new) - len(hangs),
        "hangs": len(hangs),
        "slowest_s": round(slowest, 2),
        "memory_mb": peak >> 20,
        "starts": starts,
        "seed": seed,
        "environment": surroundings(),
    }


def _until(end: float, name: str, home: Path, *, seed: int) -> int:
    """Start the process of a target again and again; return how often."""
    starts = 0
    with (home / "log").open("ab") as log:
        while (left := end - time.monotonic()) > LEAST and starts < STARTS:
            child(name, home, log.fileno(), seconds=int(left), seed=seed + starts)
            starts += 1
    return starts


def child(name: str, home: Path, log: int, *, seconds: int, seed: int) -> None:
    """Run the process of a target until its time is over or it has crashed."""
    options = [f"-max_total_time={seconds}", f"-timeout={SLOW + 1}", f"-rss_limit_mb={MEMORY}"]
    options += [f"-seed={seed + 1}", "-print_final_stats=1", "-detect_leaks=0", "-max_len=65536"]
    words = [sys.executable, "-m", "robustness.fuzz.child", name, str(home)]
    place = {"TMPDIR": "/dev/shm"} if Path("/dev/shm").is_dir() else {}
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    surrounded = os.environ | threads | place
    subprocess.run([*words, *options], cwd=ROOT, stdout=log, stderr=log, env=surrounded)


@cache
def surroundings() -> dict[str, str]:
    """Return revision, machine and versions, asked of a process of its own.

    A child is born with its parent's peak of memory, and torch would raise that.
    """
    ask = "import json; from rsh.io.provenance import environment as e; print(json.dumps(e()))"
    told = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    read: dict[str, str] = json.loads(told.stdout)
    named = {name: version(name) for name in ("atheris", "pillow", "pyarrow", "rasterio")}
    return read | {"python": platform.python_version()} | named


def _kept(home: Path) -> set[str]:
    """Return the inputs of failures."""
    kinds = ("crash-", "hang-", "memory-", "native-")
    return {f.name for f in home.iterdir() if f.name.startswith(kinds) and f.suffix != ".txt"}


def tables() -> str:
    """Return the newest row of each target as Markdown, and all that was done."""
    newest = {row["target"]: row for row in read_rows(RESULTS) if row["target"] in READS}
    lines = [
        [
            f"`{name}`: {row['reads']}",
            *_counts(row),
            f"{row['slowest_s']} s",
            f"{row['memory_mb']} MB",
        ]
        for name, row in newest.items()
    ]
    total = {key: sum(row[key] for row in newest.values()) for key in COUNTS}
    heads = ["reader", "inputs", "seconds", "crashes", "hangs", "slowest input", "memory"]
    return markdown(heads, [*lines, ["together", *_counts(total), "", ""]])


def _counts(row: Row) -> list[str]:
    return [f"{row[key]:,.0f}" for key in COUNTS]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=240, help="of each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fresh", action="store_true", help="forget what was learned before")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where rows are kept")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.table:
        print(tables())
    elif find_spec("atheris") is None:
        raise SystemExit(WITHOUT)
    else:
        asked = {"seconds": given.seconds, "seed": given.seed, "fresh": given.fresh}
        raise SystemExit(main(given.targets, given.results, **asked))
