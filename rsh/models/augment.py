"""Views: the augmentations that the two branches see, drawn for each tile by itself.

All tiles of a batch are transformed together, on whichever device they lie: a crop, quarter turn
and mirror image are one affine map, the colors one matrix. The draws are made on the CPU from a
seed, so that every device shows the same views.
"""

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
    """How far a view may be from its tile.

    Attributes:
        min_area: least share of the area that a crop keeps.
        jitter: brightness, contrast and saturation vary by this factor, the hue by an eighth of it.
        p_grayscale_blur: probability to lose the colors, and to be blurred.
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
    """Which views of a tile there are; equal specs give equal views.

    Attributes:
        image_size: side of the square, pixels.
        count: number of augmented views; 0 means the plain view, and what `tta` adds to it.
        augmentation: how far a view may be from its tile.
        seed: of the draws; view number j of tile number i is the same in every run.
        tta: number of plain views, 1, 4 or 8, see `dihedral_views`.
    """

    image_size: int
    count: int = 0
    augmentation: Strength = TrainConfig.augmentation
    seed: int = 0
    tta: int = 1

    def __len__(self) -> int:
        return self.count or self.tta

    def of(self, tiles: Tensor, first: int) -> Tensor:
        """Return all views of some tiles that follow each other.

        Args:
            tiles: (n, 3, image_size, image_size) uint8.
            first: row of the first one, which with the seed decides the draws.

        Returns:
            (n, views, 3, image_size, image_size) float, 0 to 1, on the device of the tiles.
        """
        if not self.count:
            return dihedral_views(eval_views(tiles), self.tta)
        draws = torch.stack(
            [
                torch.rand(
                    self.count,
                    NUM_DRAWS,
                    generator=torch.Generator().manual_seed(self.seed * 1_000_003 + row),
                )
                for row in range(first, first + len(tiles))
            ]
        )
        views = augment(
            tiles.repeat_interleave(self.count, 0), draws.flatten(0, 1), self.augmentation
        )
        return views.view(len(tiles), self.count, *tiles.shape[1:])


def eval_views(tiles: Tensor) -> Tensor:
    """Return tiles as they are, (n, 3, h, w) uint8, as float from 0 to 1."""
    return tiles.float() / 255


def dihedral_views(images: Tensor, count: int) -> Tensor:
    """Return images as they are and, with a count above 1, turned by quarters and mirrored.

    Seen from above, a tile has no upper side, and none of the eight says more than another.

    Args:
        images: (n, 3, side, side).
        count: 1, 4 (one of each pair that a half turn joins) or 8.

    Returns:
        (n, count, 3, side, side); the first are the images themselves.
    """
    four = [images, images.rot90(1, (2, 3)), images.flip(3), images.transpose(2, 3)]
    eight = [*four, *(image.rot90(2, (2, 3)) for image in four)] if count > 4 else four
    return torch.stack(eight[:count], dim=1)


NUM_DRAWS = 13  # numbers from 0 to 1 that decide one view


def augment(tiles: Tensor, draws: Tensor, strength: Strength) -> Tensor:
    """Make one view of each tile.

    Tiles are seen from above, so every quarter turn and mirror image is a possible view.

    Args:
        tiles: (n, 3, side, side) uint8.
        draws: what is random about each view, (n, NUM_DRAWS) float, 0 to 1.
        strength: see `STRENGTHS`.

    Returns:
        (n, 3, side, side) float, 0 to 1.
    """
    limits, draws = STRENGTHS[strength], draws.to(tiles.device, non_blocking=True)
    views = _resized_crop(eval_views(tiles), draws[:, :6], limits.min_area)
    if limits.jitter:
        views = _color_jitter(views, draws[:, 6:11], limits)
    if limits.p_grayscale_blur:
        views = _blur(views, draws[:, 11:13], limits.p_grayscale_blur)
    return views


def _resized_crop(images: Tensor, draws: Tensor, min_area: float) -> Tensor:
    """Crop, turn by quarters and mirror: one affine map from each view back to its tile."""
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
    """Change brightness, contrast, saturation and hue, and lose the colors at times."""
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


def _blur(images: Tensor, draws: Tensor, probability: float) -> Tensor:
    """Blur some of the images by a Gaussian of 0.1 to 2 pixels."""
    sigma = torch.where(draws[:, 0] < probability, 0.1 + 1.9 * draws[:, 1], 0.01)
    offset = torch.arange(BLUR_TAPS, device=images.device) - BLUR_TAPS // 2
    taps = F.softmax(-(offset**2) / (2 * sigma[:, None] ** 2), dim=1).repeat_interleave(3, 0)
    flat = images.flatten(0, 1)[None]  # every channel of every image is a channel of its own
    for kernel in (taps[:, None, None, :], taps[:, None, :, None]):
        padding = (kernel.shape[3] // 2,) * 2 + (kernel.shape[2] // 2,) * 2
        flat = F.conv2d(F.pad(flat, padding, "reflect"), kernel, groups=len(taps))
    return flat.view(images.shape)
