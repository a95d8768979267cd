import numpy as np
import pytest
import torch
from torch import Tensor

from rsh.models.augment import NUM_DRAWS, STRENGTHS, ViewSpec, augment, dihedral_views, eval_views

NAMES = list(STRENGTHS)


def noise(count: int = 1, side: int = 32) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, side, side), generator=draw, dtype=torch.uint8)


def half() -> Tensor:
    """A tile whose upper half is bright."""
    tile = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    tile[:, :, :16] = 255
    return tile


def draws(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, NUM_DRAWS, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("strength", NAMES)
@pytest.mark.parametrize("side", [8, 32, 45])
def test_views_are_images_of_the_size_of_the_tile(side: int, strength: str):
    views = ViewSpec(side, 3, strength).of(noise(4, side), first=0)
    assert views.shape == (4, 3, 3, side, side)
    assert views.dtype == torch.float32
    assert 0 <= views.min() and views.max() <= 1
    assert len(ViewSpec(side, 3, strength)) == 3


@pytest.mark.parametrize("strength", NAMES)
def test_seed_and_row_decide_the_views(strength: str):
    views = ViewSpec(32, 4, strength, seed=3).of(noise(), first=5)
    assert torch.equal(views, ViewSpec(32, 4, strength, seed=3).of(noise(), first=5))
    assert not torch.equal(views, ViewSpec(32, 4, strength, seed=3).of(noise(), first=6))
    assert not torch.equal(views, ViewSpec(32, 4, strength, seed=4).of(noise(), first=5))


@pytest.mark.parametrize("strength", NAMES)
def test_a_tile_has_the_same_views_whatever_is_beside_it(strength: str):
    spec, tiles = ViewSpec(32, 3, strength), noise(5)
    together = spec.of(tiles, first=7)
    alone = torch.cat([spec.of(tiles[row, None], first=7 + row) for row in range(5)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


def test_views_of_one_tile_differ_from_each_other():
    (views,) = ViewSpec(32, 6).of(noise(), first=0)
    assert len({view.numpy().tobytes() for view in views}) == 6


def test_more_views_begin_with_the_fewer():
    few, many = (ViewSpec(32, count).of(noise(), first=2) for count in (2, 5))
    torch.testing.assert_close(few, many[:, :2], rtol=0, atol=1e-6)


def test_drawing_leaves_the_global_random_state_alone():
    state = torch.random.get_rng_state()
    ViewSpec(32, 3, "strong").of(noise(), first=0)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_plain_view_is_the_tile_whatever_its_row():
    views = ViewSpec(32, seed=1).of(noise(2), first=9)
    assert torch.equal((views[:, 0] * 255).round().to(torch.uint8), noise(2))
    assert torch.equal(views[:, 0], eval_views(noise(2)))


def test_a_view_that_keeps_the_whole_area_is_a_turned_or_mirrored_tile():
    tile = eval_views(noise())[0]
    flips = [tile, tile.flip(2)]
    expected = [flip.rot90(turns, (1, 2)) for flip in flips for turns in range(4)]
    numbers = draws(40)
    numbers[:, 0], numbers[:, 1] = 1, 0.5  # all of the area, as wide as high
    views = augment(noise().expand(40, -1, -1, -1), numbers, "weak")
    found = [[(view - other).abs().max() < 1e-4 for other in expected] for view in views]
    assert all(sum(row) == 1 for row in found)
    assert np.array(found).any(axis=0).all()  # each of the eight comes up


@pytest.mark.parametrize("strength", NAMES)
def test_a_crop_keeps_its_share_of_the_area(strength: str):
    """On a ramp the spread of a view's values tells how wide the crop is."""
    ramp = torch.linspace(0, 255, 64).round().to(torch.uint8).expand(3, 64, 64)
    numbers = draws(300)
    numbers[:, 6:] = 0.5  # no change of colors
    numbers[:, 10:12] = 1
    down = ramp.transpose(1, 2)
    wide, high = (
        augment(tile[None].expand(300, -1, -1, -1), numbers, strength)[:, 0].flatten(1)
        for tile in (ramp, down)
    )
    area = [(view.amax(1) - view.amin(1)).clamp(max=1) for view in (wide, high)]
    share = area[0] * area[1]
    assert STRENGTHS[strength].min_area - 0.05 < share.min() < STRENGTHS[strength].min_area + 0.1
    assert share.max() > 0.85


def test_every_quarter_turn_comes_up():
    views = augment(half().expand(60, -1, -1, -1), draws(60), "weak").mean(dim=1)
    sides = [[v[:8].mean(), v[-8:].mean(), v[:, :8].mean(), v[:, -8:].mean()] for v in views]
    assert {int(np.argmax(side)) for side in sides} == {0, 1, 2, 3}


def test_weak_views_keep_the_colors_and_strong_ones_lose_them_at_times():
    red = torch.tensor([200, 40, 40], dtype=torch.uint8).view(1, 3, 1, 1).expand(60, -1, 32, 32)
    assert (augment(red, draws(60), "weak") - eval_views(red)).abs().max() < 1e-5
    strong = augment(red, draws(60), "strong")
    gray = (strong[:, 0] - strong[:, 1]).abs().amax(dim=(1, 2)) < 1e-3
    assert 3 <= gray.sum() <= 25
    assert (augment(red, draws(60), "medium")[:, 0] - eval_views(red)[:, 0]).abs().max() > 0.05


def test_colors_change_one_property_at_a_time():
    """Half of a range is no change; brightness scales, contrast keeps the mean."""
    gray = torch.linspace(60, 160, 32).round().to(torch.uint8).expand(1, 3, 32, 32)
    base = torch.full((1, NUM_DRAWS), 0.5)
    base[:, 0], base[:, 4:6], base[:, 10:12] = 1, 0, 1  # the tile as it is, but mirrored or not
    same = augment(gray, base, "strong")
    torch.testing.assert_close(same.sort().values, eval_views(gray), rtol=0, atol=1e-4)
    bright, contrast = base.clone(), base.clone()
    bright[:, 6], contrast[:, 7] = 1, 1  # 1.4 times
    torch.testing.assert_close(augment(gray, bright, "strong"), 1.4 * same, rtol=1e-4, atol=1e-4)
    stretched = augment(gray, contrast, "strong")
    assert stretched.mean() == pytest.approx(same.mean().item(), abs=1e-4)
    assert stretched.std() == pytest.approx(1.4 * same.std().item(), rel=1e-3)


def test_blur_takes_detail_and_keeps_brightness():
    numbers = torch.full((2, NUM_DRAWS), 0.5)
    numbers[:, 0] = 1
    numbers[0, 11], numbers[1, 11] = 0, 1  # the first is blurred
    numbers[:, 12] = 1
    blurred, sharp = augment(noise().expand(2, -1, -1, -1), numbers, "strong")
    assert blurred.std() < 0.5 * sharp.std()
    assert blurred.mean() == pytest.approx(sharp.mean().item(), abs=0.01)


@pytest.mark.parametrize("turns", [1, 4, 8])
def test_turns_are_different_symmetries_and_begin_with_the_tile(turns: int):
    tile = eval_views(noise())
    found = dihedral_views(tile, turns)[0]
    expected = [flip.rot90(k, (1, 2)) for flip in (tile[0], tile[0].flip(2)) for k in range(4)]
    matches = [[torch.equal(view, other) for other in expected] for view in found]
    assert matches[0][0]
    assert sorted(sum(row) for row in matches) == [1] * turns
    assert len({row.index(True) for row in matches}) == turns
    assert len(ViewSpec(32, tta=turns)) == turns
    assert torch.equal(ViewSpec(32, tta=turns).of(noise(), first=3)[0], found)


def test_no_two_of_four_turns_are_joined_by_a_half_turn():
    views = dihedral_views(eval_views(noise()), 4)[0]
    halves = views.rot90(2, (2, 3))
    assert not any(torch.equal(view, half) for view in views for half in halves)


UNITS = ("reflectance",) * 11 + ("dB", "dB")


def bands(count: int = 1, side: int = 32) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    values = torch.rand(count, 13, side, side, generator=draw) * 0.4 + 0.01
    values[:, 11:] = 10 * values[:, 11:].log10()
    return values.half()


@pytest.mark.parametrize("strength", NAMES)
@pytest.mark.parametrize("count", [0, 3])
def test_views_have_any_number_of_bands(strength: str, count: int):
    spec, tiles = ViewSpec(32, count, strength, units=UNITS), bands(4)
    views = spec.of(tiles, first=0)
    assert views.shape == (4, count or 1, 13, 32, 32) and views.dtype == torch.float32
    if not count:
        assert torch.equal(views[:, 0], tiles.float())


def test_a_weak_view_of_bands_crops_turns_and_mirrors_them_alike():
    tiles = bands(2)
    alike = tiles[:, :1].repeat(1, 13, 1, 1)
    views = ViewSpec(32, 3, "weak", units=("reflectance",) * 13).of(alike, first=0)
    assert torch.equal(views, views[:, :, :1].expand_as(views))


def test_light_changes_reflectance_by_a_factor_and_decibels_by_an_offset():
    tiles = torch.ones(50, 13, 8, 8).half()
    views = ViewSpec(8, 1, "medium", units=UNITS).of(tiles, first=0)[:, 0].mean(dim=(2, 3))
    factors, offsets = views[:, :11], views[:, 11:] - 1
    limit = 0.2
    assert (1 - limit) * (1 - limit / 8) <= factors.min() < 0.85
    assert 1.15 < factors.max() <= (1 + limit) * (1 + limit / 8)
    own = factors / factors.mean(dim=1, keepdim=True)  # what is left of a band's own gain
    assert 0.005 < (own - 1).abs().max() <= 2 * limit / 8 + 0.01
    gains = 10 ** (offsets / 10)
    assert (gains / factors.mean(dim=1, keepdim=True) - 1).abs().max() <= 2 * limit / 8 + 0.01


def test_a_band_of_a_view_equals_a_slow_loop():
    tiles, spec = bands(1), ViewSpec(32, 1, "medium", seed=3, units=UNITS)
    draw = torch.rand(1, NUM_DRAWS + 13, generator=torch.Generator().manual_seed(3 * 1_000_003 + 5))
    assert torch.equal(spec.of(tiles, first=5)[0], augment(tiles, draw, "medium", UNITS))
    flat = torch.ones(1, 13, 32, 32)
    found = augment(flat, draw, "medium", UNITS)[0].mean(dim=(1, 2))
    common = 1 + 0.2 * (2 * draw[0, 6] - 1)
    for band, unit in enumerate(UNITS):
        gain = common * (1 + 0.2 / 8 * (2 * draw[0, NUM_DRAWS + band] - 1))
        expected = 1 + 10 * gain.log10() if unit == "dB" else gain
        torch.testing.assert_close(found[band], expected, rtol=1e-5, atol=1e-5)


def test_strong_views_of_bands_are_blurred():
    tiles = bands().repeat(60, 1, 1, 1)
    views = ViewSpec(32, 1, "strong", units=UNITS).of(tiles, first=0)[:, 0]
    roughness = (views[..., 1:] - views[..., :-1]).abs().mean(dim=(1, 2, 3))
    assert views.isfinite().all()
    assert (roughness < 0.5 * roughness.median()).any()
