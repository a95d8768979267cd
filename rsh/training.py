"""Training: one visible loop over pairs of views, on Lightning Fabric."""

import json
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from rsh.bank import Bank, view_bank
from rsh.batches import ClassBalancedBatches
from rsh.codes import binarize, pack
from rsh.config import TrainConfig
from rsh.errors import InputError
from rsh.files import check_place, whole_file
from rsh.losses import Embedding, MultiLevelLoss
from rsh.metrics import count, mean_average_precision
from rsh.model import HashNet, apply_head
from rsh.run import Run, check_new_run, describe, finish_run, start_run
from rsh.scenes import Split
from rsh.splits import check_classes
from rsh.views import ViewSpec

Loss = Callable[[Embedding, Embedding, Tensor], dict[str, Tensor]]
Batch = tuple[Tensor, Tensor, Tensor]  # view 0, view 1, labels
Record = dict[str, float]
VALIDATE_EVERY = 10  # epochs
# What torch raises for a file that is cut short, is something else, or fits another network.
CANNOT_LOAD = (
    *(AttributeError, EOFError, IndexError, KeyError, OSError, RuntimeError, TypeError, ValueError),
    pickle.UnpicklingError,
)


def loss_of(config: TrainConfig) -> MultiLevelLoss:
    """Return the loss that the settings describe."""
    names = [field.name for field in fields(MultiLevelLoss)]
    return MultiLevelLoss(**{name: getattr(config, name) for name in names})


