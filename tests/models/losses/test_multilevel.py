import math

import pytest
import reference
import torch
from hypothesis import given
from hypothesis import strategies as st
from make_batches import FINITE, LABELS, SEEDS, embeddings, rows
from torch import Tensor

from rsh.models.losses.multilevel import (
    Embedding,
    MultiLevelLoss,
    category_contrastive,
    inter_class_hash,
    intra_class_hash,
    quantization,
)
from rsh.models.losses.targets import Targets


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[list[float]], list[list[float]], list[int]]:
    count, width = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    matrix = st.lists(
        st.lists(FINITE, min_size=width, max_size=width), min_size=count, max_size=count
    )
    labels = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    return draw(matrix), draw(matrix), labels


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_each_term_equals_its_slow_loop(seed: int, labels: list[int], temperature: float):
    a, b, y = rows(seed), rows(seed + 100), torch.tensor(labels)
    pairs = [
        (category_contrastive(a, y, temperature=temperature),
         reference.category_contrastive(a.tolist(), labels, temperature)),
        (inter_class_hash(a, y, temperature=temperature),
         reference.inter_class_hash(a.tolist(), labels, temperature)),
        (intra_class_hash(a, b, y, temperature=temperature),
         reference.intra_class_hash(a.tolist(), b.tolist(), labels, temperature)),
        (quantization(a), reference.quantization(a.tolist())),
    ]  # fmt: skip
    for found, expected in pairs:
        assert found.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(batches(), st.floats(0.05, 2))
def test_any_batch_equals_the_slow_loops(batch, temperature):
    rows0, rows1, labels = batch
    a, b = torch.tensor(rows0, dtype=torch.float64), torch.tensor(rows1, dtype=torch.float64)
    y = torch.tensor(labels)
    assert category_contrastive(a, y, temperature=temperature).item() == pytest.approx(
        reference.category_contrastive(rows0, labels, temperature), rel=1e-6, abs=1e-9
    )
    assert inter_class_hash(a, y, temperature=temperature).item() == pytest.approx(
        reference.inter_class_hash(rows0, labels, temperature), rel=1e-6, abs=1e-9
    )
    assert intra_class_hash(a, b, y, temperature=temperature).item() == pytest.approx(
        reference.intra_class_hash(rows0, rows1, labels, temperature), rel=1e-6, abs=1e-9
    )
    assert quantization(a).item() == pytest.approx(reference.quantization(rows0), rel=1e-6)


@pytest.mark.parametrize("labels", LABELS)
def test_gradients_are_those_of_finite_differences(labels: list[int]):
    a, b = rows(1, width=4).requires_grad_(), rows(2, width=4).requires_grad_()
    y = torch.tensor(labels)
    check = torch.autograd.gradcheck
    assert check(lambda x: category_contrastive(x, y, temperature=0.5), (a,))
    assert check(lambda x: inter_class_hash(x, y, temperature=0.5), (a,))
    assert check(lambda x0, x1: intra_class_hash(x0, x1, y, temperature=0.5), (a, b))
    assert check(quantization, (a,))


@pytest.mark.parametrize("seed", SEEDS)
def test_total_is_the_weighted_sum_of_the_terms(seed: int):
    view0, view1 = embeddings(seed)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    weights = {"category": 0.7, "inter": 1.3, "intra": 0.4, "quantization": 2.5}
    loss = MultiLevelLoss(
        **{f"{name}_weight": weight for name, weight in weights.items()},
        feature_temperature=0.2,
        code_temperature=0.6,
    )
    terms = loss(view0, view1, Targets(labels))
    inter = [
        reference.inter_class_hash(v.relaxed.tolist(), labels.tolist(), 0.6) for v in (view0, view1)
    ]
    expected = {
        "category": reference.category_contrastive(
            view0.features.tolist() + view1.features.tolist(), labels.tolist() * 2, 0.2
        ),
        "inter": sum(inter) / 2,
        "intra": reference.intra_class_hash(
            view0.relaxed.tolist(), view1.relaxed.tolist(), labels.tolist(), 0.6
        ),
        "quantization": reference.quantization(view0.relaxed.tolist() + view1.relaxed.tolist()),
    }
    assert {name: terms[name].item() for name in expected} == pytest.approx(expected)
    total = sum(weights[name] * value for name, value in expected.items())
    assert terms["total"].item() == pytest.approx(total)


def test_tiles_drawn_by_label_are_not_contrasted_with_the_others():
    view0, view1 = embeddings(3)
    labels, drawn = torch.tensor([0, -1, 0, 1, -1, 1]), torch.tensor([1, 0, 1, 1, 0, 1]).bool()
    whole = MultiLevelLoss()(view0, view1, Targets(labels, by_label=drawn))
    parts = [
        MultiLevelLoss()(view0.at(rows), view1.at(rows), Targets(labels[rows]))
        for rows in (torch.tensor([0, 2, 3, 5]), torch.tensor([1, 4]))
    ]
    for name, value in whole.items():
        torch.testing.assert_close(value, (parts[0][name] + parts[1][name]) / 2)


