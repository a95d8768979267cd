"""Takes from a process what it does not need to decode images: files, programs, other processes.

The process that reads visitors' files loads libraries written in C. If a file makes one of them run
foreign code, that code can still read Python's own files, answer with wrong codes, and write small
files into a folder of its own, which is deleted with the process. It cannot write elsewhere, start
a program, open a connection, or read the rest of the machine.

Linux alone offers this, and an old kernel only a part of it: each function returns whether it took
effect. Sources: landlock(7), seccomp(2), prctl(2).
"""

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

MEMORY_VARIABLE = "RSH_KERNEL_MEMORY"  # bytes that the kernel of a served page may hold
MEMORY = 4 << 30  # bytes of data that one process may hold
FILE_BYTES = 1 << 20  # largest file that it can write: its own, and the log of the server
KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "CUDA_VISIBLE_DEVICES")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

# Landlock. Its system calls have the same numbers on all machines.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ = 1 << 2 | 1 << 3  # read files, list folders
_READ_FILE = 1 << 2
# Write, remove, make and cut files; remove and make folders.
_WRITE = 1 << 1 | 1 << 5 | 1 << 8 | 1 << 14 | 1 << 4 | 1 << 7
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # number of rights by version
_SYSTEM = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/proc", "/sys", "/dev/urandom")

# seccomp. By machine: the number of its calling convention, and its system calls.
_ARCHITECTURES = {
    "x86_64": (
        0xC000003E,
        56,
        # execve execveat fork vfork socket ptrace process_vm_readv/writev bpf userfaultfd
        # perf_event_open io_uring_setup keyctl mount kill pidfd_open pidfd_send_signal
        (59, 322, 57, 58, 41, 101, 310, 311, 321, 323, 298, 425, 250, 165, 62, 434, 424),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        (221, 281, 198, 117, 270, 271, 280, 282, 241, 425, 219, 40, 129, 434, 424),
    ),
}
_CLONE3, _SECCOMP = 435, {"x86_64": 317, "aarch64": 277}
_SET_FILTER, _ALL_THREADS = 1, 1
_CLONE_THREAD = 0x10000
_X32 = 0x40000000  # a second calling convention of x86_64


def environment(scratch: Path, more: Sequence[str] = ()) -> dict[str, str]:
    """Return the variables that an encoder needs, and no others.

    Args:
        scratch: folder for its temporary files.
        more: names of variables that it needs besides.
    """
    names = (*KEPT, *THREADS, *more)
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(scratch)}


def limit_memory(count: int) -> None:
    """Let the process hold at most `count` bytes of data; mapped files do not count."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    count = count if most == resource.RLIM_INFINITY else min(count, most)
    resource.setrlimit(resource.RLIMIT_DATA, (count, count))


def confine_files(readable: Sequence[Path], scratch: Path) -> bool:
    """Let this thread and those it will start read some folders, and write into one.

    Args:
        readable: folders besides those of Python and of the system's libraries.
        scratch: folder for temporary files; PyTorch needs one while it is imported.

    Returns:
        Whether the kernel does this; file sizes, privileges and core dumps are limited anyway.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    if _LIBC is None:
        return False
    _LIBC.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    version = _LIBC.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    handled = (1 << _FILE_RIGHTS[min(version, 5)]) - 1
    network = 3 if version >= 4 else 0  # bind and connect by TCP
    scoped = 3 if version >= 6 else 0  # abstract sockets and signals of other processes
    attributes = struct.pack("<QQQ", handled, network, scoped)[: 24 if version >= 6 else 16]
    rules = _LIBC.syscall(_CREATE_RULESET, attributes, len(attributes) if version >= 4 else 8, 0)
    if rules < 0:
        return False
    python = {Path(place) for place in (sys.prefix, sys.base_prefix, *sys.path) if place}
    for place in {*python, *map(Path, _SYSTEM), *readable}:
        _allow(rules, place, _READ if place.is_dir() else _READ_FILE)
    _allow(rules, scratch, (_READ | _WRITE) & handled)
    done: int = _LIBC.syscall(_RESTRICT_SELF, rules, 0)
    os.close(rules)
    return done == 0


def confine_calls() -> bool:
    """Refuse system calls that start programs, open connections, or reach other processes.

    It holds for all threads of the process. Refused calls fail with EPERM.

    Returns:
        Whether the kernel and the machine do this.
    """
    machine = platform.machine()
    if _LIBC is None or machine not in _ARCHITECTURES:
        return False
    code = _filter(*_ARCHITECTURES[machine])
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("<HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    _LIBC.prctl(38, 1, 0, 0, 0)
    done: int = _LIBC.syscall(_SECCOMP[machine], _SET_FILTER, _ALL_THREADS, program)
    return done == 0


def log(message: str) -> None:
    """Write a line into the log of the server, whose stderr this process has."""
    print(f"rsh: {message}", file=sys.stderr, flush=True)


def _allow(rules: int, place: Path, rights: int) -> None:
    assert _LIBC
    try:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # it does not exist here
        return
    rule = struct.pack("<Qi", rights, opened)
    _LIBC.syscall(_ADD_RULE, rules, 1, rule, 0)
    os.close(opened)


def _filter(architecture: int, clone: int, refused: Sequence[int]) -> bytes:
    """Return a BPF program: it reads a call's number and answers with what to do."""
    load, equal, at_least, has_bits, answer = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, no_permission, no_such_call = 0x7FFF0000, 0x00050001, 0x00050026

    def step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
        return struct.pack("<HBBI", code, then, otherwise, value)

    steps = [
        step(load, 4),  # the calling convention
        step(equal, architecture, then=1),
        step(answer, no_permission),
        step(load, 0),  # the number of the call
        step(at_least, _X32, otherwise=1),
        step(answer, no_permission),
    ]
    for number in refused:
        steps += [step(equal, number, otherwise=1), step(answer, no_permission)]
    # The C library then starts threads with `clone`, whose flags a filter can read.
    steps += [step(equal, _CLONE3, otherwise=1), step(answer, no_such_call)]
    steps += [
        step(equal, clone, otherwise=3),
        step(load, 16),  # its flags
        step(has_bits, _CLONE_THREAD, then=1),
        step(answer, no_permission),
        step(answer, allow),
    ]
    return b"".join(steps)
