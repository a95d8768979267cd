import numpy as np
import pytest
import torch
from make_training import CLASSES, CONFIG, TILES, clusters
from refusals import refused

from rsh.config import TrainConfig
from rsh.training.batches import FeatureBatches, TileBatches


def test_pairs_are_two_different_views_of_the_same_tiles():
    cached = np.arange(CLASSES * TILES * 3, dtype=np.float16).reshape(-1, 3, 1)
    labels = clusters(0)[1]
    for view0, view1, y, rows in FeatureBatches(cached, labels, CONFIG).epoch(0):
        tiles = [(view[:, 0] // 3).long() for view in (view0, view1)]
        assert torch.equal(*tiles)
        assert (view0 != view1).all()
        assert torch.equal(rows, tiles[0])
        assert torch.equal(y.labels, torch.from_numpy(labels)[tiles[0]])


def test_one_view_a_tile_is_too_few():
    with refused("cached_views", names=(1, 2)):
        FeatureBatches(*clusters(0, views=1), CONFIG)


def test_one_class_cannot_be_trained_on():
    with refused(names="class"):
        FeatureBatches(clusters(0)[0], np.zeros(CLASSES * TILES, np.int64), CONFIG)


def test_tiles_are_seen_twice_each_time_differently():
    tiles = np.random.default_rng(0).integers(0, 256, (40, 3, 16, 16), dtype=np.uint8)
    labels = np.arange(40) % 4
    pairs = TileBatches(tiles, labels, TrainConfig(batch_size=8))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        (first, *_), (again, *_) = list(pairs.epoch(0)), list(pairs.epoch(0))
    assert first.view0.shape == first.view1.shape == (8, 3, 16, 16)
    assert torch.equal(first.rows, again.rows)
    assert torch.equal(first.targets.labels, torch.from_numpy(labels)[first.rows])
    assert not torch.equal(first.view0, first.view1)
    assert not torch.equal(first.view0, again.view0)


def flat(batch) -> list[torch.Tensor]:
    """Return all parts of a batch that are there."""
    view0, view1, targets, rows = batch
    return [part for part in (view0, view1, *targets, rows) if part is not None]


def both_kinds() -> list:
    tiles = np.random.default_rng(0).integers(0, 256, (80, 3, 8, 8), dtype=np.uint8)
    cached, labels = clusters(0)
    return [FeatureBatches(cached, labels, CONFIG), TileBatches(tiles, labels, CONFIG)]


@pytest.mark.parametrize("kind", [0, 1], ids=["views", "tiles"])
@pytest.mark.parametrize("world", [2, 3])
def test_shares_of_several_processes_make_the_whole_batch(kind: int, world: int):
    def epoch(rank: int, world: int) -> list:
        batches = both_kinds()[kind]
        with torch.random.fork_rng():
            torch.manual_seed(3)
            return list(batches.epoch(0, rank=rank, world=world))

    whole = epoch(0, 1)
    shares = [epoch(rank, world) for rank in range(world)]
    assert len({len(share) for share in shares}) == 1
    for number, batch in enumerate(whole):
        for rank in range(world):
            mine_of_all = zip(flat(shares[rank][number]), flat(batch), strict=True)
            for mine, of_all in mine_of_all:
                torch.testing.assert_close(mine, of_all[rank::world], rtol=0, atol=1e-6)
