import numpy as np
import pytest
import torch
from make_batches import rows
from torch.nn import functional as F

from rsh.models.losses.targets import Targets
from rsh.training.neighborhoods import find_neighbors


def test_labels_alone_decide_where_all_are_known():
    labels = torch.tensor([0, 1, 0, 2])
    assert torch.equal(Targets(labels).same, labels[:, None] == labels[None, :])


def test_two_tiles_without_a_label_are_not_of_one_class():
    assert torch.equal(Targets(torch.tensor([-1, -1, 0])).same, torch.eye(3, dtype=torch.bool))


@pytest.mark.parametrize("count", [1, 3])
def test_near_tiles_belong_together_unless_both_labels_are_known(count: int):
    features = F.normalize(rows(0, 12, 4), dim=1).float()
    neighbors, reach = find_neighbors(features.numpy(), count)
    labels = torch.tensor([0, 0, 1, 1, *[-1] * 8])
    same = Targets(labels, features, torch.from_numpy(reach)).same
    for i in range(12):
        for j in range(12):
            near = j in neighbors[i] or i in neighbors[j] or i == j
            known = labels[i] >= 0 and labels[j] >= 0
            assert same[i, j] == (labels[i] == labels[j] if known else near), (i, j)


def test_parts_that_are_missing_stay_missing():
    targets = Targets(torch.tensor([1, 2]), torch.eye(2)).map(lambda part: part[:1])
    assert len(targets.labels) == len(targets.teacher) == 1
    assert targets.reach is None
    with pytest.raises(ValueError, match="no teacher"):
        _ = Targets(torch.tensor([1])).similarity


def test_nearest_neighbors_are_those_of_a_full_sort(monkeypatch):
    monkeypatch.setattr("rsh.metrics.neighbors.BLOCK", 50)
    features = F.normalize(rows(3, 30, 6), dim=1).float().numpy()
    cosine = features @ features.T
    np.fill_diagonal(cosine, -np.inf)
    neighbors, reach = find_neighbors(features, 5)
    assert np.array_equal(neighbors, np.argsort(-cosine, axis=1, kind="stable")[:, :5])
    assert np.allclose(reach, np.sort(cosine, axis=1)[:, -5])
    assert find_neighbors(features, 99)[0].shape == (30, 29)


def test_shaped_features_decide_what_is_near():
    shaped = F.normalize(rows(4, 8, 3), dim=1).float()
    _, reach = map(torch.from_numpy, find_neighbors(shaped.numpy(), 2))
    labels = torch.full((8,), -1)
    found = Targets(labels, torch.eye(8), reach, shaped).same
    assert torch.equal(found, Targets(labels, shaped, reach).same)
    assert not torch.equal(found, Targets(labels, torch.eye(8), reach).same)


def test_tiles_drawn_by_label_are_apart_from_all_others():
    drawn = torch.tensor([True, False, True])
    targets = Targets(torch.tensor([4, -1, 5]), by_label=drawn)
    assert [part.tolist() for part in targets.parts] == [[0, 2], [1]]
    assert [part.tolist() for part in Targets(torch.tensor([4, 5])).parts] == [[0, 1]]
