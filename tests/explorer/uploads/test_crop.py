import io

import numpy as np
import pytest
from PIL import Image

from rsh.errors import InputError
from rsh.explorer.uploads.crop import LEAST, crop


def jpeg(width: int = 120, height: int = 80) -> bytes:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    stream = io.BytesIO()
    Image.fromarray(np.stack([x, y, x + y], axis=-1).astype(np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("box", "size"), [((0, 0, 1, 1), (120, 80)), ((0.25, 0.5, 0.75, 1), (60, 40))]
)
def test_a_part_is_what_lies_in_the_box(box, size):
    part = Image.open(io.BytesIO(crop(jpeg(), box)))
    assert part.size == size
    whole = np.asarray(Image.open(io.BytesIO(jpeg())))
    left, top = round(box[0] * 120), round(box[1] * 80)
    assert (np.asarray(part) == whole[top : top + size[1], left : left + size[0]]).all()


def test_a_part_of_three_pixels_is_too_small():
    with pytest.raises(InputError, match=rf"3 x 3 pixels is too small .* {LEAST} x {LEAST}"):
        crop(jpeg(100, 100), (0, 0, 0.03, 0.03))


@pytest.mark.parametrize(
    "box", [(), (0, 0, 1), (0.5, 0, 0.5, 1), (0.7, 0, 0.2, 1), (-0.1, 0, 1, 1), (0, 0, 1, 1.1)]
)
def test_a_box_that_is_none_is_refused(box):
    with pytest.raises(InputError, match="is no box within the image"):
        crop(jpeg(), box)


def test_not_a_number_is_no_box():
    with pytest.raises(InputError, match="is no box within the image"):
        crop(jpeg(), (float("nan"), 0, 1, 1))
