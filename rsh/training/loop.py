"""The loop that every method goes through: one visible loop over pairs, on Lightning Fabric."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.fabric import Fabric
from timm.optim import param_groups_layer_decay  # type: ignore[attr-defined]
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from rsh.config import TrainConfig
from rsh.errors import InputError
from rsh.models.hashnet import HashNet
from rsh.models.losses.multilevel import Embedding
from rsh.training.batches import Batch, Pairs
from rsh.training.checkpoint import Record, load_checkpoint, save_checkpoint, write_history
from rsh.training.devices import all_gather, make_fabric
from rsh.training.memory import give_back_if_scarce, memory_kept

Loss = Callable[[Embedding, Embedding, Tensor], dict[str, Tensor]]
Val = Callable[[nn.Module], float]
Watch = Callable[[Sequence[Record], int], object]  # records so far, epochs in all
VALIDATE_EVERY = 10  # epochs
SAVE_AFTER = 30  # seconds without a checkpoint


class TrainState(NamedTuple):
    """All that a step works with; what has a state goes into a checkpoint.

    Attributes:
        module: view -> Embedding, as Fabric has set it up.
        loss: of two embeddings and labels.
        optimizer: as Fabric has set it up.
        schedule: of the learning rates.
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
        """The module to measure and keep: the average, where there is one."""
        best: nn.Module = self.average.module if self.average else self.module.module
        return best

    def stateful(self) -> dict[str, Any]:
        """Return the parts that a checkpoint holds."""
        names = ("module", "loss", "optimizer", "schedule", "average")
        parts = {name: getattr(self, name) for name in names}
        return {name: part for name, part in parts.items() if hasattr(part, "state_dict")}


