"""Rows of networks that learn several labels a tile, and their table."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality import multilabel
from benchmarks.quality.multilabel import NAMES, PAIRED, measure, tables
from rsh.config import TrainConfig
from rsh.data.dataset import Split
from rsh.data.tiles import TileDataset

BITS = 8


@pytest.fixture
def rows(tiny_data: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Rows of a few epochs on a few tiles, whose second label is whether the row is even."""
    opened = TileDataset.open

    def tiny(where: str, *, labels: str = "auto") -> TileDataset:
        dataset = opened(tiny_data)
        even = np.where(np.arange(len(dataset)) % 2 == 0, ";even", "")
        items = dataset.items.assign(labels=dataset.items["class"] + even)
        return type(dataset)(**{**vars_of(dataset), "items": items}).labeled_by(labels)

    def split_of(seed: int) -> Split:
        return tiny("bluemarble", labels="multi").split(seed=seed)

    monkeypatch.setattr(multilabel.TileDataset, "open", staticmethod(tiny))
    monkeypatch.setattr(multilabel, "split_of", split_of)
    short = TrainConfig(epochs=2, batch_size=20, cached_views=2, train_on_val=True)
    monkeypatch.setattr(multilabel, "config_of", lambda method, seed: short)
    return measure("multilevel", BITS, [0, 1])


def vars_of(dataset: TileDataset) -> dict:
    return {name: getattr(dataset, name) for name in dataset.__dataclass_fields__}


def test_each_seed_has_a_row_of_both_networks_and_all_have_one_of_differences(rows):
    assert [row["labels"] for row in rows] == ["auto", "multi", "auto", "multi", PAIRED]
    assert len({row["key"] for row in rows}) == 5
    *networks, paired = rows
    assert networks[0]["split"] == networks[1]["split"] != networks[2]["split"]
    for name in NAMES:
        by_seed = [networks[2 * n + 1][name] - networks[2 * n][name] for n in (0, 1)]
        low, high = paired["intervals"][name]
        assert low <= paired[name] <= high
        assert min(by_seed) - 1e-9 <= paired[name] <= max(by_seed) + 1e-9
    assert paired["queries"] == sum(len(multilabel.split_of(n).query) for n in (0, 1))
    text = tables(rows)
    gain = 100 * paired["graded_ndcg_at_20"]
    assert f"{gain:+.1f}" in text and "2 split seeds" in text
    assert len([line for line in text.splitlines() if line.startswith(f"| {BITS} |")]) == len(NAMES)
