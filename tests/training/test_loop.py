from pathlib import Path

import pytest
import torch
from make_training import BITS, CONFIG, WIDTH, clusters, head, pairs, timeless, val_map, validation
from refusals import refused

from rsh.config import TrainConfig
from rsh.models.hashnet import fingerprint
from rsh.models.head import HashHead
from rsh.models.losses.baselines import HashNetLoss
from rsh.models.losses.multilevel import MultiLevelLoss
from rsh.training.batches import FeatureBatches
from rsh.training.loop import fit

TERMS = {"category", "inter", "intra", "quantization", "total"}


def fit_(module, batches, config, **options):
    return fit(module, batches, config, **({"loss": MultiLevelLoss()} | options))


def test_loss_falls_and_map_on_unseen_tiles_rises_far_above_chance():
    module = head()
    before = val_map(module)
    history = fit_(module, pairs(), CONFIG, val=validation, progress=False)
    assert history[-1]["total"] < 0.6 * history[0]["total"]
    assert history[-1]["val_map"] == val_map(module)
    assert history[-1]["val_map"] > max(0.9, before + 0.1)  # one class in four by chance


def test_history_has_one_record_an_epoch():
    module = head()
    history = fit_(module, pairs(), CONFIG, val=validation, progress=False)
    assert [record["epoch"] for record in history] == list(range(25))
    assert [r["epoch"] for r in history if "val_map" in r] == [9, 19, 24]
    for record in history:
        assert set(record) - {"val_map"} == TERMS | {"epoch", "learning_rate", "tiles_per_second"}
        assert all(isinstance(value, float) for value in record.values())
    rates = [record["learning_rate"] for record in history]
    assert max(rates) <= CONFIG.learning_rate
    assert rates[-1] < rates[0] < max(rates)  # one cycle: up, then down to almost nothing


def test_total_of_a_record_is_the_weighted_sum_of_its_terms():
    for record in fit_(head(), pairs(), CONFIG, progress=False):
        weighted = sum(
            getattr(CONFIG, f"{name}_weight") * record[name] for name in TERMS - {"total"}
        )
        assert record["total"] == pytest.approx(weighted, rel=1e-5)


def test_equal_seeds_give_equal_weights_and_other_seeds_others():
    runs = []
    for seed in (3, 3, 4):
        module, config = head(), TrainConfig(epochs=3, batch_size=32, seed=seed)
        torch.manual_seed(len(runs))  # whatever was drawn before does not matter
        fit_(module, FeatureBatches(*clusters(0), config), config, progress=False)
        runs.append(fingerprint(module))
    assert runs[0] == runs[1] != runs[2]


def test_training_leaves_the_global_random_state_alone():
    state = torch.random.get_rng_state()
    fit_(head(), pairs(), TrainConfig(epochs=2, batch_size=32), progress=False)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_resumed_training_ends_with_the_weights_of_an_unbroken_one(tmp_path: Path, stop_at: int):
    unbroken = head()
    expected = fit_(unbroken, pairs(), CONFIG, val=validation, progress=False)
    module, calls = head(), []

    def val(module) -> dict[str, float]:
        calls.append(1)
        if len(calls) == stop_at:
            raise KeyboardInterrupt
        return validation(module)

    with pytest.raises(KeyboardInterrupt):
        fit_(module, pairs(), CONFIG, val=val, folder=tmp_path, progress=False)
    module = head(seed=7)  # the weights come from the checkpoint, if there is one
    if stop_at == 1:
        assert not (tmp_path / "last.ckpt").exists()
        module = head()
    torch.manual_seed(1234)
    history = fit_(module, pairs(), CONFIG, val=val, folder=tmp_path, resume=True, progress=False)
    assert timeless(history) == timeless(expected)
    assert fingerprint(module) == fingerprint(unbroken)


def test_resuming_a_finished_training_changes_nothing(tmp_path: Path):
    module = head()
    history = fit_(module, pairs(), CONFIG, folder=tmp_path, progress=False)
    other = head(seed=7)
    again = fit_(other, pairs(), CONFIG, folder=tmp_path, resume=True, progress=False)
    assert again == history
    assert fingerprint(other) == fingerprint(module)


@pytest.mark.parametrize("share", [0, 0.2, 0.9])
def test_checkpoint_cut_short_is_named_with_the_way_out(tmp_path: Path, share: float):
    fit_(head(), pairs(), CONFIG, folder=tmp_path, progress=False)
    file = tmp_path / "last.ckpt"
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with refused(names="last.ckpt") as error:
        fit_(head(), pairs(), CONFIG, folder=tmp_path, resume=True, progress=False)
    assert str(file) in str(error.value)


