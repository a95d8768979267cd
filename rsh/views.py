"""Views: the augmentations that the two branches see, and the plain view that is encoded."""

from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from rsh.config import Strength, TrainConfig


@dataclass(frozen=True)
class ViewSpec:
    """Which views of a tile there are; equal specs give equal pixels.

    Attributes:
        image_size: side of the square, pixels.
        count: number of augmented views; 0 means the plain view alone.
        strength: how far a view may be from its tile.
        seed: of the draws; view number j of tile number i is the same in every run.
    """

    image_size: int
    count: int = 0
    strength: Strength = TrainConfig.strength
    seed: int = 0

    def __len__(self) -> int:
        return max(self.count, 1)

    def of(self, picture: Image.Image, row: int) -> Tensor:
        """Return all views of one tile, (views, 3, image_size, image_size) uint8.

        Args:
            picture: RGB, any size.
            row: number of the tile, which with the seed decides the draws.
        """
        if not self.count:
            return _plain(self.image_size)(picture)[None]  # type: ignore[no-any-return]
        draw = augmentation(self.image_size, self.strength)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed * 1_000_003 + row)
            return torch.stack([draw(picture) for _ in range(self.count)])


def augmentation(image_size: int, strength: Strength) -> v2.Transform:
    """Return a random augmentation, RGB picture -> (3, image_size, image_size) uint8.

    Tiles are seen from above, so every quarter turn and mirror image is a possible view.

    Args:
        image_size: side of the square, pixels.
        strength: "weak" crops at least 60 % of the area, "medium" 40 % and changes colours a
            little, "strong" 20 %, changes colours more, blurs and drops colour at times.
    """
    smallest, jitter, drop = {
        "weak": (0.6, 0.0, 0.0),
        "medium": (0.4, 0.2, 0.0),
        "strong": (0.2, 0.4, 0.2),
    }[strength]
    quarter_turns = [v2.RandomRotation((angle, angle)) for angle in (0, 90, 180, 270)]
    return v2.Compose(
        [
            v2.PILToTensor(),
            v2.RandomResizedCrop(image_size, scale=(smallest, 1), ratio=(0.8, 1.25)),
            v2.RandomHorizontalFlip(),
            v2.RandomChoice(quarter_turns),
            v2.ColorJitter(jitter, jitter, jitter, jitter / 8),
            v2.RandomGrayscale(drop),
            v2.RandomApply([v2.GaussianBlur(5)], drop),
        ]
    )


def _plain(image_size: int) -> v2.Transform:
    """The whole tile, its shorter side resized, cut to the middle square."""
    return v2.Compose([v2.PILToTensor(), v2.Resize(image_size), v2.CenterCrop(image_size)])
