"""What the tiles of a batch should be to each other: by labels, by neighborhoods, or by both.

Labels decide for two tiles that have one. For all others the neighborhood decides: two tiles belong
together if one of them is among the k nearest of the other by their features, which the labels that
there are have shaped.
"""

from collections.abc import Callable
from typing import NamedTuple, Self

import torch
from torch import Tensor

from rsh.labels import UNLABELED

ROUNDING = 1e-6  # of a cosine, so that the k-th neighbor counts


class Targets(NamedTuple):
    """The targets of n tiles.

    Attributes:
        labels: class numbers, (n,) int64, -1 where unknown.
        teacher: standardized backbone features, (n, d) float, length 1; None where labels suffice.
        reach: cosine of each tile and its k-th neighbor among the training tiles, (n,) float; None
            without neighborhoods.
        shaped: features that neighborhoods are taken in, (n, e) float, length 1; None for those of
            the teacher.
        by_label: which tiles were drawn for their label, (n,) bool; None if all or none were.
    """

    labels: Tensor
    teacher: Tensor | None = None
    reach: Tensor | None = None
    shaped: Tensor | None = None
    by_label: Tensor | None = None

    def map(self, change: Callable[[Tensor], Tensor]) -> Self:
        """Return the targets with every part changed, such as moved to another device."""
        others = (None if part is None else change(part) for part in self[1:])
        return type(self)(change(self.labels), *others)

    @property
    def similarity(self) -> Tensor:
        """Cosine of the teacher's features, (n, n)."""
        if self.teacher is None:
            raise ValueError("these targets have no teacher")
        return self.teacher @ self.teacher.T

    @property
    def same(self) -> Tensor:
        """Which tiles belong together, (n, n) bool; every tile belongs to itself."""
        known = self.labels != UNLABELED
        both = known[:, None] & known[None, :]
        same = (self.labels[:, None] == self.labels[None, :]) & both
        if self.reach is not None:
            cosine = self.similarity if self.shaped is None else self.shaped @ self.shaped.T
            near = cosine >= self.reach[:, None] - ROUNDING
            same |= (near | near.T) & ~both
        return same | torch.eye(len(same), dtype=torch.bool, device=same.device)

    @property
    def parts(self) -> list[Tensor]:
        """Rows of the tiles that are contrasted with each other: of a labeled part and the rest.

        A labeled tile and one of its class whose label is unknown would be driven apart if they
        are no neighbors, so the two parts never meet.
        """
        if self.by_label is None:
            return [torch.arange(len(self.labels), device=self.labels.device)]
        return [torch.nonzero(part)[:, 0] for part in (self.by_label, ~self.by_label)]