@pytest.mark.parametrize("value", [[1, 2], {"module": {}}, {"history": []}])
def test_file_that_is_no_checkpoint_is_named(tmp_path: Path, value):
    torch.save(value, tmp_path / "last.ckpt")
    with refused(names="last.ckpt"):
        fit_(head(), pairs(), CONFIG, folder=tmp_path, resume=True, progress=False)


def test_checkpoint_of_another_network_is_refused(tmp_path: Path):
    fit_(head(), pairs(), CONFIG, folder=tmp_path, progress=False)
    other = HashHead(WIDTH, num_bits=BITS * 2, hidden=32, feature_dim=8)
    with refused(names=("last.ckpt", "hash.weight")):
        fit_(other, pairs(), CONFIG, folder=tmp_path, resume=True, progress=False)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_loss_that_is_not_finite_ends_the_training(value: float):
    def broken(view0, view1, labels):
        return MultiLevelLoss()(view0, view1, labels) | {"total": view0.relaxed.sum() * value}

    with refused(names="row"):
        fit_(head(), pairs(), CONFIG, loss=broken, progress=False)


def test_loss_that_is_not_finite_keeps_the_last_good_checkpoint(tmp_path: Path):
    calls = []

    def breaks(view0, view1, labels):
        calls.append(1)
        terms = MultiLevelLoss()(view0, view1, labels)
        return terms | {"total": terms["total"] * (float("nan") if len(calls) > 25 else 1)}

    config = TrainConfig(epochs=25, batch_size=32, cached_views=3)
    assert len(pairs().sampler) == 2  # so that the thirteenth epoch breaks
    with refused(names="checkpoint"):
        fit_(head(), pairs(), config, loss=breaks, folder=tmp_path, progress=False)
    kept = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert len(kept["history"]) == 10
    assert all(value.isfinite().all() for value in kept["module"].values())


def test_average_of_the_weights_is_what_is_kept_and_measured(tmp_path: Path):
    config = TrainConfig(epochs=3, batch_size=32, ema_decay=0.5)
    module, seen = head(), []
    states = [head().state_dict()]

    def val(best) -> dict[str, float]:
        seen.append(fingerprint(best))
        return {}

    fit_(module, pairs(), config, val=val, folder=tmp_path, progress=False)
    assert seen == [fingerprint(module)]
    last = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert not torch.equal(last["module"]["hash.weight"], module.hash.weight)
    assert torch.equal(last["average"]["module.hash.weight"], module.hash.weight)
    assert not torch.equal(states[0]["hash.weight"], module.hash.weight)


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_a_baseline_that_counts_its_steps_resumes_exactly(tmp_path: Path, ema_decay: float):
    config = TrainConfig(epochs=12, batch_size=32, ema_decay=ema_decay)
    unbroken, broken = head(), head()
    fit_(unbroken, pairs(), config, loss=HashNetLoss(growth=1.0), progress=False)

    def stop(_: object) -> dict[str, float]:
        stop.calls += 1
        if stop.calls == 2:
            raise KeyboardInterrupt
        return {}

    stop.calls = 0
    options = {"folder": tmp_path, "progress": False}
    with pytest.raises(KeyboardInterrupt):
        fit_(broken, pairs(), config, loss=HashNetLoss(growth=1.0), val=stop, **options)
    again = head(seed=5)
    fit_(again, pairs(), config, loss=HashNetLoss(growth=1.0), resume=True, **options)
    assert fingerprint(again) == fingerprint(unbroken)


def test_accumulated_batches_make_one_step():
    """Two batches of a linear loss a step are one step with the mean of their gradients."""
    config = TrainConfig(epochs=1, batch_size=32, grad_accum_steps=2, weight_decay=0.0)
    rates = [fit_(head(), pairs(), config, progress=False)[-1]["learning_rate"]]
    module, steps = head(), []
    step = torch.optim.AdamW.step

    def noting(self, *args, **options):
        steps.append([group["params"][0].grad.clone() for group in self.param_groups])
        return step(self, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", noting)
        fit_(module, pairs(), config, progress=False)
    assert len(steps) == len(pairs().sampler) // 2 == 1
    assert rates[0] < config.learning_rate
