"""Teaches a head by labels and neighborhoods, from what a gallery holds of its tiles.

The loss, the batches and the neighborhoods are those of `rsh train`; the input is the network's
feature and its soft code, of which the two views leave out other numbers, as for embeddings. The
head adds to the network's continuous code, from 0 on, so that codes change only where labels or
neighborhoods ask for it. Neighborhoods are taken in features and soft codes together: features
alone do not know what the network has learned from augmented images.

Of few labels nearly each is the only one of its class, and nothing is brought together. So the two
tiles nearest to a labeled one count as of its class, too.

Only the head is trained, without Fabric or timm, whose import would take as long as the training.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from rsh.codes.asymmetric import soft_bits
from rsh.config import TrainConfig
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.gallery.learned import LearnedHead
from rsh.labels import UNLABELED
from rsh.learning.labels import GivenLabels
from rsh.learning.soft_codes import Floats, Rows, draw
from rsh.metrics.neighbors import nearest_by_cosine
from rsh.models.head import HashHead
from rsh.models.losses.multilevel import Embedding, MultiLevelLoss
from rsh.training.batches import Batch, VectorBatches
from rsh.training.neighborhoods import Standardization, Teacher, normalize

SETTINGS = TrainConfig(neighbors=50)
STEPS = 150
NEAR = 2  # tiles that a label is taken for, besides its own
TILES = 5000  # without a label, drawn from larger galleries: more than the steps come to
HIDDEN = 512
PROJECTED = 128  # numbers in the projection, which the category term needs
Tick = Callable[[float], object]  # told the share of the work that is done


def teach(
    gallery: Gallery, given: GivenLabels, *, seed: int, tick: Tick = lambda done: None
) -> LearnedHead:
    """Teach a head.

    Args:
        gallery: an opened gallery.
        given: labels of tiles that a search may find, of two classes or more.
        seed: of tiles, weights, batches and views; equal ones give equal heads.
        tick: progress callback.

    Raises:
        InputError: there are too few tiles, or all are encoded alike.
    """
    others = np.setdiff1d(gallery.searchable, given.rows)
    rows = np.sort(np.concatenate([given.rows, draw(others, TILES, seed)]))
    labels = np.full(len(rows), UNLABELED)
    labels[np.searchsorted(rows, given.rows)] = given.numbers
    features = np.asarray(gallery.features[rows], np.float32)
    network = np.asarray(gallery.network[rows][:, : gallery.class_bits], np.float32)
    if (features == features[0]).all() and (network == network[0]).all():
        raise InputError(
            f"all tiles of {gallery.folder} have the same code and feature, so that none can be "
            "told apart: train a network on them"
        )
    soft = soft_bits(network)
    scale = np.float32(np.sqrt(features.shape[1]))  # the numbers of a feature are about 1, then
    inputs = np.concatenate([scale * features, soft], axis=1).astype(np.float16)
    config, teacher = replace(SETTINGS, seed=seed), _teacher(features, soft)
    labels = spread_labels(teacher.features, labels)
    batches = VectorBatches(inputs[:, None], labels, config, teacher=teacher)
    tick(0.1)
    with torch.random.fork_rng(devices=[]), _one_thread():
        torch.manual_seed(seed)
        head = HashHead(
            inputs.shape[1], num_bits=gallery.class_bits, hidden=HIDDEN, feature_dim=PROJECTED
        )
        _fit(head, batches, torch.from_numpy(network), config, tick)
    return _to_numpy(head.eval(), scale, features.shape[1])


@contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread of torch: on busy cores several wait for each other after each small step.

    So the head does not depend on the number of cores either.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _teacher(features: Floats, soft: Floats) -> Teacher:
    """Return what neighborhoods are taken in: both halves count the same."""
    joined = normalize(np.concatenate([normalize(features), normalize(soft)], axis=1))
    dim = joined.shape[1]
    return Teacher(joined, Standardization(np.zeros(dim, np.float32), np.ones(dim, np.float32)))


def spread_labels(features: Floats, labels: Rows) -> Rows:
    """Give the two tiles nearest to each labeled one its label, unless they have one.

    Args:
        features: what neighborhoods are taken in, (n, d) float32, length 1.
        labels: class numbers, (n,), -1 where unknown.

    Returns:
        Class numbers, (n,); that of the nearest labeled tile where several are near.
    """
    known = np.flatnonzero(labels != UNLABELED)
    near = nearest_by_cosine(
        features[known], features, min(NEAR, len(features) - 1), own=known
    ).ravel()
    source = known.repeat(len(near) // len(known))
    cosine = np.einsum("nd,nd->n", features[near], features[source])
    spread = labels.copy()
    for place in np.argsort(cosine, kind="stable"):  # the nearest one last
        if labels[near[place]] == UNLABELED:
            spread[near[place]] = labels[source[place]]
    return spread


def _fit(
    head: HashHead, batches: VectorBatches, network: Tensor, config: TrainConfig, tick: Tick
) -> None:
    """Train the head on batches, as `rsh.training.loop` does, for a fixed number of steps."""
    assert head.hash is not None
    nn.init.zeros_(head.hash.weight)
    nn.init.zeros_(head.hash.bias)
    terms = [field.name for field in fields(MultiLevelLoss)]
    loss = MultiLevelLoss(**{name: getattr(config, name) for name in terms})
    rate = config.learning_rate
    optimizer = torch.optim.AdamW(head.parameters(), lr=rate, weight_decay=config.weight_decay)
    schedule = OneCycleLR(optimizer, rate, total_steps=STEPS, pct_start=config.warmup_fraction)
    head.train()
    for step, batch in zip(range(STEPS), _endless(batches), strict=False):
        both = head(torch.cat([batch.view0, batch.view1]))
        relaxed = both.relaxed + network[batch.rows].repeat(2, 1)
        features0, features1 = both.features.chunk(2)
        relaxed0, relaxed1 = relaxed.chunk(2)
        view0, view1 = Embedding(features0, relaxed0), Embedding(features1, relaxed1)
        total = loss(view0, view1, batch.targets)["total"]
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        tick(0.1 + 0.9 * (step + 1) / STEPS)


def _endless(batches: VectorBatches) -> Iterator[Batch]:
    epoch = 0
    while True:
        yield from batches.epoch(epoch)
        epoch += 1


def _to_numpy(head: HashHead, scale: np.float32, feature_dim: int) -> LearnedHead:
    """Return the weights of a trained head, with batch normalization and scale folded in."""
    linear, norm = head.trunk[0], head.trunk[1]
    assert isinstance(linear, nn.Linear) and isinstance(norm, nn.BatchNorm1d) and head.hash
    assert norm.running_mean is not None and norm.running_var is not None
    with torch.no_grad():
        slope = norm.weight / (norm.running_var + norm.eps).sqrt()
        weight = (linear.weight * slope[:, None]).T.contiguous().numpy()
        bias = ((linear.bias - norm.running_mean) * slope + norm.bias).numpy()
        weight[:feature_dim] *= scale
        return LearnedHead(
            hidden_weight=weight,
            hidden_bias=bias,
            weight=head.hash.weight.T.contiguous().numpy(),
            bias=head.hash.bias.numpy().copy(),
        )
