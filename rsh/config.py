"""Settings of a training, each described once: type, range, choices and help.

The flags of `rsh train`, their help, the checks of values and those of config.json come from here.
Nothing here imports torch, so that `rsh --help` answers at once.
"""

import re
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_type_hints

from rsh.errors import InputError

PartMeasure = Literal["class-bits", "look-bits", "weighted-bits"]  # of codes with look bits
Measure = Literal["features", "asymmetric", PartMeasure]  # what re-ranking compares
DEFAULT_LOOK_WEIGHT = 2.0  # of a look bit, in class bits, where both are weighted
DEFAULT_TOP_K = 20  # results of a search by default
IndexName = Literal["exact", "ivf", "milvus"]
DEFAULT_TARGET_RECALL = 0.99  # of the nearest 20 tiles, for an index of inverted lists
EXACT_UP_TO = 2_000_000  # tiles of a site that a page loads and compares: 30 MB at 64 bits
DEFAULT_PROMINENCE = 1.0  # of a group of tiles, bits
PROMINENCES = (0.0, 256.0)  # limits
PairCheck = Literal["features", "pixels", "none"]  # of tiles whose codes are near
DEFAULT_COSINE = 0.98  # of the features of near duplicates
BITS_PER_STEP = 16  # the default radius of near duplicates is a bit for so many bits
LabelsKept = Literal["gallery", "visitor", "none"]  # where a page keeps what visitors label
Ties = Literal["average", "argsort", "optimistic", "pessimistic"]  # order of tied tiles
SplitBy = Literal["auto", "given", "block", "class"]  # what decides a split

Strength = Literal["weak", "medium", "strong"]
LabelFree = Literal["cibhash", "bihalf"]  # methods that use no labels
Method = Literal[
    "multilevel", "supcon", "dpsh", "hashnet", "greedyhash", "csq", "orthohash", LabelFree
]
Weights = Literal["pretrained", "random"]  # that a backbone begins with
Precision = Literal["auto", "32", "bf16", "fp16"]
SEEDS = (0, 2**32 - 1)  # what numpy takes
VECTORS = re.compile(r"embedding-([1-9]\d{0,4})")  # the backbone of vectors of so many numbers


def setting(default: Any, help: str, limits: tuple[float, float] | None = None) -> Any:
    """Describe one setting.

    Args:
        default: its value unless another is given.
        help: what it means, one sentence.
        limits: the least and the most of a number; whole numbers if only those will do. The most
            is far beyond all that helps, and keeps out what would give numbers that are not finite.
    """
    return field(default=default, metadata={"help": help, "limits": limits})


