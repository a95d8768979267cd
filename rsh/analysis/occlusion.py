"""Occlusion sensitivity: which regions of a tile determine its code.

A gray patch slides over the tile. With t = tanh(relaxed), the activation used in training, and the
sign of bit b in the tile's code,

    evidence of a cell for bit b = sign_b * (t_b - t_b of the tile with that cell covered)

It is above 0 where the cell supports the bit, below 0 where it contradicts it, and at most 2. The
sum over cells has no meaning, as regions of a tile may be redundant, or matter only together.

Source: Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", sec. 4.2,
https://arxiv.org/abs/1311.2901
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from rsh.codes.asymmetric import soft_bits
from rsh.codes.encodings import Encodings
from rsh.config import check_number
from rsh.data.images import read_image
from rsh.errors import InputError

Encode = Callable[[Sequence[Image.Image]], Encodings]
CELLS = 8  # a side
MOST_CELLS = 16  # a side: 256 covered tiles fit into memory in one call
WIDER = 1.5  # patch over cell, so that a detail between two cells is covered as a whole
LARGEST = 512  # pixels a side: network inputs are smaller, and each cell needs a covered copy

DRAWN = 320  # pixels a side of an overlay
LINE, DASH = 3, 16  # pixels, where the overlay is drawn twice as large
OPAQUE = 0.75  # of the strongest evidence, so that the tile stays visible
FAINT = 0.1  # of at most 2; less evidence than that does not get full color

# Colors from 0 to 255 over the share of the strongest evidence. Orange and blue suit all kinds of
# color blindness; the others also increase in lightness.
Stops = Mapping[float, tuple[int, int, int]]
SIGNED: Stops = {-1e-6: (0, 114, 200), 1e-6: (230, 97, 1)}
UNSIGNED: Stops = {
    0: (120, 28, 109),
    0.25: (170, 40, 100),
    0.5: (213, 72, 62),
    0.75: (246, 140, 30),
    1: (252, 225, 90),
}


@dataclass(frozen=True, eq=False)
class Occlusion:
    """Evidence of each cell of a tile for its code; cell (0, 0) is at the top left.

    Attributes:
        untouched: encodings of the uncovered tile, one row. Its code may differ from the one in a
            gallery if the image is a thumbnail of the tile.
        evidence: for each bit, (cells, cells, num_bits) float32, -2 to 2.
        flips: whether the bit changes when the cell is covered, (cells, cells, num_bits) bool.
    """

    untouched: Encodings
    evidence: NDArray[np.float32]
    flips: NDArray[np.bool_]

    @property
    def whole(self) -> NDArray[np.float32]:
        """Mean absolute evidence over all bits, (cells, cells), 0 to 2."""
        return np.asarray(np.abs(self.evidence).mean(axis=2), dtype=np.float32)

    def of_bit(self, bit: int) -> NDArray[np.float32]:
        """Return the evidence of each cell for one bit, (cells, cells), -2 to 2.

        Raises:
            InputError: the code has no such bit.
        """
        check_number("bit", bit, 0, self.evidence.shape[2] - 1)
        return self.evidence[:, :, bit]


def occlude(image: str | Path | Image.Image, encode: Encode, *, cells: int = CELLS) -> Occlusion:
    """Cover an image cell by cell and measure how its code changes.

    The grid lies over the middle square of the image, the input of the network. Each patch is
    centered on its cell, 1.5 times as wide, and cut off at the borders.

    Args:
        image: a path or an opened image, of any size and mode.
        encode: the network, such as `open_query_encoder` returns.
            It is called once: with the untouched image, its middle square, and that covered
            cells * cells times.
        cells: of the grid, a side, 2 to 16.

    Raises:
        InputError: the image cannot be read, or cells is out of range.
    """
    check_number("cells", cells, 2, MOST_CELLS)
    whole = read_image(image)
    square = network_input(whole)
    if square.width < cells:
        raise InputError(
            f"the image has {square.width} pixels a side, take fewer",
            parameter="cells",
            value=cells,
        )
    # The middle square of an image that is none has a slightly other code: what is covered is
    # compared with it, but the code to be explained is that of the whole.
    encoded = encode([whole, square, *occluded(square, cells)])
    soft = soft_bits(encoded.relaxed[1:])
    signs, codes = encoded.codes[0], encoded.codes[1:]
    shape = (cells, cells, len(signs))
    return Occlusion(
        untouched=encoded.one(0),
        evidence=(signs * (soft[0] - soft[1:])).astype(np.float32).reshape(shape),
        flips=(codes[1:] != codes[0]).reshape(shape),
    )


def network_input(image: str | Path | Image.Image) -> Image.Image:
    """Return the network input of an image, RGB: its middle square, at most 512 pixels a side.

    Raises:
        InputError: the image cannot be read.
    """
    whole = read_image(image)
    side = min(*whole.size, LARGEST)
    return ImageOps.fit(whole, (side, side), Image.Resampling.BICUBIC)


def occluded(square: Image.Image, cells: int) -> Iterator[Image.Image]:
    """Yield a square image with one cell after the other covered, row by row from the top left.

    A patch has the image's mean color, which keeps brightness and color of the whole image. Black
    or white could look like something, such as water or cloud.
    """
    gray = tuple(np.asarray(square).reshape(-1, 3).mean(axis=0).round().astype(int).tolist())
    middles = (np.arange(cells) + 0.5) / cells
    reach = WIDER / cells / 2
    starts = (np.clip(middles - reach, 0, 1) * square.width).round().astype(int).tolist()
    ends = (np.clip(middles + reach, 0, 1) * square.width).round().astype(int).tolist()
    for top, bottom in zip(starts, ends, strict=True):
        for left, right in zip(starts, ends, strict=True):
            copy = square.copy()
            copy.paste(gray, (left, top, right, bottom))
            yield copy


def overlay(
    image: str | Path | Image.Image,
    heat: NDArray[np.float32],
    *,
    signed: bool,
    strongest: float | None = None,
) -> bytes:
    """Draw evidence as a heat map over an image in gray.

    Orange supports a bit and blue contradicts it; without signs dark purple is weak and yellow
    strong. A white line encloses what is more than half of the strongest, dashed where it
    contradicts, so that the map can be read without colors.

    Args:
        image: the one that was covered.
        heat: of the cells, (rows, columns): `Occlusion.of_bit` or `Occlusion.whole`.
        signed: whether values below 0 contradict; else there are none.
        strongest: heat of full color, above 0; by default the largest in `heat`, but at least 0.1,
            so that a tile without important regions stays gray. Use one number for several images
            to make them comparable.

    Returns:
        A PNG of 320 x 320 pixels.

    Raises:
        InputError: the image cannot be read, the heat is no finite table, or strongest is not
            above 0.
    """
    heat = np.asarray(heat, dtype=np.float32)
    if heat.ndim != 2 or not heat.size or not np.isfinite(heat).all():
        raise InputError(f"heat of shape {heat.shape}: need finite numbers, (rows, columns)")
    if strongest is None:
        strongest = max(float(np.abs(heat).max()), FAINT)
    if not strongest > 0:
        raise InputError("choose a number above 0", parameter="strongest", value=strongest)
    share = np.clip(_smooth(heat / strongest, DRAWN), -1 if signed else 0, 1)
    tile = network_input(image).convert("L").resize((DRAWN, DRAWN), Image.Resampling.BICUBIC)
    gray = np.asarray(tile, dtype=np.float32)[..., None] / 255
    amount = OPAQUE * np.abs(share)[..., None]
    color = _colors(share, SIGNED if signed else UNSIGNED) * (0.6 + 0.6 * gray)  # keeps texture
    drawn = (1 - amount) * (0.1 + 0.75 * gray) + amount * np.clip(color, 0, 1)
    line = _lines(heat / strongest)[..., None]
    stream = io.BytesIO()
    pixels = (255 * (line + (1 - line) * drawn)).round().astype(np.uint8)
    Image.fromarray(pixels).save(stream, "PNG", compress_level=3)  # half the time, 10 % more
    return stream.getvalue()


def _smooth(cells: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return bicubic curves through the cells, (side, side); they overshoot a little."""
    curves = Image.fromarray(cells).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(curves)


