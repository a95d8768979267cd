"""Multi-level contrastive loss: our reading of the paper's abstract, which has no formula.

Three contrastive terms and a quantization term:

    category      features, both branches   all views of one category against the others
    inter-class   codes, one branch         same category against other categories
    intra-class   codes, across branches    one image's two codes against other categories

A relaxed code u is compared as h = tanh(u), by the cosine s(a, b). The weight of any term
may be 0 (ablation). Where labels are unknown, the neighborhood of a tile takes the place of its
category, see `rsh.models.losses.targets`: near tiles are positives, and never negatives. Two tiles
that share some of several labels are a positive pair with the weight w, the share of the shared
labels, and a negative pair with the weight 1 - w.
"""

from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from rsh.config import TrainConfig, check_weights
from rsh.models.losses.targets import Targets


class Embedding(NamedTuple):
    """Network output for a batch of n views.

    Attributes:
        features: projection-head output, (n, d) float, length 1.
        relaxed: hash layer output, (n, num_bits) float, any scale.
    """

    features: Tensor
    relaxed: Tensor

    def at(self, rows: Tensor) -> Self:
        """Return some of the views."""
        return type(self)(self.features[rows], self.relaxed[rows])


@dataclass(frozen=True)
class MultiLevelLoss:
    """Weighted sum of the four terms.

    Attributes:
        category_weight: of `category_contrastive`, >= 0, no unit.
        inter_weight: of `inter_class_hash`, mean of the two branches, >= 0, no unit.
        intra_weight: of `intra_class_hash`, >= 0, no unit.
        quantization_weight: of `quantization`, mean of the two branches, >= 0, no unit.
        feature_temperature: softmax temperature on features, > 0, no unit.
        code_temperature: softmax temperature on codes, > 0, no unit.
    """

    category_weight: float = TrainConfig.category_weight
    inter_weight: float = TrainConfig.inter_weight
    intra_weight: float = TrainConfig.intra_weight
    quantization_weight: float = TrainConfig.quantization_weight
    feature_temperature: float = TrainConfig.feature_temperature
    code_temperature: float = TrainConfig.code_temperature

    def __post_init__(self) -> None:
        """Refuse a loss without a term.

        Raises:
            InputError: all weights are 0.
        """
        check_weights(self)

    def __call__(self, view0: Embedding, view1: Embedding, targets: Targets) -> dict[str, Tensor]:
        """Return each unweighted term and their weighted sum.

        Args:
            view0: branch 0, n rows.
            view1: branch 1, row i shows the same image as row i of view0.
            targets: which of the n images belong together.

        Returns:
            "category", "inter", "intra", "quantization" and "total": scalars, nats (the
            quantization has no unit), differentiable.
        """
        parts = [
            self._terms(view0.at(rows), view1.at(rows), targets.map(itemgetter(rows)).overlap)
            for rows in targets.parts
        ]
        terms = {name: torch.stack([part[name] for part in parts]).mean() for name in parts[0]}
        total = (
            self.category_weight * terms["category"]
            + self.inter_weight * terms["inter"]
            + self.intra_weight * terms["intra"]
            + self.quantization_weight * terms["quantization"]
        )
        return terms | {"total": total}

    def _terms(self, view0: Embedding, view1: Embedding, overlap: Tensor) -> dict[str, Tensor]:
        """Return the unweighted terms of tiles that are all contrasted with each other."""
        features = torch.cat([view0.features, view1.features])
        relaxed = torch.cat([view0.relaxed, view1.relaxed])
        temperature = self.code_temperature
        inter0 = inter_class_hash(view0.relaxed, overlap, temperature=temperature)
        inter1 = inter_class_hash(view1.relaxed, overlap, temperature=temperature)
        return {
            "category": category_contrastive(
                features, overlap.repeat(2, 2), temperature=self.feature_temperature
            ),
            "inter": (inter0 + inter1) / 2,
            "intra": intra_class_hash(
                view0.relaxed, view1.relaxed, overlap, temperature=temperature
            ),
            "quantization": quantization(relaxed),
        }


