"""What stands for the image of an embedding that has none: its code, one square a bit."""

import io
import math

import numpy as np

from rsh.codes.binary import Packed, unpack
from rsh.gallery.segment import THUMB_SIDE

ZERO, ONE, BORDER = (222, 228, 234), (60, 98, 138), (245, 247, 249)  # red, green and blue


def draw_code(packed: Packed, num_bits: int) -> bytes:
    """Draw a code as a square of squares, dark where a bit is 1, row by row from the first bit.

    Equal codes look equal, and near codes nearly so.

    Args:
        packed: one code, (bytes,) uint8.
        num_bits: its length.

    Returns:
        JPEG bytes.
    """
    from PIL import Image  # a page with images does without

    side = math.ceil(math.sqrt(num_bits))
    colors = np.full((side * side, 3), BORDER, np.uint8)
    bits = unpack(packed[None], num_bits)[0] > 0
    colors[:num_bits] = np.where(bits[:, None], ONE, ZERO)
    cell = THUMB_SIDE // side
    grid = colors.reshape(side, side, 3).repeat(cell, axis=0).repeat(cell, axis=1)
    margin = THUMB_SIDE - cell * side
    before, after = margin // 2, margin - margin // 2
    whole = np.full((THUMB_SIDE, THUMB_SIDE, 3), BORDER, np.uint8)
    whole[before : THUMB_SIDE - after, before : THUMB_SIDE - after] = grid
    stream = io.BytesIO()
    Image.fromarray(whole).save(stream, "JPEG", quality=90)
    return stream.getvalue()
