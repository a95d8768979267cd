import pytest
import torch
from make_batches import embeddings, rows

from rsh.models.head import HashHead
from rsh.models.losses.multilevel import (
    MultiLevelLoss,
    category_contrastive,
    inter_class_hash,
    intra_class_hash,
    quantization,
)
from rsh.models.losses.targets import Targets


def test_inputs_are_not_changed_in_place():
    view0, view1 = embeddings(0)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    copies = [part.clone() for part in (*view0, *view1, labels)]
    MultiLevelLoss()(view0, view1, Targets(labels))
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
    alone(view0, view1, Targets(torch.tensor([0, 0, 1, 1, 2, 2])))["total"].backward()
    assert torch.equal(head.hash.weight.grad, torch.zeros_like(head.hash.weight))
    assert head.projection.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("term", ["inter", "intra", "quantization"])
def test_each_code_term_reaches_the_hash_layer(term: str):
    head = HashHead(10, num_bits=8, hidden=12, feature_dim=6)
    view0, view1 = head(rows(0, width=10).float()), head(rows(1, width=10).float())
    MultiLevelLoss()(view0, view1, Targets(torch.tensor([0, 0, 1, 1, 2, 2])))[term].backward()
    assert head.hash.weight.grad.abs().sum() > 0
