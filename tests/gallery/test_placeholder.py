"""The image of a code."""

import io

import numpy as np
import pytest
from PIL import Image

from rsh.codes.binary import pack
from rsh.gallery.placeholder import ONE, ZERO, draw_code
from rsh.gallery.segment import THUMB_SIDE


@pytest.mark.parametrize("num_bits", [4, 12, 16, 64, 100, 256])
def test_every_bit_has_its_square(num_bits: int):
    rng = np.random.default_rng(num_bits)
    codes = rng.choice([-1, 1], (1, num_bits)).astype(np.int8)
    drawn = Image.open(io.BytesIO(draw_code(pack(codes)[0], num_bits))).convert("RGB")
    assert drawn.size == (THUMB_SIDE, THUMB_SIDE)
    side = int(np.ceil(num_bits**0.5))
    cell = THUMB_SIDE // side
    start = (THUMB_SIDE - cell * side) // 2
    for bit in range(num_bits):
        row, column = divmod(bit, side)
        place = (start + column * cell + cell // 2, start + row * cell + cell // 2)
        color = np.array(drawn.getpixel(place), float)
        distance = [np.abs(color - np.array(other)).sum() for other in (ZERO, ONE)]
        assert int(np.argmin(distance)) == int(codes[0, bit] > 0), bit