def category_contrastive(features: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """Contrast the features of each category with all others in the batch (SupCon).

    For each anchor: the mean over its positives, weighted by how much they belong together, of the
    negative log softmax among all other rows. Anchors without a positive are excluded.

    Args:
        features: (n, d) float, any scale; both branches stacked.
        labels: class numbers, (n,) int64, or how much rows belong together, (n, n), 0 to 1.
        temperature: softmax temperature, > 0, no unit; lower weights hard negatives.

    Returns:
        Mean over the anchors: scalar, nats, differentiable; exactly 0 if no anchor has a positive.

    Raises:
        ValueError: shapes do not fit, or temperature <= 0.

    Source: Khosla et al. 2020 (SupCon), eq. 2, https://arxiv.org/abs/2004.11362; the weights as in
        Lin et al. 2023, https://arxiv.org/abs/2212.00552, JSCL
    """
    _check(features, labels, temperature)
    z = F.normalize(features, dim=1)  # (n, d)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = (z @ z.T / temperature).masked_fill(itself, -torch.inf)  # (n, n)
    loss = torch.logsumexp(logits, dim=1, keepdim=True) - logits
    return _mean_over_positives(loss, _overlap(z, labels).masked_fill(itself, 0))


def inter_class_hash(relaxed: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """Contrast codes of one category with codes of other categories, within one branch.

    For the anchors i and their positives P(i):

        L_inter = mean_i 1/|P(i)| sum_{p in P(i)}
            -log( e^{s(h_i,h_p)/t} / (e^{s(h_i,h_p)/t} + sum_{j: y_j != y_i} e^{s(h_i,h_j)/t}) )

    Where two tiles belong together by w, they are positives with the weight w in the mean, and
    negatives with the weight 1 - w in the sum over j.

    Args:
        relaxed: hash layer output of one branch, (n, num_bits) float, any scale.
        labels: class numbers, (n,) int64, or how much rows belong together, (n, n), 0 to 1.
        temperature: softmax temperature t, > 0, no unit.

    Returns:
        Mean over the anchors that have a positive: scalar, nats, differentiable; exactly 0 if
        none has.

    Raises:
        ValueError: shapes do not fit, or temperature <= 0.

    Source: our reading of the abstract, "inter-class hash contrastive loss".
    """
    _check(relaxed, labels, temperature)
    h = F.normalize(torch.tanh(relaxed), dim=1)
    overlap = _overlap(h, labels)
    itself = torch.eye(len(h), dtype=torch.bool, device=h.device)
    positive, negative = overlap.masked_fill(itself, 0), 1 - overlap
    return _contrast_with_negatives(h @ h.T / temperature, positive=positive, negative=negative)


def intra_class_hash(
    relaxed0: Tensor, relaxed1: Tensor, labels: Tensor, *, temperature: float
) -> Tensor:
    """Contrast the two codes of one image with codes of other categories, across branches.

    The mean of both directions:

        L_intra = mean_i -log( e^{s(h0_i,h1_i)/t} / (e^{s(h0_i,h1_i)/t}
            + sum_{j: y_j != y_i} e^{s(h0_i,h1_j)/t}) )

    Other images of the same category are neither positives nor negatives; those that belong
    together by w are negatives with the weight 1 - w.

    Args:
        relaxed0: hash layer output of branch 0, (n, num_bits) float, any scale.
        relaxed1: hash layer output of branch 1, row i shows the same image.
        labels: class numbers, (n,) int64, or how much rows belong together, (n, n), 0 to 1.
        temperature: softmax temperature t, > 0, no unit.

    Returns:
        Mean over the 2n anchors: scalar, nats, differentiable; 0 in a batch of one category.

    Raises:
        ValueError: shapes do not fit, or temperature <= 0.

    Source: our reading of the abstract, "intra-class hash contrastive loss".
    """
    _check(relaxed0, labels, temperature)
    _check(relaxed1, labels, temperature)
    if relaxed0.shape != relaxed1.shape:
        got = f"{tuple(relaxed0.shape)} and {tuple(relaxed1.shape)}"
        raise ValueError(f"both branches need codes of one shape, got {got}")
    h0 = F.normalize(torch.tanh(relaxed0), dim=1)
    h1 = F.normalize(torch.tanh(relaxed1), dim=1)
    similarity = h0 @ h1.T / temperature  # (n, n), row: branch 0, column: branch 1
    other = 1 - _overlap(h0, labels)
    twin = torch.eye(len(h0), dtype=h0.dtype, device=h0.device)
    forth = _contrast_with_negatives(similarity, positive=twin, negative=other)
    back = _contrast_with_negatives(similarity.T, positive=twin, negative=other)
    return (forth + back) / 2


def quantization(relaxed: Tensor) -> Tensor:
    """Penalize the distance of h = tanh(relaxed) from -1 and +1.

    Args:
        relaxed: hash layer output, (n, num_bits) float, any scale.

    Returns:
        Mean of (abs(h) - 1)^2: scalar, 0 to 1, no unit, differentiable.
    """
    return (torch.tanh(relaxed).abs() - 1).square().mean()


def _contrast_with_negatives(similarity: Tensor, *, positive: Tensor, negative: Tensor) -> Tensor:
    """Contrast each positive alone with all negatives of its row, both with weights from 0 to 1."""
    none = negative == 0
    weighted = similarity + negative.masked_fill(none, 1).log()
    negatives = weighted.masked_fill(none, -torch.inf).logsumexp(dim=1, keepdim=True)
    # -log(e^p / (e^p + sum e^n)) = log(1 + e^(logsumexp n - p)), 0 where there is no negative
    return _mean_over_positives(F.softplus(negatives - similarity), positive)


def _mean_over_positives(loss: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean over each row's positives, then over the rows that have one."""
    total, none = weight.sum(dim=1), weight == 0
    rows = (loss.masked_fill(none, 0) * weight).sum(dim=1) / total.where(total > 0, 1)
    return rows.sum() / (total > 0).sum().clamp(min=1)


def _overlap(like: Tensor, labels: Tensor) -> Tensor:
    """Return how much rows belong together, (n, n) floats as those of `like`, 0 to 1."""
    pairs = labels if labels.ndim == 2 else labels[:, None] == labels[None, :]
    return pairs.to(like.dtype)


def _check(rows: Tensor, labels: Tensor, temperature: float) -> None:
    count = len(rows)
    if rows.ndim != 2 or labels.shape not in ((count,), (count, count)) or temperature <= 0:
        got = f"{tuple(rows.shape)}, {tuple(labels.shape)}, temperature={temperature}"
        raise ValueError(f"need (n, d) rows, (n,) labels and temperature > 0, got {got}")
