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

from rsh.bank import Bank
from rsh.batches import ClassBalancedBatches
from rsh.config import TrainConfig
from rsh.errors import InputError
from rsh.packed import Tiles
from rsh.splits import check_classes
from rsh.views import NUM_DRAWS, augment


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


class Pairs(Protocol):
    """What `fit` needs of its batches.

    Attributes:
        ids: of the tiles, for messages.
        batches: which tiles.
    """

    ids: Sequence[str]
    batches: ClassBalancedBatches

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
        self.batches = ClassBalancedBatches(
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
        bank: Bank,
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
                "two branches need at least 2 views a tile", parameter="views", value=bank.shape[1]
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
        tiles: Tiles,
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
        self.strength = config.strength

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield batches whose views are (n, 3, side, side) float, 0 to 1."""
        for all_rows in self.batches.epoch(number):
            draws = torch.rand(2, len(all_rows), NUM_DRAWS)
            rows = self.mine(all_rows)
            tiles = self.data[rows]
            view0, view1 = (augment(tiles, self.mine(draws[b]), self.strength) for b in (0, 1))
            yield Batch(view0, view1, self.labels[rows], rows)