@pytest.mark.parametrize("left_out", ["category", "inter", "intra", "quantization"])
def test_weight_zero_takes_a_term_out_of_the_gradient(left_out: str):
    def gradients(loss_of) -> list[Tensor]:
        view0, view1 = (
            Embedding(*(part.clone().requires_grad_() for part in view)) for view in embeddings(3)
        )
        terms = loss_of(view0, view1)
        leaves = [*view0, *view1]
        return torch.autograd.grad(terms, leaves, allow_unused=True, materialize_grads=True)

    targets = Targets(torch.tensor([0, 0, 1, 1, 2, 2]))
    names = {"category", "inter", "intra", "quantization"}
    ones = {f"{name}_weight": 1.0 for name in names}
    without = gradients(
        lambda a, b: MultiLevelLoss(**(ones | {f"{left_out}_weight": 0.0}))(a, b, targets)["total"]
    )
    others = gradients(
        lambda a, b: sum(MultiLevelLoss(**ones)(a, b, targets)[name] for name in names - {left_out})
    )
    everything = gradients(lambda a, b: MultiLevelLoss(**ones)(a, b, targets)["total"])
    for one, other in zip(without, others, strict=True):
        torch.testing.assert_close(one, other)
    assert any(not torch.allclose(a, b) for a, b in zip(without, everything, strict=True))


@pytest.mark.parametrize("term", [category_contrastive, inter_class_hash])
def test_anchor_without_positive_is_left_out_of_the_mean(term):
    a, labels = rows(0), torch.tensor([0, 0, 1, 1, 2, 3])
    slow = getattr(reference, term.__name__)
    expected = slow(a.tolist(), labels.tolist(), 0.5)
    assert term(a, labels, temperature=0.5).item() == pytest.approx(expected)
    # were the two lonely anchors counted as zeros, the mean would be 4/6 of this
    assert term(a, labels, temperature=0.5).item() > 4 / 6 * expected


@pytest.mark.parametrize("term", [category_contrastive, inter_class_hash])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_batch_without_any_positive_gives_exact_zero_with_zero_gradient(term, count: int):
    a = rows(0, count).requires_grad_()
    loss = term(a, torch.arange(count), temperature=0.1)
    assert loss.item() == 0.0
    loss.backward()
    assert torch.equal(a.grad, torch.zeros_like(a))


def test_batch_of_one_class_pushes_nothing_apart_on_code_level():
    a, b = rows(0).requires_grad_(), rows(1).requires_grad_()
    labels = torch.zeros(6, dtype=torch.int64)
    inter = inter_class_hash(a, labels, temperature=0.3)
    intra = intra_class_hash(a, b, labels, temperature=0.3)
    assert inter.item() == 0.0
    assert intra.item() == 0.0
    (inter + intra).backward()
    assert torch.equal(a.grad, torch.zeros_like(a))
    assert torch.equal(b.grad, torch.zeros_like(b))
    assert category_contrastive(a, labels, temperature=0.3).item() > 0


def test_equal_embeddings_score_the_log_of_the_number_of_candidates():
    same = torch.ones(6, 8, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    terms = {
        "category": category_contrastive(same, labels, temperature=0.1),
        "inter": inter_class_hash(same, labels, temperature=0.1),
        "intra": intra_class_hash(same, same, labels, temperature=0.1),
    }
    # all others: 5; one positive and four of other classes: 5; own twin and four others: 5
    for value in terms.values():
        assert value.item() == pytest.approx(math.log(5))
    sum(terms.values()).backward()
    assert torch.isfinite(same.grad).all()


@pytest.mark.parametrize("branch", [0, 1])
def test_intra_neither_pulls_nor_pushes_two_images_of_one_class(branch: int):
    views = [rows(0, 2).requires_grad_(), rows(1, 2).requires_grad_()]
    loss = intra_class_hash(*views, torch.tensor([0, 0]), temperature=0.3)
    loss.backward()
    assert loss.item() == 0.0
    assert torch.equal(views[branch].grad, torch.zeros_like(views[branch]))


def test_intra_anchor_does_not_feel_a_classmate_in_the_other_branch():
    a, b, labels = rows(0, 3), rows(1, 3), torch.tensor([0, 0, 1])
    moved = b.clone()
    moved[1] = rows(7, 1)[0]  # the classmate of image 0
    pull = []
    for other in (b, moved):
        leaf = a.clone().requires_grad_()
        intra_class_hash(leaf, other, labels, temperature=0.3).backward()
        pull.append(leaf.grad)
    torch.testing.assert_close(pull[0][0], pull[1][0])
    assert not torch.allclose(pull[0][1], pull[1][1])  # image 1 feels its own twin
    assert not torch.allclose(pull[0][2], pull[1][2])  # image 2 is of another class


def test_intra_takes_both_directions():
    a, b, labels = rows(0), rows(1), torch.tensor([0, 0, 1, 1, 2, 2])
    forth = intra_class_hash(a, b, labels, temperature=0.3)
    back = intra_class_hash(b, a, labels, temperature=0.3)
    torch.testing.assert_close(forth, back)
    leaves = a.clone().requires_grad_(), b.clone().requires_grad_()
    intra_class_hash(*leaves, labels, temperature=0.3).backward()
    assert all(leaf.grad.abs().sum() > 0 for leaf in leaves)


@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_the_batch_and_names_of_the_classes_do_not_matter(seed: int):
    view0, view1 = embeddings(seed)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    order = torch.randperm(6, generator=torch.Generator().manual_seed(seed))
    mixed = [Embedding(*(part[order] for part in view)) for view in (view0, view1)]
    before = MultiLevelLoss()(view0, view1, Targets(labels))
    after = MultiLevelLoss()(*mixed, Targets(90 - 7 * labels[order]))
    for name in before:
        torch.testing.assert_close(before[name], after[name])
