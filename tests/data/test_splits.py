import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from rsh.data.splits import assign_splits, check_classes, draw_unseen
from rsh.data.tiles import TileDataset
from rsh.data.twins import join_pairs
from rsh.errors import InputError, RshWarning

LABELS = np.repeat(["a", "b", "c"], [40, 60, 100])
BLOCKS = np.arange(200) // 5


def share(splits: np.ndarray, name: str) -> float:
    return float((splits == name).mean())


@given(
    st.lists(st.integers(3, 40), min_size=2, max_size=30),
    st.floats(0.01, 0.5),
    st.floats(0.01, 0.5),
    st.integers(0, 1000),
)
def test_three_tiles_a_class_can_be_split_with_any_seed(sizes, query, val, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    splits = assign_splits(labels, query=query, val=val, seed=seed)
    assert len(splits) == len(labels)
    for name in ("train", "val", "query"):
        assert set(labels[splits == name]) == set(range(len(sizes)))


@given(st.integers(4, 30), st.floats(0.01, 0.5), st.integers(0, 1000))
def test_unseen_classes_are_whole_and_leave_some_to_learn(total, unseen, seed):
    labels = np.array([f"class {number % total}" for number in range(5 * total)] + [""] * 7)
    drawn = draw_unseen(labels, unseen, seed)
    left_out = set(labels[drawn])
    assert len(left_out) == max(1, int(unseen * total)) and "" not in left_out
    assert not left_out & set(labels[~drawn]) and total - len(left_out) >= 2
    assert np.array_equal(drawn, draw_unseen(labels, unseen, seed))


@pytest.mark.parametrize("share", [-0.1, 0.6, float("nan")])
def test_share_of_unseen_classes_out_of_range_is_refused(share: float):
    with refused("unseen"):
        draw_unseen(np.repeat(["a", "b", "c", "d"], 4), share, 0)


def test_unseen_classes_need_four_classes():
    with refused("unseen", value=0.25, names="3 classes"):
        draw_unseen(LABELS, 0.25, 0)


@pytest.mark.parametrize("by", ["class", "block"])
def test_unseen_classes_are_in_no_other_part(by):
    dataset = TileDataset.open("bluemarble")
    split = dataset.split(by=by, unseen=0.25, seed=3)
    items = split.dataset.items
    left_out = set(items["class"][items["split"] == "unseen"])
    assert len(left_out) == 2 and split.how["unseen"] == 0.25
    learned = items[~items["class"].isin(left_out)]
    assert set(learned["split"]) == {"train", "val", "query"}
    assert not set(items["class"][items["split"] != "unseen"]) & left_out
    usual = dataset.split(by=by, seed=3).dataset.items["split"]
    assert "unseen" not in set(usual)


@pytest.mark.parametrize(("query", "val"), [(0.2, 0.15), (0.5, 0.1), (0.1, 0.4)])
def test_stratified_shares_are_those_asked_for(query: float, val: float):
    splits = assign_splits(LABELS, query=query, val=val)
    assert share(splits, "query") == pytest.approx(query, abs=0.01)
    assert share(splits, "val") == pytest.approx(val * (1 - query), abs=0.01)
    for name in "abc":
        own = splits[LABELS == name]
        assert share(own, "query") == pytest.approx(query, abs=0.03)
        assert share(own, "train") == pytest.approx((1 - val) * (1 - query), abs=0.03)


@pytest.mark.parametrize(
    "cut", [assign_splits, lambda y, **how: assign_splits(y, block=BLOCKS, **how)]
)
def test_split_is_decided_by_its_seed(cut):
    assert np.array_equal(cut(LABELS, seed=3), cut(LABELS, seed=3))
    assert not np.array_equal(cut(LABELS, seed=3), cut(LABELS, seed=4))


@pytest.mark.parametrize("seed", range(5))
def test_block_is_never_in_two_splits(seed: int):
    labels = np.random.default_rng(seed).choice(list("abc"), 200)
    splits = assign_splits(labels, block=BLOCKS, seed=seed)
    for block in np.unique(BLOCKS):
        assert len(set(splits[BLOCKS == block])) == 1
    assert set(splits) == {"train", "val", "query"}
    assert share(splits, "query") == pytest.approx(0.2, abs=0.06)
    assert share(splits, "val") == pytest.approx(0.15 * 0.8, abs=0.06)


@pytest.mark.parametrize("seed", range(3))
def test_sample_is_cut_by_block_with_every_class_in_every_part(seed: int):
    dataset = TileDataset.open("bluemarble")
    split = dataset.split(seed=seed)
    items = split.dataset.items
    assert items.groupby("block")["split"].nunique().max() == 1
    for name, wanted in (("query", 0.2), ("val", 0.8 * 0.15), ("train", 0.8 * 0.85)):
        part = items[items["split"] == name]
        assert set(part["class"]) == set(dataset.classes)
        assert len(part) / len(items) == pytest.approx(wanted, abs=0.05)


@pytest.mark.parametrize(
    "cut", [assign_splits, lambda y, **how: assign_splits(y, block=np.arange(len(y)), **how)]
)
def test_one_class_is_named(cut):
    with refused(names="forest"):
        cut(["forest"] * 20)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    "cut", [assign_splits, lambda y, **how: assign_splits(y, block=np.arange(len(y)), **how)]
)
def test_class_too_small_for_three_parts_is_named(cut, count: int):
    with refused(names=("rare", count)):
        cut(["forest"] * 20 + ["rare"] * count)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("sizes", [[3, 3], [6, *[30] * 9], [8] * 200])
