"""Settings of a training, in one place: fields, command-line flags and config.json keys.

Nothing here imports torch, so that `rsh --help` answers at once.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from rsh.errors import InputError

Measure = Literal["features", "asymmetric"]  # what the top of a list is looked at again with
DEFAULT_TOP_K = 20  # tiles found, if nobody says how many
IndexName = Literal["exact", "ivf", "milvus"]  # what a gallery is searched with
DEFAULT_TARGET_RECALL = (
    0.99  # least share of the nearest 20 that lists are to find, if nobody says another
)

Strength = Literal["weak", "medium", "strong"]
Method = Literal["multilevel", "supcon", "dpsh", "hashnet", "greedyhash", "csq", "orthohash"]
Precision = Literal["auto", "32", "bf16", "fp16"]
CHOICES = {"augmentation": get_args(Strength), "method": get_args(Method)}
CHOICES["precision"] = get_args(Precision)
SWITCHES = ("finetune", "train_on_val", "compile")
WEIGHTS = ("category_weight", "inter_weight", "intra_weight", "quantization_weight")
SEEDS = (0, 2**32 - 1)  # what numpy takes
# The least and the most of each setting; the most is far beyond all that helps, and keeps out
# what would end in numbers that are not finite.
LIMITS: dict[str, tuple[float, float]] = {
    "epochs": (1, 100_000),
    "batch_size": (4, 100_000),
    "learning_rate": (1e-6, 1.0),
    "weight_decay": (0.0, 10.0),
    "cached_views": (2, 1000),
    "backbone_lr_scale": (0.0, 10.0),
    "layer_decay": (0.01, 1.0),
    "warmup_fraction": (0.0, 1.0),
    "ema_decay": (0.0, 0.99999),
    "grad_accum_steps": (1, 10_000),
    **dict.fromkeys(WEIGHTS, (0.0, 1000.0)),
    "feature_temperature": (0.01, 100.0),
    "code_temperature": (0.01, 100.0),
    "seed": SEEDS,
}


@dataclass(frozen=True)
class TrainConfig:
    """One training: each field is a flag of `rsh train` and a key of config.json."""

    method: Method = "multilevel"
    """Loss: the multi-level contrastive one, or that of a rival."""
    finetune: bool = False
    """Let the backbone learn, too, from the tiles themselves."""
    train_on_val: bool = False
    """Learn from validation tiles, too: for a last training, once all settings are chosen."""
    epochs: int = 60
    """Passes over the training tiles."""
    batch_size: int = 160
    """Tiles a batch, the same number of each class."""
    learning_rate: float = 4e-3
    """Peak of the one-cycle schedule."""
    weight_decay: float = 1e-2
    """Of AdamW."""
    cached_views: int = 6
    """Augmented views a tile in the view bank, at least 2; --finetune draws new ones each time."""
    augmentation: Strength = "weak"
    """How far a view may be from its tile."""
    category_weight: float = 1.0
    """Weight of the category contrastive term (features)."""
    inter_weight: float = 1.0
    """Weight of the inter-class hash contrastive term (codes, within a branch)."""
    intra_weight: float = 1.0
    """Weight of the intra-class hash contrastive term (codes, across branches)."""
    quantization_weight: float = 0.1
    """Weight of the quantization term."""
    feature_temperature: float = 0.1
    """Softmax temperature on features."""
    code_temperature: float = 0.3
    """Softmax temperature on relaxed codes."""
    warmup_fraction: float = 0.3
    """Share of the training in which the learning rate rises."""
    backbone_lr_scale: float = 0.1
    """Peak learning rate of the backbone's last layer, as a share of the head's."""
    layer_decay: float = 0.8
    """And of each layer of the backbone, as a share of that of the layer after it."""
    ema_decay: float = 0.0
    """Of the moving average of the weights, a step; 0 takes the last weights."""
    grad_accum_steps: int = 1
    """Batches that go into one step."""
    precision: Precision = "auto"
    """Of the arithmetic; auto is bf16 where --finetune runs on a GPU that has it, else 32 bits."""
    compile: bool = False
    """Compile the backbone: a slow start, then faster steps."""
    seed: int = 0
    """Of the split, the first weights, the batches and dropout."""

    def __post_init__(self) -> None:
        """Refuse settings that nothing can be trained with.

        Raises:
            InputError: names the setting, its value and what it may be.
        """
        for name, (least, most) in LIMITS.items():
            check_number(name, getattr(self, name), least, most)
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                listed = ", ".join(choices)
                raise InputError(
                    f"choose one of {listed}", parameter=name, value=getattr(self, name)
                )
        for name in SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise InputError("choose true or false", parameter=name, value=getattr(self, name))
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
        raise InputError(f"choose a {kind} from {least} to {most}", parameter=name, value=value)


def check_top_k(top_k: int | None, most: int) -> int:
    """Return how many tiles a search shall find: 20, or all if there are fewer, by default.

    Raises:
        InputError: it is not 1 to `most`, the tiles that can be found.
    """
    top_k = min(DEFAULT_TOP_K, most) if top_k is None else top_k
    if not 1 <= top_k <= most:
        raise InputError(
            f"{most} tiles can be found, choose 1 to {most}", parameter="top_k", value=top_k
        )
    return top_k
