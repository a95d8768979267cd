"""How many small mistakes would a test notice? They are made one by one, and the tests are run.

    pip install 'rsh[mutation]'
    python -m robustness.mutation                  every module; resumes where it was stopped
    python -m robustness.mutation codes/binary     this one alone
    python -m robustness.mutation --show codes/binary    the mistakes that no test notices
    python -m robustness.mutation --table          Markdown, from the newest rows

The mistakes are mutmut's: another operator, a number one off, an argument left out, None in place
of a value. It finds out which tests reach a function and runs those alone, in a copy of the tracked
files in build/mutation. A row is one line in robustness/results/mutation.jsonl:

    mutants    how many mistakes there were
    caught     tests failed, the process died, or it ran for so long that it was ended
    missed     the names of the others, among them all that change nothing a caller could see
    untested   how many of those no test reaches
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import ROOT, Row, append, read_rows
from rsh.io.provenance import environment

RESULTS = ROOT / "robustness" / "results" / "mutation.jsonl"
HOME = ROOT / "build" / "mutation"
# The modules that all results rest on, and the tests that are to protect them.
MODULES = {
    "codes/binary": ["codes/test_binary.py", "robustness/test_hostile_galleries.py"],
    "metrics/counts": ["metrics", "evaluation/test_feedback.py"],
    "metrics/ranking": ["metrics"],
    "models/losses/multilevel": ["models/losses"],
    "gallery/gallery": [
        "encoding/test_build.py",
        "gallery",
        "robustness/test_hostile_galleries.py",
        "search/test_retrieve.py",
    ],
}
CHILDREN = os.cpu_count() or 1  # mutants at once
SURVIVED, UNTESTED = 0, 33  # mutmut's exit codes of a test run
# Without the test that kills a process thirty times: it takes half a minute, and runs other code.
SETTINGS = """

[tool.mutmut]
source_paths = ["rsh"]
only_mutate = ["rsh/{module}.py"]
also_copy = ["benchmarks", "data", "notebooks", "robustness", "tests", "README.md"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist", "-k", "not at_any_moment"]
pytest_add_cli_args_test_selection = {tests}
"""


def measure(module: str) -> Row:
    """Make the mistakes of one module and return what became of them."""
    start = time.monotonic()
    tree = copied(module)
    subprocess.run(
        [sys.executable, "-m", "mutmut", "run", "--max-children", str(CHILDREN)], cwd=tree
    )
    codes = outcomes(module)
    if not codes or None in codes.values():
        raise SystemExit(f"the mutants of {module} were not all run: see above")
    missed = sorted(name for name, code in codes.items() if code in (SURVIVED, UNTESTED))
    return {
        "module": module,
        "mutants": len(codes),
        "caught": len(codes) - len(missed),
        "untested": sum(code == UNTESTED for code in codes.values()),
        "missed": [name.rpartition(".")[2] for name in missed],
        "seconds": round(time.monotonic() - start),
        "environment": environment(),
    }


def copied(module: str) -> Path:
    """Copy what git tracks and say what is to be mutated, keeping what mutmut has noted."""
    tree = HOME / module
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tree / name)
    tests = json.dumps([f"tests/{name}" for name in MODULES[module]])
    with (tree / "pyproject.toml").open("a") as settings:
        settings.write(SETTINGS.format(module=module, tests=tests))
    return tree


def outcomes(module: str) -> dict[str, int | None]:
    """Return mutmut's exit code of each mutant, None where it was not run."""
    file = HOME / module / "mutants" / "rsh" / f"{module}.py.meta"
    codes: dict[str, int | None] = json.loads(file.read_text())["exit_code_by_key"]
    return codes


def show(module: str) -> None:
    """Print each mistake that was not noticed, as a change of the code."""
    for name, code in outcomes(module).items():
        if code in (SURVIVED, UNTESTED):
            subprocess.run([sys.executable, "-m", "mutmut", "show", name], cwd=HOME / module)


def table() -> str:
    """Return the newest row of each module as Markdown."""
    newest = {row["module"]: row for row in read_rows(RESULTS)}
    rows = [(f"`rsh/{name}.py`", newest[name]) for name in MODULES if name in newest]
    whole = {key: sum(row[key] for _, row in rows) for key in ("mutants", "caught", "untested")}
    lines = []
    for name, row in [*rows, ("together", whole)]:
        share = f"{row['caught'] / row['mutants']:.1%}"
        lines.append((name, f"{row['mutants']:,}", f"{row['caught']:,}", share, row["untested"]))
    return markdown(["module", "mistakes", "caught", "of these", "no test reaches"], lines)


def main(modules: list[str]) -> None:
    """Measure modules one after another, and keep a row of each."""
    if unknown := set(modules) - set(MODULES):
        raise SystemExit(f"no module {min(unknown)}: choose among {', '.join(MODULES)}")
    for module in modules or MODULES:
        row = measure(module)
        append(RESULTS, row)
        print(f"{module}: {row['caught']:,} of {row['mutants']:,} mistakes were caught", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*")
    parser.add_argument("--show", metavar="MODULE", choices=MODULES)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.table:
        print(table())
    elif given.show:
        show(given.show)
    else:
        main(given.modules)
