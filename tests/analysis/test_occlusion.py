"""Evidence of cells, compared with networks whose truth is known, and against the real one."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from refusals import refused
from tiers import RELEASE

from rsh.analysis.occlusion import DRAWN, network_input, occlude, occluded, overlay
from rsh.codes.asymmetric import soft_bits
from rsh.codes.binary import binarize
from rsh.codes.encodings import Encodings
from rsh.encoding.query import encode_images
from rsh.errors import RshWarning


def noise(side: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3))
    return Image.fromarray(pixels.astype(np.uint8))


def halves(top: int, bottom: int, side: int = 64) -> Image.Image:
    """A tile of two grays, one above the other."""
    pixels = np.full((side, side, 3), bottom, np.uint8)
    pixels[: side // 2] = top
    return Image.fromarray(pixels)


def brightness(images) -> Encodings:
    """Four bits that look at the mean brightness of one quarter each, and of nothing else.

    Top left, top right, bottom left, and minus bottom right.
    """
    rows = []
    for image in images:
        pixels = np.asarray(image, dtype=float).mean(axis=2) / 255 - 0.5
        half = len(pixels) // 2
        quarters = [pixels[:half, :half], pixels[:half, half:], pixels[half:, :half]]
        rows.append([*(part.mean() for part in quarters), -pixels[half:, half:].mean()])
    relaxed = np.array(rows)
    return Encodings(binarize(relaxed), relaxed.astype(np.float16), np.ones((len(rows), 1)))


def test_a_bit_sees_its_own_quarter_and_nothing_else():
    found = occlude(halves(255, 0), brightness)
    assert found.evidence.shape == found.flips.shape == (8, 8, 4)
    top_left, bottom_right = found.of_bit(0), found.of_bit(3)
    inside = np.zeros((8, 8), bool)
    inside[:4, :4] = True
    reached = np.zeros((8, 8), bool)
    reached[:5, :5] = True  # a patch is half as wide again as its cell
    assert (top_left[inside] > 0).all() and (top_left[~reached] == 0).all()
    assert (bottom_right[::-1, ::-1][inside] > 0).all()
    assert not found.flips.any()
    expected = np.abs(found.evidence).mean(axis=2)
    np.testing.assert_allclose(found.whole, expected, rtol=1e-6)


def test_what_speaks_against_a_bit_is_below_zero_and_a_bit_may_turn():
    """The quarter is dark, so that the bit is off, but for one bright corner that says on."""
    pixels = np.full((64, 64, 3), 120, np.uint8)
    pixels[:16, :16] = 160
    pixels[32:] = 60  # the mean color is below what would turn the bit
    dark = occlude(Image.fromarray(pixels), brightness, cells=4)
    assert dark.untouched.codes[0, 0] == 1
    assert dark.of_bit(0)[0, 0] > 0 and dark.flips[0, 0, 0]
    pixels[16:32, :32] = pixels[:16, 16:32] = 90
    light = occlude(Image.fromarray(pixels), brightness, cells=4)
    assert light.untouched.codes[0, 0] == -1
    assert light.of_bit(0)[0, 0] < 0 and not light.flips[0, 0, 0]


@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(16, 40))
def test_evidence_is_that_of_a_slow_loop(seed, cells, side):
    image = noise(side, seed)
    found = occlude(image, brightness, cells=cells)
    pixels = np.asarray(image)
    gray = pixels.reshape(-1, 3).mean(axis=0).round()
    before = brightness([image])
    for row in range(cells):
        for column in range(cells):
            edges = [
                round(min(max(at, 0), 1) * side)
                for middle in ((row + 0.5) / cells, (column + 0.5) / cells)
                for at in (middle - 0.75 / cells, middle + 0.75 / cells)
            ]
            copy = pixels.copy()
            copy[edges[0] : edges[1], edges[2] : edges[3]] = gray
            after = brightness([Image.fromarray(copy)])
            for bit in range(4):
                sign = int(before.codes[0, bit])
                moved = soft_bits(before.relaxed[0, bit]) - soft_bits(after.relaxed[0, bit])
                assert found.of_bit(bit)[row, column] == pytest.approx(sign * moved, abs=1e-6)
                turned = before.codes[0, bit] != after.codes[0, bit]
                assert found.flips[row, column, bit] == turned


def test_every_pixel_is_covered_and_the_mean_color_hides_nothing_in_a_plain_tile():
    touched = np.zeros((50, 50), int)
    image = halves(200, 100, side=50)
    for copy in occluded(image, 7):
        touched += (np.asarray(copy) != np.asarray(image)).any(axis=2)
    assert touched.min() >= 1 and touched.max() <= 4
    plain = occlude(halves(90, 90), brightness)
    assert not plain.evidence.any() and not plain.flips.any()


def test_the_network_is_asked_once():
    asked = []

    def encode(images):
        asked.append(len(images))
        return brightness(images)

    occlude(noise(32), encode, cells=5)
    assert asked == [27]  # the image, its middle square, and that covered 25 times


def test_the_code_of_an_image_that_is_no_square_is_that_of_the_whole():
    pixels = np.full((40, 80, 3), 70, np.uint8)
    pixels[:, 60:] = 255  # beyond the middle square
    wide = Image.fromarray(pixels)
    found = occlude(wide, brightness, cells=4)
    assert (found.untouched.codes == brightness([wide]).codes).all()
    assert (found.untouched.codes != brightness([network_input(wide)]).codes).any()
    assert not found.evidence.any() and not found.flips.any()  # what it covers is plain


@RELEASE
def test_a_real_network_of_a_real_tile(tiny_run, net):
    file = next(iter(sorted(tiny_run.data.rglob("*.jpg"))))
    found = occlude(file, lambda images: encode_images(net, images), cells=4)
    alone = encode_images(net, [file])
    assert (found.untouched.codes == alone.codes).all()
    np.testing.assert_allclose(found.untouched.relaxed, alone.relaxed, rtol=2e-2, atol=2e-3)
    copy = np.asarray(Image.open(file).convert("RGB")).copy()
    side = len(copy)
    copy[: round(side * 0.3125), : round(side * 0.3125)] = copy.reshape(-1, 3).mean(0).round()
    after = encode_images(net, [Image.fromarray(copy)])
    expected = alone.codes[0] * (soft_bits(alone.relaxed[0]) - soft_bits(after.relaxed[0]))
    np.testing.assert_allclose(found.evidence[0, 0], expected, atol=2e-2)
    assert np.abs(found.evidence).max() > 0.05  # it does look at the tile
    assert found.evidence.dtype == found.whole.dtype == np.float32


def test_what_is_seen_is_the_middle_square_and_not_too_large():
    wide = Image.new("RGB", (1400, 700), "black")
    wide.paste("white", (350, 0, 1050, 700))
    assert network_input(wide).size == (512, 512)
    assert (
        np.asarray(network_input(wide))[:, 1:-1].min() == 255
    )  # a column at each side is interpolated
    tile = noise(112)
    assert np.array_equal(np.asarray(network_input(tile)), np.asarray(tile))  # nothing is rebuilt
    with pytest.warns(RshWarning, match="is L, not RGB"):
        assert network_input(noise(40).convert("L")).mode == "RGB"


def drawn(image, heat, **asked) -> np.ndarray:
    png = overlay(image, np.asarray(heat), **asked)
    assert png.startswith(b"\x89PNG")
    pixels = np.asarray(Image.open(io.BytesIO(png)), dtype=int)
    assert pixels.shape == (DRAWN, DRAWN, 3)
    return pixels


def patch(pixels: np.ndarray, row: int, column: int) -> np.ndarray:
    """Mean color in the middle of a cell of a 4 x 4 grid."""
    size = DRAWN // 4
    rows, columns = (
        slice(at * size + size // 3, (at + 1) * size - size // 3) for at in (row, column)
    )
    return pixels[rows, columns].mean(axis=(0, 1))


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_for_is_orange_and_against_is_blue_on_any_tile(shade):
    heat = np.zeros((4, 4))
    heat[0, 0], heat[3, 3] = 1, -1
    pixels = drawn(halves(shade, shade), heat, signed=True)
    warm, cold, plain = (patch(pixels, *cell) for cell in ((0, 0), (3, 3), (1, 2)))
    assert warm[0] > warm[2] + 60 and cold[2] > cold[0] + 60
    assert np.ptp(plain) < 12  # what does not matter has no color


def test_heat_of_one_kind_grows_lighter_with_what_it_is_worth():
    heat = np.repeat([[0, 0.3, 0.6, 1]], 4, axis=0)
    pixels = drawn(halves(128, 128), heat, signed=False)
    none, little, some, much = (patch(pixels, 1, column) for column in range(4))
    assert np.ptp(none) < 25
    assert little[0] - little[1] > 20  # purple
    assert much[1] > some[1] > little[1] and much[0] - much[2] > 80  # to yellow


def test_the_tile_can_be_seen_below_the_strongest_heat():
    heat = np.ones((4, 4))
    pixels = drawn(halves(220, 30), heat, signed=True)
    assert patch(pixels, 0, 0).mean() > patch(pixels, 3, 0).mean() + 40


def test_faint_heat_stays_faint_unless_a_scale_is_given():
    heat = np.zeros((4, 4))
    heat[1, 1] = 0.01
    image = halves(128, 128)
    assert np.ptp(patch(drawn(image, heat, signed=True), 1, 1)) < 20
    strong = drawn(image, heat, signed=True, strongest=0.01)
    assert np.ptp(patch(strong, 1, 1)) > 80
    larger = drawn(image, 50 * heat, signed=True, strongest=0.5)
    assert np.abs(larger - strong).max() <= 1


def test_lines_are_dashed_where_heat_speaks_against():
    """White pixels of a line: one side of a straight border, for and against."""
    heat = np.zeros((4, 4))
    heat[:, :2] = 1
    counts = [
        (drawn(halves(0, 0), sign * heat, signed=True).min(axis=2) > 250).sum() for sign in (1, -1)
    ]
    assert counts[0] > 0.9 * DRAWN and 0.35 < counts[1] / counts[0] < 0.65


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (8, 8), (16, 16)])
def test_any_grid_can_be_drawn(shape):
    drawn(noise(20), np.full(shape, 0.5), signed=False)


def test_wrong_input_is_told():
    with refused("cells", value=1, names=(2, 16)):
        occlude(noise(32), brightness, cells=1)
    with refused("cells", value=12, names=10):
        occlude(noise(10), brightness, cells=12)
    with refused("bit", value=4, names=(0, 3)):
        occlude(noise(32), brightness).of_bit(4)
    with refused(names=8):
        occlude(noise(4), brightness)
    for heat in (np.ones(4), np.ones((0, 0)), np.full((2, 2), np.nan)):
        with refused(names=heat.shape):
            overlay(noise(32), heat, signed=True)
    for strongest in (0, -1, float("nan")):
        with refused("strongest", names=0):
            overlay(noise(32), np.ones((2, 2)), signed=True, strongest=strongest)
