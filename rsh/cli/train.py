"""The command `rsh train`."""

import sys
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rsh.cli.data import (
    NO_COLUMNS,
    NO_RENDERING,
    NO_TILING,
    NO_VALUES,
    ColumnFlags,
    RenderingFlags,
    TilingFlags,
    ValueFlags,
)
from rsh.cli.parser import Bits, Settings
from rsh.config import SplitBy, TrainConfig, Weights
from rsh.errors import InputError, RshWarning
from rsh.labels import LabelSource
from rsh.text import plural

if TYPE_CHECKING:
    from rsh.data.bands import Bands
    from rsh.data.dataset import Dataset

DEFAULT = TrainConfig()


def train(
    *,
    data: str = "bluemarble",
    num_bits: Bits = 32,
    look_bits: int = 0,
    backbone: str | None = None,
    weights: Weights = "pretrained",
    input_bands: str = "",
    image_size: int = 128,
    tta: int = 1,
    feature_stages: int = 0,
    output: Path | None = None,
    skip_unreadable: bool = False,
    labels: LabelSource = "auto",
    split_by: SplitBy = "auto",
    near_duplicates: bool = False,
    unseen: float = 0.0,
    init_from: Path | None = None,
    resume: Path | None = None,
    rendering: Settings[RenderingFlags] = NO_RENDERING,
    values: Settings[ValueFlags] = NO_VALUES,
    tiling: Settings[TilingFlags] = NO_TILING,
    columns: Settings[ColumnFlags] = NO_COLUMNS,
    config: Settings[TrainConfig] = DEFAULT,
) -> None:
    """Train a model on tiles or embeddings, with labels or without.

    A tile without a label learns from its neighbors, the tiles that look most like it.

    By default the backbone is frozen and the hash head is trained on cached features of augmented
    views. The features are computed once; after that a training takes seconds. --finetune trains
    the whole network.

    Args:
        data: "bluemarble", a data set of `rsh data list`, a folder of images or with one subfolder
            per class, a zip of such a folder, WebDataset shards, a scene, or a folder of scenes.
            Also embeddings that were made elsewhere: a .npy, .parquet or .geoparquet file, or a
            folder of them.
        num_bits: Code length, a multiple of 4 from 4 to 256.
        look_bits: How many of the bits keep what a tile looks like, a multiple of 4; the others say
            what it is.
        backbone: Name of a backbone, see `rsh backbones`; embeddings take none. (default:
            tf_efficientnet_lite0)
        weights: Weights that the backbone begins with: those of its name, which are for the bands
            that `rsh backbones` lists, or random ones; with these a timm model takes any bands.
        input_bands: Bands of rasters that the network sees as values, by name or number, such as
            B02,B03,B04,B08, or all. (default: those that the backbone takes; for most that is the
            image that --bands shows)
        image_size: Side of the square input of the backbone, pixels.
        tta: Test-time augmentation: average over 1, 4 or 8 rotated and mirrored copies of each
            tile.
        feature_stages: Number of the backbone's last stages that are added to its feature, 0 to 5
            for the default backbone.
        output: Run folder to create. (default: runs/DATA-BITS)
        skip_unreadable: Leave out images that cannot be read, and name them.
        labels: Where labels come from: the class in items.csv, shards or folders, or else several
            labels a tile if the table has them (auto); several labels a tile, from the column
            labels or columns such as label:water (multi); or nowhere (none).
        split_by: What decides the split: the given one of folders train and test or of the column
            split of items.csv, blocks of neighboring tiles, a draw within each class, or the first
            of these that the data allows (auto).
        near_duplicates: Keep nearly equal tiles in one part of the split; equal ones always are.
        unseen: Fraction of the classes that are not learned, such as 0.25: rsh evaluate --protocol
            unseen says how well the codes rank them.
        init_from: Initialize from a finished run, such as one with a frozen backbone before
            --finetune. Model settings come from that run; so does the split, if the data set is
            the same.
        resume: Run folder of an interrupted training to continue. Its settings are kept; give
            --data if the data has moved.
        rendering: Rendering options.
        values: Options of bands.
        tiling: Tiling options.
        columns: Options of embeddings.
        config: Settings of the training.
    """
    from rsh.data.bands import IMAGE
    from rsh.data.open import open_dataset
    from rsh.data.sample import SAMPLE
    from rsh.models.hashnet import HashNet
    from rsh.training.run import Run
    from rsh.training.train import train as fit

    if resume:
        run = Run.open(resume)
        config = TrainConfig(**run.config["train"])
        weights = run.weights
        net = HashNet(**run.config["model"], pretrained=weights == "pretrained", seed=config.seed)
        split = run.split(None if data == SAMPLE else data)
        history = fit(net, split, config, run=resume, resume=True)
    else:
        needs = Run.open(init_from).bands if init_from else _native_bands(backbone, data)
        options = values.read(input_bands or ",".join(needs.names))
        try:
            dataset = open_dataset(
                data,
                skip_unreadable=skip_unreadable,
                rendering=rendering.read(),
                labels=labels,
                tiling=tiling.read(),
                columns=columns.read(),
                bands=options,
                like_bands=needs if needs.has_names(options.names) else IMAGE,
            )
        except InputError as error:
            if error.parameter != "input_bands" or input_bands:
                raise
            raise InputError(
                f"{data} has no raster with the bands of {backbone}, {needs.described()}: choose "
                "another --backbone"
            ) from None
        split_it = partial(
            dataset.split,
            by=split_by,
            near_duplicates=near_duplicates,
            unseen=unseen,
            seed=config.seed,
        )
        if init_from:
            begun = Run.open(init_from)
            net = begun.net()
            known = begun.knows(dataset)  # then its queries must not be learned
            begun_with = begun.config["split"].get("unseen", 0.0)
            if known and unseen and unseen != begun_with:
                raise InputError(
                    f"{init_from} has learned these tiles with --unseen {begun_with:g}: leave it "
                    "out, or start without --init-from",
                    parameter="unseen",
                    value=unseen,
                )
            split = begun.cut(dataset) if known else split_it()
            if not known and (seen := begun.count_queries(split)):
                warnings.warn(
                    f"{plural(seen, 'tile')} of {data} have changed sides between training and "
                    f"what {init_from} is measured on, in another order or with other labels: do "
                    "not compare the figures of both runs",
                    RshWarning,
                    stacklevel=2,
                )
        else:
            net = HashNet(
                _backbone(dataset, backbone),
                num_bits=num_bits,
                look_bits=look_bits,
                image_size=image_size,
                tta=tta,
                feature_stages=feature_stages,
                pretrained=weights == "pretrained",
                bands=dataset.bands.names,
                units=dataset.bands.units,
                seed=config.seed,
            )
            split = split_it()
        output = output or Path("runs") / f"{dataset.name}-{net.num_bits}"
        history = fit(net, split, config, run=output)
    names = {"val_map": "mAP", "val_ndcg": "NDCG@20", "val_kept": "neighbors kept"}
    found = [f"{name} {history[-1][key]:.3f}" for key, name in names.items() if key in history[-1]]
    quality = f"{' and '.join(found)} on validation tiles " if found else ""
    print(f"{resume or output}: {quality}after {plural(len(history), 'epoch')}")
    if not net.look_bits and not split.dataset.label_names and config.method == "multilevel":
        more = f"--look-bits {net.num_bits // 8 * 4} would keep more of what tiles look like"
        print(f"note: no tile has a label; {more}", file=sys.stderr)
    next_step = f"next: rsh encode {resume or output}, or rsh evaluate to score held-out queries"
    print(next_step, file=sys.stderr)


def _native_bands(backbone: str | None, data: str) -> "Bands":
    """Return the bands that a backbone was trained on, if they are not those of an image."""
    from rsh.data.bands import IMAGE
    from rsh.data.open import holds_embeddings
    from rsh.models.backbone import native_bands

    return native_bands(backbone) if backbone and not holds_embeddings(data) else IMAGE


def _backbone(dataset: "Dataset", named: str | None) -> str:
    """Return the backbone of a data set: embeddings have their own."""
    from rsh.data.embeddings import Embeddings
    from rsh.models.backbone import DEFAULT as PACKAGED

    if not isinstance(dataset, Embeddings):
        return named or PACKAGED
    if named:
        raise InputError("embeddings take no backbone: omit it", parameter="backbone", value=named)
    return f"embedding-{dataset.dim}"
