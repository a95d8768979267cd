from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rsh.codes import binarize, pack
from rsh.config import TrainConfig
from rsh.errors import InputError
from rsh.losses import MultiLevelLoss
from rsh.metrics import count, mean_average_precision
from rsh.model import HashHead, HashNet, apply_head, fingerprint
from rsh.scenes import Split
from rsh.training import ViewPairs, fit, loss_of, train

CLASSES, TILES, WIDTH, BITS = 4, 20, 12, 8
CONFIG = TrainConfig(epochs=25, batch_size=32, views=3)
TERMS = {"category", "inter", "intra", "quantization", "total"}


def clusters(seed: int, *, views: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A bank whose classes are overlapping Gaussian clouds, and its labels."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(CLASSES, WIDTH))
    labels = np.repeat(np.arange(CLASSES), TILES)
    tiles = centres[labels] + 0.5 * rng.normal(size=(len(labels), WIDTH))
    bank = tiles[:, None] + 0.2 * rng.normal(size=(len(labels), views, WIDTH))
    return bank.astype(np.float16), labels


def head(seed: int = 0) -> HashHead:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return HashHead(WIDTH, num_bits=BITS, hidden=32, feature_dim=8)


def pairs(config: TrainConfig = CONFIG) -> ViewPairs:
    return ViewPairs(*clusters(0), config)


def val_map(module: HashHead) -> float:
    (train_bank, labels), (val_bank, val_labels) = clusters(0), clusters(1)
    gallery, query = (
        pack(binarize(apply_head(module, bank[:, 0]).relaxed)) for bank in (train_bank, val_bank)
    )
    return mean_average_precision(count(query, gallery, val_labels, labels, num_bits=BITS))


def test_loss_falls_and_map_on_unseen_tiles_rises_far_above_chance():
    module = head()
    before = val_map(module)
    history = fit(module, pairs(), CONFIG, val=lambda: val_map(module), progress=False)
    assert history[-1]["total"] < 0.6 * history[0]["total"]
    assert history[-1]["val_map"] == val_map(module)
    assert history[-1]["val_map"] > max(0.9, before + 0.1)  # one class in four by chance


def test_history_has_one_record_an_epoch():
    module = head()
    history = fit(module, pairs(), CONFIG, val=lambda: val_map(module), progress=False)
    assert [record["epoch"] for record in history] == list(range(25))
    assert [r["epoch"] for r in history if "val_map" in r] == [9, 19, 24]
    for record in history:
        assert set(record) - {"val_map"} == TERMS | {"epoch", "learning_rate"}
        assert all(isinstance(value, float) for value in record.values())
    rates = [record["learning_rate"] for record in history]
    assert max(rates) <= CONFIG.learning_rate
    assert rates[-1] < rates[0] < max(rates)  # one cycle: up, then down to almost nothing


def test_total_of_a_record_is_the_weighted_sum_of_its_terms():
    for record in fit(head(), pairs(), CONFIG, progress=False):
        weighted = sum(
            getattr(CONFIG, f"{name}_weight") * record[name] for name in TERMS - {"total"}
        )
        assert record["total"] == pytest.approx(weighted, rel=1e-5)


def test_equal_seeds_give_equal_weights_and_other_seeds_others():
    runs = []
    for seed in (3, 3, 4):
        module, config = head(), TrainConfig(epochs=3, batch_size=32, seed=seed)
        torch.manual_seed(len(runs))  # whatever was drawn before does not matter
        fit(module, ViewPairs(*clusters(0), config), config, progress=False)
        runs.append(fingerprint(module))
    assert runs[0] == runs[1] != runs[2]


def test_training_leaves_the_global_random_state_alone():
    state = torch.random.get_rng_state()
    fit(head(), pairs(), TrainConfig(epochs=2, batch_size=32), progress=False)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_resumed_training_ends_with_the_weights_of_an_unbroken_one(tmp_path: Path, stop_at: int):
    unbroken = head()
    expected = fit(unbroken, pairs(), CONFIG, val=lambda: val_map(unbroken), progress=False)
    module, calls = head(), []

    def val() -> float:
        calls.append(1)
        if len(calls) == stop_at:
            raise KeyboardInterrupt
        return val_map(module)

    with pytest.raises(KeyboardInterrupt):
        fit(module, pairs(), CONFIG, val=val, folder=tmp_path, progress=False)
    module = head(seed=7)  # the weights come from the checkpoint, if there is one
    if stop_at == 1:
        assert not (tmp_path / "last.ckpt").exists()
        module = head()
    torch.manual_seed(1234)
    history = fit(module, pairs(), CONFIG, val=val, folder=tmp_path, resume=True, progress=False)
    assert history == expected
    assert fingerprint(module) == fingerprint(unbroken)


def test_resuming_a_finished_training_changes_nothing(tmp_path: Path):
    module = head()
    history = fit(module, pairs(), CONFIG, folder=tmp_path, progress=False)
    other = head(seed=7)
    again = fit(other, pairs(), CONFIG, folder=tmp_path, resume=True, progress=False)
    assert again == history
    assert fingerprint(other) == fingerprint(module)


@pytest.mark.parametrize("share", [0, 0.2, 0.9])
def test_checkpoint_cut_short_is_named_with_the_way_out(tmp_path: Path, share: float):
    fit(head(), pairs(), CONFIG, folder=tmp_path, progress=False)
    file = tmp_path / "last.ckpt"
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="delete it to start afresh") as error:
        fit(head(), pairs(), CONFIG, folder=tmp_path, resume=True, progress=False)
    assert str(file) in str(error.value)


