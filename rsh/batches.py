"""Class-balanced batches: every anchor has positives, and no class drowns the others."""

from collections.abc import Iterator

import torch
from torch import Tensor

from rsh.errors import InputError


class ClassBalancedBatches:
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
