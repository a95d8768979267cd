"""The command `rsh train`."""

import sys
from pathlib import Path

from rsh.config import TrainConfig


def train(
    *,
    data: str = "bluemarble",
    num_bits: int = 32,
    backbone: str = "tf_efficientnet_lite0",
    image_size: int = 128,
    tta: int = 1,
    feature_stages: int = 0,
    output: Path | None = None,
    skip_unreadable: bool = False,
    start: Path | None = None,
    resume: Path | None = None,
    config: TrainConfig,
) -> None:
    """Train a model on labeled tiles.

    The backbone stays as it is and the hash head learns, from features of augmented views that are
    computed once and cached: after that a training takes seconds. With --finetune all of it learns.

    Args:
        data: "bluemarble", a data set of `rsh data list`, a folder with one folder a class, or a
            zip of such a folder, or WebDataset shards of them.
        num_bits: Code length, a multiple of 4 from 4 to 256.
        backbone: A timm model name.
        image_size: Side of the square the backbone looks at, pixels.
        tta: Quarter turns and mirror images of a tile that its code is the mean of: 1, 4 or 8.
        feature_stages: How many of the backbone's last stages join its feature, 0 to 5 for the
            default.
        output: The run folder to make. (default: runs/DATA-BITS)
        skip_unreadable: Leave out images that cannot be read, and name them.
        start: A finished run whose network learns on, such as one with a frozen backbone before
            --finetune. Flags of the network are its own; so are the queries, if it knows the tiles.
        resume: A run folder to go on with; all flags but --data, if that has moved, are its own.
        config: The settings.
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
        dataset = TileDataset.open(data, skip_unreadable=skip_unreadable)
        if start:
            begun = Run.open(start)
            net = begun.net()
            known = begun.knows(dataset)  # then its queries must stay unseen
            split = begun.cut(dataset) if known else dataset.split(seed=config.seed)
        else:
            net = HashNet(
                backbone,
                num_bits=num_bits,
                image_size=image_size,
                tta=tta,
                feature_stages=feature_stages,
                seed=config.seed,
            )
            split = dataset.split(seed=config.seed)
        output = output or Path("runs") / f"{dataset.name}-{net.num_bits}"
        history = fit(net, split, config, run=output)
    last = history[-1].get("val_map")
    quality = "" if last is None else f"mAP {last:.3f} on validation tiles "
    print(f"{resume or output}: {quality}after {len(history)} epochs")
    next_step = f"next: rsh encode {resume or output}, or rsh evaluate for tiles it has never seen"
    print(next_step, file=sys.stderr)
