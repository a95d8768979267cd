"""What the tiles of a batch should be to each other: by labels, by neighborhoods, or by both.

Labels decide for two tiles that have one. With several labels a tile, any shared label makes two
tiles belong together, and the more the larger the share of shared labels. For all others the
neighborhood decides: two tiles belong together if one of them is among the k nearest of the other
by their features, which the classes that there are have shaped.
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
        sets: which labels each tile has, (n, labels) bool, if it may have several, which then count
            instead of the class; else None.
    """

    labels: Tensor
    teacher: Tensor | None = None
    reach: Tensor | None = None
    shaped: Tensor | None = None
    by_label: Tensor | None = None
    sets: Tensor | None = None

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
    def known(self) -> Tensor:
        """Which tiles have a label, (n,) bool."""
        return self.labels != UNLABELED if self.sets is None else self.sets.any(dim=1)

    @property
    def same(self) -> Tensor:
        """Which tiles belong together, (n, n) bool; every tile belongs to itself."""
        known = self.known
        both = known[:, None] & known[None, :]
        if self.sets is None:
            same = (self.labels[:, None] == self.labels[None, :]) & both
        else:
            same = self._shared > 0
        if self.reach is not None:
            cosine = self.similarity if self.shaped is None else self.shaped @ self.shaped.T
            near = cosine >= self.reach[:, None] - ROUNDING
            same |= (near | near.T) & ~both
        return same | torch.eye(len(same), dtype=torch.bool, device=same.device)

    @property
    def overlap(self) -> Tensor:
        """How much tiles belong together, (n, n) float, 0 to 1; with one class each it is `same`.

        Of two tiles with several labels it is the Jaccard index, shared labels over the labels of
        both.
        """
        same = self.same.float()
        if self.sets is None:
            return same
        number = self.sets.sum(dim=1)
        shared = self._shared
        union = number[:, None] + number[None, :] - shared
        return torch.where(shared > 0, shared / union.clamp(min=1), same)

    @property
    def _shared(self) -> Tensor:
        """Number of labels that two tiles share, (n, n) float."""
        assert self.sets is not None
        sets = self.sets.float()
        return sets @ sets.T

    @property
    def parts(self) -> list[Tensor]:
        """Rows of the tiles that are contrasted with each other: of a labeled part and the rest.

        A labeled tile and one of its class whose label is unknown would be driven apart if they
        are no neighbors, so the two parts never meet.
        """
        if self.by_label is None:
            return [torch.arange(len(self.labels), device=self.labels.device)]
        return [torch.nonzero(part)[:, 0] for part in (self.by_label, ~self.by_label)]