class ViewPairs:
    """Class-balanced batches of two different cached views of each tile."""

    def __init__(self, bank: Bank, labels: NDArray[np.int64], config: TrainConfig) -> None:
        """Lay the bank ready.

        Args:
            bank: backbone features, (n, views, num_features) float16.
            labels: class numbers, (n,) int64.
            config: batch size and seed.

        Raises:
            InputError: fewer than two views, or data without contrast.
        """
        if bank.shape[1] < 2:
            raise InputError(f"views={bank.shape[1]}: two branches need at least 2 views a tile")
        check_classes(labels, least=1)
        self.bank, self.labels = torch.from_numpy(np.array(bank)), torch.from_numpy(labels)
        self.batches = ClassBalancedBatches(
            self.labels, batch_size=config.batch_size, seed=config.seed
        )

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield view 0 and view 1, (n, num_features) float, and labels, (n,), batch by batch."""
        for rows in self.batches.epoch(number):
            order = torch.rand(len(rows), self.bank.shape[1]).argsort(dim=1)
            view0, view1 = (self.bank[rows, order[:, branch]].float() for branch in (0, 1))
            yield view0, view1, self.labels[rows]


def train(
    net: HashNet,
    split: Split,
    config: TrainConfig | None = None,
    *,
    run: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
) -> list[Record]:
    """Train the head of a network on cached views, its backbone frozen.

    Args:
        net: is changed in place.
        split: `train` is learned from, `val` is measured on; `query` is not looked at.
        config: settings.
        run: folder for weights, config and history; None keeps nothing.
        resume: go on from the checkpoint in the run folder; the result is that of an unbroken run.
        progress: show a bar with the loss terms.

    Returns:
        One record an epoch: epoch, loss terms, learning_rate, and at times val_map.

    Raises:
        InputError: data that cannot be trained on, a folder that cannot be used, or a loss that
            is not finite.
    """
    config = config or TrainConfig()
    folder = Path(run) if run is not None else None
    if folder and resume:
        check_place(Run.open(folder).folder)
    elif folder:
        check_new_run(folder)
    spec = ViewSpec(net.image_size, config.views, config.strength)
    bank = view_bank(net, split.scenes, spec, progress=progress)
    plain = view_bank(net, split.scenes, ViewSpec(net.image_size), progress=progress)[:, 0]
    rows = split.rows("train")
    pairs = ViewPairs(bank[rows], split.scenes.labels[rows], config)
    if folder and not resume:  # only now: data that cannot be used leaves no folder behind
        settings = {"model": net.settings, "train": asdict(config)}
        start_run(folder, settings | describe(split))
    try:
        history = fit(
            net.head,
            pairs,
            config,
            val=lambda: val_map(net, split, plain),
            folder=folder,
            resume=resume,
            progress=progress,
        )
    finally:
        net.cpu().eval()  # whichever device it was trained on
    if folder:
        finish_run(folder, net)
    return history


def fit(
    module: nn.Module,
    batches: ViewPairs,
    config: TrainConfig,
    *,
    loss: Loss | None = None,
    val: Callable[[], float] | None = None,
    folder: Path | None = None,
    resume: bool = False,
    progress: bool = True,
) -> list[Record]:
    """Train a module on batches of two views: the loop that every method goes through.

    Args:
        module: view -> Embedding; changed in place.
        batches: have a length and `epoch(number)`.
        config: settings.
        loss: of two embeddings and labels; None takes the one that config describes. Weights of
            its own are learned, too.
        val: returns the mAP on validation tiles; called every ten epochs and at the end.
        folder: where history.jsonl and last.ckpt go; None keeps nothing.
        resume: go on from last.ckpt.
        progress: show a bar.

    Returns:
        One record an epoch.

    Raises:
        InputError: nothing to resume from, or a loss that is not finite.
    """
    loss = loss or loss_of(config)
    fabric = Fabric(devices=1)
    learns = loss if isinstance(loss, nn.Module) else nn.Module()  # a classifier, a count of steps
    optimizer = torch.optim.AdamW(
        [*module.parameters(), *fabric.to_device(learns).parameters()],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=config.epochs * len(batches)
    )
    student, fast = fabric.setup(module, optimizer)
    parts = {"module": student, "loss": learns, "optimizer": fast, "schedule": schedule}
    history = load_checkpoint(folder, parts) if folder and resume else []
    epochs = range(len(history), config.epochs)
    bar = tqdm(
        epochs, initial=len(history), total=config.epochs, unit="epoch", disable=not progress
    )
    for epoch in bar:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed * 1_000_003 + epoch)  # so that a resume is exact
            terms = train_one_epoch(student, loss, batches.epoch(epoch), fast, schedule, fabric)
        milestone = (epoch + 1) % VALIDATE_EVERY == 0 or epoch + 1 == config.epochs
        if val and milestone:
            terms["val_map"] = val()
        history.append({"epoch": float(epoch)} | terms)
        if folder and milestone:
            save_checkpoint(folder, parts, history)
        bar.set_postfix({name: f"{value:.3f}" for name, value in terms.items()})
    return history


def train_one_epoch(
    module: nn.Module,
    loss: Loss,
    batches: Iterable[Batch],
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    fabric: Fabric,
) -> Record:
    """Go through the batches once.

    Returns:
        The mean of each loss term, and the last learning rate.

    Raises:
        InputError: the loss is not finite.
    """
    module.train()
    records: list[Record] = []
    for batch in batches:
        view0, view1, labels = fabric.to_device(batch)
        # both branches in one pass: batch statistics are those of all views
        both = module(torch.cat([view0, view1]))
        embedding0, embedding1 = (Embedding(*(part.chunk(2)[i] for part in both)) for i in (0, 1))
        terms = loss(embedding0, embedding1, labels)
        record = {name: float(value.detach()) for name, value in terms.items()}
        if not np.isfinite(record["total"]):
            raise InputError(f"the loss became {record['total']}: lower --learning-rate")
        optimizer.zero_grad()
        fabric.backward(terms["total"])
        optimizer.step()
        schedule.step()
        records.append(record)
    mean = {name: float(np.mean([record[name] for record in records])) for name in records[0]}
    return mean | {"learning_rate": float(schedule.get_last_lr()[0])}


def val_map(net: HashNet, split: Split, plain: Bank) -> float:
    """Return the tie-aware mAP of validation tiles among training tiles, a fraction.

    Args:
        net: its head is used in evaluation mode.
        split: says which tile is which.
        plain: backbone features of the plain view of all tiles, (n, num_features).
    """
    query, gallery = split.rows("val"), split.rows("train")
    labels = split.scenes.labels
    packed = pack(binarize(apply_head(net.head, plain).relaxed))
    counts = count(
        packed[query], packed[gallery], labels[query], labels[gallery], num_bits=net.num_bits
    )
    return mean_average_precision(counts)


def save_checkpoint(folder: Path, parts: dict[str, Any], history: list[Record]) -> None:
    """Write last.ckpt and history.jsonl, each whole or not at all."""
    state = {name: part.state_dict() for name, part in parts.items()}
    with whole_file(folder / "last.ckpt") as stream:
        torch.save(state | {"history": history}, stream)
    with whole_file(folder / "history.jsonl") as stream:
        stream.writelines(json.dumps(record).encode() + b"\n" for record in history)


def load_checkpoint(folder: Path, parts: dict[str, Any]) -> list[Record]:
    """Bring every part back to where last.ckpt left it; without one, start afresh.

    Returns:
        The history so far.

    Raises:
        InputError: the file is cut short, or belongs to another network.
    """
    file = folder / "last.ckpt"
    if not file.exists():
        return []
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        history: list[Record] = state["history"]
    except CANNOT_LOAD as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].split(". ")[0]
        raise InputError(
            f"{file} cannot be resumed from ({reason}): delete it to start afresh"
        ) from None
    return history
