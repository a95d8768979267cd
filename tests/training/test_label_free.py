"""Training without labels, with few of them, and with look bits, on real tiles."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from make_training import clusters, timeless
from refusals import refused

from rsh.config import TrainConfig
from rsh.data.dataset import Split
from rsh.errors import RshWarning
from rsh.evaluation.evaluate import evaluate
from rsh.evaluation.report import one_protocol
from rsh.labels import UNLABELED
from rsh.metrics.neighbors import nearest_by_cosine
from rsh.models.hashnet import HashNet, apply_head, fingerprint
from rsh.training.batches import ClassBalancedSampler, FeatureBatches, MixedSampler, NeighborSampler
from rsh.training.feature_cache import cached_features
from rsh.training.neighborhoods import Standardization, Teacher
from rsh.training.run import Run
from rsh.training.train import train

CONFIG = TrainConfig(epochs=10, batch_size=32, cached_views=3, neighbors=5)


def network(**options) -> HashNet:
    return HashNet(num_bits=16, image_size=32, hidden=64, feature_dim=16, **options)


@pytest.fixture
def unlabeled(tiny_split) -> Split:
    return tiny_split.dataset.without_labels().split(seed=0)


def with_few_labels(split: Split, kept: int) -> Split:
    items = split.dataset.items.copy()
    for name in split.dataset.classes:
        rows = np.flatnonzero((items["class"] == name) & (items["split"] == "train"))
        items.loc[rows[kept:], "class"] = ""
    return Split(replace(split.dataset, items=items), split.how)


@pytest.mark.parametrize("method", ["multilevel", "cibhash", "bihalf"])
def test_codes_without_labels_keep_more_neighbors_than_an_untrained_head(unlabeled, method: str):
    net = network()
    before = evaluate(net, unlabeled, progress=False)["neighbors"]["kept"]
    config = replace(CONFIG, method=method, epochs=40)
    history = train(net, unlabeled, config, progress=False)
    report = evaluate(net, unlabeled, progress=False)
    assert "map" not in report and "val_map" not in history[-1]
    assert report["neighbors"]["kept"] > before
    assert "neighbors kept " in one_protocol(report)


def test_labels_that_training_does_not_have_change_nothing(tiny_split):
    """Without labels the classes of a data set are as good as unknown."""
    fingerprints = []
    for names in (None, "reversed"):
        items = tiny_split.dataset.items.copy()
        if names:
            items["class"] = items["class"].to_numpy()[::-1]
        items.loc[items["split"] != "query", "class"] = ""
        net = network()
        split = Split(replace(tiny_split.dataset, items=items))
        train(net, split, replace(CONFIG, epochs=2), progress=False)
        fingerprints.append(fingerprint(net))
    assert fingerprints[0] == fingerprints[1]


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_training_with_few_labels_or_none_resumes_exactly(tiny_split, tmp_path, kept: int):
    split = with_few_labels(tiny_split, kept)
    config = replace(CONFIG, epochs=12)
    unbroken = network(look_bits=4)
    expected = train(unbroken, split, config, run=tmp_path / "unbroken", progress=False)

    def stop(history, _) -> None:
        if len(history) == 11:
            raise KeyboardInterrupt

    folder = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        train(network(look_bits=4), split, config, run=folder, progress=False, watch=stop)
    net = network(look_bits=4)
    history = train(net, split, config, run=folder, resume=True, progress=False)
    assert timeless(history) == timeless(expected)
    assert fingerprint(net) == fingerprint(unbroken) == fingerprint(Run.open(folder).net())


def test_a_method_that_needs_labels_is_refused_without_them(unlabeled):
    with refused("method", value="csq", names="choose one of multilevel, cibhash, bihalf"):
        train(network(), unlabeled, replace(CONFIG, method="csq"), progress=False)


@pytest.mark.parametrize("look_bits", [-4, 3, 20])
def test_look_bits_that_do_not_fit_are_named(look_bits: int):
    with refused("look_bits", value=look_bits, names="from 0 to 16"):
        network(look_bits=look_bits)


def test_look_bits_keep_neighbors_that_class_bits_lose(tiny_split):
    kept = {}
    for look_bits in (0, 8, 16):
        net = network(look_bits=look_bits)
        train(net, tiny_split, replace(CONFIG, epochs=40), progress=False)
        report = evaluate(net, tiny_split, progress=False)
        kept[look_bits] = report["neighbors"]["kept"]
        assert report["map"] > 0.4
    assert kept[0] < kept[8] and kept[0] < kept[16]


def test_features_of_a_code_with_look_bits_are_both_parts(tiny_split):
    net = network(look_bits=8)
    train(net, tiny_split, replace(CONFIG, epochs=1), progress=False)
    plain = cached_features(net, tiny_split.dataset, net.plain, progress=False)
    rows = tiny_split.rows("train")  # the components of these few tiles span no others
    looks = Standardization.fit(plain, rows).apply(plain, rows)
    found = apply_head(net.head, plain[rows])
    head = network(look_bits=8).head
    head.load_state_dict(net.head.state_dict())
    head.look = None
    projection = apply_head(head, plain[rows]).features
    cosine = (found.features @ found.features.T).numpy()
    mean = ((projection @ projection.T).numpy() + looks @ looks.T) / 2
    assert np.abs(cosine - mean).max() < 1e-4
    assert torch.allclose(found.features.norm(dim=1), torch.ones(len(rows)), atol=1e-5)


def test_standardized_features_have_mean_zero_and_deviation_one():
    features = np.random.default_rng(0).normal(3, 5, (50, 2, 6)).astype(np.float16)
    features[:, :, 5] = 7  # always the same
    rows = np.arange(0, 50, 2)
    found = Standardization.fit(features, rows)
    mean = features[rows].astype(np.float32).mean(axis=1)
    assert np.allclose(found.mean, mean.mean(axis=0), atol=1e-3)
    assert np.allclose(found.std[:5], mean.std(axis=0)[:5], atol=1e-3)
    unit = found.apply(features, rows)
    expected = (mean - mean.mean(axis=0)) / found.std
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.allclose(unit[:, :5], expected[:, :5], atol=1e-2)


def test_components_are_those_of_a_singular_value_decomposition():
    random = np.random.default_rng(0)
    features = (random.normal(size=(60, 1, 5)) * [5, 4, 3, 2, 1]).astype(np.float16)
    teacher = Teacher.fit(features, np.arange(60))
    axes = np.linalg.svd(teacher.features.astype(np.float64))[2]
    found = teacher.components(3)
    assert found.shape == (3, 5)
    assert np.allclose(np.abs(np.sum(found * axes[:3], axis=1)), 1, atol=1e-4)


def test_every_other_tile_of_a_batch_is_a_neighbor_of_the_one_before_it():
    neighbors = torch.stack([(torch.arange(30) + step) % 30 for step in (1, 2)], dim=1)
    sampler = NeighborSampler(neighbors, 30, batch_size=10, seed=0)
    firsts = []
    for rows in sampler.epoch(0):
        assert len(rows) == sampler.size == 10
        first, second = rows[::2], rows[1::2]
        assert (((second - first) % 30 == 1) | ((second - first) % 30 == 2)).all()
        firsts += first.tolist()
    assert len(set(firsts)) == len(firsts) == 15
    again = [rows.tolist() for rows in sampler.epoch(0)]
    assert again == [rows.tolist() for rows in sampler.epoch(0)]
    assert again != [rows.tolist() for rows in sampler.epoch(1)]


def test_random_batches_hold_every_tile_at_most_once():
    sampler = NeighborSampler(None, 30, batch_size=8, seed=0)
    rows = torch.cat(list(sampler.epoch(3))).tolist()
    assert len(rows) == len(set(rows)) == 24
    with refused(names="needs 4 tiles"):
        NeighborSampler(None, 3, batch_size=8, seed=0)


def test_half_of_a_batch_is_balanced_over_the_classes_if_some_labels_are_known():
    data, labels = clusters(0)
    known = labels.copy()
    known[np.arange(len(labels)) % 4 > 0] = UNLABELED
    teacher = Teacher.fit(data, np.arange(len(data)))
    batches = FeatureBatches(data, known, CONFIG, teacher=teacher)
    assert isinstance(batches.sampler, MixedSampler)
    assert len(list(batches.sampler.epoch(0))) == len(batches.sampler)
    labeled, others = len(batches.sampler.labeled), len(batches.sampler.others)
    assert labeled < len(batches.sampler) == round((labeled * others) ** 0.5) < others
    for batch in batches.epoch(0):
        assert batch.targets.by_label.tolist() == [True] * 16 + [False] * 16
        first = batch.targets.labels[:16]
        assert (first != UNLABELED).all()
        assert set(torch.bincount(first).tolist()) == {16 // len(np.unique(labels))}
        same = batch.targets.same
        both = (batch.targets.labels >= 0)[:, None] & (batch.targets.labels >= 0)[None, :]
        equal = batch.targets.labels[:, None] == batch.targets.labels[None, :]
        own = batch.rows[:, None] == batch.rows[None, :]
        assert torch.equal(same[both], (equal | own)[both])


@pytest.mark.parametrize("batch_size", [48, 60, 80])
def test_an_epoch_has_as_many_batches_as_it_says(batch_size: int):
    """Balanced batches of many classes are small, so they can outnumber those of all tiles."""
    labeled = ClassBalancedSampler(torch.arange(300) % 21, batch_size=42, seed=0)
    others = NeighborSampler(None, 300, batch_size=batch_size, seed=0)
    sampler = MixedSampler(labeled, others)
    assert len(labeled) > len(others)
    assert len(list(sampler.epoch(0))) == len(sampler) == len(others)


def test_a_process_knows_which_tiles_of_its_shard_are_drawn_by_label():
    data, labels = clusters(0)
    labels[np.arange(len(labels)) % 4 > 0] = UNLABELED
    teacher = Teacher.fit(data, np.arange(len(data)))
    batches = FeatureBatches(data, labels, CONFIG, teacher=teacher)
    whole, *_ = batches.epoch(0)
    for rank in range(3):
        shard, *_ = batches.epoch(0, rank=rank, world=3)
        assert torch.equal(shard.targets.by_label, whole.targets.by_label[rank::3])


def test_the_ten_nearest_of_validation_tiles_are_what_val_kept_counts(unlabeled):
    net = network()
    history = train(net, unlabeled, replace(CONFIG, epochs=1), progress=False)
    plain = cached_features(net, unlabeled.dataset, net.plain, progress=False)
    query, gallery = unlabeled.rows("val"), unlabeled.rows("train")
    teacher = Standardization.fit(plain, gallery)
    nearest = nearest_by_cosine(teacher.apply(plain, query), teacher.apply(plain, gallery), 10)
    signs = apply_head(net.head, plain).relaxed.numpy() >= 0
    kept = []
    for row, expected in zip(query, nearest, strict=True):
        distance = (signs[row] != signs[gallery]).sum(axis=1)
        last = np.sort(distance)[9]
        share = (10 - (distance < last).sum()) / (distance == last).sum()
        inside = (distance < last) + (distance == last) * share
        kept.append(inside[expected].mean())
    assert history[-1]["val_kept"] == pytest.approx(np.mean(kept))


def test_one_class_among_tiles_without_a_label_is_told(tiny_split):
    items = tiny_split.dataset.items.copy()
    first = tiny_split.dataset.classes[0]
    items.loc[items["class"] != first, "class"] = ""
    split = Split(replace(tiny_split.dataset, items=items), tiny_split.how)
    with pytest.warns(RshWarning, match=f"are of the class '{first}'"):
        history = train(network(), split, replace(CONFIG, epochs=1), progress=False)
    assert "val_map" not in history[-1]
