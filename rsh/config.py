"""Settings of a training, in one place: fields, command-line flags and config.json keys.

Nothing here imports torch, so that `rsh --help` answers at once.
"""

from dataclasses import dataclass
from typing import Literal

from rsh.errors import InputError

Strength = Literal["weak", "medium", "strong"]


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
            InputError: names the setting, its value and the least it may be.
        """
        least = {"epochs": 1, "batch_size": 4, "views": 2}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise InputError(f"{name}={getattr(self, name)}: choose {value} or more")
        for name in ("learning_rate", "feature_temperature", "code_temperature"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name}={getattr(self, name)}: choose a number above 0")
