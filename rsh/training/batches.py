"""Two-view batches: batches that hold two views of every tile, one for each branch.

Labeled tiles come in equal numbers of each class, or of each of several labels, tiles without a
label together with one of their neighbors. A frozen backbone is trained on cached features, a
learning backbone on decoded tiles. Each of several processes gets its shard of the same batch, with
the views that one process would draw.
"""

import copy
import itertools
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol, Self, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rsh.codes.encodings import HalfArray
from rsh.config import LabelFree, TrainConfig
from rsh.errors import InputError
from rsh.labels import UNLABELED
from rsh.models.augment import NUM_DRAWS, augment
from rsh.models.losses.targets import Targets
from rsh.text import plural
from rsh.training.neighborhoods import Teacher, find_neighbors, shape_by_labels

LEFT_OUT = 0.3  # of the numbers of a vector, in a view


class Batch(NamedTuple):
    """Two views of n tiles.

    Attributes:
        view0: input of branch 0, n rows.
        view1: input of branch 1, row i from the same tile.
        targets: which of the tiles belong together.
        rows: row numbers of the tiles, (n,) int64, on the CPU.
    """

    view0: Tensor
    view1: Tensor
    targets: Targets
    rows: Tensor


class Sampler(Protocol):
    """Selects the tiles of each batch.

    Attributes:
        by_label: which tiles of a batch are drawn for their label, (size,) bool; None if all or
            none are.
    """

    by_label: Tensor | None

    @property
    def size(self) -> int:
        """Number of tiles in a batch."""

    def __len__(self) -> int: ...

    def epoch(self, number: int) -> Iterator[Tensor]:
        """Yield the row numbers of each batch, (size,) int64."""