def test_shares_hold_beside_small_classes(sizes: list[int], seed: int):
    splits = assign_splits(np.repeat(np.arange(len(sizes)), sizes), seed=seed)
    few = len(sizes) / sum(sizes)  # one tile of each class
    assert share(splits, "query") == pytest.approx(0.2, abs=few)
    assert share(splits, "val") == pytest.approx(0.15 * 0.8, abs=few)


@pytest.mark.parametrize("how", [{"query": 0.0}, {"query": 1.5}, {"val": 0.0}, {"val": -0.1}])
@pytest.mark.parametrize(
    "cut", [assign_splits, lambda y, **how: assign_splits(y, block=BLOCKS, **how)]
)
def test_share_that_leaves_a_part_empty_is_named(cut, how: dict[str, float]):
    ((name, value),) = how.items()
    with refused(name, value=value):
        cut(LABELS, **how)


@pytest.mark.parametrize(
    "cut", [assign_splits, lambda y, **how: assign_splits(y, block=BLOCKS, **how)]
)
@pytest.mark.parametrize("seed", [-1, 2**32, 1.5])
def test_seed_that_cannot_be_drawn_with_is_named(cut, seed: float):
    with refused("seed", value=seed, names=0):
        cut(LABELS, seed=seed)


def test_share_above_a_half_is_not_silently_halved_with_blocks():
    with refused("query", value=0.9):
        assign_splits(LABELS, block=BLOCKS, query=0.9)


def test_too_few_blocks_are_named():
    with refused(names="query"):
        assign_splits(LABELS, block=np.arange(200) % 4)


def test_no_labels_are_refused():
    with refused(names="class"):
        check_classes(np.array([], dtype=str), least=1)


def test_blocks_that_cannot_be_shared_are_told_with_the_way_out():
    labels, blocks = np.repeat(["coast", "forest"], 3), [0, 1, 2, 0, 1, 2]
    with refused(names='by="class"'):
        assign_splits(labels, block=blocks)


@pytest.mark.parametrize("seed", range(20))
def test_blocks_are_drawn_again_where_a_class_fell_out(seed: int):
    """The rare class lies in 4 of 40 blocks; scikit-learn alone leaves it out in most draws."""
    blocks = np.arange(400) // 10
    labels = np.where((blocks < 4) & (np.arange(400) % 10 < 2), "rare", "sea")
    splits = assign_splits(labels, block=blocks, seed=seed)
    assert set(splits[labels == "rare"]) == {"train", "val", "query"}


@pytest.mark.parametrize("seed", range(3))
def test_class_of_one_block_cannot_be_in_every_part(seed: int):
    labels, blocks = np.repeat(["coast", "rare"], [100, 5]), np.arange(105) // 5
    with refused(names="rare"):
        assign_splits(labels, block=blocks, seed=seed)


