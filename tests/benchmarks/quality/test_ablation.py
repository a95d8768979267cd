import json
from pathlib import Path

import numpy as np
import pytest
from conftest import TinyRun

from benchmarks.quality import ablation, ablation_tables
from rsh.data.tiles import TileDataset


def test_every_row_of_a_table_has_its_own_key() -> None:
    jobs = [*ablation.term_jobs((16, 32)), *ablation.intra_jobs((16, 32))]
    jobs += ablation.weight_jobs((16, 32))
    assert len({job.key("a") for job in jobs}) == len(jobs)


def test_rows_of_other_data_do_not_count() -> None:
    job = ablation.Job("LSH", 16, 0)
    assert job.key("a") != job.key("b")


def test_each_term_is_switched_off_once() -> None:
    weights = {"category_weight", "inter_weight", "intra_weight", "quantization_weight"}
    single = [changes for changes in ablation.TERMS.values() if len(changes) == 1]
    assert {name for changes in single for name in changes} == weights
    assert all(value == 0 for changes in ablation.TERMS.values() for value in changes.values())


def test_rows_are_measured_once_and_tell_how(
    tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation, "RESULTS", tmp_path / "results" / "rows.jsonl")
    monkeypatch.setattr(ablation, "SEEDS", (0,))
    monkeypatch.setattr(ablation, "TERMS", {"full loss": {}})
    monkeypatch.setattr(ablation, "PLACES", {})
    dataset = TileDataset.open(tiny_run.data)
    monkeypatch.setattr(
        ablation,
        "config_of",
        lambda job: ablation.TrainConfig(epochs=2, cached_views=2, seed=job.seed),
    )
    for _ in range(2):  # the second time there is nothing left to do
        ablation.main(only="all", bits=(16,), data=str(tiny_run.data))
    rows = [json.loads(line) for line in ablation.RESULTS.read_text().splitlines()]
    assert [row["method"] for row in rows] == [*ablation.UNTRAINED, "full loss"]
    for row in rows:
        assert row["map"] == pytest.approx(np.mean(row["average_precision"]), abs=1e-4)
        assert row["data"]["fingerprint"] == dataset.fingerprint
        assert row["protocol"].startswith("disjoint")
        assert row["environment"]["revision"]


def test_differences_are_paired_by_seed_and_query() -> None:
    base = {"place": "", "bits": 16}
    rows = [
        base | {"method": "full loss", "seed": 1, "average_precision": [0.9, 0.1]},
        base | {"method": "full loss", "seed": 0, "average_precision": [0.5, 0.7]},
        base | {"method": "other", "seed": 0, "average_precision": [0.4, 0.6]},
        base | {"method": "other", "seed": 1, "average_precision": [0.8, 0.0]},
    ]
    blocks = {seed: np.array(["a", "b"]) for seed in (0, 1)}

    def cells(method: str) -> tuple[str, str]:
        return ablation_tables.cells(rows, method, "", "full loss", 16, blocks)

    assert cells("other") == ("45.0%", "-10.0 (-10.0 to -10.0)")
    assert cells("full loss") == ("**55.0%**", "")
    assert cells("missing") == ("-", "-")


def test_interval_is_as_wide_as_the_blocks_differ() -> None:
    """A hundred queries of two blocks are two observations."""
    gain = np.repeat([0.0, 0.2], 50)
    rows = [
        {"place": "", "bits": 16, "seed": 0, "method": name, "average_precision": list(values)}
        for name, values in (("full loss", 0 * gain), ("other", gain))
    ]
    two = {0: np.repeat(["a", "b"], 50)}
    _, difference = ablation_tables.cells(rows, "other", "", "full loss", 16, two)
    assert difference == "+10.0 (+0.0 to +20.0)"


def test_fewer_labels_keep_every_class() -> None:
    labels = np.repeat(np.arange(4), 50)
    rows = np.arange(200)
    kept = ablation.fewer(rows, labels, ablation.Job("x", 16, 0, share=0.1))
    assert np.bincount(labels[kept]).tolist() == [5, 5, 5, 5]
    assert np.array_equal(ablation.fewer(rows, labels, ablation.Job("x", 16, 0, share=1.0)), rows)
