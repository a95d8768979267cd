"""Cuts a part out of an image that the gallery holds, to search with it."""

import io
from collections.abc import Sequence

from PIL import Image

from rsh.errors import InputError

LEAST = 16  # pixels of a side: below, an enlarged part is a blur of one color


def crop(image: bytes, box: Sequence[float]) -> bytes:
    """Return a part of an image.

    Args:
        image: JPEG bytes.
        box: left, top, right and bottom as fractions of the width and the height, 0 to 1.

    Returns:
        PNG bytes, so that nothing is lost a second time.

    Raises:
        InputError: the box is none, or the part has less than 16 pixels on a side.
    """
    if len(box) != 4 or not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
        raise InputError(f"the part {list(box)} is no box within the image: draw one on it")
    with Image.open(io.BytesIO(image)) as opened:
        sides = (opened.width, opened.height)
        left, top, right, bottom = (
            round(value * side) for value, side in zip(box, sides + sides, strict=True)
        )
        if min(right - left, bottom - top) < LEAST:
            raise InputError(
                f"a part of {right - left} x {bottom - top} pixels is too small to search with: "
                f"draw one of at least {LEAST} x {LEAST}"
            )
        part = opened.convert("RGB").crop((left, top, right, bottom))
    stream = io.BytesIO()
    part.save(stream, "PNG")
    return stream.getvalue()
