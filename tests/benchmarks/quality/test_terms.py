import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.quality import terms
from benchmarks.quality.terms import Job, Probe, gradients, spread
from rsh.config import TrainConfig
from rsh.data.dataset import Split
from rsh.data.tiles import TileDataset
from rsh.models.hashnet import apply_head
from rsh.models.head import HashHead
from rsh.models.losses.multilevel import MultiLevelLoss
from rsh.training.batches import Batch, FeatureBatches
from rsh.training.loop import fit

CONFIG = TrainConfig(epochs=2, batch_size=16)


@pytest.fixture
def split(tiny_data: Path) -> Split:
    return TileDataset.open(tiny_data).split(seed=0)


@pytest.fixture
def batches(split: Split) -> FeatureBatches:
    labels = split.dataset.labels
    rows = split.rows("train")
    values = np.random.default_rng(0).normal(size=(len(labels), 2, 12)).astype(np.float16)
    return FeatureBatches(values[rows], labels[rows], CONFIG)


def head() -> HashHead:
    torch.manual_seed(0)
    return HashHead(12, num_bits=8, hidden=16, feature_dim=8)


def test_looking_changes_nothing(split: Split, batches: FeatureBatches) -> None:
    batch, trained = next(batches.epoch(terms.OTHER_EPOCH)), []
    every = np.ones((len(split.dataset.labels), 12), np.float16)
    for looks in (False, True):
        module = head()
        probe = Probe(module, batch, split, partial(apply_head, module, every))
        fit(module, batches, CONFIG, loss=MultiLevelLoss(), progress=False, watch=looks and probe)
        trained.append(module.state_dict())
        assert list(probe.found) == ([1, 2] if looks else [])
    assert all(torch.equal(trained[0][name], trained[1][name]) for name in trained[0])


def test_gradients_are_those_of_the_terms(batches: FeatureBatches) -> None:
    module, batch = head(), next(batches.epoch(0))
    module.trunk[3].p = 0.0  # no random numbers
    found = gradients(module, batch, MultiLevelLoss())
    pulls = {name: by_hand(module, batch, name) for name in ("category", "inter", "intra")}
    for one, other in (("category", "inter"), ("category", "intra"), ("inter", "intra")):
        cosine = torch.cosine_similarity(pulls[one], pulls[other], dim=0)
        assert found["cosine_trunk"][f"{one}, {other}"] == pytest.approx(float(cosine), abs=1e-5)
    assert found["size_codes"]["category"] == 0 < found["size_codes"]["inter"]


def by_hand(module: HashHead, batch: Batch, term: str) -> torch.Tensor:
    module.zero_grad()
    both = module.train()(torch.cat([batch.view0, batch.view1]))
    half = len(batch.view0)
    views = [
        type(both)(*(part[rows] for part in both)) for rows in (slice(half), slice(half, None))
    ]
    MultiLevelLoss()(*views, batch.targets)[term].backward()
    return torch.cat([each.grad.flatten() for each in module.trunk.parameters()])


def test_spread_is_that_of_a_slow_loop(split: Split) -> None:
    labels, rows = split.dataset.labels, split.rows("train")
    values = np.random.default_rng(1).normal(size=(len(labels), 4)).astype(np.float32)
    unit = [value / np.linalg.norm(value) for value in values]
    means, within = [], []
    for number in sorted(set(labels[rows].tolist())):
        own = [unit[row] for row in rows if labels[row] == number]
        means.append(sum(own) / len(own))
        within.append(sum(((each - means[-1]) ** 2).sum() for each in own) / len(own))
    center = sum(means) / len(means)
    between = sum(((mean - center) ** 2).sum() for mean in means) / len(means)
    expected = sum(within) / len(within) / between
    assert spread(values, split, "train") == pytest.approx(expected, rel=1e-4)
    collapsed = np.eye(labels.max() + 1, dtype=np.float32)[labels]
    assert spread(collapsed, split, "train") == 0


@pytest.mark.parametrize("finetune", [False, True])
def test_rows_are_measured_once(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finetune: bool
) -> None:
    monkeypatch.setattr(terms, "IMAGE_SIZE", 32)
    monkeypatch.setattr(terms, "FROZEN", TrainConfig(epochs=1, cached_views=2))
    monkeypatch.setitem(terms.PLACES, "defaults", {"batch_size": 8})
    job, file = Job(str(tiny_data), "inter", "defaults", 0, finetune, epochs=1), tmp_path / "rows"
    for _ in range(2):
        terms.run([job], file)
    (row,) = map(json.loads, file.read_text().splitlines())
    assert 0 < row["map"] <= 1 and row["frozen"] is not finetune
    assert row["config"]["category_weight"] == 0 and list(row["by_epoch"]) == ["1"]
    assert ("cosine_backbone" in row["by_epoch"]["1"]) == finetune