@given(st.lists(st.integers(3, 30), min_size=2, max_size=4), st.integers(1, 12), st.integers(0, 99))
def test_split_by_block_holds_every_class_in_every_part_or_is_refused(sizes, width, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    blocks = np.random.default_rng(seed).permutation(len(labels)) // width
    try:
        splits = assign_splits(labels, block=blocks, seed=seed)
    except InputError:
        return
    for name in ("train", "val", "query"):
        assert set(labels[splits == name]) == set(range(len(sizes)))


@given(
    st.lists(st.integers(3, 20), min_size=2, max_size=6),
    st.integers(0, 30),
    st.integers(0, 99),
    st.booleans(),
)
def test_twins_are_never_in_two_splits(sizes, pairs, seed, by_block):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    draw = np.random.default_rng(seed)
    ends = draw.integers(0, len(labels), (pairs, 2))
    groups = join_pairs(np.arange(len(labels)), [tuple(pair) for pair in ends.tolist()])
    blocks = draw.integers(0, 30, len(labels))
    try:
        splits = assign_splits(
            labels, twins=groups, seed=seed, **({"block": blocks} if by_block else {})
        )
    except InputError:
        return
    assert set(splits) == {"train", "val", "query"}
    for group in np.unique(groups):
        assert len(set(splits[groups == group])) == 1
    if by_block:
        for block in np.unique(blocks):
            assert len(set(splits[blocks == block])) == 1


@pytest.mark.parametrize("how", [{}, {"block": BLOCKS}])
def test_without_twins_the_draw_is_the_same(how):
    alone = assign_splits(LABELS, twins=np.arange(len(LABELS)), **how)
    assert np.array_equal(alone, assign_splits(LABELS, **how))


def test_class_whose_tiles_are_copies_cannot_be_split():
    with refused(names=("rare", 3, "copies")):
        assign_splits(["sea"] * 9 + ["rare"] * 5, twins=[*range(9), *[9] * 5])


GIVEN = np.array(["train", "train", "train", "val", "test"] * 2)
TWO = np.repeat(["coast", "forest"], 5)


def test_given_split_is_followed():
    expected = ["train", "train", "train", "val", "query"] * 2
    assert assign_splits(TWO, given=GIVEN).tolist() == expected
    named = ["Training", "TRAIN", "train", "Valid", "testing"] * 2
    assert assign_splits(TWO, given=named).tolist() == expected


def test_validation_tiles_come_from_train_where_none_are_given():
    given = np.where(GIVEN == "val", "train", GIVEN)
    splits = assign_splits(TWO, given=given)
    assert np.array_equal(splits == "query", given == "test")
    assert sorted(splits[:5]) == sorted(splits[5:]) == ["query", "train", "train", "train", "val"]


def test_without_test_tiles_those_for_validation_are_queries():
    splits = assign_splits(TWO, given=np.where(GIVEN == "test", "val", GIVEN))
    assert np.array_equal(splits == "query", np.isin(GIVEN, ("val", "test")))


def test_given_split_without_a_class_in_train_is_refused():
    with refused(names=("forest", "train", 'by="class"')):
        assign_splits(TWO, given=np.where(TWO == "forest", "test", GIVEN))


def test_equal_images_across_a_given_split_are_told():
    with pytest.warns(RshWarning, match="1 of 2 queries have an equal image"):
        assign_splits(TWO, given=GIVEN, twins=[0, 1, 2, 3, 0, 5, 6, 7, 8, 9])


PARTS = {"train", "val", "query"}


@given(st.integers(3, 60), st.integers(0, 1000), st.booleans())
def test_tiles_without_any_class_are_split_at_random(count, seed, with_twins):
    twins = np.arange(count) // 2 if with_twins and count >= 6 else None
    splits = assign_splits(np.full(count, ""), twins=twins, seed=seed)
    assert set(splits) == PARTS
    if twins is not None:
        assert all(len(set(splits[twins == group])) == 1 for group in twins)
    if count > 40:
        assert share(splits, "query") == pytest.approx(0.2, abs=0.06)


def test_random_draw_is_decided_by_its_seed():
    labels = np.full(200, "")
    draws = [assign_splits(labels, seed=seed) for seed in (3, 3, 4)]
    assert np.array_equal(draws[0], draws[1]) and not np.array_equal(draws[0], draws[2])
    assert share(draws[0], "query") == pytest.approx(0.2, abs=0.01)
    assert share(draws[0], "val") == pytest.approx(0.15 * 0.8, abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_blocks_stay_whole_without_classes(seed: int):
    splits = assign_splits(np.full(200, ""), block=BLOCKS, seed=seed)
    assert set(splits) == PARTS
    assert all(len(set(splits[block == BLOCKS])) == 1 for block in np.unique(BLOCKS))
    assert share(splits, "query") == pytest.approx(0.2, abs=0.06)


@given(st.lists(st.integers(1, 30), max_size=6), st.integers(1, 60), st.integers(0, 100))
def test_small_classes_beside_unlabeled_tiles_keep_their_labels_for_training(sizes, rest, seed):
    labels = np.repeat([*(f"c{number}" for number in range(len(sizes))), ""], [*sizes, rest])
    if len(labels) < 3:
        return
    splits = assign_splits(labels, seed=seed)
    assert "train" in splits and "query" in splits
    kinds = [*sizes, rest]
    if max(kinds) < 3:  # nothing but small classes: all tiles are drawn alike
        return
    for number, size in enumerate(sizes):
        own = set(splits[labels == f"c{number}"])
        assert own == ({"train"} if size < 3 else PARTS)
    assert set(splits[labels == ""]) == ({"train"} if rest < 3 else PARTS)


@pytest.mark.parametrize("seed", range(5))
def test_blocks_with_rare_labels_stay_in_train(seed: int):
    labels = np.full(200, "", dtype="<U1")
    labels[[0, 71, 133]] = ["a", "b", "b"]
    splits = assign_splits(labels, block=BLOCKS, seed=seed)
    assert set(splits) == PARTS and set(splits[labels != ""]) == {"train"}
    assert all(len(set(splits[block == BLOCKS])) == 1 for block in np.unique(BLOCKS))


@given(st.integers(0, 200), st.integers(0, 20))
def test_any_pattern_of_labels_in_blocks_is_split(known, seed):
    rng = np.random.default_rng(seed)
    labels = np.full(200, "", dtype="<U1")
    labels[rng.permutation(200)[:known]] = rng.choice(list("abc"), known)
    labels[0] = ""  # not all of them
    splits = assign_splits(labels, block=BLOCKS, seed=seed)
    assert set(splits) == PARTS


def test_group_of_copies_has_the_class_that_is_known():
    labels = np.array(["", "a"] * 20 + [""] * 60)
    twins = np.concatenate([np.arange(40) // 2, np.arange(20, 80)])
    splits = assign_splits(labels, twins=twins)
    known = splits[:40].reshape(20, 2)
    assert (known[:, 0] == known[:, 1]).all()
    assert np.mean(known[:, 0] == "query") == pytest.approx(0.2)  # a class of 20 pairs


def test_too_few_unlabeled_tiles_or_blocks_are_named():
    with refused(names=("2 different tiles", "needs 3")):
        assign_splits(["", "", ""], twins=[0, 0, 1])
    with refused(names=("2 blocks", 'by="class"')):
        assign_splits([""] * 10, block=np.arange(10) // 5)
    with refused(names=("too few blocks", 'by="class"')):
        assign_splits([""] * 20, block=np.arange(20) // 5)


def test_given_split_is_followed_without_classes():
    given_split = ["train"] * 20 + ["test"] * 5
    for labels in ([""] * 25, ["a", *[""] * 23, "b"]):
        splits = assign_splits(labels, given=given_split)
        assert (splits[20:] == "query").all() and set(splits[:20]) == {"train", "val"}
        assert splits[0] == "train" or labels[0] == ""  # the only label is trained on
    with refused(names=("the data", "1 tile for train")):
        assign_splits([""] * 3, given=["train", "test", "test"])
