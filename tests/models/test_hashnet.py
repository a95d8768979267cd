import numpy as np
import pytest
import torch
from refusals import refused

from rsh.data.decoded import decoded_tiles
from rsh.data.tiles import TileDataset
from rsh.models.hashnet import HashNet, apply_head, apply_net, fingerprint
from rsh.models.head import HashHead
from rsh.training.feature_cache import cached_features


def small(**options) -> HashNet:
    settings = {"num_bits": 12, "image_size": 32, "hidden": 24, "feature_dim": 10}
    return HashNet(**(settings | options))


@pytest.fixture(scope="module")
def net() -> HashNet:
    return small().eval()


def test_embedding_has_a_feature_of_length_1_and_one_number_a_bit(net: HashNet):
    with torch.inference_mode():
        embedding = net(torch.randn(5, 3, 32, 32))
    assert embedding.features.shape == (5, 10)
    assert embedding.relaxed.shape == (5, 12)
    torch.testing.assert_close(embedding.features.norm(dim=1), torch.ones(5))


def test_both_branches_go_through_the_same_weights(net: HashNet):
    images = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        once, twice = net(images), net(images.clone())
    assert torch.equal(once.relaxed, twice.relaxed)
    assert len([module for module in net.modules() if isinstance(module, HashHead)]) == 1


def test_seed_decides_the_head():
    heads = [fingerprint(small(seed=seed, pretrained=False).head) for seed in (1, 1, 2)]
    assert heads[0] == heads[1] != heads[2]


def test_construction_leaves_the_global_random_state_alone():
    for pretrained in (True, False):
        state = torch.random.get_rng_state()
        small(pretrained=pretrained)
        assert torch.equal(torch.random.get_rng_state(), state)


def test_backbone_is_pretrained_unless_told_otherwise(net: HashNet):
    assert fingerprint(net.backbone) == fingerprint(small(num_bits=64, seed=9).backbone)
    assert fingerprint(net.backbone) != fingerprint(small(pretrained=False).backbone)


def test_settings_make_the_same_network_again(net: HashNet):
    assert fingerprint(HashNet(**net.settings)) == fingerprint(net)


@pytest.mark.parametrize("num_bits", [0, 7, 300])
def test_code_length_out_of_range_is_named(num_bits: int):
    with refused("num_bits", value=num_bits):
        small(num_bits=num_bits)


@pytest.mark.parametrize("image_size", [31, 0, 1025])
def test_image_size_out_of_range_is_named(image_size: int):
    with refused("image_size", value=image_size, names=(32, 1024)):
        small(image_size=image_size)


def test_unknown_backbone_is_refused():
    with refused(names="no_such_network"):
        small(backbone="no_such_network")


def test_normalizing_brings_the_mean_color_to_zero(net: HashNet):
    images = torch.tensor(net.backbone.mean).view(1, 3, 1, 1).expand(2, 3, 4, 4)
    assert net.backbone.normalize(images).abs().max() < 1e-6
    assert net.backbone.normalize(torch.ones_like(images)).max() == pytest.approx(
        max((1 - m) / s for m, s in zip(net.backbone.mean, net.backbone.std, strict=True)), rel=1e-5
    )


@pytest.mark.parametrize("training", [True, False])
def test_applying_a_head_puts_its_mode_back_and_learns_nothing(training: bool):
    head = HashHead(20, num_bits=8, hidden=16, feature_dim=4).train(training)
    before = fingerprint(head)
    features = np.random.default_rng(0).normal(size=(7, 20)).astype(np.float16)
    found = apply_head(head, features)
    assert all(module.training is training for module in head.modules())
    assert fingerprint(head) == before  # the batch statistics, too
    with torch.inference_mode():
        expected = head.eval()(torch.from_numpy(features).float())
    torch.testing.assert_close(found.relaxed, expected.relaxed)
    torch.testing.assert_close(found.features, expected.features)


def test_head_is_applied_piece_by_piece_as_if_at_once():
    head = HashHead(6, num_bits=4, hidden=8, feature_dim=4).eval()
    features = np.random.default_rng(0).normal(size=(9000, 6)).astype(np.float16)
    found = apply_head(head, features)
    with torch.inference_mode():
        torch.testing.assert_close(found.relaxed, head(torch.from_numpy(features).float()).relaxed)


def test_fingerprint_changes_with_any_weight(net: HashNet):
    head = HashHead(6, num_bits=4, hidden=8, feature_dim=4)
    seen = {fingerprint(head)}
    for value in head.state_dict().values():
        value += 1
        seen.add(fingerprint(head))
    assert len(seen) == 1 + len(head.state_dict())


@pytest.mark.parametrize("turns", [0, 2, 16])
def test_other_numbers_of_turns_are_named(turns: int):
    with refused("tta", value=turns, names=(1, 4, 8)):
        small(tta=turns)


def test_code_of_all_turns_does_not_change_with_the_way_up():
    net = small(tta=8).eval()
    tiles = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    upright, turned = (apply_net(net, t) for t in (tiles, np.rot90(tiles, axes=(2, 3)).copy()))
    torch.testing.assert_close(upright, turned, rtol=1e-4, atol=1e-4)
    one = [
        apply_net(small().eval(), t).relaxed for t in (tiles, np.rot90(tiles, axes=(2, 3)).copy())
    ]
    assert (one[0] - one[1]).abs().max() > 0.01


def test_cache_and_tiles_are_averaged_alike(tmp_path, monkeypatch, tiny_data):
    monkeypatch.setenv("RSH_CACHE", str(tmp_path))
    net, dataset = small(tta=4).eval(), TileDataset.open(tiny_data).select(np.arange(6))
    from_cached = apply_head(net.head, cached_features(net, dataset, net.plain, progress=False))
    from_tiles = apply_net(net, decoded_tiles(dataset, 32, progress=False))
    torch.testing.assert_close(from_cached, from_tiles, rtol=0.01, atol=0.01)
    assert from_cached.features.norm(dim=1).allclose(torch.ones(6))
