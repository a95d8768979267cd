"""HashNet: a backbone, and the head on it."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rsh.codes.binary import binarize, check_num_bits
from rsh.codes.encodings import Encodings
from rsh.config import Weights
from rsh.data.bands import Bands
from rsh.data.decoded import DecodedTiles
from rsh.errors import InputError
from rsh.models.augment import ViewSpec
from rsh.models.backbone import (
    DEFAULT,
    Backbone,
    IdentityBackbone,
    create_backbone,
    vector_backbone,
)
from rsh.models.head import HashHead, ImageCenter
from rsh.models.losses.multilevel import Embedding
from rsh.models.pretrained import has_text_tower

TTA = (1, 4, 8)


class HashNet(nn.Module):
    """The network; both branches share its weights.

    Attributes:
        backbone: image -> backbone feature; or vector -> standardized vector, for embeddings.
        head: backbone feature -> Embedding.
        num_bits: code length, bits.
        look_bits: how many of them are look bits, see `rsh.models.losses.look`.
        image_size: side of the input, pixels.
        bands: what the input shows; `IMAGE` for images, and for embeddings.
        plain: the views from which a tile is encoded, averaged continuous code.
        weights: which ones the backbone began with.
        image_center: of the training, beside a text tower; None for other backbones.
    """

    def __init__(
        self,
        backbone: str = DEFAULT,
        *,
        num_bits: int,
        look_bits: int = 0,
        image_size: int = 128,
        hidden: int = 512,
        feature_dim: int = 128,
        tta: int = 1,
        feature_stages: int = 0,
        bands: Sequence[str] = (),
        units: Sequence[str] = (),
        pretrained: bool = True,
        seed: int = 0,
    ) -> None:
        """Create a network with ImageNet weights in the backbone and random weights in the head.

        Args:
            backbone: a name of `rsh backbones`; or "embedding-768" for embeddings of 768 numbers,
                to which image_size, tta and feature_stages do not apply.
            num_bits: code length, bits, a multiple of 4 from 4 to 256.
            look_bits: how many of them, the last ones, keep what a tile looks like, a multiple of 4
                from 0 to num_bits; the others say what it is.
            image_size: side of the input, pixels.
            hidden: width of the trunk.
            feature_dim: length of a projected feature.
            tta: test-time augmentation: average over 1, 4 or 8 rotated and mirrored copies of each
                tile. Encoding takes as many times longer.
            feature_stages: number of last backbone stages in the feature, see `Backbone`.
            bands: names of the bands that it sees; none for red, green and blue of 8 bits.
            units: a `rsh.data.bands.Unit` each.
            pretrained: False gives random backbone weights: for other bands than an image's, or if
                others are loaded next.
            seed: of the initial weights of the head, and of random ones in the backbone.

        Raises:
            InputError: unknown backbone, one that does not accept such images, or num_bits,
                look_bits, image_size, tta or feature_stages out of range.
        """
        super().__init__()
        self.num_bits, self.look_bits = check_num_bits(num_bits), look_bits
        self.bands = Bands(tuple(bands), tuple(units))
        self.weights: Weights = "pretrained" if pretrained else "random"
        if look_bits % 4 or not 0 <= look_bits <= num_bits:
            message = f"choose a multiple of 4 from 0 to {num_bits}, the code length"
            raise InputError(message, parameter="look_bits", value=look_bits)
        if of_vectors := vector_backbone(backbone):
            image_size = 0
            for name, value, only in (
                ("tta", tta, 1),
                ("feature_stages", feature_stages, 0),
                ("bands", len(bands), 0),
            ):
                if value != only:
                    raise InputError("embeddings have no images", parameter=name, value=value)
        elif not 32 <= image_size <= 1024:
            raise InputError("choose 32 to 1024 pixels", parameter="image_size", value=image_size)
        if tta not in TTA:
            raise InputError(f"choose {', '.join(map(str, TTA))}", parameter="tta", value=tta)
        self.image_size = image_size
        self.plain = ViewSpec(image_size, tta=tta, units=self.bands.units)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.backbone: Backbone | IdentityBackbone = of_vectors or create_backbone(
                backbone,
                image_size=image_size,
                feature_stages=feature_stages,
                pretrained=pretrained,
                bands=self.bands,
            )
            torch.manual_seed(seed)
            self.head = HashHead(
                self.backbone.num_features,
                num_bits=num_bits,
                look_bits=look_bits,
                hidden=hidden,
                feature_dim=feature_dim,
            )
        width = self.backbone.num_features
        self.image_center = ImageCenter(width) if has_text_tower(backbone) else None
        self.settings: dict[str, Any] = {
            "backbone": backbone,
            "num_bits": num_bits,
            "look_bits": look_bits,
            "image_size": image_size,
            "hidden": hidden,
            "feature_dim": feature_dim,
            "tta": tta,
            "feature_stages": feature_stages,
        }
        if bands:
            self.settings |= {"bands": [*bands], "units": [*units]}

    @property
    def takes_images(self) -> bool:
        """Whether it takes images, and not embeddings."""
        return not isinstance(self.backbone, IdentityBackbone)

    def forward(self, images: Tensor) -> Embedding:
        """Map images, (n, 3, h, w) float from 0 to 1 or values of bands, to an Embedding."""
        return self.head(self.backbone(self.backbone.normalize(images)))  # type: ignore[no-any-return]

    def encode(self, tiles: Tensor) -> Embedding:
        """Map tiles to an Embedding averaged over `plain`.

        Backbone features are rounded to float16 as in the cache, so that a tile has the same code
        with and without cached features.

        Args:
            tiles: decoded images, (n, 3, side, side) uint8; values of bands,
                (n, bands, side, side) float16; or vectors, (n, dim) float32.
        """
        # plain views are not random
        views = self.plain.of(tiles, first=0).flatten(0, 1) if self.takes_images else tiles
        features = self.backbone(self.backbone.normalize(views)).half().float()
        return self.head.encode(features, tiles.shape[0])  # len() would fix n in an export


def apply_head(head: HashHead, features: NDArray[np.float16]) -> Embedding:
    """Map backbone features of any number of tiles to an Embedding, in evaluation mode.

    Args:
        head: its mode is restored afterwards.
        features: (n, num_features) float16, or (n, views, num_features) to average over views.

    Returns:
        Embedding of n rows on the CPU.
    """
    views = features.reshape(len(features), -1, features.shape[-1])
    step = max(1, 4096 // views.shape[1])

    def encode(part: Tensor) -> Embedding:
        return head.encode(part.flatten(0, 1).float(), len(part))

    return _apply(head, encode, views, None, step=step)


def apply_net(
    net: HashNet,
    tiles: DecodedTiles | NDArray[np.float32],
    rows: NDArray[np.int64] | None = None,
) -> Embedding:
    """Map any number of tiles to an Embedding, in evaluation mode: see `HashNet.encode`.

    Args:
        net: its mode is restored afterwards.
        tiles: see `HashNet.encode`.
        rows: which tiles; None takes all. Only these are read from a memory map.

    Returns:
        Embedding of one row per tile, on the CPU.
    """
    step = max(1, 64 // len(net.plain)) if net.takes_images else 4096
    return _apply(net, net.encode, tiles, rows, step=step)


@torch.inference_mode()
def _apply(
    module: nn.Module,
    embed: Callable[[Tensor], Embedding],
    data: NDArray[np.generic],
    rows: NDArray[np.int64] | None,
    *,
    step: int,
) -> Embedding:
    device, training = next(module.parameters()).device, module.training
    rows = np.arange(len(data)) if rows is None else rows
    module.eval()
    parts = [
        embed(torch.from_numpy(data[rows[start : start + step]]).to(device))
        for start in range(0, len(rows), step)
    ]
    module.train(training)
    return Embedding(*(torch.cat(part).float().cpu() for part in zip(*parts, strict=True)))


def fingerprint(module: nn.Module, *, without: str = "") -> str:
    """Return a sha256 over the names and values of all weights but one."""
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        if name == without:
            continue
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def to_encodings(embedding: Embedding) -> Encodings:
    """Return codes, continuous codes and features of an Embedding, as a gallery stores them."""
    return Encodings(
        binarize(embedding.relaxed),
        embedding.relaxed.half().numpy(),
        embedding.features.half().numpy(),
    )
