"""Baselines: published hashing losses that learn from labels, each as in its paper.

All are called like `MultiLevelLoss`, with the same two views, backbone, batches and optimizer;
their own weights (a classifier) and counters (steps) are part of the module. A batch of n tiles has
2n relaxed codes u, both branches stacked. Every baseline returns "total" and its terms. Those in
`SEVERAL_LABELS` also learn from several labels a tile, in the form that their paper gives.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rsh.codes.centers import codewords, random_codewords
from rsh.models.losses.multilevel import Embedding, category_contrastive, quantization
from rsh.models.losses.targets import Targets

Terms = dict[str, Tensor]


class Baseline(nn.Module):
    """A loss of the relaxed codes of both branches."""

    def forward(self, view0: Embedding, view1: Embedding, targets: Targets) -> Terms:
        """Return the terms of a batch: see `MultiLevelLoss`."""
        both = targets.map(lambda part: torch.cat([part, part]))
        return self._terms(torch.cat([view0.relaxed, view1.relaxed]), both)

    def _terms(self, u: Tensor, targets: Targets) -> Terms:
        """Return the terms of relaxed codes, (2n, num_bits), and their targets."""
        raise NotImplementedError


class SupervisedContrastive(Baseline):
    """Supervised contrastive loss on the codes alone: the multi-level loss without its levels.

    Positives count by the share of labels that they have in common.

    Source: Khosla et al. 2020, eq. 2, https://arxiv.org/abs/2004.11362, on h = tanh(u), with the
    quantization term of `MultiLevelLoss`.
    """

    temperature = 0.3
    quantization_weight = 0.1

    def _terms(self, u: Tensor, targets: Targets) -> Terms:
        contrast = category_contrastive(u.tanh(), targets.overlap, temperature=self.temperature)
        quantized = quantization(u)
        total = contrast + self.quantization_weight * quantized
        return {"contrast": contrast, "quantization": quantized, "total": total}


class DPSH(Baseline):
    """Likelihood of pairwise similarity, plus a quantization term.

    The paper sums over all pairs of the training set with stored codes; here, as in most released
    code, the sum runs over the pairs of the batch. Tiles that share a label are similar.

    Source: Li, Wang and Kang 2016, eq. 3 and 5, https://arxiv.org/abs/1511.03855
    """

    quantization_weight = 0.1

    def _terms(self, u: Tensor, targets: Targets) -> Terms:
        theta = u @ u.T / 2  # (2n, 2n)
        likelihood = (F.softplus(theta) - targets.same * theta).mean()
        quantized = (u - _sign(u)).square().mean()
        total = likelihood + self.quantization_weight * quantized
        return {"likelihood": likelihood, "quantization": quantized, "total": total}


class HashNetLoss(Baseline):
    """Weighted likelihood of pairwise similarity; tanh(beta u) becomes the sign as beta grows.

    Similar and dissimilar pairs have the same total weight, whatever their numbers. Tiles that
    share a label are similar.

    Source: Cao et al. 2017, eq. 4 and 5, https://arxiv.org/abs/1702.00758; beta grows with the
    square root of the steps, as in the authors' code.
    """

    sharpness = 0.1
    steps: Tensor

    def __init__(self, *, growth: float = 0.005) -> None:
        super().__init__()
        self.growth = growth
        self.register_buffer("steps", torch.zeros(()))  # part of the checkpoint

    def _terms(self, u: Tensor, targets: Targets) -> Terms:
        h = torch.tanh((1 + self.growth * self.steps).sqrt() * u)
        self.steps += self.training
        similar = targets.same.float()
        share = similar.mean()
        weight = torch.where(similar > 0, 1 / share, 1 / (1 - share).clamp(min=1e-6)) / 2
        theta = self.sharpness * (h @ h.T)
        total = (weight * (F.softplus(theta) - similar * theta)).mean()
        return {"total": total}


class GreedyHash(Baseline):
    """Classification of the binary codes, with a straight-through gradient of the sign.

    Source: Su et al. 2018, eq. 6 and 11, https://papers.nips.cc/paper/7360
    """

    penalty_weight = 0.1

    def __init__(self, num_classes: int, num_bits: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(num_bits, num_classes)

    def _terms(self, u: Tensor, targets: Targets) -> Terms:
        codes = straight_through(u)
        classified = F.cross_entropy(self.classifier(codes), targets.labels)
        penalty = (u - _sign(u)).abs().pow(3).mean()
        total = classified + self.penalty_weight * penalty
        return {"cross_entropy": classified, "penalty": penalty, "total": total}


class CenterLoss(Baseline):
    """A loss with a fixed code for each class, its center: (num_classes, num_bits), -1 or 1."""

    centers: Tensor

    def __init__(self, num_classes: int, num_bits: int) -> None:
        super().__init__()
        self.register_buffer("centers", codewords(num_classes, num_bits))


class CSQ(CenterLoss):
    """Central similarity: pulls every code to the fixed center of its class.

    The center of several labels has in each bit what most of their centers have; where as many
    have -1 as +1, the bit of a random code.

    Source: Yuan et al. 2020, eq. 3 and 5, and what it says of several labels,
        https://arxiv.org/abs/1908.00347
    """

    quantization_weight = 1e-4
    tied: Tensor

    def __init__(self, num_classes: int, num_bits: int) -> None:
        super().__init__(num_classes, num_bits)
        tied = torch.from_numpy(random_codewords(1, num_bits)[0]).float()
        self.register_buffer("tied", tied, persistent=False)

    def find_centers(self, targets: Targets) -> Tensor:
        """Return the center of each tile, (n, num_bits), only -1 and +1."""
        if targets.sets is None:
            return self.centers[targets.labels]
        votes = targets.sets.to(self.centers.dtype) @ self.centers
        return torch.where(votes == 0, self.tied, votes.sign())

    def _terms(self, u: Tensor, targets: Targets) -> Terms:
        # the probability (1 + tanh(u)) / 2 is sigmoid(2 u)
        target = (self.find_centers(targets) + 1) / 2
        central = F.binary_cross_entropy_with_logits(2 * u, target)
        quantized = (u.tanh().abs() - 1).cosh().log().mean()
        total = central + self.quantization_weight * quantized
        return {"central": central, "quantization": quantized, "total": total}


class OrthoHash(CenterLoss):
    """Softmax over the cosines to the class centers, with a margin for the own class.

    Source: Hoe et al. 2021, eq. 8, https://arxiv.org/abs/2109.14449; s = 8 and m = 0.2 as there.
    """

    scale = 8.0
    margin = 0.2

    def _terms(self, u: Tensor, targets: Targets) -> Terms:
        cosine = F.normalize(u) @ F.normalize(self.centers).T  # (2n, classes)
        labels = targets.labels
        own = F.one_hot(labels, len(self.centers))
        return {"total": F.cross_entropy(self.scale * (cosine - self.margin * own), labels)}


# (number of classes, number of bits) -> loss
BASELINES: dict[str, Callable[[int, int], nn.Module]] = {
    "supcon": lambda classes, bits: SupervisedContrastive(),
    "dpsh": lambda classes, bits: DPSH(),
    "hashnet": lambda classes, bits: HashNetLoss(),
    "greedyhash": GreedyHash,
    "csq": CSQ,
    "orthohash": OrthoHash,
}
SEVERAL_LABELS = ("multilevel", "supcon", "dpsh", "hashnet", "csq")  # may be learned from


def straight_through(u: Tensor) -> Tensor:
    """Return the signs of u, with the gradient of u."""
    return u + (_sign(u) - u).detach()


def _sign(u: Tensor) -> Tensor:
    return torch.where(u >= 0, 1.0, -1.0).detach()