class ClassBalancedSampler:
    """Batches of row numbers with the same number of images of each class.

    Each class is sampled without replacement and reshuffled when exhausted, so small classes are
    repeated more often. With more classes than fit into a batch, the classes of each batch are
    drawn at random. With several labels a tile, a label is a class, and its tiles may have others.
    """

    def __init__(self, labels: Tensor, *, batch_size: int, seed: int = 0) -> None:
        """Plan the batches.

        Args:
            labels: class numbers, (n,) int64, -1 where unknown, or which of several labels each
                tile has, (n, labels) bool; tiles without a label are not drawn.
            batch_size: requested number of images; the actual one is the nearest below that has
                at least 2 images of each class.
            seed: of the shuffles; the same seed and epoch give the same batches.

        Raises:
            InputError: the batch cannot hold 2 images of 2 classes, or there is one class.
        """
        if labels.ndim == 1:
            numbers = torch.unique(labels[labels != UNLABELED])
            members = [labels == number for number in numbers]
        else:
            members = [column for column in labels.T if column.any()]
        self.rows = [torch.nonzero(column)[:, 0] for column in members]
        if len(self.rows) < 2 or batch_size < 4:
            raise InputError(
                f"{len(self.rows)} class(es), batch_size={batch_size}: a contrastive batch needs "
                "at least 2 classes and a batch of 4"
            )
        self.classes = min(len(self.rows), batch_size // 2)
        self.images = batch_size // self.classes
        self.seed = seed
        self.by_label: Tensor | None = None
        self.length = max(1, len(torch.unique(torch.cat(self.rows))) // self.size)

    def __len__(self) -> int:
        return self.length

    @property
    def size(self) -> int:
        """Number of images in a batch."""
        return self.classes * self.images

    def epoch(self, number: int) -> Iterator[Tensor]:
        """Yield the row numbers of each batch, (classes * images,) int64."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        streams = [_reshuffled(rows, generator) for rows in self.rows]
        for _ in range(self.length):
            chosen = torch.randperm(len(streams), generator=generator)[: self.classes]
            yield torch.stack(
                [next(streams[index]) for index in chosen.tolist() for _ in range(self.images)]
            )


def _reshuffled(rows: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
    while True:
        yield from rows[torch.randperm(len(rows), generator=generator)]


class NeighborSampler:
    """Batches of row numbers in which every other tile is a neighbor of the one before it.

    In an epoch every tile is at most once the first of such a pair.
    """

    def __init__(self, neighbors: Tensor | None, total: int, *, batch_size: int, seed: int) -> None:
        """Plan the batches.

        Args:
            neighbors: rows of the nearest tiles, (total, k) int64; None draws tiles at random
                instead.
            total: number of tiles.
            batch_size: requested number of tiles; the actual one is even, and at most `total`.
            seed: of the shuffles; the same seed and epoch give the same batches.

        Raises:
            InputError: fewer than 4 tiles.
        """
        self.size = _size_of_pairs(total, batch_size)
        self.neighbors, self.total, self.seed = neighbors, total, seed
        self.by_label: Tensor | None = None

    def __len__(self) -> int:
        return max(1, self.total // self.size)

    def epoch(self, number: int) -> Iterator[Tensor]:
        """Yield the row numbers of each batch, (size,) int64."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        order = torch.randperm(self.total, generator=generator)
        step = self.size if self.neighbors is None else self.size // 2
        for start in range(0, len(self) * step, step):
            rows = order[start : start + step]
            if self.neighbors is not None:
                which = torch.randint(self.neighbors.shape[1], (step,), generator=generator)
                rows = torch.stack([rows, self.neighbors[rows, which]], dim=1).flatten()
            yield rows


def _size_of_pairs(total: int, batch_size: int) -> int:
    """Return the number of tiles in a batch of pairs; there must be two pairs."""
    size = min(batch_size, total) // 2 * 2
    if size < 4:
        raise InputError(
            f"{plural(total, 'training tile')}, batch_size={batch_size}: a contrastive batch needs "
            "4 tiles"
        )
    return size


class MixedSampler:
    """Batches of which one half is balanced over the classes, and the other half any tiles.

    The length of an epoch is the geometric mean of those of its parts, and at most that of the
    second: as many batches as all tiles fill would repeat few labeled tiles until they are known by
    heart.
    """

    def __init__(self, labeled: ClassBalancedSampler, others: NeighborSampler) -> None:
        """Join two samplers."""
        self.labeled, self.others = labeled, others
        self.size = labeled.size + others.size
        self.by_label: Tensor | None = torch.arange(self.size) < labeled.size

    def __len__(self) -> int:
        mean = round(math.sqrt(len(self.labeled) * len(self.others)))
        return min(mean, len(self.others))  # balanced batches can be smaller, so there may be more

    def epoch(self, number: int) -> Iterator[Tensor]:
        """Yield the row numbers of each batch, (size,) int64; a tile may be in both halves."""
        labeled = itertools.chain.from_iterable(
            self.labeled.epoch(number * len(self) + again) for again in itertools.count()
        )
        both = zip(labeled, self.others.epoch(number), strict=False)
        for first, second in itertools.islice(both, len(self)):
            yield torch.cat([first, second])


class TwoViewBatches(ABC):
    """Batches of two views of each tile.

    Attributes:
        data: one row per tile: see `FeatureBatches` and `TileBatches`.
        targets: of all tiles.
        ids: names of the tiles, for messages.
        config: settings of the training.
        sampler: selects the tiles of each batch.
    """

    def __init__(
        self,
        data: NDArray[Any],
        labels: NDArray[np.int64],
        config: TrainConfig,
        *,
        teacher: Teacher | None = None,
        ids: Sequence[str] = (),
        sets: NDArray[np.bool_] | None = None,
        units: Sequence[str] = (),
    ) -> None:
        """Read batch size and seed from the settings.

        Args:
            data: one row per tile.
            labels: class numbers, (n,) int64, -1 where unknown.
            config: settings of the training.
            teacher: needed for tiles without a label, and for look bits.
            ids: names of the tiles, for messages.
            sets: which of several labels each tile has, (n, labels), if they count instead of the
                classes.
            units: of the bands of decoded tiles, see `rsh.models.augment.augment`.

        Raises:
            InputError: fewer than two classes and no teacher, or a batch that cannot hold two of
                them.
        """
        # rows selected from a memory map are a copy already; torch accepts only writable arrays
        self.data = torch.from_numpy(np.require(data, requirements="W"))
        self.ids = ids or [f"row {row}" for row in range(len(labels))]
        self.config, self.units = config, tuple(units)
        several = None if sets is None else torch.from_numpy(sets)
        self.targets, self.sampler = _plan(torch.from_numpy(labels), several, config, teacher)

    def to(self, device: torch.device) -> Self:
        """Return the same batches with their data on a device."""
        moved = copy.copy(self)
        moved.data = self.data.to(device)
        moved.targets = self.targets.map(lambda part: part.to(device))
        return moved

    def epoch(self, number: int, *, rank: int = 0, world: int = 1) -> Iterator[Batch]:
        """Yield the batches of an epoch.

        Args:
            number: the epoch; equal numbers and random states give equal batches.
            rank: number of this process.
            world: number of processes; each gets every `world`-th row of a batch.
        """
        shard = slice(rank, None, world)
        for sampled in self.sampler.epoch(number):
            rows = sampled[shard]
            view0, view1 = self._views(rows, len(sampled), shard)
            targets = self.targets.map(operator.itemgetter(rows))
            if self.sampler.by_label is not None:
                targets = targets._replace(by_label=self.sampler.by_label[shard].to(view0.device))
            yield Batch(view0, view1, targets, rows)

    @abstractmethod
    def _views(self, rows: Tensor, total: int, shard: slice) -> tuple[Tensor, Tensor]:
        """Return both views of some rows, which are a shard of a batch of `total` rows."""


def _plan(
    labels: Tensor, sets: Tensor | None, config: TrainConfig, teacher: Teacher | None
) -> tuple[Targets, Sampler]:
    """Return the targets of all tiles, and the sampler that suits them."""
    size, seed = config.batch_size, config.seed
    features = None if teacher is None else torch.from_numpy(teacher.features)
    targets = Targets(labels, features, sets=sets)
    if config.method in get_args(LabelFree):
        return targets, NeighborSampler(None, len(labels), batch_size=size, seed=seed)
    known, kinds = targets.known, labels if sets is None else sets
    if teacher is None or bool(known.all()):
        return targets, ClassBalancedSampler(kinds, batch_size=size, seed=seed)
    _size_of_pairs(len(labels), size)
    has_classes = len(torch.unique(kinds[known], dim=0)) > 1
    shaped = teacher.features
    if has_classes and sets is None:
        shaped = shape_by_labels(teacher.features, labels.numpy())
    neighbors, reach = map(torch.from_numpy, find_neighbors(shaped, config.neighbors))
    targets = targets._replace(reach=reach, shaped=torch.from_numpy(shaped))
    if not has_classes:
        return targets, NeighborSampler(neighbors, len(labels), batch_size=size, seed=seed)
    labeled = ClassBalancedSampler(kinds, batch_size=max(4, size // 2), seed=seed)
    others = NeighborSampler(neighbors, len(labels), batch_size=size // 2, seed=seed)
    return targets, MixedSampler(labeled, others)


class FeatureBatches(TwoViewBatches):
    """Batches of two different cached views of each tile, (n, num_features) float.

    The data are backbone features, (n, views, num_features) float16.
    """

    def __init__(
        self,
        data: HalfArray,
        labels: NDArray[np.int64],
        config: TrainConfig,
        *,
        teacher: Teacher | None = None,
        ids: Sequence[str] = (),
        sets: NDArray[np.bool_] | None = None,
    ) -> None:
        """Read batch size and seed from the settings; see `TwoViewBatches`.

        Raises:
            InputError: fewer than two views, or as for `TwoViewBatches`.
        """
        if data.shape[1] < 2:
            raise InputError(
                "two branches need at least 2 views of each tile",
                parameter="cached_views",
                value=data.shape[1],
            )
        super().__init__(data, labels, config, teacher=teacher, ids=ids, sets=sets)

    def _views(self, rows: Tensor, total: int, shard: slice) -> tuple[Tensor, Tensor]:
        order = torch.rand(total, self.data.shape[1]).argsort(dim=1)[shard]
        return self.data[rows, order[:, 0]].float(), self.data[rows, order[:, 1]].float()


class VectorBatches(TwoViewBatches):
    """Batches of two views of each embedding: each leaves out other numbers, as dropout does.

    The data are standardized vectors, (n, 1, num_features) float16; what is left out is 0, the
    mean, and the rest is scaled so that sums keep their expectation.
    """

    def _views(self, rows: Tensor, total: int, shard: slice) -> tuple[Tensor, Tensor]:
        vectors = self.data[rows, 0].float() / (1 - LEFT_OUT)
        draws = torch.rand(2, total, vectors.shape[1])[:, shard].to(vectors.device)
        view0, view1 = vectors * (draws >= LEFT_OUT)
        return view0, view1


class TileBatches(TwoViewBatches):
    """Batches of two augmentations of each tile, (n, channels, side, side) float.

    The data are decoded tiles, see `rsh.data.decoded`; they are augmented on their device.
    """

    def _views(self, rows: Tensor, total: int, shard: slice) -> tuple[Tensor, Tensor]:
        tiles, strength = self.data[rows], self.config.augmentation
        draws = torch.rand(2, total, NUM_DRAWS + len(self.units))[:, shard]
        view0, view1 = (augment(tiles, each, strength, self.units) for each in draws)
        return view0, view1