def _colors(share: NDArray[np.float32], stops: Stops) -> NDArray[np.float32]:
    """Return a color for each share of the strongest heat, -1 to 1: (..., 3), 0 to 1."""
    steps = np.linspace(-1, 1, 511)
    table = [
        np.interp(steps, list(stops), channel) for channel in zip(*stops.values(), strict=True)
    ]
    colors = np.stack(table, axis=1).astype(np.float32) / 255  # (511, 3)
    return np.asarray(colors[(255 * (share + 1)).round().astype(int)])


def _lines(share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much of each pixel lies on a line, 0 to 1: drawn twice as large, and shrunk."""
    fine = _smooth(share, 2 * DRAWN)
    steps = np.arange(2 * DRAWN) // DASH
    line = _rim(fine >= 0.5) | (_rim(fine <= -0.5) & ((steps + steps[:, None]) % 2 == 0))
    halves = np.asarray(Image.fromarray(line.astype(np.uint8) * 255).reduce(2))
    return np.asarray(halves / 255, dtype=np.float32)


def _rim(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the outermost pixels of a region, those along the border of the image left out."""
    wide, middle = np.pad(inside, LINE, mode="edge"), slice(LINE, -LINE)
    core = wide[: -2 * LINE, middle] & wide[2 * LINE :, middle]
    core &= wide[middle, : -2 * LINE] & wide[middle, 2 * LINE :]
    return np.asarray(inside & ~core)
