"""Training: what the loop needs, for a frozen backbone or for one that learns, and the run."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rsh.codes.binary import binarize, pack
from rsh.config import TrainConfig
from rsh.data.dataset import Split
from rsh.data.decoded import decoded_tiles
from rsh.errors import InputError
from rsh.io.files import check_writable
from rsh.metrics.counts import count_by_distance
from rsh.metrics.ranking import mean_average_precision
from rsh.models.augment import ViewSpec
from rsh.models.hashnet import HashNet, apply_head, apply_net, fingerprint
from rsh.models.losses.baselines import BASELINES
from rsh.models.losses.multilevel import MultiLevelLoss
from rsh.training.batches import Pairs, TilePairs, ViewPairs
from rsh.training.checkpoint import Record
from rsh.training.devices import make_fabric
from rsh.training.feature_cache import cached_features
from rsh.training.loop import Loss, Val, Watch, fit
from rsh.training.memory import check_batch_fits
from rsh.training.run import Run, check_new_run, describe, finish_run, training_into


def train(
    net: HashNet,
    split: Split,
    config: TrainConfig | None = None,
    *,
    run: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
    watch: Watch | None = None,
) -> list[Record]:
    """Train a network: its head on cached views, or with `finetune` all of it on tiles.

    Args:
        net: is changed in place.
        split: `train` is learned from, `val` is measured on unless it is learned from, too;
            `query` is not looked at.
        config: settings.
        run: folder for weights, config and history; None keeps nothing.
        resume: go on from the checkpoint in the run folder; the result is that of an unbroken run.
        progress: show a bar with the loss terms.
        watch: called after each epoch: `rsh.LiveCurves()` draws the curves in a notebook.

    Returns:
        One record an epoch: epoch, loss terms, learning_rate, tiles_per_second, at times val_map.

    Raises:
        InputError: data that cannot be trained on, a folder that cannot be used, a loss that is
            not finite, or too little memory.
    """
    config = config or TrainConfig()
    folder = Path(run) if run is not None else None
    if folder and resume:
        Run.open(folder).check()
        check_writable(folder)
    elif folder:
        check_new_run(folder)
    fabric = make_fabric(config)
    setup = _finetuning if config.finetune else _head_training
    module, pairs, val = setup(net, split, config, progress)
    if config.finetune:
        check_batch_fits(net, config, fabric, tiles=pairs.batches.size)
    loss = make_loss(config, len(split.dataset.classes), net.num_bits)
    writes = folder if fabric.is_global_zero else None

    def begin() -> dict[str, Any]:
        how = {"model": net.settings, "train": asdict(config), "start": fingerprint(net)}
        return how | describe(split)

    # only now: unusable data leaves no folder
    with training_into(writes, None if resume else begin):
        try:
            history = fit(
                module,
                pairs,
                config,
                loss=loss,
                val=None if config.train_on_val else val,  # what was learned from measures nothing
                folder=folder,
                resume=resume,
                progress=progress,
                watch=watch,
                fabric=fabric,
            )
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            raise InputError(
                f"too little memory on {fabric.device}, "
                f"choose {config.batch_size // 2} or a smaller --image-size",
                parameter="batch_size",
                value=config.batch_size,
            ) from None
        finally:
            net.cpu().eval()  # whichever device it was trained on
        if writes:
            finish_run(writes, net)
    return history


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a device refused memory: only of a GPU does PyTorch raise an error of its own."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _head_training(
    net: HashNet, split: Split, config: TrainConfig, progress: bool
) -> tuple[nn.Module, Pairs, Val]:
    """Return what a training with a frozen backbone takes."""
    spec = ViewSpec(net.image_size, config.cached_views, config.augmentation)
    bank = cached_features(net, split.dataset, spec, progress=progress)
    plain = cached_features(net, split.dataset, net.plain, progress=progress)
    rows = _learned_from(split, config)
    pairs = ViewPairs(bank[rows], split.dataset.labels[rows], config, ids=_ids(split, rows))
    return net.head, pairs, lambda head: val_map(apply_head(head, plain).relaxed, split)


def _finetuning(
    net: HashNet, split: Split, config: TrainConfig, progress: bool
) -> tuple[nn.Module, Pairs, Val]:
    """Return what a training of the whole network takes."""
    tiles = decoded_tiles(split.dataset, net.image_size, progress=progress)
    rows = _learned_from(split, config)
    pairs = TilePairs(tiles[rows], split.dataset.labels[rows], config, ids=_ids(split, rows))
    net.to(memory_format=torch.channels_last)
    if config.compile:
        net.backbone.compile()
    return net, pairs, lambda module: val_map(apply_net(module, tiles).relaxed, split)


def _learned_from(split: Split, config: TrainConfig) -> NDArray[np.int64]:
    return split.rows("train", "val") if config.train_on_val else split.rows("train")


def _ids(split: Split, rows: NDArray[np.int64]) -> list[str]:
    return split.dataset.items["id"].iloc[rows].tolist()


def make_loss(config: TrainConfig, num_classes: int, num_bits: int) -> Loss:
    """Return the loss that the settings describe."""
    if config.method == "multilevel":
        names = [field.name for field in fields(MultiLevelLoss)]
        return MultiLevelLoss(**{name: getattr(config, name) for name in names})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return BASELINES[config.method](num_classes, num_bits)


def val_map(relaxed: Tensor, split: Split) -> float:
    """Return the tie-aware mAP of validation tiles among training tiles, a fraction.

    Args:
        relaxed: hash layer output of all tiles of the split, (n, num_bits).
        split: says which tile is which.
    """
    query, gallery, labels = split.rows("val"), split.rows("train"), split.dataset.labels
    packed, num_bits = pack(binarize(relaxed)), relaxed.shape[1]
    counts = count_by_distance(
        packed[query], packed[gallery], labels[query], labels[gallery], num_bits=num_bits
    )
    return mean_average_precision(counts)
