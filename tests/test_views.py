import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from rsh.views import ViewSpec, augmentation


def picture(width: int = 48, height: int = 40) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("size", [(48, 40), (8, 8), (20, 300), (300, 20)])
@pytest.mark.parametrize("strength", ["weak", "medium", "strong"])
def test_views_have_the_size_of_the_network_whatever_the_tile(size: tuple[int, int], strength: str):
    for count, expected in ((0, 1), (3, 3)):
        spec = ViewSpec(32, count, strength)
        views = spec.of(picture(*size), row=0)
        assert views.shape == (expected, 3, 32, 32)
        assert views.dtype == torch.uint8
        assert len(spec) == expected


@pytest.mark.parametrize("strength", ["weak", "medium", "strong"])
def test_seed_and_row_decide_the_views(strength: str):
    views = ViewSpec(32, 4, strength, seed=3).of(picture(), row=5)
    assert torch.equal(views, ViewSpec(32, 4, strength, seed=3).of(picture(), row=5))
    assert not torch.equal(views, ViewSpec(32, 4, strength, seed=3).of(picture(), row=6))
    assert not torch.equal(views, ViewSpec(32, 4, strength, seed=4).of(picture(), row=5))


def test_views_of_one_tile_differ_from_each_other():
    views = ViewSpec(32, 6).of(picture(), row=0)
    assert len({view.numpy().tobytes() for view in views}) == 6


def test_more_views_begin_with_the_fewer():
    few, many = (ViewSpec(32, count).of(picture(), row=2) for count in (2, 5))
    assert torch.equal(few, many[:2])


def test_drawing_leaves_the_global_random_state_alone():
    state = torch.random.get_rng_state()
    ViewSpec(32, 3).of(picture(), row=0)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_plain_view_of_a_square_tile_of_the_right_size_is_the_tile():
    tile = picture(32, 32)
    (view,) = ViewSpec(32).of(tile, row=9)
    assert np.array_equal(view.permute(1, 2, 0).numpy(), np.asarray(tile))


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (20, 20)])
def test_plain_view_is_the_middle_square_of_the_whole_height(size: tuple[int, int]):
    tile = picture(*size)
    (view,) = ViewSpec(32).of(tile, row=0)
    scale = 32 / min(size)
    pixels = torch.from_numpy(np.array(tile)).permute(2, 0, 1)
    resized = v2.functional.resize(pixels, [int(size[1] * scale), int(size[0] * scale)])
    top, left = (round((length - 32) / 2) for length in resized.shape[1:])
    assert torch.equal(view, resized[:, top : top + 32, left : left + 32])


def test_plain_view_does_not_depend_on_seed_or_row():
    assert torch.equal(ViewSpec(32, seed=1).of(picture(), 1), ViewSpec(32, seed=2).of(picture(), 7))


def test_weak_views_keep_the_colours_and_strong_ones_lose_them_at_times():
    red = Image.new("RGB", (40, 40), (200, 40, 40))
    weak = ViewSpec(32, 20, "weak").of(red, row=0).float()
    assert (weak - torch.tensor([200.0, 40, 40]).view(3, 1, 1)).abs().max() <= 1
    strong = ViewSpec(32, 40, "strong").of(red, row=0).float()
    grey = [(view[0] - view[1]).abs().max() <= 1 for view in strong]
    assert 0 < sum(grey) < 40


def test_every_quarter_turn_comes_up():
    """A tile with one bright half: after the views, each side has been the bright one."""
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:20] = 255
    draw = augmentation(32, "weak")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        views = [draw(Image.fromarray(pixels)).float().mean(dim=0) for _ in range(60)]
    sides = [[v[:8].mean(), v[-8:].mean(), v[:, :8].mean(), v[:, -8:].mean()] for v in views]
    assert {int(np.argmax(side)) for side in sides} == {0, 1, 2, 3}
