"""Look bits: a part of the code that keeps what tiles look like.

Codes that are trained on classes alone are equal for all tiles of a class. The look bits are
trained to order tiles as the backbone's own features do, whatever their class. A plain Hamming
distance adds both parts: a class is many bits away, and look bits decide within it.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rsh.models.losses.multilevel import Embedding, quantization
from rsh.models.losses.targets import Targets


def distillation(
    relaxed: Tensor,
    similarity: Tensor,
    *,
    teacher_temperature: float,
    temperature: float,
    own: Tensor | None = None,
) -> Tensor:
    """Teach codes the similarities of a teacher: KL divergence of two softmax distributions.

    For each anchor i, over all rows j of other tiles, with the cosine s of h = tanh(relaxed):

        L = mean_i KL( softmax_j(similarity_ij / t_teacher) || softmax_j(s(h_i, h_j) / t) )

    Args:
        relaxed: hash layer output of the look bits, (n, num_bits) float, any scale.
        similarity: cosines of the teacher's features, (n, n) float.
        teacher_temperature: softmax temperature t_teacher, > 0, no unit.
        temperature: softmax temperature t, > 0, no unit.
        own: which rows show the same tile and are left out, (n, n) bool; by default each row alone.

    Returns:
        Mean over the anchors: scalar, nats, 0 or more, differentiable; exactly 0 if no anchor has a
        row of another tile.

    Raises:
        ValueError: shapes do not fit, or a temperature <= 0.

    Source: of distilling similarities, Fang et al. 2021 (SEED), eq. 3 and 4,
        https://arxiv.org/abs/2101.04731; here within a batch, and into codes.
    """
    count = len(relaxed)
    if own is None:
        own = torch.eye(count, dtype=torch.bool, device=relaxed.device)
    fits = relaxed.ndim == 2 and similarity.shape == own.shape == (count, count)
    if not fits or min(teacher_temperature, temperature) <= 0:
        got = f"{tuple(relaxed.shape)}, {tuple(similarity.shape)}, {tuple(own.shape)}"
        raise ValueError(f"need (n, d) codes, (n, n) cosines and temperatures > 0, got {got}")
    h = F.normalize(torch.tanh(relaxed), dim=1)
    student = (h @ h.T / temperature).masked_fill(own, -torch.inf).log_softmax(dim=1)
    teacher = (similarity / teacher_temperature).masked_fill(own, -torch.inf).log_softmax(dim=1)
    terms = (teacher.exp() * (teacher - student)).masked_fill(own, 0)
    return terms[~own.all(dim=1)].sum() / max(1, int((~own.all(dim=1)).sum()))


class TwoPartLoss(nn.Module):
    """The loss of a code whose last bits are look bits.

    Attributes:
        classes: the loss of the other bits, such as `MultiLevelLoss`; None if all are look bits.
        look_bits: number of look bits.
        weight: of the distillation term, >= 0, no unit.
        quantization_weight: of the quantization term of the look bits, >= 0, no unit.
        teacher_temperature: see `distillation`.
        temperature: see `distillation`.
    """

    def __init__(
        self,
        classes: Callable[..., dict[str, Tensor]] | None,
        look_bits: int,
        *,
        weight: float,
        quantization_weight: float,
        teacher_temperature: float,
        temperature: float,
    ) -> None:
        super().__init__()
        self.classes, self.look_bits = classes, look_bits
        self.weight, self.quantization_weight = weight, quantization_weight
        self.teacher_temperature, self.temperature = teacher_temperature, temperature

    def forward(self, view0: Embedding, view1: Embedding, targets: Targets) -> dict[str, Tensor]:
        """Return the terms of the other bits, "look", and their weighted sum as "total"."""
        look = torch.cat([view.relaxed[:, -self.look_bits :] for view in (view0, view1)])
        count = len(targets.labels)
        own = torch.eye(count, dtype=torch.bool, device=look.device).repeat(2, 2)
        term = distillation(
            look,
            targets.similarity.repeat(2, 2),
            teacher_temperature=self.teacher_temperature,
            temperature=self.temperature,
            own=own,
        )
        total = self.weight * term + self.quantization_weight * quantization(look)
        if self.classes is None:
            return {"look": term, "total": total}
        views = (
            Embedding(view.features, view.relaxed[:, : -self.look_bits]) for view in (view0, view1)
        )
        terms = self.classes(*views, targets)
        return terms | {"look": term, "total": terms["total"] + total}
