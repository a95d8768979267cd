"""Losses of tiles with several labels: slow loops, and with one label a tile the usual losses."""

import pytest
import reference
import reference_baselines
import torch
from hypothesis import given
from hypothesis import strategies as st
from make_batches import SEEDS, embeddings, rows

from rsh.models.losses.baselines import BASELINES, SEVERAL_LABELS
from rsh.models.losses.multilevel import (
    Embedding,
    MultiLevelLoss,
    category_contrastive,
    inter_class_hash,
    intra_class_hash,
)
from rsh.models.losses.targets import Targets

SETS = [[1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 1, 1], [0, 1, 0]]
CLASSES = [0, 0, 1, 1, 2, 2]
ONE_EACH = [[number == label for number in range(3)] for label in CLASSES]
FORMS = [name for name in SEVERAL_LABELS if name != "multilevel"]


def targets(sets, **parts) -> Targets:
    has = torch.tensor(sets, dtype=torch.bool)
    return Targets(torch.full((len(sets),), -1), sets=has, **parts)


def overlap(sets) -> list[list[float]]:
    """Jaccard index of all pairs; a tile belongs to itself."""
    pairs = [[reference.grade(a, b, "jaccard") for b in sets] for a in sets]
    for number in range(len(sets)):
        pairs[number][number] = 1.0
    return pairs


def baseline(name: str, num_labels: int = 3, bits: int = 16):
    torch.manual_seed(0)
    return BASELINES[name](num_labels, bits).double()


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=6))
def test_overlap_is_the_jaccard_index(sets):
    found = targets(sets)
    assert torch.allclose(found.overlap, torch.tensor(overlap(sets)))
    assert torch.equal(found.same, found.overlap > 0)
    assert found.known.tolist() == [any(labels) for labels in sets]


def test_neighborhoods_decide_where_a_tile_has_no_label():
    teacher = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [1, 0.1], [0, 1], [1, 0]]))
    sets = [[1, 0], [0, 0], [1, 1], [0, 1]]
    found = targets(sets, teacher=teacher, reach=torch.full((4,), 0.9)).overlap
    assert found[0].tolist() == [1, 1, 0.5, 0]  # near tile 3 has other labels, near tile 1 none
    assert found[1].tolist() == [1, 1, 0, 1]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_each_term_equals_its_slow_loop(seed: int, temperature: float):
    a, b, pairs = rows(seed), rows(seed + 100), overlap(SETS)
    weights = torch.tensor(pairs, dtype=torch.float64)
    terms = [
        (category_contrastive(a, weights, temperature=temperature),
         reference.weighted_category_contrastive(a.tolist(), pairs, temperature)),
        (inter_class_hash(a, weights, temperature=temperature),
         reference.weighted_inter_class_hash(a.tolist(), pairs, temperature)),
        (intra_class_hash(a, b, weights, temperature=temperature),
         reference.weighted_intra_class_hash(a.tolist(), b.tolist(), pairs, temperature)),
    ]  # fmt: skip
    for found, expected in terms:
        assert found.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_with_one_label_a_tile_each_loss_is_that_of_classes(seed: int):
    views, of_classes = embeddings(seed), Targets(torch.tensor(CLASSES))
    losses = {"multilevel": MultiLevelLoss(), **{name: baseline(name) for name in FORMS}}
    for loss in losses.values():
        several = loss(*views, targets(ONE_EACH))
        if isinstance(loss, torch.nn.Module) and hasattr(loss, "steps"):
            loss.steps.zero_()
        for name, value in loss(*views, of_classes).items():
            assert several[name].item() == value.item()


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_each_baseline_equals_its_slow_loop(name: str, seed: int):
    view0, view1 = embeddings(seed)
    loss = baseline(name)
    found = loss(view0, view1, targets(SETS))["total"].item()
    u, both = [*view0.relaxed.tolist(), *view1.relaxed.tolist()], SETS * 2
    match name:
        case "supcon":
            contrast = reference.weighted_category_contrastive(
                reference.tanh(u), overlap(both), 0.3
            )
            expected = contrast + 0.1 * reference.quantization(u)
        case "dpsh":
            expected = reference_baselines.dpsh(u, both, 0.1)
        case "hashnet":
            expected = reference_baselines.hashnet(u, both, 0.1, 1.0)
        case "csq":
            centers, tied = loss.centers.tolist(), loss.tied.tolist()
            voted = [reference_baselines.vote(labels, centers, tied) for labels in both]
            expected = reference_baselines.csq(u, list(range(len(both))), voted, 1e-4)
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_vote_of_two_centers_ties_where_they_differ():
    loss = baseline("csq")
    centers = loss.find_centers(targets([[1, 1, 0], [1, 0, 0], [1, 1, 1]]))
    assert set(centers.unique().tolist()) == {-1, 1}
    agree = loss.centers[0] == loss.centers[1]
    assert torch.equal(centers[0][agree], loss.centers[0][agree])
    assert torch.equal(centers[0][~agree], loss.tied[~agree])
    assert torch.equal(centers[1], loss.centers[0])
    assert "tied" not in loss.state_dict()  # checkpoints are as before


def test_gradients_are_right():
    (view0, view1), loss = embeddings(0), MultiLevelLoss()

    def total(u0: torch.Tensor, u1: torch.Tensor) -> torch.Tensor:
        first, second = Embedding(view0.features, u0), Embedding(view1.features, u1)
        return loss(first, second, targets(SETS))["total"]

    both = [view.relaxed.requires_grad_() for view in (view0, view1)]
    assert torch.autograd.gradcheck(total, both)


@pytest.mark.parametrize("sets", [[[1, 1]] * 4, [[1, 0]] * 2 + [[1, 1]] * 2, [[0, 0]] * 4])
def test_batches_without_a_negative_or_a_positive_have_finite_gradients(sets):
    views = tuple(
        Embedding(*(part.requires_grad_() for part in view)) for view in embeddings(1, count=4)
    )
    MultiLevelLoss()(*views, targets(sets))["total"].backward()
    for view in views:
        assert torch.isfinite(view.relaxed.grad).all()
        assert torch.isfinite(view.features.grad).all()


def test_the_more_labels_two_tiles_share_the_more_they_attract():
    """The gradient at equal distances: tile 1 shares all labels of tile 0, tile 2 some, 3 none."""
    h = torch.eye(4, 8, dtype=torch.float64).requires_grad_()
    weights = torch.tensor(overlap([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1]]))
    inter_class_hash(h, weights.double(), temperature=0.3).backward()
    pull = [-float(h.grad[0][other]) for other in (1, 2, 3)]
    assert pull[0] > pull[1] > pull[2]
    assert pull[0] > 0 > pull[2]
