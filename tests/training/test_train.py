from dataclasses import replace

import numpy as np
import pytest
import torch
from make_training import timeless
from refusals import refused

from rsh.config import TrainConfig
from rsh.data.dataset import Split
from rsh.data.decoded import decoded_tiles
from rsh.models.hashnet import HashNet, fingerprint
from rsh.models.losses.baselines import BASELINES
from rsh.models.losses.multilevel import MultiLevelLoss
from rsh.training.feature_cache import cached_features
from rsh.training.train import make_loss, train


def small(seed: int = 0) -> HashNet:
    return HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8, seed=seed)


def test_settings_describe_the_loss():
    config = TrainConfig(
        category_weight=0.1, inter_weight=0.2, intra_weight=0.3, quantization_weight=0.4,
        feature_temperature=0.5, code_temperature=0.6,
    )  # fmt: skip
    assert make_loss(config, 4, 8) == MultiLevelLoss(0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    assert make_loss(TrainConfig(), 4, 8) == MultiLevelLoss()


@pytest.mark.parametrize("option", ["epochs", "batch_size", "cached_views"])
def test_setting_of_zero_is_named(tiny_split, option: str):
    net = small()
    settings = {"epochs": 1, "batch_size": 16, "cached_views": 3} | {option: 0}
    with refused(names=(option, 0)):
        train(net, tiny_split, TrainConfig(**settings), progress=False)


@pytest.mark.parametrize("option", ["feature_temperature", "code_temperature"])
def test_temperature_of_zero_is_named(option: str):
    with refused(names=(option, "0.0")):
        TrainConfig(epochs=1, batch_size=32, **{option: 0.0})


def test_training_on_real_tiles_leaves_a_better_network(tiny_run):
    assert tiny_run.history[-1]["total"] < tiny_run.history[0]["total"]
    assert tiny_run.history[-1]["val_map"] > 0.4  # one class in four by chance
    assert [r["epoch"] for r in tiny_run.history if "val_map" in r] == [9, 19]


def test_queries_are_not_looked_at(tiny_split):
    """Other labels on the query tiles change neither the weights nor the history."""
    items = tiny_split.dataset.items.copy()
    query = items["split"] == "query"
    items.loc[query, "class"] = items.loc[query, "class"].to_numpy()[::-1]
    outcomes = []
    for split in (tiny_split, Split(replace(tiny_split.dataset, items=items))):
        net = small()
        config = TrainConfig(epochs=2, batch_size=16, cached_views=3)
        outcomes.append(
            (timeless(train(net, split, config, progress=False)), fingerprint(net.head))
        )
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("finetune", [False, True])
def test_validation_embeds_no_query(tiny_split, monkeypatch, finetune: bool):
    """Networks refuse the tiles of the query split, and their features are spoiled."""
    query = {
        tile.tobytes() for tile in decoded_tiles(tiny_split.dataset, 32)[tiny_split.rows("query")]
    }
    assert len(query) == len(tiny_split.rows("query"))
    encode, features = HashNet.encode, cached_features

    def refusing(net: HashNet, tiles: torch.Tensor):
        assert not query & {tile.cpu().numpy().tobytes() for tile in tiles}
        return encode(net, tiles)

    def spoiled(*args, **options) -> np.ndarray:
        found = np.array(features(*args, **options))
        found[tiny_split.rows("query")] = np.nan
        return found

    monkeypatch.setattr(HashNet, "encode", refusing)
    monkeypatch.setattr("rsh.training.train.cached_features", spoiled)
    config = TrainConfig(finetune=finetune, epochs=1, batch_size=16, cached_views=2)
    (record,) = train(small(), tiny_split, config, progress=False)
    assert 0 < record["val_map"] <= 1


def test_backbone_stays_as_it_was(tiny_split):
    net = small()
    before = fingerprint(net.backbone), fingerprint(net.head)
    train(net, tiny_split, TrainConfig(epochs=1, batch_size=16, cached_views=3), progress=False)
    assert fingerprint(net.backbone) == before[0]
    assert fingerprint(net.head) != before[1]
    assert not any(module.training for module in net.modules())


@pytest.mark.parametrize("finetune", [False, True])
def test_validation_tiles_are_learned_from_only_if_asked(tiny_split, finetune: bool):
    """Without labels that contradict each other on them, the weights tell who was looked at."""
    items = tiny_split.dataset.items.copy()
    val = items["split"] == "val"
    items.loc[val, "class"] = items.loc[val, "class"].to_numpy()[::-1]
    other = Split(replace(tiny_split.dataset, items=items))
    for train_on_val in (False, True):
        config = TrainConfig(
            finetune=finetune, train_on_val=train_on_val, epochs=1, batch_size=16, cached_views=2
        )
        nets = [small(), small()]
        for net, split in zip(nets, (tiny_split, other), strict=True):
            (record,) = train(net, split, config, progress=False)
            assert ("val_map" in record) != train_on_val
        assert (fingerprint(nets[0]) != fingerprint(nets[1])) == train_on_val


@pytest.mark.parametrize("method", BASELINES)
def test_every_method_goes_through_the_same_loop(tiny_split, method: str):
    net = small()
    config = TrainConfig(method=method, epochs=2, batch_size=16, cached_views=2)
    history = train(net, tiny_split, config, progress=False)
    assert history[-1]["val_map"] > 0.2
    assert {"total", "learning_rate"} <= set(history[0])


def test_finetuning_changes_every_layer_and_early_ones_least(tiny_split):
    net, before = small(), small()
    config = TrainConfig(finetune=True, epochs=2, batch_size=16, ema_decay=0.5)
    history = train(net, tiny_split, config, progress=False)
    assert history[-1]["val_map"] > 0.2
    change = {
        name: ((weight - old).norm() / old.norm()).item()
        for (name, weight), old in zip(
            net.backbone.network.named_parameters(), before.backbone.parameters(), strict=True
        )
        if weight.ndim == 4
    }
    early, late = change["conv_stem.weight"], change["conv_head.weight"]
    assert 0 < early < late / 10
    assert all(value > 0 for value in change.values())


def test_a_network_learns_on_with_its_backbone_once_its_head_has_learned(tiny_split):
    net, config = small(), TrainConfig(epochs=1, batch_size=16, cached_views=3)
    train(net, tiny_split, config, progress=False)
    before = fingerprint(net.backbone)
    train(net, tiny_split, replace(config, finetune=True), progress=False)
    assert fingerprint(net.backbone) != before


@pytest.mark.slow
def test_finetuning_resumes_with_the_weights_of_an_unbroken_run(tiny_split, tmp_path, monkeypatch):
    monkeypatch.setattr("rsh.training.loop.VALIDATE_EVERY", 1)
    config = TrainConfig(finetune=True, epochs=3, batch_size=16, ema_decay=0.5)
    unbroken = small()
    expected = train(unbroken, tiny_split, config, progress=False)
    calls = []

    def stopping(*args) -> float:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return 0.0

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("rsh.training.train.val_map", stopping)
        train(small(), tiny_split, config, run=tmp_path / "run", progress=False)
    net = small(seed=4)
    history = train(net, tiny_split, config, run=tmp_path / "run", resume=True, progress=False)
    assert fingerprint(net) == fingerprint(unbroken)
    assert history[-1]["total"] == expected[-1]["total"]


def of_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory")  # what PyTorch raises, where there is one


@pytest.mark.parametrize("take", [of_a_gpu, lambda: torch.empty(10**15)])
def test_too_little_memory_suggests_a_smaller_batch(tiny_split, monkeypatch, take):
    def full(*_: object, **__: object) -> None:
        take()

    monkeypatch.setattr("rsh.training.loop._loss_terms", full)
    with refused("batch_size", value=16, names=8):
        train(small(), tiny_split, TrainConfig(batch_size=16, cached_views=2), progress=False)


def test_other_errors_of_a_device_are_not_taken_for_too_little_memory(tiny_split, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("an illegal instruction")

    monkeypatch.setattr("rsh.training.loop._loss_terms", broken)
    with pytest.raises(RuntimeError, match="an illegal instruction"):
        train(small(), tiny_split, TrainConfig(batch_size=16, cached_views=2), progress=False)
