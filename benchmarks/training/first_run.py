"""How long does the first run of the sample take: train, encode, project, with an empty cache?

    python -m benchmarks.training.first_run --commits HEAD 27d3328 --bits "64 --look-bits 16" 32

Every commit is checked out into a folder of its own and runs in the environment that is there;
the commits take turns. One JSON line a commit in results/first_run.jsonl.
"""

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common.rows import RESULTS_FOLDER, ROOT, append
from benchmarks.search.processor import processor
from rsh.io.provenance import environment

RESULTS = RESULTS_FOLDER / "first_run.jsonl"
MAIN = """
import sys
try:
    from rsh.cli.main import main
except ImportError:
    from rsh.cli import main
sys.exit(main())
"""


def main(words: argparse.Namespace) -> None:
    """Time all commits in turns, print the rows and keep them."""
    if len(words.commits) != len(words.bits):
        raise SystemExit("give as many --bits as --commits")
    with tempfile.TemporaryDirectory() as name:
        trees = [Path(name) / str(number) for number in range(len(words.commits))]
        try:
            for commit, tree in zip(words.commits, trees, strict=True):
                git("worktree", "add", "--detach", str(tree), commit)
            turns = [
                [first_run(tree, bits) for tree, bits in zip(trees, words.bits, strict=True)]
                for _ in range(words.rounds)
            ]
        finally:
            for tree in trees:
                git("worktree", "remove", "--force", str(tree))
    for number, (commit, bits) in enumerate(zip(words.commits, words.bits, strict=True)):
        row = {"commit": git("rev-parse", "--short", commit), "bits": bits, "rounds": words.rounds}
        for part in turns[0][number]:
            row[part] = round(statistics.median(turn[number][part] for turn in turns), 1)
        append(words.results, row | {"processor": processor(), "environment": environment()})
        print(row)


def first_run(tree: Path, bits: str) -> dict[str, float]:
    """Return the seconds of each command and of all, each in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        run, gallery, cache = (str(Path(name) / part) for part in ("run", "gallery", "cache"))
        commands = {
            "train": ["train", "--bits", *shlex.split(bits), "--output", run],
            "encode": ["encode", run, "--output", gallery],
            "project": ["project", gallery],
        }
        seconds = {}
        for part, command in commands.items():
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-c", MAIN, *command],
                cwd=tree,
                env=os.environ | {"PYTHONPATH": str(tree), "RSH_CACHE": cache},
                check=True,
                capture_output=True,
            )
            seconds[part] = time.perf_counter() - start
    return seconds | {"all": sum(seconds.values())}


def git(*command: str) -> str:
    """Run git in the checkout and return what it prints."""
    done = subprocess.run(["git", *command], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--commits", nargs="+", required=True)
    parser.add_argument("--bits", nargs="+", required=True, help="of each commit, and look bits")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    main(parser.parse_args())
