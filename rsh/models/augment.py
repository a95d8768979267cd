"""Augmentation: the random views of each tile, drawn independently per tile.

All tiles of a batch are transformed together on their device: crop, rotation by 90 degrees and flip
are one affine map, the color changes of an image one matrix. Bands other than those of an image
change by what light and sensor change: one gain for all bands and a smaller one for each, or in
decibels, which are logarithms, an offset. Random numbers are drawn on the CPU from a seed, so that
views do not depend on the device.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from rsh.config import Strength, TrainConfig

# Red, green and blue to luma and the two color differences (NTSC), where a hue is an angle.
TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
BLUR_TAPS = 5


class AugmentationStrength(NamedTuple):
    """Limits of the random changes of a view.

    Attributes:
        min_area: smallest fraction of the area that a crop keeps.
        jitter: brightness, contrast and saturation vary by this factor, the hue by an eighth of it.
        p_grayscale_blur: probability of grayscale, and of blur; bands have no grayscale.
    """

    min_area: float
    jitter: float
    p_grayscale_blur: float


STRENGTHS: dict[Strength, AugmentationStrength] = {
    "weak": AugmentationStrength(0.6, 0.0, 0.0),
    "medium": AugmentationStrength(0.4, 0.2, 0.0),
    "strong": AugmentationStrength(0.2, 0.4, 0.2),
}


@dataclass(frozen=True)
class ViewSpec:
    """Description of the views of a tile; equal specs give equal views.

    Attributes:
        image_size: side of the square, pixels.
        count: number of augmented views; 0 means plain views only, see `tta`.
        augmentation: strength of the augmentation.
        seed: of the random numbers; view j of tile i is the same in every run.
        tta: number of plain views, 1, 4 or 8, see `dihedral_views`.
        units: of each band, see `rsh.data.bands`; empty for images.
    """

    image_size: int
    count: int = 0
    augmentation: Strength = TrainConfig.augmentation
    seed: int = 0
    tta: int = 1
    units: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.count or self.tta

    def of(self, tiles: Tensor, first: int) -> Tensor:
        """Return all views of consecutive tiles.

        Args:
            tiles: (n, 3, image_size, image_size) uint8, or (n, bands, ...) float16.
            first: row of the first tile; rows and seed determine the random numbers.

        Returns:
            (n, views, channels, image_size, image_size) float, from 0 to 1 for images, on the
            device of the tiles.
        """
        if not self.count:
            return dihedral_views(eval_views(tiles), self.tta)
        generator, seed = torch.Generator(), self.seed * 1_000_003 + first
        numbers = NUM_DRAWS + len(self.units)
        draws = [
            torch.rand(self.count, numbers, generator=generator.manual_seed(seed + number))
            for number in range(len(tiles))
        ]
        repeated = tiles.repeat_interleave(self.count, 0)
        views = augment(repeated, torch.cat(draws), self.augmentation, self.units)
        return views.view(len(tiles), self.count, *tiles.shape[1:])


def eval_views(tiles: Tensor) -> Tensor:
    """Return images, (n, 3, h, w) uint8, as float from 0 to 1; values of bands as they are."""
    return tiles.float() / 255 if tiles.dtype == torch.uint8 else tiles.float()


def dihedral_views(images: Tensor, count: int) -> Tensor:
    """Return images and, with a count above 1, their rotations by 90 degrees and mirror images.

    Overhead images have no preferred orientation, so all eight are equivalent.

    Args:
        images: (n, 3, side, side).
        count: 1, 4 (one of each pair related by a half turn) or 8.

    Returns:
        (n, count, 3, side, side); the first are the images themselves.
    """
    four = [images, images.rot90(1, (2, 3)), images.flip(3), images.transpose(2, 3)]
    eight = [*four, *(image.rot90(2, (2, 3)) for image in four)] if count > 4 else four
    return torch.stack(eight[:count], dim=1)


NUM_DRAWS = 13  # random numbers per view, 0 to 1; one more for each band


def augment(tiles: Tensor, draws: Tensor, strength: Strength, units: Sequence[str] = ()) -> Tensor:
    """Return one random view of each tile, with random rotation by 90 degrees and flip.

    Args:
        tiles: (n, 3, side, side) uint8, or (n, bands, side, side) float16.
        draws: random numbers of each view, (n, NUM_DRAWS + len(units)) float, 0 to 1.
        strength: see `STRENGTHS`.
        units: of each band, see `rsh.data.bands`; empty for images.

    Returns:
        (n, channels, side, side) float, from 0 to 1 for images.
    """
    limits, draws = STRENGTHS[strength], draws.to(tiles.device, non_blocking=True)
    views = _resized_crop(eval_views(tiles), draws[:, :6], limits.min_area)
    if limits.jitter and units:
        common, each = draws[:, 6, None], draws[:, NUM_DRAWS:]
        views = _band_jitter(views, 2 * common - 1, 2 * each - 1, limits.jitter, units)
    elif limits.jitter:
        views = _color_jitter(views, draws[:, 6:11], limits)
    if limits.p_grayscale_blur:
        views = _blur(views, draws[:, 11:13], limits.p_grayscale_blur)
    return views


def _resized_crop(images: Tensor, draws: Tensor, min_area: float) -> Tensor:
    """Return crops, turned by quarters and flipped: one affine map from view to tile."""
    area = min_area + (1 - min_area) * draws[:, 0]
    ratio = 1.25 ** (2 * draws[:, 1] - 1)  # width to height, 0.8 to 1.25
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    left, top = (draws[:, 2:4] * 2 - 1).T * (1 - torch.stack([width, height]))  # center, -1 to 1
    angle = (draws[:, 4] * 4).floor() * (torch.pi / 2)
    mirror = (draws[:, 5] < 0.5).float() * 2 - 1
    cosine, sine = angle.cos(), angle.sin()
    rows = [
        torch.stack([width * mirror * cosine, -width * mirror * sine, left], dim=1),
        torch.stack([height * sine, height * cosine, top], dim=1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    views: Tensor = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    return views


def _color_jitter(images: Tensor, draws: Tensor, strength: AugmentationStrength) -> Tensor:
    """Return images with changed brightness, contrast, saturation and hue; some are gray."""
    brightness, contrast, saturation = 1 + strength.jitter * (2 * draws[:, :3].T - 1)
    saturation = torch.where(draws[:, 4] < strength.p_grayscale_blur, 0, saturation)
    hue = 2 * torch.pi * strength.jitter / 8 * (2 * draws[:, 3] - 1)
    to_yiq = TO_YIQ.to(images)
    turn = torch.zeros(len(images), 3, 3, device=images.device)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = saturation * hue.cos()
    turn[:, 2, 1] = saturation * hue.sin()
    turn[:, 1, 2] = -turn[:, 2, 1]
    matrix = brightness[:, None, None] * (torch.linalg.inv(to_yiq) @ turn @ to_yiq)
    colored = torch.einsum("nij,njhw->nihw", matrix, images)
    gray = torch.einsum("j,njhw->nhw", to_yiq[0], colored).mean(dim=(1, 2))[:, None, None, None]
    stretched: Tensor = gray + contrast[:, None, None, None] * (colored - gray)
    return stretched.clamp(0, 1)


def _band_jitter(
    images: Tensor, common: Tensor, each: Tensor, jitter: float, units: Sequence[str]
) -> Tensor:
    """Return values after a gain: at most 1 +- jitter for all bands, an eighth of it for one.

    Args:
        images: (n, bands, h, w).
        common: of each image, (n, 1), -1 to 1.
        each: of each of its bands, (n, bands), -1 to 1.
        jitter: see `AugmentationStrength`.
        units: of each band; a gain of decibels is an offset.
    """
    gain = (1 + jitter * common) * (1 + jitter / 8 * each)
    logarithmic = torch.tensor([unit == "dB" for unit in units], device=images.device)
    factor = torch.where(logarithmic, 1, gain)[:, :, None, None]
    offset = torch.where(logarithmic, 10 * gain.log10(), 0)[:, :, None, None]
    return torch.addcmul(offset, images, factor)


def _blur(images: Tensor, draws: Tensor, probability: float) -> Tensor:
    """Return images, some blurred by a Gaussian of 0.1 to 2 pixels."""
    sigma = torch.where(draws[:, 0] < probability, 0.1 + 1.9 * draws[:, 1], 0.01)
    offset = torch.arange(BLUR_TAPS, device=images.device) - BLUR_TAPS // 2
    taps = F.softmax(-(offset**2) / (2 * sigma[:, None] ** 2), dim=1)
    taps = taps.repeat_interleave(images.shape[1], 0)
    flat = images.flatten(0, 1)[None]  # each channel of each image is convolved separately
    for kernel in (taps[:, None, None, :], taps[:, None, :, None]):
        padding = (kernel.shape[3] // 2,) * 2 + (kernel.shape[2] // 2,) * 2
        flat = F.conv2d(F.pad(flat, padding, "reflect"), kernel, groups=len(taps))
    return flat.view(images.shape)
