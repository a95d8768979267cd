from collections import Counter

import pytest
import torch
from refusals import refused

from rsh.training.batches import ClassBalancedSampler

LABELS = torch.tensor([0] * 40 + [5] * 10 + [2] * 25)


def epoch(batches: ClassBalancedSampler, number: int = 0) -> list[list[int]]:
    return [rows.tolist() for rows in batches.epoch(number)]


@pytest.mark.parametrize("batch_size", [6, 7, 12, 30, 1000])
def test_every_batch_holds_the_same_number_of_each_class(batch_size: int):
    batches = ClassBalancedSampler(LABELS, batch_size=batch_size)
    found = epoch(batches)
    assert len(found) == len(batches) >= 1
    for rows in found:
        counts = Counter(LABELS[rows].tolist())
        assert set(counts) == {0, 5, 2}
        assert len(set(counts.values())) == 1
        assert batch_size - 3 < len(rows) <= batch_size


@pytest.mark.parametrize("seed", range(3))
def test_every_image_is_dealt_before_one_of_its_class_is_repeated(seed: int):
    batches = ClassBalancedSampler(LABELS, batch_size=6, seed=seed)
    rows = [row for batch in epoch(batches) for row in batch]
    for number in (0, 5, 2):
        members = torch.nonzero(LABELS == number)[:, 0].tolist()
        dealt = [row for row in rows if row in set(members)]
        for start in range(0, len(dealt), len(members)):
            pack = dealt[start : start + len(members)]
            assert len(set(pack)) == len(pack)
        if len(dealt) >= len(members):
            assert set(dealt[: len(members)]) == set(members)


def test_an_epoch_deals_about_as_many_images_as_there_are():
    batches = ClassBalancedSampler(LABELS, batch_size=12)
    assert sum(len(rows) for rows in epoch(batches)) == pytest.approx(len(LABELS), abs=12)


def test_equal_seeds_give_equal_epochs_and_epochs_differ():
    def deal(seed: int, number: int) -> list[list[int]]:
        return epoch(ClassBalancedSampler(LABELS, batch_size=12, seed=seed), number)

    assert deal(1, 0) == deal(1, 0)
    assert deal(1, 4) == deal(1, 4)
    assert deal(1, 0) != deal(1, 1)
    assert deal(1, 0) != deal(2, 0)


def test_epochs_do_not_depend_on_those_before():
    batches = ClassBalancedSampler(LABELS, batch_size=12)
    first = epoch(batches, 3)
    epoch(batches, 0)
    assert epoch(batches, 3) == first


def test_dealing_leaves_the_global_random_state_alone():
    state = torch.random.get_rng_state()
    epoch(ClassBalancedSampler(LABELS, batch_size=12))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_more_classes_than_fit_are_drawn_at_random():
    labels = torch.arange(20).repeat_interleave(6)
    batches = ClassBalancedSampler(labels, batch_size=8)
    found = [rows for number in range(5) for rows in epoch(batches, number)]
    for rows in found:
        counts = Counter(labels[rows].tolist())
        assert sorted(counts.values()) == [2, 2, 2, 2]
    assert {int(labels[row]) for rows in found for row in rows} == set(range(20))


def test_with_several_labels_a_tile_every_batch_holds_tiles_of_each_label():
    sets = torch.rand(200, 4, generator=torch.Generator().manual_seed(0)) < torch.tensor(
        [0.8, 0.5, 0.1, 0.02]
    )
    sets = torch.cat([sets, torch.zeros(200, 1, dtype=torch.bool)], dim=1)  # and a label of none
    batches = ClassBalancedSampler(sets, batch_size=22)
    assert (batches.classes, batches.images, batches.size) == (4, 5, 20)
    for rows in epoch(batches):
        assert (sets[rows].sum(dim=0)[:4] >= 5).all()
        assert sets[rows].any(dim=1).all()  # tiles without a label are not drawn
    assert len(batches) == int(sets.any(dim=1).sum()) // 20


def test_one_label_a_tile_gives_the_batches_of_classes():
    sets = LABELS[:, None] == torch.unique(LABELS)
    for one, other in zip(
        epoch(ClassBalancedSampler(LABELS, batch_size=12)),
        epoch(ClassBalancedSampler(sets, batch_size=12)),
        strict=True,
    ):
        assert one == other


def test_class_of_one_image_repeats_it():
    labels = torch.tensor([0] * 10 + [1])
    for rows in epoch(ClassBalancedSampler(labels, batch_size=4)):
        assert rows.count(10) == 2


@pytest.mark.parametrize(
    ("labels", "batch_size", "named"),
    [([0] * 9, 8, 1), ([0, 0, 1, 1], 3, "batch_size=3"), ([], 8, 0)],
)
def test_batch_without_contrast_is_refused(labels: list[int], batch_size: int, named: object):
    with refused(names=(named, 2, 4)):
        ClassBalancedSampler(torch.tensor(labels), batch_size=batch_size)
