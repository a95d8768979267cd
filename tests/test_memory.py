"""What is freed stays with the process while it trains, and goes back afterwards."""

import subprocess
import sys

import pytest

# A fresh process each, as what glibc holds depends on all that came before.
CODE = """
import resource, torch
from contextlib import nullcontext
from rsh.memory import memory_kept

def faults():
    for _ in range(20):
        torch.zeros(16_000_000)  # 64 MB, more than glibc ever keeps by itself
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def held():
    return 4096 * int(open("/proc/self/statm").read().split()[1])

with {context}:
    before = faults()
    taken = faults() - before
    kept = held()
print(taken, kept - held())
"""


def outcome(context: str) -> list[int]:
    """Return how many pages were cleared for 20 large tensors, and bytes given back at the end."""
    words = [sys.executable, "-c", CODE.format(context=context)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no glibc")
def test_large_tensors_are_cleared_once_and_given_back_in_the_end():
    cleared, _ = outcome("nullcontext()")
    kept, given_back = outcome("memory_kept()")
    assert kept < cleared / 10
    assert given_back > 60_000_000
