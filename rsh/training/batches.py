"""Pairs: class-balanced batches in which every tile is seen twice, once by each branch.

The frozen backbone is fed from the view bank, a learning one from packed tiles. Of several
processes each sees its share of the same batch, with the same views as one process would see.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rsh.config import TrainConfig
from rsh.data.decoded import DecodedTiles
from rsh.data.splits import check_classes
from rsh.errors import InputError
from rsh.models.augment import NUM_DRAWS, augment
from rsh.training.feature_cache import FeatureArray


class Batch(NamedTuple):
    """What the two branches see of n tiles.

    Attributes:
        view0: input of branch 0, n rows.
        view1: input of branch 1, row i from the same tile.
        labels: class numbers, (n,) int64.
        rows: which tiles, (n,) int64, on the CPU.
    """

    view0: Tensor
    view1: Tensor
    labels: Tensor
    rows: Tensor


class ClassBalancedSampler:
    """Batches of row numbers with the same number of images of each class.

    Each class deals its images like a shuffled pack of cards and shuffles anew when it runs out,
    so that small classes come round more often. With more classes than fit into a batch, the
    classes of each batch are drawn at random.
    """

    def __init__(self, labels: Tensor, *, batch_size: int, seed: int = 0) -> None:
        """Plan the batches.

        Args:
            labels: class numbers, (n,) int64.
            batch_size: wanted number of images; the real one is the nearest below that has at
                least 2 images a class.
            seed: of the shuffles; epoch e of equal seeds is equal.

        Raises:
            InputError: the batch cannot hold 2 images of 2 classes, or there is one class.
        """
        numbers = torch.unique(labels)
        self.rows = [torch.nonzero(labels == number)[:, 0] for number in numbers]
        if len(self.rows) < 2 or batch_size < 4:
            raise InputError(
                f"{len(self.rows)} class(es), batch_size={batch_size}: contrast needs at least "
                "2 classes and a batch of 4"
            )
        self.classes = min(len(self.rows), batch_size // 2)
        self.images = batch_size // self.classes
        self.seed = seed
        self.length = max(1, len(labels) // self.size)

    def __len__(self) -> int:
        return self.length

    @property
    def size(self) -> int:
        """Number of images in a batch."""
        return self.classes * self.images

    def epoch(self, number: int) -> Iterator[Tensor]:
        """Yield the row numbers of each batch, (classes * images,) int64."""
        draw = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        packs = [_deal(rows, draw) for rows in self.rows]
        for _ in range(self.length):
            chosen = torch.randperm(len(packs), generator=draw)[: self.classes]
            yield torch.stack(
                [next(packs[index]) for index in chosen.tolist() for _ in range(self.images)]
            )


def _deal(rows: Tensor, draw: torch.Generator) -> Iterator[Tensor]:
    while True:
        yield from rows[torch.randperm(len(rows), generator=draw)]


class Pairs(Protocol):
    """What `fit` needs of its batches.

    Attributes:
        ids: of the tiles, for messages.
        batches: which tiles.
    """

    ids: Sequence[str]
    batches: ClassBalancedSampler

    def __len__(self) -> int: ...

    def to(self, device: torch.device, *, rank: int = 0, world: int = 1) -> None:
        """Go to a device, and see only the share of one of several processes."""

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of an epoch; equal numbers and random states give equal ones."""


class _Balanced:
    """What both kinds have in common."""

    def __init__(
        self,
        data: NDArray[Any],
        labels: NDArray[np.int64],
        config: TrainConfig,
        ids: Sequence[str],
    ) -> None:
        check_classes(labels, least=1)
        self.ids = ids or [f"row {row}" for row in range(len(labels))]
        self.labels = torch.from_numpy(labels)
        # rows picked from a memory map are a copy already; torch takes only what may be written
        self.data = torch.from_numpy(np.require(data, requirements="W"))
        self.batches = ClassBalancedSampler(
            self.labels, batch_size=config.batch_size, seed=config.seed
        )
        self.rank, self.world = 0, 1

    def __len__(self) -> int:
        return len(self.batches)

    def to(self, device: torch.device, *, rank: int = 0, world: int = 1) -> None:
        self.data, self.labels = self.data.to(device), self.labels.to(device)
        self.rank, self.world = rank, world

    def mine(self, of_all: Tensor) -> Tensor:
        """Return the rows that this process sees."""
        return of_all[self.rank :: self.world]


class ViewPairs(_Balanced):
    """Two different cached views of each tile."""

    def __init__(
        self,
        bank: FeatureArray,
        labels: NDArray[np.int64],
        config: TrainConfig,
        *,
        ids: Sequence[str] = (),
    ) -> None:
        """Lay the bank ready.

        Args:
            bank: backbone features, (n, views, num_features) float16.
            labels: class numbers, (n,) int64.
            config: batch size and seed.
            ids: of the tiles, for messages.

        Raises:
            InputError: fewer than two views, or data without contrast.
        """
        if bank.shape[1] < 2:
            raise InputError(
                "two branches need at least 2 views a tile",
                parameter="cached_views",
                value=bank.shape[1],
            )
        super().__init__(bank, labels, config, ids)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield batches whose views are (n, num_features) float."""
        for all_rows in self.batches.epoch(number):
            order = torch.rand(len(all_rows), self.data.shape[1]).argsort(dim=1)
            rows, order = self.mine(all_rows), self.mine(order)
            view0, view1 = (self.data[rows, order[:, branch]].float() for branch in (0, 1))
            yield Batch(view0, view1, self.labels[rows], rows)


class TilePairs(_Balanced):
    """Two augmentations of each tile, made on the device."""

    def __init__(
        self,
        tiles: DecodedTiles,
        labels: NDArray[np.int64],
        config: TrainConfig,
        *,
        ids: Sequence[str] = (),
    ) -> None:
        """Lay the tiles ready.

        Args:
            tiles: packed, (n, 3, side, side) uint8.
            labels: class numbers, (n,) int64.
            config: batch size, strength of the views and seed.
            ids: of the tiles, for messages.

        Raises:
            InputError: data without contrast.
        """
        super().__init__(tiles, labels, config, ids)
        self.augmentation = config.augmentation

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield batches whose views are (n, 3, side, side) float, 0 to 1."""
        for all_rows in self.batches.epoch(number):
            draws = torch.rand(2, len(all_rows), NUM_DRAWS)
            rows = self.mine(all_rows)
            tiles = self.data[rows]
            view0, view1 = (augment(tiles, self.mine(draws[b]), self.augmentation) for b in (0, 1))
            yield Batch(view0, view1, self.labels[rows], rows)
