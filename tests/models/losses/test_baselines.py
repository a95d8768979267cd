import numpy as np
import pytest
import reference
import reference_baselines
import torch
from make_batches import embeddings
from torch import nn

from rsh.codes.binary import binarize, pack
from rsh.codes.centers import codewords
from rsh.config import TrainConfig
from rsh.evaluation.baselines import itq, lsh
from rsh.metrics.counts import count_by_distance
from rsh.metrics.ranking import mean_average_precision
from rsh.models.hashnet import apply_head
from rsh.models.head import HashHead
from rsh.models.losses.baselines import BASELINES, HashNetLoss
from rsh.models.losses.multilevel import Embedding
from rsh.models.losses.targets import Targets
from rsh.training.batches import FeatureBatches
from rsh.training.loop import fit

LABELS = [0, 0, 1, 1, 2, 2]


def baseline(name: str, classes: int = 3, bits: int = 16) -> nn.Module:
    torch.manual_seed(0)
    return BASELINES[name](classes, bits).double()


def slow(name: str, loss: nn.Module, u: list[list[float]], labels: list[int]) -> float:
    match name:
        case "supcon":
            contrast = reference.category_contrastive(reference.tanh(u), labels, 0.3)
            return contrast + 0.1 * reference.quantization(u)
        case "dpsh":
            return reference_baselines.dpsh(u, labels, 0.1)
        case "hashnet":
            return reference_baselines.hashnet(u, labels, 0.1, 1.0)
        case "greedyhash":
            layer = loss.classifier
            return reference_baselines.greedyhash(
                u, labels, layer.weight.tolist(), layer.bias.tolist(), 0.1
            )
        case "csq":
            return reference_baselines.csq(u, labels, loss.centers.tolist(), 1e-4)
        case "orthohash":
            return reference_baselines.orthohash(u, labels, loss.centers.tolist(), 8.0, 0.2)
    raise AssertionError(f"{name} has no slow loop")


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("seed", range(3))
def test_each_baseline_equals_its_slow_loop(name: str, seed: int):
    view0, view1 = embeddings(seed)
    loss = baseline(name)
    found = loss(view0, view1, Targets(torch.tensor(LABELS)))["total"].item()
    both = [*view0.relaxed.tolist(), *view1.relaxed.tolist()]
    assert found == pytest.approx(slow(name, loss, both, LABELS * 2), rel=1e-6)


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "greedyhash"])
def test_gradients_are_right(name: str):
    (view0, view1), loss = embeddings(0), baseline(name)
    labels = torch.tensor(LABELS)

    def total(u0: torch.Tensor, u1: torch.Tensor) -> torch.Tensor:
        loss.eval()  # HashNet counts steps in training
        return loss(Embedding(view0.features, u0), Embedding(view1.features, u1), Targets(labels))[
            "total"
        ]

    rows = [view.relaxed.requires_grad_() for view in (view0, view1)]
    assert torch.autograd.gradcheck(total, rows)


def test_greedyhash_passes_the_gradient_of_the_code_straight_through():
    (view0, view1), loss = embeddings(0), baseline("greedyhash")
    u = view0.relaxed.clone().requires_grad_()
    labels = torch.tensor(LABELS)
    terms = loss(Embedding(view0.features, u), view1, Targets(labels))
    (found,) = torch.autograd.grad(terms["cross_entropy"], u)
    code = torch.where(view0.relaxed >= 0, 1.0, -1.0).double().requires_grad_()
    other = torch.where(view1.relaxed >= 0, 1.0, -1.0).double()
    expected = torch.nn.functional.cross_entropy(
        loss.classifier(torch.cat([code, other])), labels.repeat(2)
    )
    assert torch.allclose(found, torch.autograd.grad(expected, code)[0])


def test_hashnet_sharpens_as_it_trains_and_keeps_count_in_its_state():
    (view0, view1), loss = embeddings(0), HashNetLoss(growth=3.0)
    labels = torch.tensor(LABELS)
    both = [*view0.relaxed.tolist(), *view1.relaxed.tolist()]
    for beta in (1.0, 2.0, 7**0.5):  # sqrt(1 + 3 steps)
        expected = reference_baselines.hashnet(both, LABELS * 2, 0.1, beta)
        assert loss(view0, view1, Targets(labels))["total"].item() == pytest.approx(
            expected, rel=1e-6
        )
    again = HashNetLoss(growth=3.0)
    again.load_state_dict(loss.state_dict())
    assert again.steps.item() == 3


@pytest.mark.parametrize(("classes", "bits"), [(2, 8), (16, 8), (30, 16), (30, 64)])
def test_hadamard_centers_differ_in_half_of_the_bits_or_in_all(classes: int, bits: int):
    codes = codewords(classes, bits).tolist()
    distances = {
        reference.hamming(a, b) for number, a in enumerate(codes) for b in codes[number + 1 :]
    }
    assert distances <= {bits // 2, bits}


@pytest.mark.parametrize(("classes", "bits"), [(17, 8), (30, 12), (5, 20)])
def test_centers_exist_where_hadamard_has_none(classes: int, bits: int):
    centers = codewords(classes, bits)
    assert centers.shape == (classes, bits)
    assert len(np.unique(centers.numpy(), axis=0)) == classes


def gaussians(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Six classes that a line separates, in 6 of 64 dimensions; the others are noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(600) % 6
    features = rng.normal(size=(600, 64))
    features[:, :6] = 3 * np.eye(6)[labels] + 0.3 * rng.normal(size=(600, 6))
    return features.astype(np.float16), labels


@pytest.mark.parametrize("name", BASELINES)
def test_each_baseline_finds_what_hashing_without_labels_cannot(name: str):
    """The ordering of all their papers: learned with labels, far above LSH, and above ITQ."""
    features, labels = gaussians(0)
    train, query = np.arange(400), np.arange(400, 600)

    def figure(codes: np.ndarray) -> float:
        packed = pack(codes)
        counts = count_by_distance(
            packed[query], packed[train], labels[query], labels[train], num_bits=16
        )
        return mean_average_precision(counts)

    torch.manual_seed(0)
    head = HashHead(64, num_bits=16, hidden=64, feature_dim=16)
    config = TrainConfig(epochs=30, batch_size=60)
    views = np.stack([features, features], axis=1)[train]
    pairs = FeatureBatches(views, labels[train], config)
    fit(head, pairs, config, loss=BASELINES[name](6, 16), progress=False)
    learned = figure(binarize(apply_head(head, features).relaxed))
    plain = features.astype(np.float32)
    assert learned > 0.97
    assert 0.3 < figure(itq(plain, train, num_bits=16)) < 0.6
    assert figure(lsh(plain, train, num_bits=16)) < 0.3
