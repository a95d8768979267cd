"""Label-free baselines: published hashing losses that need no labels, each as in its paper.

They are called like `MultiLevelLoss`, with the same two views, backbone and optimizer, in batches
drawn at random.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rsh.models.losses.baselines import straight_through
from rsh.models.losses.multilevel import Embedding, category_contrastive
from rsh.models.losses.targets import Targets

SAFE = 1e-8  # added to probabilities before a logarithm, as in the authors' code


class CIBHash(nn.Module):
    """Contrast of two views of an image, with a bound on what their bits tell about each other.

    A bit is 1 with the probability sigmoid(u). The signs pass the gradient straight through, and
    the two codes of an image are contrasted with those of all other images (NT-Xent).

    Source: Qiu et al. 2021, https://arxiv.org/abs/2105.06138; temperature and weight as in the
    authors' code.
    """

    temperature = 0.3
    weight = 0.001

    def forward(self, view0: Embedding, view1: Embedding, targets: Targets) -> dict[str, Tensor]:
        """Return "contrast", "divergence" and "total"; see `MultiLevelLoss`."""
        p0, p1 = view0.relaxed.sigmoid(), view1.relaxed.sigmoid()
        codes = straight_through(torch.cat([p0, p1]) - 0.5)
        images = torch.arange(len(p0), device=p0.device).repeat(2)  # each is a class of its own
        contrast = category_contrastive(codes, images, temperature=self.temperature)
        divergence = (_divergence(p0, p1.detach()) + _divergence(p1, p0.detach())) / 2
        total = contrast + self.weight * divergence
        return {"contrast": contrast, "divergence": divergence, "total": total}


class BiHalf(nn.Module):
    """Bits that are 1 for exactly half of each batch, taught the cosines of float features.

    The forward pass ranks the batch by each bit and sets the upper half to 1; the backward pass
    adds a pull of the hash layer output towards those bits. Cosines of codes follow the cosines of
    the teacher's features, between the two halves of the batch.

    Source: Li and van Gemert 2021, https://arxiv.org/abs/2012.12334; the pull has the strength 6,
    as in the authors' code, whose teacher is the backbone's feature as it is.
    """

    strength = 6.0

    def forward(self, view0: Embedding, view1: Embedding, targets: Targets) -> dict[str, Tensor]:
        """Return "total"; see `MultiLevelLoss`."""
        codes = _HalfOnes.apply(torch.cat([view0.relaxed, view1.relaxed]), self.strength)
        half = len(targets.labels) // 2
        teacher = targets.similarity[:half, half : 2 * half].diagonal()
        found = torch.cat(
            [F.cosine_similarity(part[:half], part[half : 2 * half]) for part in codes.chunk(2)]
        )
        return {"total": F.mse_loss(found, teacher.repeat(2))}


class _HalfOnes(torch.autograd.Function):
    """Signs with as many +1 as -1 in each column."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, strength: float) -> Tensor:
        """Give the upper half of each column +1, the others -1."""
        rank = u.argsort(dim=0, descending=True, stable=True).argsort(dim=0)
        signs = torch.where(rank < len(u) // 2, 1.0, -1.0).to(u.dtype)
        ctx.save_for_backward(u, signs)
        ctx.strength = strength
        return signs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Pass the gradient on, and pull u towards its sign."""
        u, signs = ctx.saved_tensors
        return gradients[0] + ctx.strength * (u - signs) / signs.numel(), None


def _divergence(p: Tensor, q: Tensor) -> Tensor:
    """Return the KL divergence of the bits' distributions: mean over rows, sum over bits, nats."""
    ones = p * ((p + SAFE).log() - (q + SAFE).log())
    zeros = (1 - p) * ((1 - p + SAFE).log() - (1 - q + SAFE).log())
    return (ones + zeros).sum(dim=1).mean()


LABEL_FREE: dict[str, Callable[[], nn.Module]] = {"cibhash": CIBHash, "bihalf": BiHalf}
