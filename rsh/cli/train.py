"""The command `rsh train`."""

import sys
from functools import partial
from pathlib import Path

from rsh.cli.data import NO_RENDERING, RenderingFlags
from rsh.cli.parser import Bits, Settings
from rsh.config import SplitBy, TrainConfig
from rsh.labels import LabelSource
from rsh.text import plural

DEFAULT = TrainConfig()


def train(
    *,
    data: str = "bluemarble",
    num_bits: Bits = 32,
    look_bits: int = 0,
    backbone: str = "tf_efficientnet_lite0",
    image_size: int = 128,
    tta: int = 1,
    feature_stages: int = 0,
    output: Path | None = None,
    skip_unreadable: bool = False,
    labels: LabelSource = "auto",
    split_by: SplitBy = "auto",
    near_duplicates: bool = False,
    init_from: Path | None = None,
    resume: Path | None = None,
    rendering: Settings[RenderingFlags] = NO_RENDERING,
    config: Settings[TrainConfig] = DEFAULT,
) -> None:
    """Train a model on tiles, with labels or without.

    A tile without a label learns from its neighbors, the tiles that look most like it.

    By default the backbone is frozen and the hash head is trained on cached features of augmented
    views. The features are computed once; after that a training takes seconds. --finetune trains
    the whole network.

    Args:
        data: "bluemarble", a data set of `rsh data list`, a folder of images or with one subfolder
            per class, a zip of such a folder, or WebDataset shards.
        num_bits: Code length, a multiple of 4 from 4 to 256.
        look_bits: How many of the bits keep what a tile looks like, a multiple of 4; the others say
            what it is.
        backbone: Name of a timm model.
        image_size: Side of the square input of the backbone, pixels.
        tta: Test-time augmentation: average over 1, 4 or 8 rotated and mirrored copies of each
            tile.
        feature_stages: Number of the backbone's last stages that are added to its feature, 0 to 5
            for the default backbone.
        output: Run folder to create. (default: runs/DATA-BITS)
        skip_unreadable: Leave out images that cannot be read, and name them.
        labels: Where classes come from: items.csv, shards or folders (auto), or nowhere (none).
        split_by: What decides the split: the given one of folders train and test or of the column
            split of items.csv, blocks of neighboring tiles, a draw within each class, or the first
            of these that the data allows (auto).
        near_duplicates: Keep nearly equal tiles in one part of the split; equal ones always are.
        init_from: Initialize from a finished run, such as one with a frozen backbone before
            --finetune. Model settings come from that run; so does the split, if the data set is
            the same.
        resume: Run folder of an interrupted training to continue. Its settings are kept; give
            --data if the data has moved.
        rendering: Rendering options.
        config: Settings of the training.
    """
    from rsh.data.dataset import TileDataset
    from rsh.data.sample import SAMPLE
    from rsh.models.hashnet import HashNet
    from rsh.training.run import Run
    from rsh.training.train import train as fit

    if resume:
        run = Run.open(resume)
        config = TrainConfig(**run.config["train"])
        net = HashNet(**run.config["model"], seed=config.seed)
        split = run.split(None if data == SAMPLE else data)
        history = fit(net, split, config, run=resume, resume=True)
    else:
        dataset = TileDataset.open(
            data, skip_unreadable=skip_unreadable, rendering=rendering.read(), labels=labels
        )
        split_it = partial(
            dataset.split, by=split_by, near_duplicates=near_duplicates, seed=config.seed
        )
        if init_from:
            begun = Run.open(init_from)
            net = begun.net()
            known = begun.knows(dataset)  # then its queries must stay unseen
            split = begun.cut(dataset) if known else split_it()
        else:
            net = HashNet(
                backbone,
                num_bits=num_bits,
                look_bits=look_bits,
                image_size=image_size,
                tta=tta,
                feature_stages=feature_stages,
                seed=config.seed,
            )
            split = split_it()
        output = output or Path("runs") / f"{dataset.name}-{net.num_bits}"
        history = fit(net, split, config, run=output)
    found = [
        f"{name} {history[-1][key]:.3f}"
        for key, name in (("val_map", "mAP"), ("val_kept", "neighbors kept"))
        if key in history[-1]
    ]
    quality = f"{' and '.join(found)} on validation tiles " if found else ""
    print(f"{resume or output}: {quality}after {plural(len(history), 'epoch')}")
    next_step = f"next: rsh encode {resume or output}, or rsh evaluate to score held-out queries"
    print(next_step, file=sys.stderr)
