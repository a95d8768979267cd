"""Training: prepare the data, fit the network, write the run."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rsh.codes.binary import Packed, binarize, pack
from rsh.config import LabelFree, TrainConfig
from rsh.data.dataset import Dataset, Split
from rsh.data.decoded import decoded_tiles
from rsh.data.embeddings import Embeddings
from rsh.data.tiles import TileDataset
from rsh.errors import InputError, RshWarning
from rsh.io.files import check_writable
from rsh.metrics.counts import count_by_distance
from rsh.metrics.graded import count_by_grade, graded_ndcg_at
from rsh.metrics.neighbors import nearest_by_cosine, neighbors_kept
from rsh.metrics.ranking import mean_average_precision
from rsh.models.augment import ViewSpec
from rsh.models.backbone import BandBackbone, IdentityBackbone
from rsh.models.hashnet import HashNet, apply_head, apply_net, fingerprint
from rsh.models.head import LOOK_DIM, HashHead
from rsh.models.losses.baselines import BASELINES, SEVERAL_LABELS
from rsh.models.losses.look import TwoPartLoss
from rsh.models.losses.multilevel import MultiLevelLoss
from rsh.models.losses.unsupervised import LABEL_FREE
from rsh.text import plural
from rsh.training.batches import FeatureBatches, TileBatches, TwoViewBatches, VectorBatches
from rsh.training.checkpoint import Record
from rsh.training.devices import make_fabric
from rsh.training.feature_cache import VECTOR_BATCH, FeatureArray, cached_features, check_input
from rsh.training.loop import Loss, Val, Watch, fit
from rsh.training.memory import check_batch_fits, keep_freed_memory
from rsh.training.neighborhoods import Standardization, Teacher, measure_bands
from rsh.training.run import Run, check_new_run, describe, finish_run, training_into

Rows = NDArray[np.int64]
VAL_CUT = 20  # rank cutoff of NDCG
KEPT = 10  # neighbors that codes are measured by
MOST_COMPARED = 50_000  # training tiles, where neighborhoods compare each with all


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
        One record per epoch: epoch, loss terms, learning_rate, tiles_per_second, and every ten
        epochs what `validate` returns.

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
    _check_labels(split, rows, config)
    _check_input(net, split, config)
    rows = _draw_compared(net, split, rows, config)
    _fit_standardization(net, split, rows, progress)
    loss = make_loss(config, len(split.dataset.label_names), net.num_bits, net.look_bits)
    teacher = _make_teacher(net, split, rows, config, progress)
    prepare = _prepare_tiles if config.finetune else _prepare_features
    module, batches, val = prepare(net, split, rows, config, teacher, progress)
    if net.image_center and not config.finetune:
        features = cached_features(net, split.dataset, net.plain, progress=progress)
        net.image_center.fit(_parts(features, rows))
    if config.finetune:
        check_batch_fits(net, config, fabric, num_tiles=batches.sampler.size)
    written = folder if fabric.is_global_zero else None
    settings = {"model": net.settings, "train": asdict(config), "start": fingerprint(net)}
    settings["weights"] = net.weights
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
        if net.head.look and config.finetune:  # the trained backbone has other features
            _fit_look(net, split, rows, config, progress)
        if written:
            finish_run(written, net)
    return history


def _check_labels(split: Split, rows: Rows, config: TrainConfig) -> None:
    """Refuse a method that needs labels, or one class a tile, if training tiles lack them."""
    dataset = split.dataset
    known = dataset.has_label[rows]
    if config.method in BASELINES and dataset.has_several and config.method not in SEVERAL_LABELS:
        raise InputError(
            f"learns from one class a tile: choose one of {', '.join(SEVERAL_LABELS)}, or take the "
            "classes with --labels auto",
            parameter="method",
            value=config.method,
        )
    if config.method in BASELINES and not known.all():
        free = ", ".join(("multilevel", *get_args(LabelFree)))
        raise InputError(
            f"needs labels, which {int((~known).sum())} of {plural(len(rows), 'training tile')} "
            f"lack: choose one of {free}",
            parameter="method",
            value=config.method,
        )
    found = np.flatnonzero(dataset.label_matrix[rows].any(axis=0))
    if len(found) == 1 and not known.all():
        what = "have the label" if dataset.has_several else "are of the class"
        warnings.warn(
            f"all training tiles with a label {what} {dataset.label_names[found[0]]!r}: the "
            "neighborhoods tell the others apart",
            RshWarning,
            stacklevel=3,
        )


def _make_teacher(
    net: HashNet, split: Split, rows: Rows, config: TrainConfig, progress: bool
) -> Teacher | None:
    """Return the teacher of look bits and of tiles without a label; None where none is needed."""
    if not _compares(net, split, rows, config):
        return None
    return _fit_look(net, split, rows, config, progress)


def _compares(net: HashNet, split: Split, rows: Rows, config: TrainConfig) -> bool:
    """Whether the training compares features of its tiles, and not labels alone."""
    known = split.dataset.has_label[rows].all()
    return not known or net.look_bits > 0 or config.method in get_args(LabelFree)


def _draw_compared(net: HashNet, split: Split, rows: Rows, config: TrainConfig) -> Rows:
    """Return at most 50,000 training tiles if their features are compared, labeled ones first."""
    if len(rows) <= MOST_COMPARED or not _compares(net, split, rows, config):
        return rows
    order = np.random.default_rng(config.seed).permutation(rows)
    labeled = split.dataset.has_label[order]
    first = order[labeled][: MOST_COMPARED // 2]
    rest = order[~np.isin(order, first)][: MOST_COMPARED - len(first)]
    warnings.warn(
        f"trains on {MOST_COMPARED:,} of {len(rows):,} tiles, drawn at random: neighborhoods "
        "compare each tile with all others",
        RshWarning,
        stacklevel=3,
    )
    return np.sort(np.concatenate([first, rest]))


def _check_input(net: HashNet, split: Split, config: TrainConfig) -> None:
    """Refuse data that the network does not take."""
    check_input(net, split.dataset)
    if config.finetune and not net.takes_images:
        raise InputError(
            "embeddings have no backbone to train: leave it out", parameter="finetune", value=True
        )


def _fit_standardization(net: HashNet, split: Split, rows: Rows, progress: bool) -> None:
    """Standardize embeddings or bands by those of the training, unless the network knows how."""
    dataset, backbone = split.dataset, net.backbone
    if isinstance(dataset, TileDataset) and isinstance(backbone, BandBackbone):
        if not backbone.standardization.fitted:
            tiles = decoded_tiles(dataset, net.image_size, progress=progress)
            mean, std = measure_bands(tiles, rows)
            backbone.standardization.fit(torch.from_numpy(mean), torch.from_numpy(std))
    if isinstance(dataset, Embeddings) and isinstance(backbone, IdentityBackbone):
        if not backbone.fitted:
            if outlier := dataset.find_outlier():
                name, value = outlier
                warnings.warn(
                    f"the vector of {name} holds {value:g}, far from all others: it may decide the "
                    "standardization and all codes; leave it out if it stands for no data",
                    RshWarning,
                    stacklevel=3,
                )
            starts = range(0, len(rows), VECTOR_BATCH)
            parts = (dataset.read(rows[start : start + VECTOR_BATCH]) for start in starts)
            found = Standardization.of(parts, dataset.dim)
            backbone.fit(torch.from_numpy(found.mean), torch.from_numpy(found.std))


def _fit_look(
    net: HashNet, split: Split, rows: Rows, config: TrainConfig, progress: bool
) -> Teacher:
    """Return the teacher of a network's features, and fit its look features to them."""
    features = cached_features(net, split.dataset, net.plain, progress=progress)
    teacher = Teacher.fit(features, rows)
    if net.head.look:
        mean, std, axes = (
            torch.from_numpy(part)
            for part in (
                teacher.standardization.mean,
                teacher.standardization.std,
                teacher.components(LOOK_DIM),
            )
        )
        net.head.look.fit(mean, std, axes, share=_look_share(net, split, rows, config))
    return teacher


