from pathlib import Path

import numpy as np
import pytest

from rsh.io import arrays
from rsh.io.arrays import read_array, take_rows


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("rows", [[], [0], [2, 3, 9, 19], list(range(20))])
def test_rows_are_taken_from_memory_or_from_a_map(
    tmp_path: Path, rows: list[int], in_memory: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(arrays, "ROWS_AT_ONCE", 3)
    content = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float16)
    np.save(tmp_path / "rows.npy", content)
    array = content if in_memory else read_array(tmp_path / "rows.npy", np.float16)
    taken = take_rows(array, np.array(rows, dtype=np.int64))
    assert taken.dtype == np.float16 and np.array_equal(taken, content[rows])
    assert np.array_equal(array, content)  # pages that were given back are read again


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="of Linux")
def test_pages_of_a_map_are_given_back(tmp_path: Path):
    np.save(tmp_path / "rows.npy", np.ones((40_000, 64), np.float16))
    array = read_array(tmp_path / "rows.npy", np.float16)
    assert take_rows(array, np.arange(0, 40_000, 8)).all()
    lines = Path("/proc/self/smaps").read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.endswith(f"{tmp_path}/rows.npy"))
    (held,) = (line for line in lines[start : start + 10] if line.startswith("Rss:"))
    assert int(held.split()[1]) < 100  # kB, of 5,000
