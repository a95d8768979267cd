"""The process in which one reader is fuzzed: started by robustness/fuzz/run.py, which survives it.

What is not an InputError is kept with its input and passed over, so that one defect does not hide
the next. Python's audit events tell of what a reader must not do: run a program, call a user,
write elsewhere, unpickle.
"""

import hashlib
import mmap
import os
import resource
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

INSTRUMENTED = ["rsh", "PIL", "zipfile", "tarfile", "urllib", "json"]
SLOW, MEMORY, ROOM = 5.0, 1 << 30, 3 << 30  # seconds; bytes in use; bytes of address space
FORBIDDEN = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect"}
FORBIDDEN |= {"pickle.find_class", "os.symlink", "os.link", "os.fork"}
PLACES = {"os.mkdir": 0, "os.remove": 0, "os.rename": 1, "os.rmdir": 0, "os.chmod": 0}
STATS = struct.Struct("qddq")  # executions, slowest seconds, seconds in all, peak bytes
NO_SENTENCE = "a message that is no line of text"


class Watch:
    """Notes what a reader does that it must not do."""

    def __init__(self, folder: Path) -> None:
        """Watch this process from now on; only in `folder` may be written."""
        self._folder, self.on, self.seen = os.fspath(folder), False, ""
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or self.seen:
            return
        if event in FORBIDDEN:
            self.seen = f"{event} {arguments[:2]!r}"
        elif event == "open" and isinstance(arguments[0], str | bytes):
            writes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            self._check(event, arguments[0], writes)
        elif event in PLACES:
            self._check(event, arguments[PLACES[event]], 1)

    def _check(self, event: str, place: Any, writes: int) -> None:
        if writes and not os.path.realpath(os.fsdecode(place)).startswith(self._folder):
            self.seen = f"{event} {place!r}"


def harm_of(use: Callable[[bytes], None], data: bytes, watch: Watch) -> tuple[str, str]:
    """Read one input, and return what kind of harm that did, and where; "" for none."""
    from rsh.errors import InputError
    from rsh.text import escape_control_chars

    start, watch.seen, kind, where = time.perf_counter(), "", "", ""
    watch.on = True
    try:
        use(data)
    except InputError as error:
        if not str(error) or str(error) != escape_control_chars(str(error)):
            kind, where = "crash", f"{NO_SENTENCE}: {str(error)!a}"
    except BaseException:
        kind, where = "crash", traceback.format_exc()
    finally:
        watch.on = False
    if watch.seen:
        return "crash", f"forbidden: {watch.seen}"
    seconds = time.perf_counter() - start
    return ("hang", f"{seconds:.1f} s") if seconds > SLOW else (kind, where)


def signature(where: str) -> str:
    """Return what tells one defect from another: the last places and the kind of exception."""
    lines = [line.strip() for line in where.splitlines() if line.strip()]
    places = [line for line in lines if line.startswith("File ")]
    last = lines[-1].split(":")[0] if places else where.split(":")[0]
    ours = [place for place in places if "/rsh/" in place]
    text = "\n".join([*ours[-1:], *places[-1:], last])
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def peak() -> int:
    """Return the most memory this process has had, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fuzz(name: str, home: Path, options: list[str]) -> None:
    """Fuzz one target until libFuzzer ends."""
    for module in ("zipfile", "tarfile", "urllib.parse", "json", "json.decoder", "json.scanner"):
        sys.modules.pop(module, None)  # already there, and so not instrumented
    with atheris.instrument_imports(include=INSTRUMENTED):
        from robustness.fuzz.targets import find_target

        target = find_target(name)
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="rsh-fuzz-")))
    (home / "corpus").mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds(folder)):
        (home / "corpus" / f"seed-{number}").write_bytes(seed)
    one = noting(target.use(folder), Watch(folder), home)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + ROOM, hard))
    words = [sys.argv[0], *options, f"-artifact_prefix={home}/native-", str(home / "corpus")]
    atheris.Setup(words, one, custom_mutator=target.mutate)
    atheris.Fuzz()


def noting(use: Callable[[bytes], None], watch: Watch, home: Path) -> Callable[[bytes], None]:
    """Make what reads one input, counts it, and keeps it if it did harm."""
    with (home / "stats").open("r+b") as stream:
        stats = mmap.mmap(stream.fileno(), STATS.size)

    def one(data: bytes) -> None:
        start = time.perf_counter()
        kind, where = harm_of(use, data, watch)
        seconds, used = time.perf_counter() - start, peak()
        done, slowest, total, most = STATS.unpack(stats[:])
        stats[:] = STATS.pack(done + 1, max(slowest, seconds), total + seconds, max(most, used))
        if used > MEMORY:
            kind, where = "memory", f"{used >> 20} MB"
        if kind:
            file = home / f"{kind}-{signature(where)}"
            file.with_suffix(".txt").write_text(where, errors="backslashreplace")
            file.write_bytes(data)
        if kind == "memory":
            os._exit(3)  # the peak of a process does not go down again

    return one


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    fuzz(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