def _parts(features: FeatureArray, rows: Rows) -> Iterator[Tensor]:
    """Yield the features of all views of some tiles, (n, d)."""
    for start in range(0, len(rows), VECTOR_BATCH):
        some = torch.from_numpy(features[rows[start : start + VECTOR_BATCH]])
        yield some.flatten(0, 1)


def _look_share(net: HashNet, split: Split, rows: Rows, config: TrainConfig) -> float:
    """Return the share of the look in the features: 1 if the projection learns no class."""
    learns = net.head.hash is not None and config.method == "multilevel" and config.category_weight
    known = split.dataset.has_label[rows].any()
    return 0.5 if learns and known else 1.0


def _prepare_features(
    net: HashNet,
    split: Split,
    rows: Rows,
    config: TrainConfig,
    teacher: Teacher | None,
    progress: bool,
) -> tuple[nn.Module, TwoViewBatches, Val]:
    """Return module, batches and validation for a frozen backbone."""
    dataset = split.dataset
    spec = ViewSpec(net.image_size, config.cached_views, config.augmentation, units=net.bands.units)
    features = cached_features(net, dataset, spec, progress=progress)
    plain = features  # of embeddings, which have one view
    if net.takes_images:
        plain = cached_features(net, dataset, net.plain, progress=progress)
    nearest = nearest_of_val(split, plain, teacher) if teacher else None

    def val(head: HashHead) -> Record:
        return validate(lambda some: apply_head(head, plain[some]).relaxed, split, nearest)

    kind = FeatureBatches if net.takes_images else VectorBatches
    batches = _make_batches(kind, features, dataset, rows, config, teacher)
    return net.head, batches, val


