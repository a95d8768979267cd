import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from rsh.data.splits import assign_splits
from rsh.data.stratification import stratify
from rsh.data.tiles import TileDataset

SHARES = (0.68, 0.12, 0.2)


def random_labels(seed, count=400, labels=6):
    rng = np.random.default_rng(seed)
    return rng.random((count, labels)) < np.geomspace(0.5, 0.01, labels)


def counts(labels, parts, number=3):
    return np.array([labels[parts == part].sum(axis=0) for part in range(number)])


@pytest.mark.parametrize("seed", range(5))
def test_each_label_keeps_its_share(seed):
    labels = random_labels(seed)
    parts = stratify(labels, np.arange(len(labels)), SHARES, seed)
    wanted = np.outer(SHARES, labels.sum(axis=0))
    assert np.abs(counts(labels, parts) - wanted).max() <= 3
    assert np.abs(np.bincount(parts) - np.array(SHARES) * len(labels)).max() <= 8


@pytest.mark.parametrize("seed", range(5))
def test_rare_labels_are_on_each_side(seed):
    labels = random_labels(seed)
    labels[:, -1] = False
    labels[np.random.default_rng(seed).choice(len(labels), 3, replace=False), -1] = True
    parts = stratify(labels, np.arange(len(labels)), SHARES, seed)
    assert (counts(labels, parts) > 0).all()


def test_it_is_closer_than_a_draw_at_random():
    labels = random_labels(1, count=1000)
    wanted = np.outer(SHARES, labels.sum(axis=0))
    parts = stratify(labels, np.arange(len(labels)), SHARES, 0)
    drawn = np.random.default_rng(0).permutation(parts)
    far = [np.abs(counts(labels, each) - wanted).sum() for each in (parts, drawn)]
    assert far[0] < far[1] / 3


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 7)), min_size=1, max_size=40),
    st.integers(0, 5),
)
def test_groups_stay_together_and_the_seed_decides(tiles, seed):
    groups, masks = np.array(tiles).T
    labels = (masks[:, None] >> np.arange(3)) & 1 == 1
    parts = stratify(labels, groups, SHARES, seed)
    assert parts.min() >= 0 and parts.max() < 3
    assert all(len(set(parts[groups == group])) == 1 for group in set(groups))
    assert (parts == stratify(labels, groups, SHARES, seed)).all()


def test_items_without_labels_are_dealt_by_room():
    parts = stratify(np.zeros((100, 2), bool), np.arange(100), SHARES, 0)
    assert np.bincount(parts).tolist() == [68, 12, 20]


def test_splits_of_tiles_by_their_labels():
    labels, twins = random_labels(0), np.arange(400) // 2
    names = assign_splits(np.full(400, ""), twins=twins, label_matrix=labels, seed=1)
    assert (names[::2] == names[1::2]).all()
    shares = [np.mean(names == name) for name in ("train", "val", "query")]
    assert shares == pytest.approx([0.68, 0.12, 0.2], abs=0.02)
    other = assign_splits(np.full(400, ""), twins=twins, label_matrix=labels, seed=2)
    assert (names != other).any()


def test_given_splits_are_followed_and_val_is_stratified():
    labels, given = random_labels(0), np.where(np.arange(400) < 100, "test", "train")
    names = assign_splits(np.full(400, "x"), given=given, label_matrix=labels, val=0.2)
    assert ((names == "query") == (given == "test")).all()
    val = labels[names == "val"].sum(axis=0)
    assert np.abs(val - 0.2 * labels[100:].sum(axis=0)).max() <= 2


def test_too_few_tiles_or_blocks_are_refused():
    labels = np.ones((4, 2), bool)
    with refused(names=("2 blocks", 3)):
        assign_splits(["a"] * 4, block=list("aabb"), label_matrix=labels)
    with refused(names=("2 different tiles", 3)):
        assign_splits(["a"] * 4, twins=[0, 0, 1, 1], label_matrix=labels)


def test_the_sample_is_split_by_blocks_with_all_common_labels_on_each_side():
    dataset = TileDataset.open("bluemarble", labels="multi")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        split = dataset.split(seed=3)
    items = split.dataset.items
    assert (items.groupby("block")["split"].nunique() == 1).all()
    common = dataset.label_matrix.sum(axis=0) > 50
    for part in (split.train, split.val, split.query):
        assert part.label_matrix.shape[1] >= common.sum()
        assert set(np.array(dataset.label_names)[common]) <= set(part.label_names)
    with refused("unseen", value=0.25):
        dataset.split(unseen=0.25)