@dataclass(frozen=True)
class TrainConfig:
    """One training: each field is a flag of `rsh train` and a key of config.json."""

    method: Method = setting(
        "multilevel", "Loss: the multi-level contrastive loss, or that of a baseline."
    )
    finetune: bool = setting(
        False, "Train the backbone as well, on the tiles instead of cached features."
    )
    train_on_val: bool = setting(
        False, "Train on validation tiles as well: for a last run, once all settings are chosen."
    )
    epochs: int = setting(60, "Passes over the training tiles.", (1, 100_000))
    batch_size: int = setting(160, "Tiles per batch, balanced over the classes.", (4, 100_000))
    learning_rate: float = setting(4e-3, "Peak of the one-cycle schedule.", (1e-6, 1.0))
    weight_decay: float = setting(1e-2, "Weight decay of AdamW.", (0.0, 10.0))
    cached_views: int = setting(
        6,
        "Augmented views per tile whose features are cached; --finetune draws new views each time.",
        (2, 1000),
    )
    augmentation: Strength = setting("weak", "Strength of the augmentation.")
    category_weight: float = setting(
        1.0, "Weight of the category contrastive term (features).", (0.0, 1000.0)
    )
    inter_weight: float = setting(
        1.0,
        "Weight of the inter-class hash contrastive term (codes, within a branch).",
        (0.0, 1000.0),
    )
    intra_weight: float = setting(
        1.0,
        "Weight of the intra-class hash contrastive term (codes, across branches).",
        (0.0, 1000.0),
    )
    quantization_weight: float = setting(0.1, "Weight of the quantization term.", (0.0, 1000.0))
    feature_temperature: float = setting(0.1, "Softmax temperature on features.", (0.01, 100.0))
    code_temperature: float = setting(0.3, "Softmax temperature on relaxed codes.", (0.01, 100.0))
    neighbors: int = setting(
        15, "Nearest tiles that a tile without a label is taken to belong to.", (1, 1000)
    )
    look_weight: float = setting(
        2.0, "Weight of the distillation term of the look bits (--look-bits).", (0.0, 1000.0)
    )
    look_temperature: float = setting(
        0.15, "Softmax temperature on the relaxed codes of the look bits.", (0.01, 100.0)
    )
    teacher_temperature: float = setting(
        0.05, "Softmax temperature on the features that the look bits follow.", (0.01, 100.0)
    )
    warmup_fraction: float = setting(
        0.3, "Fraction of the training in which the learning rate rises.", (0.0, 1.0)
    )
    backbone_lr_scale: float = setting(
        0.1,
        "Peak learning rate of the backbone's last layer, as a multiple of --learning-rate.",
        (0.0, 10.0),
    )
    layer_decay: float = setting(
        0.8,
        "Learning rate of each backbone layer, as a multiple of that of the next layer.",
        (0.01, 1.0),
    )
    ema_decay: float = setting(
        0.0,
        "Decay per step of the moving average of the weights; 0 keeps the last weights.",
        (0.0, 0.99999),
    )
    grad_accum_steps: int = setting(1, "Batches per optimizer step.", (1, 10_000))
    precision: Precision = setting(
        "auto",
        "Arithmetic; auto is bf16 for --finetune on a GPU that supports it, and 32 bits otherwise.",
    )
    compile: bool = setting(False, "Compile the backbone: a slow start, then faster steps.")
    seed: int = setting(0, "Seed of the split, the first weights, the batches and dropout.", SEEDS)

    def __post_init__(self) -> None:
        """Check each setting.

        Raises:
            InputError: names the setting, its value and what it may be.
        """
        kinds = get_type_hints(TrainConfig)
        for known in fields(self):
            name, kind, value = known.name, kinds[known.name], getattr(self, known.name)
            if limits := known.metadata["limits"]:
                check_number(name, value, *limits)
            elif kind is bool:
                if not isinstance(value, bool):
                    raise InputError("choose true or false", parameter=name, value=value)
            elif value not in get_args(kind):
                choices = ", ".join(get_args(kind))
                raise InputError(f"choose one of {choices}", parameter=name, value=value)
        check_weights(self)


def limits(name: str) -> tuple[float, float]:
    """Return the least and the most of a number among the settings."""
    least, most = TrainConfig.__dataclass_fields__[name].metadata["limits"]
    return least, most


def check_weights(settings: Any) -> None:
    """Refuse settings, a dataclass, all of whose weights are 0.

    Raises:
        InputError: names the first weight.
    """
    weights = [known.name for known in fields(settings) if known.name.endswith("_weight")]
    if not any(getattr(settings, name) for name in weights):
        raise InputError(f"{weights[0]}=0 and all other weights too: raise one of them")


def vector_dim(backbone: str) -> int:
    """Return how many numbers the vectors have that a backbone takes: 768 for "embedding-768".

    0 for a backbone that takes images.
    """
    found = VECTORS.fullmatch(backbone)
    return int(found[1]) if found else 0


def default_radius(num_bits: int) -> int:
    """Return the radius that near duplicates are looked for in by default, bits."""
    return max(1, num_bits // BITS_PER_STEP)


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
    """Return how many tiles a search returns: by default 20, or all if there are fewer.

    Raises:
        InputError: it is not 1 to `most`, the number of searchable tiles.
    """
    top_k = min(DEFAULT_TOP_K, most) if top_k is None else top_k
    if not 1 <= top_k <= most:
        raise InputError(
            f"{most} tiles can be found, choose 1 to {most}", parameter="top_k", value=top_k
        )
    return top_k