@memory_kept()
def fit(
    module: nn.Module,
    pairs: Pairs,
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
    """Train a module on batches of two views: the loop that every method goes through.

    Args:
        module: view -> Embedding; changed in place, in the end to the average if there is one.
        pairs: its batches.
        config: settings.
        loss: of two embeddings and labels; weights of its own are learned, too.
        val: of a module, its mAP on validation tiles; called every ten epochs and at the end.
        folder: where history.jsonl and last.ckpt go; None keeps nothing.
        resume: go on from last.ckpt.
        progress: show a bar.
        watch: called after each epoch with all records so far and the number of epochs there will
            be, such as `rsh.LiveCurves()`.
        fabric: where it runs; None takes one device.

    Returns:
        One record an epoch.

    Raises:
        InputError: nothing to resume from, or a loss that is not finite.
    """
    fabric = fabric or make_fabric(config)
    parts = set_up(module, pairs, config, loss, fabric)
    history = load_checkpoint(folder, parts.stateful()) if folder and resume else []
    if folder and history and fabric.is_global_zero:
        write_history(folder, history)  # a kill may have come between the checkpoint and it
    epochs = tqdm(
        range(len(history), config.epochs),
        initial=len(history),
        total=config.epochs,
        unit="epoch",
        disable=not (progress and fabric.is_global_zero),
    )
    saved = time.monotonic()
    for epoch in epochs:
        record = train_one_epoch(parts, pairs, config, epoch)
        milestone = (epoch + 1) % VALIDATE_EVERY == 0 or epoch + 1 == config.epochs
        if val and milestone:
            record["val_map"] = val(parts.best)
        history.append({"epoch": float(epoch)} | record)
        due = milestone or time.monotonic() - saved > SAVE_AFTER
        if folder and due and fabric.is_global_zero:
            save_checkpoint(folder, parts.stateful(), history)
            saved = time.monotonic()
        epochs.set_postfix({name: f"{value:.3g}" for name, value in record.items()})
        if watch and fabric.is_global_zero:
            watch(history, config.epochs)
    module.load_state_dict(parts.best.state_dict())
    return history


def set_up(
    module: nn.Module, pairs: Pairs, config: TrainConfig, loss: Loss, fabric: Fabric
) -> TrainState:
    """Bring module, pairs and loss to the device, and make what changes the weights."""
    if fabric.world_size > 1 and fabric.device.type == "cuda":
        module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
    pairs.to(fabric.device, rank=fabric.global_rank, world=fabric.world_size)
    learns = fabric.to_device(loss) if isinstance(loss, nn.Module) else nn.Module()
    optimizer = make_optimizer(module, learns, config)
    steps = config.epochs * -(-len(pairs) // config.grad_accum_steps)
    schedule = make_schedule(optimizer, config, steps=steps)
    student, fast = fabric.setup(module, optimizer)
    return TrainState(student, loss, fast, schedule, make_ema(module, config), fabric)


def train_one_epoch(parts: TrainState, pairs: Pairs, config: TrainConfig, epoch: int) -> Record:
    """Go through the batches once, with random numbers that the epoch decides.

    Args:
        parts: are changed.
        pairs: the batches.
        config: settings.
        epoch: its number, from 0.

    Returns:
        The mean of each loss term, the last learning rate, and tiles per second.

    Raises:
        InputError: the loss was not finite.
    """
    parts.module.train()
    steps: list[dict[str, Tensor]] = []
    rows: list[Tensor] = []
    start = time.perf_counter()
    with torch.random.fork_rng():
        torch.manual_seed(config.seed * 1_000_003 + epoch)  # so that a resume is exact
        for number, batch in enumerate(pairs.epoch(epoch), start=1):
            is_step = number % config.grad_accum_steps == 0 or number == len(pairs)
            with parts.fabric.no_backward_sync(parts.module, enabled=not is_step):
                terms = _terms(parts, batch)
                parts.fabric.backward(terms["total"] / config.grad_accum_steps)
            if is_step:
                _step(parts)
            give_back_if_scarce()
            steps.append({name: value.detach() for name, value in terms.items()})
            rows.append(batch.rows)
    # one look at the numbers an epoch: to wait for each would leave a GPU idle
    values = {name: torch.stack([step[name] for step in steps]).cpu() for name in steps[0]}
    _check_finite(values["total"], rows, pairs)
    speed = sum(map(len, rows)) * parts.fabric.world_size / (time.perf_counter() - start)
    rate = float(parts.schedule.get_last_lr()[0])
    mean = {name: float(value.double().mean()) for name, value in values.items()}
    return mean | {"learning_rate": rate, "tiles_per_second": speed}


def _terms(parts: TrainState, batch: Batch) -> dict[str, Tensor]:
    """Return the loss terms of a batch, contrasted over all processes."""
    # both branches in one pass: batch statistics are those of all views
    both = parts.module(torch.cat([batch.view0, batch.view1]))
    views = [Embedding(*(part.float().chunk(2)[i] for part in both)) for i in (0, 1)]
    labels = batch.labels
    if parts.fabric.world_size > 1:
        views = [Embedding(*(all_gather(parts.fabric, part) for part in view)) for view in views]
        labels = all_gather(parts.fabric, labels)
    return parts.loss(views[0], views[1], labels)


def _step(parts: TrainState) -> None:
    parts.optimizer.step()
    parts.optimizer.zero_grad()
    parts.schedule.step()
    if parts.average:
        parts.average.update_parameters(parts.module.module)


def _check_finite(totals: Tensor, rows: list[Tensor], pairs: Pairs) -> None:
    """Name the tiles of the first batch whose loss was not finite."""
    wrong = (~torch.isfinite(totals)).nonzero()
    if len(wrong):
        first = int(wrong[0])
        tiles = ", ".join(pairs.ids[row] for row in rows[first][:3].tolist())
        raise InputError(
            f"the loss became {float(totals[first])} in the batch of {tiles} ...: "
            "lower --learning-rate; the last checkpoint is kept"
        )


def make_optimizer(module: nn.Module, loss: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """Return AdamW over a module and what its loss learns.

    The layers of a backbone learn more slowly the further they are from the head: what they know
    of edges and textures holds for tiles, too.

    Args:
        module: a HashNet, whose backbone has rates of its own, or any other module.
        loss: may have weights, such as a classifier.
        config: rates and weight decay.
    """
    head = module.head if isinstance(module, HashNet) else module
    groups: list[dict[str, Any]] = [{"params": [*head.parameters(), *loss.parameters()]}]
    if isinstance(module, HashNet):
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


def make_schedule(
    optimizer: torch.optim.Optimizer, config: TrainConfig, *, steps: int
) -> OneCycleLR:
    """Return a schedule that warms every rate up to its peak and takes it down by a cosine."""
    peaks = [group["lr"] for group in optimizer.param_groups]
    return OneCycleLR(optimizer, peaks, total_steps=steps, pct_start=config.warmup_fraction)


def make_ema(module: nn.Module, config: TrainConfig) -> AveragedModel | None:
    """Return a moving average of a module's weights, which generalizes better than the last ones.

    Returns:
        None where `config.ema_decay` is 0.

    Source: Polyak and Juditsky 1992; Tarvainen and Valpola 2017, https://arxiv.org/abs/1703.01780
    """
    if not config.ema_decay:
        return None
    mean = get_ema_multi_avg_fn(config.ema_decay)  # type: ignore[no-untyped-call]
    return AveragedModel(module, multi_avg_fn=mean, use_buffers=True)
