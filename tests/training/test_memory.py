"""What is freed stays with the process while there is plenty, and goes back afterwards."""

import subprocess
import sys

import pytest
from tiers import RELEASE

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no glibc")
# A fresh process each, as what glibc holds depends on all that came before.
CODE = """
import resource, torch
from contextlib import nullcontext
import rsh.training.memory
from rsh.io.machine import Memory
from rsh.training.memory import keep_freed_memory

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


@RELEASE
@on_linux
def test_large_tensors_are_cleared_once_and_given_back_in_the_end():
    cleared, _, _ = outcome("nullcontext(iter([1, 2]))")
    kept, between, given_back = outcome("keep_freed_memory([1, 2])", free=25)
    assert kept < cleared / 10
    assert between < 1_000_000
    assert given_back > 60_000_000


@RELEASE
@on_linux
def test_what_is_kept_goes_back_between_batches_where_memory_is_scarce():
    _, between, _ = outcome("keep_freed_memory([1, 2])", free=24)
    assert between > 60_000_000
