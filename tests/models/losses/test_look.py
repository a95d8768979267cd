import math

import pytest
import torch
from make_batches import embeddings, rows
from torch.nn import functional as F

from rsh.models.losses.look import TwoPartLoss, distillation
from rsh.models.losses.multilevel import Embedding, MultiLevelLoss, quantization
from rsh.models.losses.targets import Targets

LABELS = torch.tensor([0, 0, 1, 1, 2, 2])


def slow_distillation(relaxed, similarity, own, teacher_temperature, temperature) -> float:
    count, anchors = len(relaxed), []
    h = [[math.tanh(x) for x in row] for row in relaxed]

    def cosine(a, b) -> float:
        lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b))
        return sum(x * y for x, y in zip(a, b, strict=True)) / lengths

    for i in range(count):
        others = [j for j in range(count) if not own[i][j]]
        if not others:
            continue
        teacher = [math.exp(similarity[i][j] / teacher_temperature) for j in others]
        student = [math.exp(cosine(h[i], h[j]) / temperature) for j in others]
        anchors.append(
            sum(
                t / sum(teacher) * math.log((t / sum(teacher)) / (s / sum(student)))
                for t, s in zip(teacher, student, strict=True)
            )
        )
    return sum(anchors) / max(1, len(anchors))


def teacher(count: int = 6, width: int = 4) -> torch.Tensor:
    return F.normalize(rows(11, count, width), dim=1)


@pytest.mark.parametrize("views", [1, 2])
def test_distillation_equals_its_slow_loop(views: int):
    relaxed, features = rows(0, 6), teacher(6 // views).repeat(views, 1)
    own = torch.eye(6 // views, dtype=torch.bool).repeat(views, views)
    similarity = features @ features.T
    found = distillation(relaxed, similarity, teacher_temperature=0.3, temperature=0.5, own=own)
    expected = slow_distillation(relaxed.tolist(), similarity.tolist(), own.tolist(), 0.3, 0.5)
    assert found.item() == pytest.approx(expected, rel=1e-9)
    assert found.item() > 0


def test_distillation_vanishes_where_codes_are_as_similar_as_the_teacher_says():
    relaxed = rows(0, 6)
    h = F.normalize(torch.tanh(relaxed), dim=1)
    found = distillation(relaxed, h @ h.T, teacher_temperature=0.4, temperature=0.4)
    assert found.item() == pytest.approx(0, abs=1e-12)


def test_distillation_has_the_gradient_of_finite_differences_and_none_in_a_batch_of_one_tile():
    similarity = teacher() @ teacher().T
    options = {"teacher_temperature": 0.5, "temperature": 0.5}
    relaxed = rows(1, 6, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda u: distillation(u, similarity, **options), (relaxed,))
    alone = rows(1, 2).requires_grad_()
    own = torch.ones(2, 2, dtype=torch.bool)
    loss = distillation(alone, similarity[:2, :2], own=own, **options)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(alone.grad, torch.zeros_like(alone))


def test_wrong_shapes_and_temperatures_are_refused():
    good = {"teacher_temperature": 1.0, "temperature": 1.0}
    with pytest.raises(ValueError, match="need"):
        distillation(rows(0, 6), torch.eye(5), **good)
    with pytest.raises(ValueError, match="temperatures > 0"):
        distillation(rows(0, 6), torch.eye(6), teacher_temperature=0.0, temperature=1.0)


@pytest.mark.parametrize("classes", [MultiLevelLoss(), None])
def test_two_parts_are_each_their_own_loss(classes: MultiLevelLoss | None):
    view0, view1 = embeddings(0)
    bits = 2 if classes else view0.relaxed.shape[1]
    targets = Targets(LABELS, teacher())
    options = {"teacher_temperature": 0.1, "temperature": 0.2}
    loss = TwoPartLoss(classes, bits, weight=0.7, quantization_weight=0.3, **options)
    found = loss(view0, view1, targets)
    look = torch.cat([view.relaxed[:, -bits:] for view in (view0, view1)])
    own = torch.eye(6, dtype=torch.bool).repeat(2, 2)
    term = distillation(look, targets.similarity.repeat(2, 2), own=own, **options)
    total = 0.7 * term + 0.3 * quantization(look)
    if classes:
        first = [Embedding(v.features, v.relaxed[:, :-bits]) for v in (view0, view1)]
        total = total + classes(*first, targets)["total"]
    torch.testing.assert_close(found["look"], term)
    torch.testing.assert_close(found["total"], total)
