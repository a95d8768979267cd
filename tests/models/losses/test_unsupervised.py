import math

import pytest
import torch
from make_batches import embeddings, rows
from torch.nn import functional as F

from rsh.models.losses.multilevel import Embedding
from rsh.models.losses.targets import Targets
from rsh.models.losses.unsupervised import BiHalf, CIBHash

TARGETS = Targets(torch.full((6,), -1), F.normalize(rows(9, 6, 4), dim=1))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def slow_cibhash(u0: list[list[float]], u1: list[list[float]]) -> float:
    codes = [[1.0 if sigmoid(x) >= 0.5 else -1.0 for x in row] for row in u0 + u1]
    count, bits = len(u0), len(u0[0])
    contrast = 0.0
    for i in range(2 * count):
        other = (i + count) % (2 * count)
        scores = [
            math.exp(sum(a * b for a, b in zip(codes[i], code, strict=True)) / bits / 0.3)
            for code in codes
        ]
        below = sum(score for j, score in enumerate(scores) if j != i)
        contrast -= math.log(scores[other] / below) / (2 * count)

    def divergence(first, second) -> float:
        total = 0.0
        for row, other in zip(first, second, strict=True):
            for x, y in zip(row, other, strict=True):
                p, q = sigmoid(x), sigmoid(y)
                total += p * math.log((p + 1e-8) / (q + 1e-8))
                total += (1 - p) * math.log((1 - p + 1e-8) / (1 - q + 1e-8))
        return total / len(first)

    return contrast + 0.001 * (divergence(u0, u1) + divergence(u1, u0)) / 2


def slow_bihalf(u: list[list[float]], similarity: list[list[float]]) -> float:
    total, bits = len(u), len(u[0])
    codes = [[0.0] * bits for _ in u]
    for bit in range(bits):
        order = sorted(range(total), key=lambda row: -u[row][bit])
        for rank, row in enumerate(order):
            codes[row][bit] = 1.0 if rank < total // 2 else -1.0
    count, half, errors = total // 2, total // 4, []
    for start in (0, count):
        for row in range(half):
            first, second = codes[start + row], codes[start + half + row]
            cosine = sum(a * b for a, b in zip(first, second, strict=True)) / bits
            errors.append((cosine - similarity[row][half + row]) ** 2)
    return sum(errors) / len(errors)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_loss_equals_its_slow_loop(seed: int):
    view0, view1 = embeddings(seed)
    u0, u1 = view0.relaxed.tolist(), view1.relaxed.tolist()
    found = CIBHash()(view0, view1, TARGETS)["total"].item()
    assert found == pytest.approx(slow_cibhash(u0, u1), rel=1e-6)
    found = BiHalf()(view0, view1, TARGETS)["total"].item()
    assert found == pytest.approx(slow_bihalf(u0 + u1, TARGETS.similarity.tolist()), rel=1e-6)


def test_cibhash_passes_the_gradient_of_the_codes_straight_through():
    view0, view1 = embeddings(0)
    u = view0.relaxed.clone().requires_grad_()
    CIBHash()(Embedding(view0.features, u), view1, TARGETS)["contrast"].backward()
    p = view0.relaxed.sigmoid()
    sign = torch.where(p >= 0.5, 1.0, -1.0).double().requires_grad_()
    other = torch.where(view1.relaxed >= 0, 1.0, -1.0).double()
    z = F.normalize(torch.cat([sign, other]), dim=1)
    logits = (z @ z.T / 0.3).masked_fill(torch.eye(12, dtype=torch.bool), -torch.inf)
    F.cross_entropy(logits, torch.arange(12).roll(6)).backward()
    torch.testing.assert_close(u.grad, sign.grad * p * (1 - p))


def test_bihalf_adds_a_pull_towards_the_bits_to_the_gradient():
    view0, view1 = embeddings(1)
    u = torch.cat([view0.relaxed, view1.relaxed]).requires_grad_()
    loss = BiHalf()
    rank = u.detach().argsort(dim=0, descending=True).argsort(dim=0)
    signs = torch.where(rank < 6, 1.0, -1.0).double()
    assert torch.equal(signs.sum(dim=0), torch.zeros(u.shape[1], dtype=torch.float64))

    views = [Embedding(view0.features, part) for part in u.chunk(2)]
    loss(*views, TARGETS)["total"].backward()
    leaf = signs.clone().requires_grad_()
    teacher = TARGETS.similarity[:3, 3:].diagonal()
    pairs = [F.cosine_similarity(part[:3], part[3:]) for part in leaf.chunk(2)]
    F.mse_loss(torch.cat(pairs), teacher.repeat(2)).backward()
    torch.testing.assert_close(u.grad, leaf.grad + 6 * (u.detach() - signs) / signs.numel())
