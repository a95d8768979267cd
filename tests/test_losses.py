import math

import pytest
import reference
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rsh.losses import (
    Embedding,
    MultiLevelLoss,
    category_contrastive,
    inter_class_hash,
    intra_class_hash,
    quantization,
)
from rsh.model import HashHead

SEEDS = range(5)
LABELS = (
    [0, 0, 1, 1, 2, 2],
    [0, 0, 0, 1, 1, 2],  # class 2 has one image: an anchor without positive
    [0, 1, 2, 3, 4, 5],
    [3, 3, 3, 3, 3, 3],
)
FINITE = st.floats(-5, 5, width=32).filter(lambda x: abs(x) > 1e-2)


def rows(seed: int, count: int = 6, width: int = 8, *, scale: float = 1.0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, width, generator=draw, dtype=torch.float64)


def embeddings(seed: int, count: int = 6) -> tuple[Embedding, Embedding]:
    return tuple(
        Embedding(
            torch.nn.functional.normalize(rows(10 * seed + branch, count), dim=1),
            rows(10 * seed + branch + 5, count, 16),
        )
        for branch in (0, 1)
    )


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
    terms = loss(view0, view1, labels)
    inter = [
        reference.inter_class_hash(v.relaxed.tolist(), labels.tolist(), 0.6) for v in (view0, view1)
    ]
    expected = {
        "category": reference.category_contrastive(
            view0.feature.tolist() + view1.feature.tolist(), labels.tolist() * 2, 0.2
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


@pytest.mark.parametrize("left_out", ["category", "inter", "intra", "quantization"])
def test_weight_zero_takes_a_term_out_of_the_gradient(left_out: str):
    def gradients(loss_of) -> list[Tensor]:
        view0, view1 = (
            Embedding(*(part.clone().requires_grad_() for part in view)) for view in embeddings(3)
        )
        terms = loss_of(view0, view1)
        leaves = [*view0, *view1]
        return torch.autograd.grad(terms, leaves, allow_unused=True, materialize_grads=True)

    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    names = {"category", "inter", "intra", "quantization"}
    ones = {f"{name}_weight": 1.0 for name in names}
    without = gradients(
        lambda a, b: MultiLevelLoss(**(ones | {f"{left_out}_weight": 0.0}))(a, b, labels)["total"]
    )
    others = gradients(
        lambda a, b: sum(MultiLevelLoss(**ones)(a, b, labels)[name] for name in names - {left_out})
    )
    everything = gradients(lambda a, b: MultiLevelLoss(**ones)(a, b, labels)["total"])
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
    before = MultiLevelLoss()(view0, view1, labels)
    after = MultiLevelLoss()(*mixed, 90 - 7 * labels[order])
    for name in before:
        torch.testing.assert_close(before[name], after[name])


def test_inputs_are_not_changed_in_place():
    view0, view1 = embeddings(0)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    copies = [part.clone() for part in (*view0, *view1, labels)]
    MultiLevelLoss()(view0, view1, labels)
    assert all(
        torch.equal(copy, part) for copy, part in zip(copies, (*view0, *view1, labels), strict=True)
    )


def test_scale_of_features_does_not_matter():
    a, labels = rows(0), torch.tensor([0, 0, 1, 1, 2, 2])
    torch.testing.assert_close(
        category_contrastive(a, labels, temperature=0.1),
        category_contrastive(1000 * a, labels, temperature=0.1),
    )


def test_quantization_is_one_at_zero_and_falls_to_zero_at_the_corners():
    values = [
        quantization(torch.full((2, 4), scale)).item() for scale in (0.0, 0.5, 1.0, 2.0, 50.0)
    ]
    assert values[0] == 1.0
    assert values[-1] == 0.0
    assert values == sorted(values, reverse=True)


def test_quantization_pulls_each_bit_away_from_zero():
    relaxed = torch.tensor([[0.3, -0.3]], requires_grad=True)
    quantization(relaxed).backward()
    assert relaxed.grad[0, 0] < 0 < relaxed.grad[0, 1]


@pytest.mark.parametrize("scale", [1e-4, 1e2, 1e4, 1e8])
@pytest.mark.parametrize("temperature", [0.01, 0.3])
def test_large_and_small_inputs_stay_finite_in_float32(scale: float, temperature: float):
    a = rows(0, scale=scale).float().requires_grad_()
    b = rows(1, scale=scale).float().requires_grad_()
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    total = (
        category_contrastive(a, labels, temperature=temperature)
        + inter_class_hash(a, labels, temperature=temperature)
        + intra_class_hash(a, b, labels, temperature=temperature)
        + quantization(a)
    )
    total.backward()
    assert torch.isfinite(total)
    assert torch.isfinite(a.grad).all()
    assert torch.isfinite(b.grad).all()


def test_code_of_zeros_does_not_give_nan():
    zeros = torch.zeros(4, 8, requires_grad=True)
    labels = torch.tensor([0, 0, 1, 1])
    loss = inter_class_hash(zeros, labels, temperature=0.3)
    loss = loss + intra_class_hash(zeros, zeros, labels, temperature=0.3)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(zeros.grad).all()


@pytest.mark.parametrize("temperature", [0, -1.0])
def test_temperature_must_be_positive(temperature: float):
    a, labels = rows(0), torch.zeros(6, dtype=torch.int64)
    for call in (
        lambda: category_contrastive(a, labels, temperature=temperature),
        lambda: inter_class_hash(a, labels, temperature=temperature),
        lambda: intra_class_hash(a, a, labels, temperature=temperature),
    ):
        with pytest.raises(ValueError, match=f"temperature={temperature}"):
            call()


@pytest.mark.parametrize(
    ("shape", "count"), [((6,), 6), ((6, 8), 5), ((6, 8, 1), 6)], ids=["1-d", "labels", "3-d"]
)
def test_wrong_shapes_are_named(shape: tuple[int, ...], count: int):
    a, labels = torch.ones(shape), torch.zeros(count, dtype=torch.int64)
    for call in (
        lambda: category_contrastive(a, labels, temperature=1),
        lambda: inter_class_hash(a, labels, temperature=1),
        lambda: intra_class_hash(a, a, labels, temperature=1),
    ):
        with pytest.raises(ValueError, match="need") as error:
            call()
        assert str(tuple(shape)) in str(error.value)
        assert str((count,)) in str(error.value)


def test_branches_with_different_code_lengths_are_named():
    labels = torch.zeros(6, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"\(6, 16\)"):
        intra_class_hash(rows(0, width=8), rows(1, width=16), labels, temperature=1)


def test_feature_term_alone_leaves_the_hash_layer_without_gradient():
    head = HashHead(10, num_bits=8, hidden=12, feature_dim=6)
    view0, view1 = head(rows(0, width=10).float()), head(rows(1, width=10).float())
    alone = MultiLevelLoss(inter_weight=0, intra_weight=0, quantization_weight=0)
    alone(view0, view1, torch.tensor([0, 0, 1, 1, 2, 2]))["total"].backward()
    assert torch.equal(head.hash.weight.grad, torch.zeros_like(head.hash.weight))
    assert head.projection.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("term", ["inter", "intra", "quantization"])
def test_each_code_term_reaches_the_hash_layer(term: str):
    head = HashHead(10, num_bits=8, hidden=12, feature_dim=6)
    view0, view1 = head(rows(0, width=10).float()), head(rows(1, width=10).float())
    MultiLevelLoss()(view0, view1, torch.tensor([0, 0, 1, 1, 2, 2]))[term].backward()
    assert head.hash.weight.grad.abs().sum() > 0