def _prepare_tiles(
    net: HashNet,
    split: Split,
    rows: Rows,
    config: TrainConfig,
    teacher: Teacher | None,
    progress: bool,
) -> tuple[nn.Module, TwoViewBatches, Val]:
    """Return module, batches and validation for a backbone that is trained."""
    dataset = split.dataset
    assert isinstance(dataset, TileDataset)
    tiles = decoded_tiles(dataset, net.image_size, progress=progress)

    def val(trained: HashNet) -> Record:
        with keep_freed_memory():
            return validate(lambda some: apply_net(trained, tiles, some).relaxed, split)

    net.to(memory_format=torch.channels_last)
    if config.compile:
        net.backbone.compile()
    kind = partial(TileBatches, units=net.bands.units)
    return net, _make_batches(kind, tiles, dataset, rows, config, teacher), val


def _make_batches(
    kind: Callable[..., TwoViewBatches],
    data: NDArray[Any],
    dataset: Dataset,
    rows: Rows,
    config: TrainConfig,
    teacher: Teacher | None,
) -> TwoViewBatches:
    """Return batches of some tiles, of data that has a row for each tile."""
    return kind(
        data[rows],
        dataset.labels[rows],
        config,
        teacher=teacher,
        ids=dataset.items["id"].iloc[rows].tolist(),
        sets=dataset.label_matrix[rows] if dataset.has_several else None,
    )


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


def make_loss(config: TrainConfig, num_classes: int, num_bits: int, look_bits: int = 0) -> Loss:
    """Return the loss of the method in the settings, with that of the look bits if any."""
    class_bits = num_bits - look_bits
    if not class_bits and config.method != "multilevel":
        raise InputError(
            "it would have no effect, since all bits are look bits: omit it, or give fewer",
            parameter="method",
            value=config.method,
        )
    loss = _loss_of_classes(config, num_classes, class_bits) if class_bits else None
    if loss and not look_bits:
        return loss
    return TwoPartLoss(
        loss,
        look_bits,
        weight=config.look_weight,
        quantization_weight=config.quantization_weight,
        teacher_temperature=config.teacher_temperature,
        temperature=config.look_temperature,
    )


def _loss_of_classes(config: TrainConfig, num_classes: int, num_bits: int) -> Loss:
    if config.method == "multilevel":
        names = [field.name for field in fields(MultiLevelLoss)]
        return MultiLevelLoss(**{name: getattr(config, name) for name in names})
    if config.method in LABEL_FREE:
        return LABEL_FREE[config.method]()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return BASELINES[config.method](num_classes, num_bits)


class Nearest(NamedTuple):
    """What codes of validation tiles should find among training tiles.

    Attributes:
        query: rows of validation tiles, (q,).
        gallery: rows of training tiles, (g,).
        found: positions in `gallery` of the nearest by the teacher's features, (q, k).
    """

    query: Rows
    gallery: Rows
    found: Rows


