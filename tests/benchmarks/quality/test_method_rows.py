import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiers import RELEASE

from benchmarks.common.rows import OUT_OF_TIME, ROOT, Row, read_rows
from benchmarks.quality import method_rows
from benchmarks.quality.method_rows import HEAD, UCMD, Job, Made, as_learned, run_rows
from rsh.config import TrainConfig
from rsh.data.tiles import TileDataset
from rsh.evaluation.protocols import PROTOCOLS
from rsh.evaluation.scoring import RetrievalTask, score


@pytest.mark.slow
@pytest.mark.parametrize(
    "script", ["methods", *(pytest.param(name, marks=RELEASE) for name in ("finetune", "settings"))]
)
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


@pytest.fixture
def tiles(tiny_data: Path, monkeypatch: pytest.MonkeyPatch) -> TileDataset:
    """Tiles that stand for each data set."""
    opened = TileDataset.open(tiny_data)
    monkeypatch.setattr(method_rows, "open_data", lambda setup: opened)
    return opened


def test_rows_are_measured_once_and_in_time(
    tiles: TileDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        method_rows,
        "measure",
        lambda job, keys, folder: [
            {"key": key, "map": 0.5, "bits": job.bits} for key in keys.values()
        ],
    )
    jobs = [Job("ucmd", UCMD, "lsh", bits, 0, HEAD) for bits in (16, 32)]
    file = tmp_path / "rows.jsonl"
    for _ in range(2):
        run_rows(jobs, file)
    assert [row["bits"] for row in read_rows(file)] == [16, 32]
    more = replace(jobs[0], protocols=("disjoint", "fah", "milan"))
    for _ in range(2):
        run_rows([more], file)
    assert [row["bits"] for row in read_rows(file)] == [16, 32, 16, 16]
    run_rows([Job("ucmd", UCMD, "lsh", 64, 0, HEAD)], file, minutes=-1)
    assert len(read_rows(file)) == 4 and OUT_OF_TIME in capsys.readouterr().out


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method_rows, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(method_rows, "RESULTS_FOLDER", tmp_path)


def measured(job: Job, tiles: TileDataset) -> list[Row]:
    return method_rows.measure(job, job.keys(tiles.fingerprint), method_rows.RESULTS_FOLDER)


def test_all_protocols_measure_one_network(
    tiles: TileDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(method_rows, "BEST_OF_EVERY", 1)
    made: list[Made] = []
    trained = method_rows.trained
    monkeypatch.setattr(
        method_rows, "trained", lambda *given: made.append(trained(*given)) or made[-1]
    )
    config = TrainConfig(train_on_val=True, epochs=3, cached_views=2, batch_size=16)
    setup = method_rows.Data("tiny", 0.25, 32)
    job = Job(
        *("ucmd", setup, "multilevel", 16, 0, config), protocols=tuple(PROTOCOLS), unseen=0.25
    )
    rows = measured(job, tiles)
    assert [row["protocol"] for row in rows] == list(PROTOCOLS) and len(made) == 1
    assert len({row["key"] for row in rows}) == len(PROTOCOLS)
    split = method_rows.split_of(setup, 0, False, 0.25)
    for row, protocol in zip(rows, PROTOCOLS.values(), strict=True):
        task = RetrievalTask(split, protocol)
        codes = made[0].codes
        assert codes is not None and row["map"] == score(codes, task)["map"]
        assert ("map_best_epoch" in row) == protocol.best_epoch
        if protocol.best_epoch:
            chosen, epoch = made[0].best[protocol.name]
            assert row["map_best_epoch"] == score(chosen, task)["map"]
            assert row["best_epoch"] == epoch and 1 <= epoch <= 3
            averaged = [score(each, task, ties="average")["map"] for each in (chosen, codes)]
            assert averaged[0] >= averaged[1]
    assert method_rows.precisions_of(rows[0]) is None
    (floats,) = measured(Job("ucmd", setup, "float cosine", 16, 0, config), tiles)
    assert 0 < floats["map"] <= 1 and "map_interval" not in floats


def test_precisions_of_queries_are_kept_for_pairs(tiles: TileDataset) -> None:
    setup = method_rows.Data("tiny", 0.25, 32)
    config = TrainConfig(train_on_val=True, cached_views=2)
    jobs = [
        Job("ucmd", setup, name, bits, 0, config, protocols=("disjoint", "fah"))
        for name in ("lsh", "itq")
        for bits in (8, 16)
    ]
    rows = [measured(job, tiles)[0] for job in jobs]
    for row in rows:
        known = method_rows.precisions_of(row)
        assert known is not None
        queries, precisions = known
        assert queries.tolist() == method_rows.split_of(setup, 0, False).rows("query").tolist()
        assert np.nanmean(precisions) == pytest.approx(row["map"], abs=2e-4)
    assert len({row["map"] for row in rows}) == len(rows)
    alone = measured(replace(jobs[0], protocols=("disjoint",), bits=12), tiles)[0]
    assert method_rows.precisions_of(alone) is None


def test_row_measures_a_trained_and_an_untrained_method(tiles: TileDataset) -> None:
    setup = method_rows.Data("tiny", 0.25, 32)
    config = TrainConfig(train_on_val=True, epochs=1, cached_views=2, batch_size=16)
    for method in ("multilevel", "lsh"):
        (row,) = measured(Job("ucmd", setup, method, 16, 0, config, rankings=True), tiles)
        ranked = row["rankings"]["distance"]["map"] if method == "multilevel" else row["map"]
        assert ranked == pytest.approx(row["map"])
        assert 0 < row["map"] <= 1 and 0 < row["accuracy"] <= 1
        assert (row["method"], row["frozen"], row["image_size"]) == (method, True, 32)


def test_wrong_and_missing_labels_are_those_of_training_alone(tiles: TileDataset) -> None:
    setup = method_rows.Data("tiny", 0.25, 32)
    split = method_rows.split_of(setup, 0, False)
    job = Job("ucmd", setup, "multilevel", 16, 0, HEAD)
    assert as_learned(split, job) is split
    train = split.rows("train", "val")
    for noise in (0.1, 0.5):
        noisy = as_learned(split, replace(job, noise=noise)).dataset
        changed = np.flatnonzero(noisy.labels != split.dataset.labels)
        assert len(changed) == round(noise * len(train)) and np.isin(changed, train).all()
        assert noisy.classes == split.dataset.classes
        assert noisy.fingerprint == split.dataset.fingerprint
    few = as_learned(split, replace(job, labels="1", others=False))
    assert len(few.rows("train", "val")) == len(split.dataset.classes)
    assert (
        few.dataset.labels[split.rows("query")] == split.dataset.labels[split.rows("query")]
    ).all()
    (row,) = measured(replace(job, noise=0.5, config=replace(HEAD, epochs=1, batch_size=16)), tiles)
    assert row["noise"] == 0.5 and "rankings" not in row
