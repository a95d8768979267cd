"""Backbones: any timm model, and those made for the Earth, by one name.

Embeddings, which were made elsewhere, are features already: see `IdentityBackbone`.
"""

from typing import Any

import torch
from torch import Tensor, nn

from rsh.config import vector_dim
from rsh.data.bands import IMAGE, Bands
from rsh.errors import InputError
from rsh.models import timm_models
from rsh.models.pretrained import EARTH_MODELS
from rsh.models.timm_models import DEFAULT as DEFAULT
from rsh.text import first_sentence

MOST_NUMBERS = 8192  # of a vector
EPSILON = 1e-6  # added to a variance: its square root has no gradient at 0


class Backbone(nn.Module):
    """A network without classifier: image (n, bands, h, w) -> feature (n, num_features).

    Attributes:
        network: the model of timm, torchgeo or open_clip.
        bands: what it sees.
        feature_stages: number of last stages whose feature maps are pooled to mean and standard
            deviation and appended to the output of the network.
        num_features: length of a feature.
        mean: mean of its training images, per channel: 0 to 1, or in the units of its bands.
        std: standard deviation of the same.
    """

    num_features: int

    def __init__(
        self,
        network: nn.Module,
        *,
        mean: tuple[float, ...] = (),
        std: tuple[float, ...] = (),
        bands: Bands = IMAGE,
        feature_stages: int = 0,
    ) -> None:
        super().__init__()
        self.network: Any = network
        self.mean, self.std, self.bands = mean, std, bands
        self.feature_stages = feature_stages

    def normalize(self, images: Tensor) -> Tensor:
        """Normalize images like those of the training.

        Args:
            images: (n, 3, h, w) float from 0 to 1, or values of the bands, (n, bands, h, w); those
                without data become 0.
        """
        mean = torch.tensor(self.mean, device=images.device).view(1, -1, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, -1, 1, 1)
        normalized = (images - mean) / std
        return normalized.nan_to_num() if self.bands.names else normalized

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
    """A backbone for any bands, standardized by those of its training.

    Attributes:
        standardization: of each band.
    """

    def __init__(self, network: nn.Module, *, bands: Bands, feature_stages: int = 0) -> None:
        super().__init__(network, bands=bands, feature_stages=feature_stages)
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


def native_bands(name: str) -> Bands:
    """Return the bands that the weights of a backbone are for, if they are for certain ones.

    Raises:
        InputError: the library that has the backbone is not installed.
    """
    if name not in EARTH_MODELS:
        return IMAGE
    from rsh.models import earth  # what only some install

    return earth.describe(name).bands


def create_backbone(
    name: str,
    *,
    image_size: int,
    feature_stages: int = 0,
    pretrained: bool = True,
    bands: Bands = IMAGE,
) -> Backbone:
    """Return a backbone with its weights, or with random ones.

    Args:
        name: of `rsh backbones`: a timm model, such as "tf_efficientnet_lite0" (its weights are
            installed with rsh) or "resnet50" (`rsh backbones fetch` gets them), a model of the hub,
            such as "hf_hub:timm/resnet50.a1_in1k", or one made for the Earth.
        image_size: side of the input, pixels.
        feature_stages: number of last stages in the feature, see `Backbone`.
        pretrained: whether to load weights; otherwise they are random.
        bands: what it sees; a timm model of random weights takes any, the others their own.

    Raises:
        InputError: unknown model, weights of other bands, weights that are not on this machine,
            fewer stages, or images of a size that it does not accept.
    """
    try:
        if name in EARTH_MODELS:
            backbone = _create_earth(name, image_size, feature_stages, pretrained, bands)
        else:
            backbone = _create_timm(name, image_size, feature_stages, pretrained, bands)
        _check_stages(name, backbone.network, feature_stages)
        backbone.num_features = _width(backbone, image_size)
    except (AssertionError, RuntimeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise _size_error(name, image_size, error) from None
    return backbone


def _create_timm(
    name: str, image_size: int, feature_stages: int, pretrained: bool, bands: Bands
) -> Backbone:
    cfg = timm_models.read_recipe(name).cfg
    if pretrained and bands.names:
        raise InputError(
            f"the weights of {name} are for red, green and blue of 8 bits, not for "
            f"{bands.described()}: add --weights random, leave out --input-bands, or choose a "
            "backbone for bands from `rsh backbones`"
        )
    network = timm_models.create_network(
        name, image_size=image_size, pretrained=pretrained, bands=bands
    )
    if bands.names:
        return BandBackbone(network, bands=bands, feature_stages=feature_stages)
    mean, std = tuple(cfg.mean), tuple(cfg.std)
    return Backbone(network, mean=mean, std=std, feature_stages=feature_stages)


def _create_earth(
    name: str, image_size: int, feature_stages: int, pretrained: bool, bands: Bands
) -> Backbone:
    from rsh.models import earth

    entry = earth.describe(name)
    normalization = earth.match_bands(entry, bands)
    network = earth.create_network(entry, image_size=image_size, pretrained=pretrained, bands=bands)
    if normalization is None:
        return BandBackbone(network, bands=bands, feature_stages=feature_stages)
    mean, std = normalization
    return Backbone(network, mean=mean, std=std, bands=bands, feature_stages=feature_stages)


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


@torch.inference_mode()
def _width(backbone: Backbone, image_size: int) -> int:
    """Return the length of a feature, measured: timm's `num_features` may differ from it."""
    image = torch.zeros(1, backbone.bands.channels, image_size, image_size)
    (width,) = backbone.eval()(image).shape[1:]
    return int(width)


def _size_error(name: str, image_size: int, error: Exception) -> InputError:
    known = EARTH_MODELS.get(name) or timm_models.read_recipe(name)
    reason = first_sentence(error).rstrip(".")
    return InputError(
        f"{name} does not accept images of {image_size} pixels ({reason}): "
        f"try --image-size {known.image_size}, or another --backbone"
    )