def nearest_of_val(split: Split, plain: FeatureArray, teacher: Teacher) -> Nearest | None:
    """Return the ten nearest training tiles of validation tiles, of at most 1,000 among 20,000.

    Args:
        split: its rows.
        plain: backbone features of all tiles, (n, views, d) float16.
        teacher: standardizes them.
    """
    query, gallery = (
        rows[:: max(1, len(rows) // most)]
        for rows, most in ((split.rows("val"), 1000), (split.rows("train"), 20_000))
    )
    if not len(query) or len(gallery) < KEPT:
        return None
    looks = [teacher.standardization.apply(plain, rows) for rows in (query, gallery)]
    return Nearest(query, gallery, nearest_by_cosine(looks[0], looks[1], KEPT))


def validate(
    embed: Callable[[Rows], Tensor], split: Split, nearest: Nearest | None = None
) -> Record:
    """Measure codes of validation tiles that search the training tiles.

    Args:
        embed: returns the hash layer output of tiles, (n, num_bits); called for the rows of
            `val` and `train` only.
        split: its rows and labels.
        nearest: what codes without labels, or look bits, should find.

    Returns:
        "val_map", if tiles are of two classes or more, see `val_map`, and `val_graded` if they may
        have several labels; "val_kept", if there is `nearest`: see
        `rsh.metrics.neighbors.neighbors_kept`. Fractions.
    """
    record: Record = {}
    matrix = split.dataset.label_matrix
    val, train = (matrix[split.rows(name)].any(axis=0) for name in ("val", "train"))
    if (val & train).any() and (val | train).sum() > 1:
        if split.dataset.has_several:
            record |= val_graded(embed, split)
        else:
            record["val_map"] = val_map(embed, split)
    if nearest:
        query, gallery = (pack(binarize(embed(rows))) for rows in nearest[:2])
        record["val_kept"] = float(neighbors_kept(query, gallery, nearest.found, depth=KEPT).mean())
    return record


def val_map(embed: Callable[[Rows], Tensor], split: Split) -> float:
    """Return the tie-aware mAP of validation tiles among training tiles, a fraction.

    Tiles without a label are left out.

    Args:
        embed: returns the hash layer output of tiles, (n, num_bits); called for the rows of
            `val` and `train` only.
        split: its rows and labels.
    """
    labels = split.dataset.labels
    query, gallery = _labeled_sides(split)
    packed, num_bits = _pack_sides(embed, query, gallery)
    counts = count_by_distance(*packed, labels[query], labels[gallery], num_bits=num_bits)
    return mean_average_precision(counts)


def val_graded(embed: Callable[[Rows], Tensor], split: Split) -> Record:
    """Return metrics of validation tiles with several labels among training tiles, ties averaged.

    Args:
        embed: as for `val_map`.
        split: its rows and labels.

    Returns:
        "val_map", where any shared label makes a tile relevant, and "val_ndcg", NDCG@20, where more
        shared labels do so by more. Fractions.
    """
    matrix = split.dataset.label_matrix
    query, gallery = _labeled_sides(split)
    packed, num_bits = _pack_sides(embed, query, gallery)
    counts = count_by_grade(*packed, matrix[query], matrix[gallery], num_bits=num_bits)
    ndcg = float(np.nanmean(graded_ndcg_at(counts, top_k=VAL_CUT)))
    return {"val_map": mean_average_precision(counts.binary), "val_ndcg": ndcg}


def _labeled_sides(split: Split) -> tuple[Rows, Rows]:
    """Return the rows of validation tiles and of training tiles that have a label."""
    val, train = (split.rows(name) for name in ("val", "train"))
    known = split.dataset.has_label
    return val[known[val]], train[known[train]]


def _pack_sides(
    embed: Callable[[Rows], Tensor], query: Rows, gallery: Rows
) -> tuple[tuple[Packed, Packed], int]:
    """Return packed codes of both sides, and their length in bits."""
    query_relaxed, gallery_relaxed = embed(query), embed(gallery)
    packed = pack(binarize(query_relaxed)), pack(binarize(gallery_relaxed))
    return packed, query_relaxed.shape[1]
