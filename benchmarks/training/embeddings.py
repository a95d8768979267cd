"""How long, and in how much memory, do a million embeddings become a searchable gallery?

    python -m benchmarks.training.embeddings              a minute of making, then the commands
    python -m benchmarks.training.embeddings --table      prints Markdown

Vectors around random centers, as float32 in a .npy file of 4 GB. `rsh train`, `rsh encode` and `rsh
search` run as a user would run them, with an empty cache. Memory is the largest that the process
itself holds (RssAnon), and the largest with the pages of files that it has mapped, which the system
takes back when it needs them (VmHWM). One JSON line in results/embeddings.jsonl.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, append, read_rows
from benchmarks.search.processor import processor
from rsh.io.provenance import environment

RESULTS = RESULTS_FOLDER / "embeddings.jsonl"
CENTERS, SPREAD, AT_ONCE, SEED = 2000, 0.7, 10_000, 0


def main(words: argparse.Namespace) -> None:
    """Make the vectors, run the commands, and keep a row."""
    with tempfile.TemporaryDirectory(dir=words.folder) as folder:
        place = Path(folder)
        make(place / "vectors.npy", words.count, words.dim)
        np.save(place / "query.npy", np.load(place / "vectors.npy", mmap_mode="r")[0])
        row: Row = {"count": words.count, "dim": words.dim, "bits": words.bits}
        row["look_bits"] = words.look_bits
        bits = ["--bits", str(words.bits), "--look-bits", str(words.look_bits)]
        commands = {
            "train": ["train", "--data", "vectors.npy", *bits, "--output", "run"],
            "encode": ["encode", "run", "--output", "gallery"],
            "search": ["search", "gallery", "query.npy"],
        }
        for name, command in commands.items():
            row[name] = measure(command, place)
            print(name, row[name], flush=True)
        stored = (path.stat().st_size for path in (place / "gallery").rglob("*"))
        row["gallery_bytes"] = sum(stored)
    row |= {"seed": SEED, "processor": processor(), "cores": os.cpu_count()}
    append(words.results, row | {"environment": environment()})


def make(file: Path, count: int, dim: int) -> None:
    """Write vectors around random centers."""
    generator = np.random.default_rng(SEED)
    centers = generator.standard_normal((CENTERS, dim)).astype(np.float32)
    array = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(count, dim))
    for start in range(0, count, AT_ONCE):
        part = array[start : start + AT_ONCE]
        noise = generator.standard_normal(part.shape, dtype=np.float32)
        part[:] = centers[generator.integers(CENTERS, size=len(part))] + SPREAD * noise
    array.flush()


def measure(command: list[str], place: Path) -> Row:
    """Run a command of rsh; return seconds and the memory of its process."""
    variables = os.environ | {"RSH_CACHE": str(place / "cache")}
    start = time.perf_counter()
    with subprocess.Popen(
        [Path(sys.executable).with_name("rsh"), *command], cwd=place, env=variables
    ) as process:
        most = {"RssAnon": 0, "VmHWM": 0}
        watcher = threading.Thread(target=watch, args=(process, most))
        watcher.start()
        code = process.wait()
        watcher.join()
    seconds = time.perf_counter() - start
    if code:
        raise SystemExit(f"rsh {' '.join(command)} ended with {code}")
    return {
        "seconds": round(seconds, 1),
        "own_megabytes": round(most["RssAnon"] / 1e3),
        "with_files_megabytes": round(most["VmHWM"] / 1e3),
    }


def watch(process: "subprocess.Popen[bytes]", most: dict[str, int]) -> None:
    """Keep the largest kilobytes of a process, until it ends."""
    while process.poll() is None:
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        except OSError:
            return
        for line in lines:
            name, _, value = line.partition(":")
            if name in most:
                most[name] = max(most[name], int(value.split()[0]))
        time.sleep(0.1)


def table(rows: list[Row]) -> str:
    """Return a line a command, from the newest row."""
    row = rows[-1]
    lines = [
        [
            f"`rsh {name}`",
            f"{row[name]['seconds']:,.0f} s",
            f"{row[name]['own_megabytes'] / 1e3:.1f} GB",
            f"{row[name]['with_files_megabytes'] / 1e3:.1f} GB",
        ]
        for name in ("train", "encode", "search")
    ]
    what = f"{row['count']:,} vectors of {row['dim']:,} numbers, {row['bits']} bits"
    gallery = f"The gallery takes {row['gallery_bytes'] / 1e9:.1f} GB."
    return f"{markdown([what, 'time', 'own memory', 'with mapped files'], lines)}\n\n{gallery}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=1024)
    parser.add_argument("--bits", type=int, default=256)
    parser.add_argument("--look-bits", type=int, default=256)
    parser.add_argument(
        "--folder", type=Path, help="where the files go, 15 GB (default: the temporary folder)"
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.table:
        print(table(read_rows(given.results)))
    else:
        main(given)
