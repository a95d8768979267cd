"""Networks of torchgeo and open_clip, for the extra `rsh[earth]`.

What they see, how it is normalized and where their weights are is taken from these libraries.
Weights are read here and not by torchgeo, which would run what a pickle says.
"""

import re
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor, nn

from rsh.data.bands import IMAGE, Bands, with_two_digits
from rsh.errors import InputError
from rsh.models.pretrained import EARTH_MODELS, Pretrained
from rsh.models.wavelengths import IMAGE_BANDS, find_channel_ids, find_wavelengths
from rsh.models.weight_files import read_weights, require_weights
from rsh.models.weights import load_state

OF_A_LAYER = re.compile(r"(.*\.)?(res)?blocks\.\d+\..*")
# What belongs to the first layer, and to which layer the rest, in all of these networks.
STEM = (
    r"^network\.(?:model\.)?"
    r"(?:cls_token|pos_embed|patch_embed|conv1|class_embedding|positional_embedding|ln_pre)"
)
BLOCKS = r"^network\.(?:model\.blocks|blocks|transformer\.resblocks|features)\.(\d+)"
CLASSIFIER = re.compile(r"fc\.(weight|bias)")


class Tower(nn.Module):
    """A network of another library than timm: normalized images -> features.

    Attributes:
        network: of that library.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network

    def forward(self, images: Tensor) -> Tensor:
        """Return the features."""
        return self.network(images)  # type: ignore[no-any-return]

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Tell timm which layer a weight belongs to, for learning rates by layer."""
        return {"stem": STEM, "blocks": [(BLOCKS, None)]}


class Dofa(Tower):
    """DOFA, which makes the weights of its first layer from wavelengths.

    Attributes:
        wavelengths: of the bands, (bands,), micrometers.
    """

    wavelengths: Tensor

    def __init__(self, network: nn.Module, wavelengths: tuple[float, ...]) -> None:
        super().__init__(network)
        self.register_buffer("wavelengths", torch.tensor(wavelengths))
        self._listed = list(wavelengths)  # what the network takes

    def forward(self, images: Tensor) -> Tensor:
        """Return the mean over all patches."""
        return self.network.forward_features(images, self._listed)  # type: ignore[no-any-return]


class Panopticon(Tower):
    """Panopticon, which attends over bands by what they measure.

    Attributes:
        channel_ids: of the bands, (bands,), see `rsh.models.wavelengths`.
    """

    channel_ids: Tensor

    def __init__(self, network: nn.Module, channel_ids: tuple[float, ...]) -> None:
        super().__init__(network)
        self.register_buffer("channel_ids", torch.tensor(channel_ids))
        embedding = self.network.model.patch_embed
        embedding.conv3d = BandPatches(embedding.conv3d)
        fusion = embedding.chnfus
        fusion.chnemb = ChannelEmbedding(fusion.chnemb, self.channel_ids)

    def forward(self, images: Tensor) -> Tensor:
        """Return the class token."""
        return self.network({"imgs": images, "chn_ids": self.channel_ids})  # type: ignore[no-any-return]


class BandPatches(nn.Module):
    """Patches of each band; torchgeo's own squeezes an axis of more than one, which ONNX refuses.

    Attributes:
        conv3d: that of torchgeo.
    """

    def __init__(self, trained: nn.Module) -> None:
        super().__init__()
        self.conv3d: Any = trained.conv3d

    def forward(self, images: Tensor) -> tuple[Tensor, int, int]:
        """Return the patches, (n, bands, patches, dim), and their rows and columns."""
        patches = self.conv3d(images[:, None])  # (n, dim, bands, rows, columns)
        rows, columns = patches.shape[-2:]
        return patches.flatten(-2).permute(0, 2, 3, 1), rows, columns


class ChannelEmbedding(nn.Module):
    """What Panopticon adds to the patches of each band; torchgeo's own has no ONNX form.

    Attributes:
        trained: that of torchgeo.
        optical: the embedding of each band, (bands, dim), where it is optical.
        is_radar: which are not, (bands, 1).
        polarization: index of each of those, 0 to 3, (bands,).
    """

    optical: Tensor
    is_radar: Tensor
    polarization: Tensor

    def __init__(self, trained: nn.Module, channel_ids: Tensor) -> None:
        super().__init__()
        from torchgeo.models.panopticon import get_1d_sincos_pos_embed_from_grid_torch

        self.trained: Any = trained
        ids = channel_ids.float()
        optical = get_1d_sincos_pos_embed_from_grid_torch(self.trained.embed_dim, ids)
        self.register_buffer("optical", optical, persistent=False)
        self.register_buffer("is_radar", (ids < 0)[:, None], persistent=False)
        polarization = (-ids - 1).clamp(0, 3).long()
        self.register_buffer("polarization", polarization, persistent=False)

    def forward(self, channel_ids: Tensor) -> Tensor:
        """Return the embedding of the bands, (1, bands, dim)."""
        sent, received = self.trained.embed_transmit, self.trained.embed_receive
        orbit = self.trained.embed_orbit.mean(dim=0)  # either
        radar = torch.stack(
            [
                torch.cat([sent[first], received[second], orbit])
                for first, second in ((0, 0), (0, 1), (1, 1), (1, 0))  # VV, VH, HH, HV
            ]
        )
        return torch.where(self.is_radar, radar[self.polarization], self.optical)[None]


