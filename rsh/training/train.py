"""Training: prepare the data, fit the network, write the run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

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
from rsh.models.hashnet import HashHead, HashNet, apply_head, apply_net, fingerprint
from rsh.models.losses.baselines import BASELINES
from rsh.models.losses.multilevel import MultiLevelLoss
from rsh.training.batches import FeatureBatches, TileBatches, TwoViewBatches
from rsh.training.checkpoint import Record
from rsh.training.devices import make_fabric
from rsh.training.feature_cache import cached_features
from rsh.training.loop import Loss, Val, Watch, fit
from rsh.training.memory import check_batch_fits, keep_freed_memory
from rsh.training.run import Run, check_new_run, describe, finish_run, training_into

Rows = NDArray[np.int64]


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
    """Train a network: its head on cached features, or with `finetune` all of it on tiles.

    Args:
        net: changed in place.
        split: the network is trained on `train` and validated on `val`, or trained on both with
            `train_on_val`. No metric and no weight depends on `query`.
        config: settings.
        run: folder for weights, config and history; None writes nothing.
        resume: continue from the checkpoint in the run folder; the result equals that of an
            uninterrupted run.
        progress: show a bar with the loss terms.
        watch: called after each epoch: `rsh.LiveCurves()` draws the curves in a notebook.

    Returns:
        One record per epoch: epoch, loss terms, learning_rate, tiles_per_second, and val_map
        every ten epochs.

    Raises:
        InputError: the data cannot be trained on, the folder cannot be used, the loss is not
            finite, or there is too little memory.
    """
    config = config or TrainConfig()
    folder = Path(run) if run is not None else None
    if folder and resume:
        Run.open(folder).check()
        check_writable(folder)
    elif folder:
        check_new_run(folder)
    fabric = make_fabric(config)
    rows = split.rows("train", "val") if config.train_on_val else split.rows("train")
    prepare = _prepare_tiles if config.finetune else _prepare_features
    module, batches, val = prepare(net, split, rows, config, progress)
    if config.finetune:
        check_batch_fits(net, config, fabric, num_tiles=batches.sampler.size)
    loss = make_loss(config, len(split.dataset.classes), net.num_bits)
    written = folder if fabric.is_global_zero else None
    settings = {"model": net.settings, "train": asdict(config), "start": fingerprint(net)}
    new = settings | describe(split) if written and not resume else None
    with training_into(written, new):  # only now: unusable data must not create a folder
        try:
            with _explain_out_of_memory(config, fabric.device):
                history = fit(
                    module,
                    batches,
                    config,
                    loss=loss,
                    val=None if config.train_on_val else val,
                    folder=folder,
                    resume=resume,
                    progress=progress,
                    watch=watch,
                    fabric=fabric,
                )
        finally:
            net.cpu().eval()
        if written:
            finish_run(written, net)
    return history


def _prepare_features(
    net: HashNet, split: Split, rows: Rows, config: TrainConfig, progress: bool
) -> tuple[nn.Module, TwoViewBatches, Val]:
    """Return module, batches and validation for a frozen backbone."""
    dataset, labels = split.dataset, split.dataset.labels
    spec = ViewSpec(net.image_size, config.cached_views, config.augmentation)
    features = cached_features(net, dataset, spec, progress=progress)
    plain = cached_features(net, dataset, net.plain, progress=progress)

    def val(head: HashHead) -> float:
        return val_map(lambda some: apply_head(head, plain[some]).relaxed, split)

    ids = dataset.items["id"].iloc[rows].tolist()
    return net.head, FeatureBatches(features[rows], labels[rows], config, ids=ids), val


def _prepare_tiles(
    net: HashNet, split: Split, rows: Rows, config: TrainConfig, progress: bool
) -> tuple[nn.Module, TwoViewBatches, Val]:
    """Return module, batches and validation for a backbone that is trained."""
    dataset, labels = split.dataset, split.dataset.labels
    tiles = decoded_tiles(dataset, net.image_size, progress=progress)

    def val(trained: HashNet) -> float:
        with keep_freed_memory():
            return val_map(lambda some: apply_net(trained, tiles, some).relaxed, split)

    net.to(memory_format=torch.channels_last)
    if config.compile:
        net.backbone.compile()
    ids = dataset.items["id"].iloc[rows].tolist()
    return net, TileBatches(tiles[rows], labels[rows], config, ids=ids), val


@contextmanager
def _explain_out_of_memory(config: TrainConfig, device: torch.device) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # only for GPUs does PyTorch have an error class
        out_of_memory = isinstance(error, torch.OutOfMemoryError)
        if not (out_of_memory or "can't allocate memory" in str(error)):
            raise
        raise InputError(
            f"too little memory on {device}, "
            f"choose {config.batch_size // 2} or a smaller --image-size",
            parameter="batch_size",
            value=config.batch_size,
        ) from None


def make_loss(config: TrainConfig, num_classes: int, num_bits: int) -> Loss:
    """Return the loss of the method in the settings."""
    if config.method == "multilevel":
        names = [field.name for field in fields(MultiLevelLoss)]
        return MultiLevelLoss(**{name: getattr(config, name) for name in names})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return BASELINES[config.method](num_classes, num_bits)


def val_map(embed: Callable[[Rows], Tensor], split: Split) -> float:
    """Return the tie-aware mAP of validation tiles among training tiles, a fraction.

    Args:
        embed: returns the hash layer output of tiles, (n, num_bits); called for the rows of
            `val` and `train` only.
        split: its rows and labels.
    """
    query, gallery, labels = split.rows("val"), split.rows("train"), split.dataset.labels
    query_relaxed, gallery_relaxed = embed(query), embed(gallery)
    counts = count_by_distance(
        pack(binarize(query_relaxed)),
        pack(binarize(gallery_relaxed)),
        labels[query],
        labels[gallery],
        num_bits=query_relaxed.shape[1],
    )
    return mean_average_precision(counts)
