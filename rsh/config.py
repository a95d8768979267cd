"""Settings of a training, in one place: fields, command-line flags and config.json keys.

Nothing here imports torch, so that `rsh --help` answers at once.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from rsh.errors import InputError

Strength = Literal["weak", "medium", "strong"]
WEIGHTS = ("category_weight", "inter_weight", "intra_weight", "quantization_weight")
SEEDS = (0, 2**32 - 1)  # what numpy takes
# The least and the most of each setting; the most is far beyond all that helps, and keeps out
# what would end in numbers that are not finite.
LIMITS: dict[str, tuple[float, float]] = {
    "epochs": (1, 100_000),
    "batch_size": (4, 100_000),
    "learning_rate": (1e-6, 1.0),
    "weight_decay": (0.0, 10.0),
    "views": (2, 1000),
    **dict.fromkeys(WEIGHTS, (0.0, 1000.0)),
    "feature_temperature": (0.01, 100.0),
    "code_temperature": (0.01, 100.0),
    "seed": SEEDS,
}


@dataclass(frozen=True)
class TrainConfig:
    """One training: each field is a flag of `rsh train` and a key of config.json."""

    epochs: int = 60
    """Passes over the training tiles."""
    batch_size: int = 160
    """Tiles a batch, the same number of each class."""
    learning_rate: float = 4e-3
    """Peak of the one-cycle schedule."""
    weight_decay: float = 1e-2
    """Of AdamW."""
    views: int = 6
    """Augmented views a tile in the view bank, at least 2."""
    strength: Strength = "weak"
    """How far a view may be from its tile."""
    category_weight: float = 1.0
    """Weight of the category contrastive term (features)."""
    inter_weight: float = 1.0
    """Weight of the inter-class hash contrastive term (codes, within a branch)."""
    intra_weight: float = 1.0
    """Weight of the intra-class hash contrastive term (codes, across branches)."""
    quantization_weight: float = 0.1
    """Weight of the quantisation term."""
    feature_temperature: float = 0.1
    """Softmax temperature on features."""
    code_temperature: float = 0.3
    """Softmax temperature on relaxed codes."""
    seed: int = 0
    """Of the split, the first weights, the batches and dropout."""

    def __post_init__(self) -> None:
        """Refuse settings that nothing can be trained with.

        Raises:
            InputError: names the setting, its value and what it may be.
        """
        for name, (least, most) in LIMITS.items():
            check_number(name, getattr(self, name), least, most)
        if self.strength not in get_args(Strength):
            choices = ", ".join(get_args(Strength))
            raise InputError(f"strength={self.strength}: choose one of {choices}")
        if not any(getattr(self, name) for name in WEIGHTS):
            raise InputError("category_weight=0 and all other weights too: raise one of them")


def check_number(name: str, value: object, least: float, most: float) -> None:
    """Refuse a value that is no number from least to most, or no whole number if they are whole.

    Raises:
        InputError: names the setting, its value and what it may be.
    """
    whole = isinstance(least, int)
    fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not (fits and least <= value <= most):  # type: ignore[operator]
        kind = "whole number" if whole else "number"
        raise InputError(f"{name}={value}: choose a {kind} from {least} to {most}")