class Normalization(NamedTuple):
    """Mean and standard deviation of each channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def describe(name: str) -> Pretrained:
    """Return what is known of a backbone, from its library.

    Args:
        name: of `EARTH_MODELS`.

    Raises:
        InputError: the library is not installed.
    """
    entry = EARTH_MODELS[name]
    entry.require_library()
    if entry.library == "open_clip":
        from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

        return replace(entry, mean=OPENAI_DATASET_MEAN, std=OPENAI_DATASET_STD)
    weights = _torchgeo_weights(entry.model)
    if entry.takes_any_bands:
        return replace(entry, url=weights.url)
    names = tuple(map(_name_like_esa, weights.meta["bands"])) if entry.unit != "8 bits" else ()
    found = compose_normalization(weights.transforms, len(names) or 3, entry.scale)
    bands = Bands(names, (entry.unit,) * len(names))
    return replace(entry, url=weights.url, bands=bands, mean=found.mean, std=found.std)


def _name_like_esa(name: str) -> str:
    """Return the name of a band of Sentinel-1 or Sentinel-2, which torchgeo writes B4 or B8a."""
    return with_two_digits(name.upper())


@cache
def _torchgeo_weights(name: str) -> Any:
    from torchgeo.models import get_weight

    return get_weight(name)


def compose_normalization(transforms: nn.Module, channels: int, scale: float) -> Normalization:
    """Return the one normalization that those of a sequence amount to.

    Args:
        transforms: of torchgeo; what crops and resizes is left out.
        channels: of an image.
        scale: what its values are multiplied by before ours are normalized.
    """
    from torchvision.transforms.v2 import Normalize

    mean = torch.zeros(channels, dtype=torch.float64)
    std = torch.ones(channels, dtype=torch.float64)
    for step in transforms.children():
        if isinstance(step, Normalize):
            mean = mean + torch.tensor(step.mean, dtype=torch.float64) * std
            std = std * torch.tensor(step.std, dtype=torch.float64)
    return Normalization(tuple((mean * scale).tolist()), tuple((std * scale).tolist()))


def match_bands(entry: Pretrained, bands: Bands) -> Normalization | None:
    """Return how a backbone normalizes bands; None if a training measures it.

    Args:
        entry: as `describe` returns it.
        bands: of the data.

    Raises:
        InputError: the backbone does not take these bands.
    """
    if entry.takes_any_bands:
        find_wavelengths(bands.names)
        if bands.names:
            return None
        return Normalization(IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
    if not entry.bands.has_names(bands.names) or entry.bands.units != bands.units:
        way = f"give --input-bands {','.join(entry.bands.names)} of rasters in this unit"
        raise InputError(
            f"{entry.name} takes {entry.bands.described()}, not {bands.described()}: "
            f"{way if entry.bands.names else 'leave out --input-bands'}, or choose another backbone"
        )
    return Normalization(entry.mean, entry.std)


def create_network(
    entry: Pretrained, *, image_size: int, pretrained: bool, bands: Bands = IMAGE
) -> nn.Module:
    """Return a backbone without its classifier.

    Args:
        entry: as `describe` returns it.
        image_size: side of its input, pixels.
        pretrained: whether it has its weights; random ones otherwise.
        bands: that `match_bands` accepts.

    Raises:
        InputError: it does not take images of this size, or its weights are not on this machine, or
            are those of another backbone.
    """
    if image_size % entry.patch:
        near = max(entry.patch * (image_size // entry.patch), 32 + -32 % entry.patch)
        raise InputError(
            f"choose a multiple of {entry.patch} for {entry.name}, such as {near} or, as in its "
            f"training, {entry.image_size}",
            parameter="image_size",
            value=image_size,
        )
    file = require_weights(entry) if pretrained else None
    if entry.library == "open_clip":
        clip: Any = create_clip(entry, image_size=image_size, file=file)
        return Tower(clip.visual)
    return _BUILDERS[entry.name](entry, image_size, bands, file)


def create_clip(entry: Pretrained, *, image_size: int, file: Path | None) -> nn.Module:
    """Return image tower and text tower of a model of open_clip.

    Args:
        entry: as `describe` returns it.
        image_size: side of the input of the image tower, pixels.
        file: weights; random ones without.

    Raises:
        InputError: the weights are those of another model.
    """
    from open_clip import CLIP, get_model_config
    from open_clip.model import resize_pos_embed

    config = deepcopy(get_model_config(entry.model))
    config["vision_cfg"]["image_size"] = image_size
    clip: nn.Module = CLIP(**config)
    if file:
        state = read_weights(file)
        resize_pos_embed(state, clip)
        _load(clip, state, entry, file)
    return clip


def _build_resnet(entry: Pretrained, size: int, bands: Bands, file: Path | None) -> nn.Module:
    from torchgeo.models import resnet50

    network: nn.Module = resnet50(None, num_classes=0, in_chans=len(bands))
    if file:
        state = read_weights(file)
        kept = {key: value for key, value in state.items() if not CLASSIFIER.fullmatch(key)}
        _load(network, kept, entry, file)
    return network


def _build_panopticon(entry: Pretrained, size: int, bands: Bands, file: Path | None) -> nn.Module:
    from torchgeo.models import panopticon_vitb14
    from torchgeo.models.copernicusfm import resize_abs_pos_embed

    network: Any = panopticon_vitb14(None, img_size=size)
    if file:
        state = read_weights(file)
        state.pop("mask_token", None)
        if "pos_embed" in state:
            trained = round((state["pos_embed"].shape[1] - 1) ** 0.5)
            state["pos_embed"] = resize_abs_pos_embed(
                state["pos_embed"], size // entry.patch, trained
            )
        _load(network.model, state, entry, file)
    return Panopticon(network, find_channel_ids(bands.names or IMAGE_BANDS))


def _build_dofa(entry: Pretrained, size: int, bands: Bands, file: Path | None) -> nn.Module:
    from torchgeo.models import dofa_base_patch16_224

    network: nn.Module = dofa_base_patch16_224(None, img_size=size, num_classes=0)
    if file:
        state = read_weights(file)
        untrained = {key for key in network.state_dict() if key.startswith("fc_norm.")}
        if "pos_embed" in state and state["pos_embed"].ndim == 3:
            side = size // entry.patch
            state["pos_embed"] = resample_abs_pos_embed(state["pos_embed"], [side, side])
        _load(network, state, entry, file, untrained=untrained)
    return Dofa(network, find_wavelengths(bands.names or IMAGE_BANDS))


def _build_scalemae(entry: Pretrained, size: int, bands: Bands, file: Path | None) -> nn.Module:
    from torchgeo.models import scalemae_large_patch16

    network: nn.Module = scalemae_large_patch16(None, img_size=size, num_classes=0)
    if file:
        state = read_weights(file)
        state.pop("pos_embed", None)  # computed from the resolution
        _load(network, state, entry, file, untrained={"pos_embed"})
    return network


def _build_swin(entry: Pretrained, size: int, bands: Bands, file: Path | None) -> nn.Module:
    from torchgeo.models import swin_v2_b

    network: Any = swin_v2_b(None)
    if file:
        _load(network, read_weights(file), entry, file)
    network.head = nn.Identity()
    return Tower(network)


_BUILDERS = {
    "ssl4eo-moco-rgb": _build_resnet,
    "ssl4eo-moco-s2": _build_resnet,
    "ssl4eo-moco-s1": _build_resnet,
    "panopticon": _build_panopticon,
    "dofa-base": _build_dofa,
    "scalemae-large": _build_scalemae,
    "satlas-naip": _build_swin,
}


def _load(
    network: nn.Module,
    state: dict[str, Tensor],
    entry: Pretrained,
    file: Path,
    untrained: set[str] | frozenset[str] = frozenset(),
) -> None:
    """Load weights, all of them and of this network alone.

    Args:
        network: takes them.
        state: the weights; what no layer of the network has, such as a decoder, is left out.
        entry: of the backbone.
        file: that held the weights, for the message.
        untrained: tensors that keep their values where the file has none.

    Raises:
        InputError: a tensor is missing, has another shape, or belongs to a layer too many.
    """
    wanted = network.state_dict()
    kept = {key: value for key, value in state.items() if key in wanted or OF_A_LAYER.match(key)}
    kept |= {key: wanted[key] for key in untrained if key not in kept}
    try:
        load_state(network, kept)
    except ValueError as error:
        raise InputError(
            f"{file} does not hold the weights of {entry.name} ({error}): delete it and run "
            f"`rsh backbones fetch {entry.name}`"
        ) from None
