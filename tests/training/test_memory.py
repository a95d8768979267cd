"""What is freed stays with the process while there is plenty, and goes back afterwards."""

import subprocess
import sys
from pathlib import Path

import pytest
from tiers import SLOW

from rsh.training.memory import Memory, memory

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no glibc")
# A fresh process each, as what glibc holds depends on all that came before.
CODE = """
import resource, torch
from contextlib import nullcontext
import rsh.training.memory
from rsh.training.memory import Memory, keep_freed_memory

rsh.training.memory.memory = lambda: Memory(100, {free})

def faults():
    for _ in range(20):
        torch.zeros(16_000_000)  # 64 MB, more than glibc ever keeps by itself
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def held():
    return 4096 * int(open("/proc/self/statm").read().split()[1])

with {context} as batches:
    before = faults()
    taken = faults() - before
    kept = held()
    next(batches), next(batches)
    between = kept - held()
print(taken, between, kept - held())
"""


def outcome(context: str, *, free: int = 100) -> list[int]:
    """Return pages cleared for 20 large tensors, bytes given back between batches and in the end.

    Args:
        context: what they are taken in.
        free: memory that is free, in per cent.
    """
    words = [sys.executable, "-c", CODE.format(context=context, free=free)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


@SLOW
@on_linux
def test_large_tensors_are_cleared_once_and_given_back_in_the_end():
    cleared, _, _ = outcome("nullcontext(iter([1, 2]))")
    kept, between, given_back = outcome("keep_freed_memory([1, 2])", free=25)
    assert kept < cleared / 10
    assert between < 1_000_000
    assert given_back > 60_000_000


@SLOW
@on_linux
def test_what_is_kept_goes_back_between_batches_where_memory_is_scarce():
    _, between, _ = outcome("keep_freed_memory([1, 2])", free=24)
    assert between > 60_000_000


def machine(root: Path, **groups: tuple[str, int]) -> Path:
    """Write what Linux says of a machine with 16 MB, 8 of them free.

    Args:
        root: below which it is written.
        groups: of `outer` and `inner`, the limit and the bytes taken; the process is in `inner`.
    """
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text("MemTotal: 16000 kB\nMemFree: 1 kB\nMemAvailable: 8000 kB\n")
    (root / "proc/self/cgroup").write_text("1:cpu:/\n0::/outer/inner\n")
    (root / "sys/fs/cgroup/outer/inner").mkdir(parents=True)
    for name, (limit, taken) in groups.items():
        group = root / "sys/fs/cgroup" / {"outer": "outer", "inner": "outer/inner"}[name]
        (group / "memory.max").write_text(f"{limit}\n")
        (group / "memory.current").write_text(f"{taken}\n")
        stat = "anon 1\nactive_file 100000\ninactive_file 300000\nslab_reclaimable 100000\n"
        (group / "memory.stat").write_text(stat)
    return root


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({}, Memory(16_384_000, 8_192_000)),
        ({"inner": ("max", 3_000_000)}, Memory(16_384_000, 8_192_000)),
        ({"inner": ("4000000", 3_000_000)}, Memory(4_000_000, 1_500_000)),  # with what is cached
        ({"inner": ("4000000", 5_000_000)}, Memory(4_000_000, 0)),  # lowered since
        ({"inner": ("10000000", 1_000_000)}, Memory(10_000_000, 8_192_000)),
        ({"inner": ("20000000", 1_000_000)}, Memory(16_384_000, 8_192_000)),
        (
            {"inner": ("max", 1_000_000), "outer": ("6000000", 2_500_000)},
            Memory(6_000_000, 4_000_000),
        ),
    ],
)
def test_memory_is_what_the_machine_and_every_group_around_leave(tmp_path: Path, groups, expected):
    assert memory(machine(tmp_path, **groups)) == expected


@pytest.mark.parametrize("hidden", ["proc/meminfo", "proc/self/cgroup"])
def test_nothing_is_said_where_a_system_hides_it(tmp_path: Path, hidden: str):
    (machine(tmp_path) / hidden).unlink()
    assert memory(tmp_path) is None


def test_meminfo_of_an_old_kernel_says_nothing(tmp_path: Path):
    (machine(tmp_path) / "proc/meminfo").write_text("MemTotal: 16000 kB\nMemFree: 1 kB\n")
    assert memory(tmp_path) is None
