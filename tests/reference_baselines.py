"""Slow loops of the baselines' losses: one pair, one bit, one row at a time, as in their papers."""

import math
from collections.abc import Sequence

Rows = Sequence[Sequence[float]]


def sign(x: float) -> float:
    return 1.0 if x >= 0 else -1.0


def inner(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def pair_loss(theta: float, similar: bool) -> float:
    """-log of the likelihood sigmoid(theta) of a similar pair, 1 - sigmoid(theta) of another."""
    probability = 1 / (1 + math.exp(-theta))
    return -math.log(probability if similar else 1 - probability)


def shares_a_label(one: int | Sequence[bool], other: int | Sequence[bool]) -> bool:
    """Of two classes, or of two sets of labels."""
    if isinstance(one, int) or isinstance(other, int):
        return one == other
    return any(a and b for a, b in zip(one, other, strict=True))


def vote(labels: Sequence[bool], centers: Rows, tied: Sequence[float]) -> list[float]:
    """CSQ: the bit that most centers of the labels have; where they tie, that of a random code."""
    found = []
    for bit, random in enumerate(tied):
        votes = sum(center[bit] for has, center in zip(labels, centers, strict=True) if has)
        found.append(random if votes == 0 else sign(votes))
    return found


def dpsh(
    u: Rows, labels: Sequence[int] | Sequence[Sequence[bool]], quantization_weight: float
) -> float:
    n, width = len(u), len(u[0])
    pairs = sum(
        pair_loss(inner(u[i], u[j]) / 2, shares_a_label(labels[i], labels[j]))
        for i in range(n)
        for j in range(n)
    )
    drawn = sum((x - sign(x)) ** 2 for row in u for x in row)
    return pairs / n**2 + quantization_weight * drawn / (n * width)


def hashnet(
    u: Rows, labels: Sequence[int] | Sequence[Sequence[bool]], sharpness: float, beta: float
) -> float:
    """Each pair weighs the inverse share of its kind, so that both kinds weigh a half."""
    h = [[math.tanh(beta * x) for x in row] for row in u]
    n = len(u)
    kinds = [shares_a_label(labels[i], labels[j]) for i in range(n) for j in range(n)]
    share = {kind: kinds.count(kind) / len(kinds) for kind in (True, False)}
    total = 0.0
    for i in range(n):
        for j in range(n):
            kind = shares_a_label(labels[i], labels[j])
            total += pair_loss(sharpness * inner(h[i], h[j]), kind) / share[kind] / 2
    return total / n**2


def cross_entropy(scores: Sequence[float], label: int) -> float:
    return -math.log(math.exp(scores[label]) / sum(map(math.exp, scores)))


def greedyhash(
    u: Rows, labels: Sequence[int], weight: Rows, bias: Sequence[float], penalty_weight: float
) -> float:
    total = penalty = 0.0
    for row, label in zip(u, labels, strict=True):
        code = [sign(x) for x in row]
        scores = [inner(w, code) + b for w, b in zip(weight, bias, strict=True)]
        total += cross_entropy(scores, label)
        penalty += sum(abs(abs(x) - 1) ** 3 for x in row)
    return total / len(u) + penalty_weight * penalty / (len(u) * len(u[0]))


def csq(u: Rows, labels: Sequence[int], centers: Rows, quantization_weight: float) -> float:
    central = drawn = 0.0
    for row, label in zip(u, labels, strict=True):
        for x, c in zip(row, centers[label], strict=True):
            probability, wanted = (1 + math.tanh(x)) / 2, (c + 1) / 2
            central -= wanted * math.log(probability) + (1 - wanted) * math.log(1 - probability)
            drawn += math.log(math.cosh(abs(math.tanh(x)) - 1))
    return (central + quantization_weight * drawn) / (len(u) * len(u[0]))


def orthohash(u: Rows, labels: Sequence[int], centers: Rows, scale: float, margin: float) -> float:
    total = 0.0
    for row, label in zip(u, labels, strict=True):
        cosine = [inner(row, c) / math.sqrt(inner(row, row) * inner(c, c)) for c in centers]
        cosine[label] -= margin
        total += cross_entropy([scale * value for value in cosine], label)
    return total / len(u)