@pytest.mark.parametrize("value", [[1, 2], {"module": {}}, {"history": []}])
def test_file_that_is_no_checkpoint_is_named(tmp_path: Path, value):
    torch.save(value, tmp_path / "last.ckpt")
    with pytest.raises(InputError, match=r"last\.ckpt cannot be resumed from"):
        fit(head(), pairs(), CONFIG, folder=tmp_path, resume=True, progress=False)


def test_checkpoint_of_another_network_is_refused(tmp_path: Path):
    fit(head(), pairs(), CONFIG, folder=tmp_path, progress=False)
    other = HashHead(WIDTH, num_bits=BITS * 2, hidden=32, feature_dim=8)
    with pytest.raises(InputError, match=r"last\.ckpt cannot be resumed from"):
        fit(other, pairs(), CONFIG, folder=tmp_path, resume=True, progress=False)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_loss_that_is_not_finite_ends_the_training(value: float):
    def broken(view0, view1, labels):
        return MultiLevelLoss()(view0, view1, labels) | {"total": view0.relaxed.sum() * value}

    with pytest.raises(InputError, match=r"the loss became -?(nan|inf): lower --learning-rate"):
        fit(head(), pairs(), CONFIG, loss=broken, progress=False)


def test_pairs_are_two_different_views_of_the_same_tiles():
    bank = np.arange(CLASSES * TILES * 3, dtype=np.float16).reshape(-1, 3, 1)
    labels = clusters(0)[1]
    for view0, view1, y in ViewPairs(bank, labels, CONFIG).epoch(0):
        tiles = [(view[:, 0] // 3).long() for view in (view0, view1)]
        assert torch.equal(*tiles)
        assert (view0 != view1).all()
        assert torch.equal(y, torch.from_numpy(labels)[tiles[0]])


def test_one_view_a_tile_is_too_few():
    with pytest.raises(InputError, match="views=1: two branches need at least 2"):
        ViewPairs(*clusters(0, views=1), CONFIG)


def test_one_class_cannot_be_trained_on():
    with pytest.raises(InputError, match="one class"):
        ViewPairs(clusters(0)[0], np.zeros(CLASSES * TILES, np.int64), CONFIG)


def test_settings_describe_the_loss():
    config = TrainConfig(
        category_weight=0.1, inter_weight=0.2, intra_weight=0.3, quantization_weight=0.4,
        feature_temperature=0.5, code_temperature=0.6,
    )  # fmt: skip
    assert loss_of(config) == MultiLevelLoss(0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    assert loss_of(TrainConfig()) == MultiLevelLoss()


@pytest.mark.parametrize("option", ["epochs", "batch_size", "views"])
def test_setting_of_zero_is_named(tiny_split, option: str):
    net = HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8)
    settings = {"epochs": 1, "batch_size": 16, "views": 3} | {option: 0}
    with pytest.raises(InputError, match=f"{option}=0"):
        train(net, tiny_split, TrainConfig(**settings), progress=False)


@pytest.mark.parametrize("option", ["feature_temperature", "code_temperature"])
def test_temperature_of_zero_is_named(option: str):
    with pytest.raises(InputError, match=f"{option}=0.0"):
        TrainConfig(epochs=1, batch_size=32, **{option: 0.0})


def test_training_on_real_tiles_leaves_a_better_network(tiny_run):
    assert tiny_run.history[-1]["total"] < tiny_run.history[0]["total"]
    assert tiny_run.history[-1]["val_map"] > 0.4  # one class in four by chance
    assert [r["epoch"] for r in tiny_run.history if "val_map" in r] == [9, 19]


def test_queries_are_not_looked_at(tiny_split):
    """Other labels on the query tiles change neither the weights nor the history."""
    items = tiny_split.scenes.items.copy()
    query = items["split"] == "query"
    items.loc[query, "class"] = items.loc[query, "class"].to_numpy()[::-1]
    outcomes = []
    for split in (tiny_split, Split(replace(tiny_split.scenes, items=items, _archives={}))):
        net = HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8)
        config = TrainConfig(epochs=2, batch_size=16, views=3)
        outcomes.append((train(net, split, config, progress=False), fingerprint(net.head)))
    assert outcomes[0] == outcomes[1]


def test_backbone_stays_as_it_was(tiny_split):
    net = HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8)
    before = fingerprint(net.backbone), fingerprint(net.head)
    train(net, tiny_split, TrainConfig(epochs=1, batch_size=16, views=3), progress=False)
    assert fingerprint(net.backbone) == before[0]
    assert fingerprint(net.head) != before[1]
    assert not any(module.training for module in net.modules())
