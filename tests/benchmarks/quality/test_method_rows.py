import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.common.rows import ROOT
from benchmarks.quality import method_rows
from benchmarks.quality.method_rows import HEAD, OUT_OF_TIME, UCMD, Job, run_rows
from rsh.config import TrainConfig
from rsh.data.tiles import TileDataset


@pytest.mark.slow
@pytest.mark.parametrize("script", ["methods", "finetune", "settings"])
def test_missing_data_is_told_in_a_sentence(script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.quality.{script}"],
        cwd=ROOT,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
    )
    told = "RSH_DATA is not set: set it to the folder that holds UCMD/ and AID150/"
    assert (done.returncode, done.stderr.strip()) == (1, told)


def test_rows_are_measured_once_and_in_time(
    tiny_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tiles = TileDataset.open(tiny_data)
    monkeypatch.setattr(method_rows, "open_data", lambda setup: tiles)
    monkeypatch.setattr(method_rows, "run_row", lambda job, key: {"map": 0.5, "bits": job.bits})
    jobs = [Job("ucmd", UCMD, "lsh", bits, 0, HEAD) for bits in (16, 32)]
    file = tmp_path / "rows.jsonl"
    for _ in range(2):
        run_rows(jobs, file)
    assert [row["bits"] for row in method_rows.read_rows(file)] == [16, 32]
    run_rows([Job("ucmd", UCMD, "lsh", 64, 0, HEAD)], file, minutes=-1)
    assert len(method_rows.read_rows(file)) == 2 and OUT_OF_TIME in capsys.readouterr().out


def test_row_measures_a_trained_and_an_untrained_method(
    tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiles = TileDataset.open(tiny_data)
    monkeypatch.setattr(method_rows, "open_data", lambda setup: tiles)
    setup = method_rows.Data("tiny", 0.25, 32)
    config = TrainConfig(train_on_val=True, epochs=1, cached_views=2, batch_size=16)
    for method in ("multilevel", "lsh"):
        row = method_rows.run_row(Job("ucmd", setup, method, 16, 0, config), "key")
        assert 0 < row["map"] <= 1 and 0 < row["accuracy"] <= 1
        assert (row["method"], row["frozen"], row["image_size"]) == (method, True, 32)
