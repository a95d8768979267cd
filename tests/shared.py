"""Fixtures that are made once for all processes of a run, and kept until the code changes.

They lie in build/test-fixtures/HASH, where HASH is that of rsh/, data/ and the helpers of the
tests. Tests only read them; `untouched` says whether they did.
"""

import hashlib
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "test-fixtures"
SOURCES = ("rsh/**/*", "data/*", "tests/*.py", "constraints.txt", "pyproject.toml")
DAY = 24 * 3600  # seconds after which the fixtures of other code are deleted


@cache
def digest(patterns: tuple[str, ...]) -> str:
    """Return a hash of the names and contents of files."""
    total = hashlib.sha256(sys.version.encode())
    files = {file for pattern in patterns for file in ROOT.glob(pattern) if file.is_file()}
    for file in sorted(file for file in files if "__pycache__" not in file.parts):
        total.update(
            f"{file.relative_to(ROOT)}\0".encode() + hashlib.sha256(file.read_bytes()).digest()
        )
    return total.hexdigest()[:16]


def shared(name: str, make: Callable[[Path], object], *, sources: Iterable[str] = ()) -> Path:
    """Return the folder of a fixture; the first process that needs it makes it.

    Args:
        name: of the fixture.
        make: fills an empty folder, which then stays where it is.
        sources: patterns of further files that it depends on.
    """
    home = FOLDER / digest((*SOURCES, *sources))
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / f"{name}.lock"):
        if not (home / f"{name}.done").exists():
            _forget()
            shutil.rmtree(home / name, ignore_errors=True)
            (home / name).mkdir()
            make(home / name)
            (home / f"{name}.done").write_text(_state(home / name))
    return home / name


def untouched(folder: Path) -> bool:
    """Say whether a fixture is still as it was made."""
    return folder.with_name(f"{folder.name}.done").read_text() == _state(folder)


def _state(folder: Path) -> str:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    stats = [(file.relative_to(folder), file.stat()) for file in files]
    return "".join(f"{name} {stat.st_size} {stat.st_mtime_ns}\n" for name, stat in stats)


def _forget() -> None:
    """Delete the fixtures of older code."""
    for home in FOLDER.iterdir():
        if home.stat().st_mtime < time.time() - DAY:
            shutil.rmtree(home, ignore_errors=True)
