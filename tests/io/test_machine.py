"""Memory is what the machine, and each control group around the process, leave."""

from pathlib import Path

import pytest

from rsh.io.machine import Memory, memory


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
