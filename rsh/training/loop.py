"""The training loop of every method, on Lightning Fabric."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from timm.optim import param_groups_layer_decay  # type: ignore[attr-defined]
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from rsh.config import TrainConfig
from rsh.errors import InputError
from rsh.models.backbone import Backbone
from rsh.models.hashnet import HashNet
from rsh.models.losses.multilevel import Embedding
from rsh.models.losses.targets import Targets
from rsh.training.batches import Batch, TwoViewBatches
from rsh.training.checkpoint import Record, load_checkpoint, save_checkpoint, write_history
from rsh.training.devices import all_gather, make_fabric
from rsh.training.memory import keep_freed_memory

Loss = Callable[[Embedding, Embedding, Targets], dict[str, Tensor]]
Val = Callable[[Any], Record]  # metrics of the module that is trained
Watch = Callable[[Sequence[Record], int], object]  # records so far, total epochs
VALIDATE_EVERY = 10  # epochs
SAVE_AFTER = 30  # seconds since the last checkpoint


@dataclass(frozen=True)
class TrainState:
    """Everything that a training step changes or uses.

    Attributes:
        module: view -> Embedding, wrapped by Fabric.
        loss: function of two embeddings and targets.
        optimizer: wrapped by Fabric.
        schedule: learning rate schedule.
        average: moving average of the module's weights, or None.
        fabric: device, precision, processes.
    """

    module: Any
    loss: Loss
    optimizer: Any
    schedule: torch.optim.lr_scheduler.LRScheduler
    average: AveragedModel | None
    fabric: Fabric

    @property
    def best(self) -> nn.Module:
        """The module to validate and keep: the average, if there is one."""
        best: nn.Module = self.average.module if self.average else self.module.module
        return best

    def checkpointed(self) -> dict[str, Any]:
        """Return the parts that a checkpoint stores, by name."""
        parts = {"module": self.module, "optimizer": self.optimizer, "schedule": self.schedule}
        if isinstance(self.loss, nn.Module):
            parts["loss"] = self.loss
        if self.average:
            parts["average"] = self.average
        return parts


def fit(
    module: nn.Module,
    batches: TwoViewBatches,
    config: TrainConfig,
    *,
    loss: Loss,
    val: Val | None = None,
    folder: Path | None = None,
    resume: bool = False,
    progress: bool = True,
    watch: Watch | None = None,
    fabric: Fabric | None = None,
) -> list[Record]:
    """Train a module on two-view batches.

    Args:
        module: view -> Embedding; changed in place. At the end it has the averaged weights, if
            the settings ask for an average.
        batches: training batches.
        config: settings.
        loss: function of two embeddings and targets; its own weights are trained as well.
        val: returns metrics of a module on validation tiles; called every ten epochs and at the
            end.
        folder: where history.jsonl and last.ckpt are written; None writes nothing.
        resume: continue from last.ckpt.
        progress: show a bar.
        watch: called after each epoch with all records so far and the total number of epochs,
            such as `rsh.LiveCurves()`.
        fabric: where to train; None uses one device.

    Returns:
        One record per epoch.

    Raises:
        InputError: the checkpoint cannot be read, or the loss is not finite.
    """
    fabric = fabric or make_fabric(config)
    batches = batches.to(fabric.device)
    state = set_up(module, config, loss, fabric, num_batches=len(batches.sampler))
    history = load_checkpoint(folder, state.checkpointed()) if folder and resume else []
    if folder and history and fabric.is_global_zero:
        write_history(folder, history)  # it is one save behind if the run was killed in between
    epochs = tqdm(
        range(len(history), config.epochs),
        initial=len(history),
        total=config.epochs,
        unit="epoch",
        disable=not (progress and fabric.is_global_zero),
    )
    saved = time.monotonic()
    for epoch in epochs:
        record = train_one_epoch(state, batches, config, epoch)
        milestone = (epoch + 1) % VALIDATE_EVERY == 0 or epoch + 1 == config.epochs
        if val and milestone:
            record |= val(state.best)
        history.append({"epoch": float(epoch)} | record)
        due = milestone or time.monotonic() - saved > SAVE_AFTER
        if folder and due and fabric.is_global_zero:
            save_checkpoint(folder, state.checkpointed(), history)
            saved = time.monotonic()
        epochs.set_postfix({name: f"{value:.3g}" for name, value in record.items()})
        if watch and fabric.is_global_zero:
            watch(history, config.epochs)
    module.load_state_dict(state.best.state_dict())
    return history


def set_up(
    module: nn.Module, config: TrainConfig, loss: Loss, fabric: Fabric, *, num_batches: int
) -> TrainState:
    """Move module and loss to the device; create optimizer, schedule and average.

    The learning rate warms up to its peak and then decays like a cosine. The moving average of the
    weights, which generalizes better, is there if the settings ask for it.

    Args:
        module: view -> Embedding.
        config: settings.
        loss: function of two embeddings and targets.
        fabric: where to train.
        num_batches: batches in an epoch, which decide the length of the schedule.

    Source: of the average, Polyak and Juditsky 1992; Tarvainen and Valpola 2017,
        https://arxiv.org/abs/1703.01780
    """
    if fabric.world_size > 1 and fabric.device.type == "cuda":
        module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
    loss_module = fabric.to_device(loss) if isinstance(loss, nn.Module) else nn.Module()
    optimizer = make_optimizer(module, loss_module, config)
    steps = config.epochs * -(-num_batches // config.grad_accum_steps)
    peaks = [group["lr"] for group in optimizer.param_groups]
    schedule = OneCycleLR(optimizer, peaks, total_steps=steps, pct_start=config.warmup_fraction)
    wrapped_module, wrapped_optimizer = fabric.setup(module, optimizer)
    average = None
    if config.ema_decay:
        mean = get_ema_multi_avg_fn(config.ema_decay)  # type: ignore[no-untyped-call]
        average = AveragedModel(module, multi_avg_fn=mean, use_buffers=True)
    return TrainState(wrapped_module, loss, wrapped_optimizer, schedule, average, fabric)


def train_one_epoch(
    state: TrainState, batches: TwoViewBatches, config: TrainConfig, epoch: int
) -> Record:
    """Train on every batch of an epoch once; the random numbers depend on seed and epoch alone.

    Args:
        state: changed in place.
        batches: training batches, on the device of the state.
        config: settings.
        epoch: its number, from 0.

    Returns:
        The mean of each loss term, the last learning rate, and tiles per second.

    Raises:
        InputError: the loss is not finite.
    """
    fabric, num_batches = state.fabric, len(batches.sampler)
    state.module.train()
    steps: list[dict[str, Tensor]] = []
    rows: list[Tensor] = []
    start = time.perf_counter()
    shards = batches.epoch(epoch, rank=fabric.global_rank, world=fabric.world_size)
    with torch.random.fork_rng(), keep_freed_memory(shards) as kept_shards:
        torch.manual_seed(config.seed * 1_000_003 + epoch)  # so that resuming is exact
        for number, batch in enumerate(kept_shards, start=1):
            is_step = number % config.grad_accum_steps == 0 or number == num_batches
            with fabric.no_backward_sync(state.module, enabled=not is_step):
                terms = _loss_terms(state, batch)
                fabric.backward(terms["total"] / config.grad_accum_steps)
            if is_step:
                _step(state)
            steps.append({name: value.detach() for name, value in terms.items()})
            rows.append(batch.rows)
    # read the values once per epoch: reading them in each step would leave a GPU idle
    values = {name: torch.stack([step[name] for step in steps]).cpu() for name in steps[0]}
    _check_finite(values["total"], rows, batches.ids)
    speed = sum(map(len, rows)) * fabric.world_size / (time.perf_counter() - start)
    rate = float(state.schedule.get_last_lr()[0])
    mean = {name: float(value.double().mean()) for name, value in values.items()}
    return mean | {"learning_rate": rate, "tiles_per_second": speed}


def _loss_terms(state: TrainState, batch: Batch) -> dict[str, Tensor]:
    """Return the loss terms of a batch, with the contrast over all processes."""
    # both branches in one forward pass, so that batch statistics cover all views
    both = state.module(torch.cat([batch.view0, batch.view1]))
    features0, features1 = both.features.float().chunk(2)
    relaxed0, relaxed1 = both.relaxed.float().chunk(2)
    view0, view1 = Embedding(features0, relaxed0), Embedding(features1, relaxed1)
    targets = batch.targets
    if state.fabric.world_size > 1:
        gather = partial(all_gather, state.fabric)
        view0, view1 = Embedding(*map(gather, view0)), Embedding(*map(gather, view1))
        targets = targets.map(gather)
    return state.loss(view0, view1, targets)


def _step(state: TrainState) -> None:
    state.optimizer.step()
    state.optimizer.zero_grad()
    state.schedule.step()
    if state.average:
        state.average.update_parameters(state.module.module)


def _check_finite(totals: Tensor, rows: list[Tensor], ids: Sequence[str]) -> None:
    """Name the tiles of the first batch whose loss is not finite."""
    wrong = (~torch.isfinite(totals)).nonzero()
    if len(wrong):
        first = int(wrong[0])
        tiles = ", ".join(ids[row] for row in rows[first][:3].tolist())
        raise InputError(
            f"the loss became {float(totals[first])} in the batch of {tiles} ...: "
            "lower --learning-rate; the last checkpoint is kept"
        )


def make_optimizer(module: nn.Module, loss: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """Return AdamW over the weights of a module and of its loss.

    The learning rate of a backbone layer falls with its distance from the head, because edges and
    textures learned on ImageNet also occur in tiles.

    Args:
        module: a HashNet, whose backbone has its own learning rates, or any other module.
        loss: may have weights, such as a classifier.
        config: learning rates and weight decay.
    """
    head = module.head if isinstance(module, HashNet) else module
    groups: list[dict[str, Any]] = [{"params": [*head.parameters(), *loss.parameters()]}]
    if isinstance(module, HashNet) and isinstance(module.backbone, Backbone):
        top = config.learning_rate * config.backbone_lr_scale
        for group in param_groups_layer_decay(
            module.backbone.network,
            weight_decay=config.weight_decay,
            layer_decay=config.layer_decay,
        ):
            scale = group["lr_scale"]
            decay = group["weight_decay"]
            groups.append({"params": group["params"], "lr": top * scale, "weight_decay": decay})
    return torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
