"""Pretrained backbones in plain data: what they see, how large they are, and under which license.

All models of timm have their names there; the backbones made for the Earth have names of ours, and
come from torchgeo and open_clip, the extra `rsh[earth]`. Reading this imports neither, nor torch.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from rsh.data.bands import IMAGE, Bands
from rsh.errors import InputError
from rsh.text import install_hint

# Licenses that permit every use, by their SPDX names.
OPEN_LICENSES = frozenset(
    {"apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "odc-by-1.0"}
)
HUB = "https://huggingface.co"
HUB_PREFIXES = ("hf_hub:", "hf-hub:")
RECOMMENDED = {
    "tf_efficientnet_lite0": "the default; its weights come with rsh",
    "resnet50.a1_in1k": "photographs, a common baseline",
    "vit_small_patch14_dinov2.lvd142m": "images without labels, small",
    "vit_base_patch14_reg4_dinov2.lvd142m": "images without labels",
    "vit_small_patch16_dinov3.lvd1689m": "images without labels, small",
    "vit_large_patch16_dinov3.sat493m": "satellite images of 0.6 m, the best of these in RGB",
}


def hub() -> str:
    """Return the address of the hub: $HF_ENDPOINT, as its own library has it, or the usual one."""
    return (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


@dataclass(frozen=True)
class Pretrained:
    """A backbone with weights.

    Attributes:
        name: on the command line.
        library: "timm", "torchgeo" or "open_clip".
        model: what the library calls it: a timm model, weights of torchgeo, a model of open_clip.
        purpose: what it is for, in a few words.
        parameters: how many numbers are trained, without a classifier; None if not counted.
        image_size: side of the images of its training, pixels.
        patch: what the side of an image must be a multiple of, pixels.
        bands: what it sees; `IMAGE` for red, green and blue of 8 bits.
        takes_any_bands: whether it takes any bands whose wavelengths are known.
        mean: of its training images in these units, 0 to 1 for `IMAGE`; () if the training on the
            user's own data measures it.
        std: standard deviation of the same.
        license: SPDX name, or that of the terms.
        home: address of a page with the terms.
        url: address of the weights.
        sha256: of the weights, all digits or the first ones, as they are published; or "".
        has_text: whether there is a text tower beside the image tower.
        unit: of the values that the weights of torchgeo were trained on, as `rsh.data.bands` has
            it, and `scale` what brings their numbers to it.
    """

    name: str
    library: str
    model: str
    purpose: str = ""
    parameters: int | None = None
    image_size: int = 224
    patch: int = 1
    bands: Bands = IMAGE
    takes_any_bands: bool = False
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    license: str = ""
    home: str = ""
    url: str = ""
    sha256: str = ""
    has_text: bool = False
    unit: str = "8 bits"
    scale: float = 1 / 255

    @property
    def title(self) -> str:
        """What a download calls it."""
        return f"weights of {self.name}"

    @property
    def is_open(self) -> bool:
        """Whether the license permits every use; otherwise the user must accept it."""
        return self.license.lower() in OPEN_LICENSES

    @property
    def is_installed(self) -> bool:
        """Whether the library is."""
        return self.library == "timm" or find_spec(self.library) is not None

    @property
    def knows_bands(self) -> bool:
        """Whether `bands` is settled, and not still to be read from a library."""
        return bool(self.bands.names) or self.unit == "8 bits"

    def require_library(self) -> None:
        """Refuse a backbone whose library is not installed.

        Raises:
            InputError: says how to install it.
        """
        if not self.is_installed:
            raise InputError(f"{self.name} cannot be used, {install_hint(self.library, 'earth')}")

    def described_bands(self) -> str:
        """Return what it sees in words."""
        if self.takes_any_bands:
            return "any of Sentinel-1, Sentinel-2, NAIP and RGB"
        return self.bands.described()


def _torchgeo(name: str, model: str, **about: Any) -> Pretrained:
    return Pretrained(name=name, library="torchgeo", model=model, **about)


def _open_clip(name: str, model: str, url: str, **about: Any) -> Pretrained:
    return Pretrained(name=name, library="open_clip", model=model, url=url, has_text=True, **about)


SSL4EO: Any = {
    "license": "CC-BY-4.0",
    "home": "https://github.com/zhu-xlab/SSL4EO-S12",
}
REMOTE_CLIP = f"{HUB}/chendelong/RemoteCLIP/resolve/bf1d8a3ccf2ddbf7c875705e46373bfe542bce38"
GEORSCLIP = f"{HUB}/Zilun/GeoRSCLIP/resolve/4920188e6eba4e711ef9848cfd7cb77e874ee33f"
EARTH = (
    _torchgeo(
        "ssl4eo-moco-rgb",
        "ResNet50_Weights.SENTINEL2_RGB_MOCO",
        purpose="Sentinel-2 in three bands, small",
        parameters=23_508_032,
        unit="reflectance",
        scale=1e-4,
        **SSL4EO,
    ),
    _torchgeo(
        "ssl4eo-moco-s2",
        "ResNet50_Weights.SENTINEL2_ALL_MOCO",
        purpose="Sentinel-2 level 1C in 13 bands, small",
        parameters=23_539_392,
        unit="reflectance",
        scale=1e-4,
        **SSL4EO,
    ),
    _torchgeo(
        "ssl4eo-moco-s1",
        "ResNet50_Weights.SENTINEL1_ALL_MOCO",
        purpose="Sentinel-1, small",
        parameters=23_504_896,
        unit="dB",
        scale=1.0,
        **SSL4EO,
    ),
    _torchgeo(
        "panopticon",
        "Panopticon_Weights.VIT_BASE14",
        purpose="any optical bands and radar, the best of these with bands",
        parameters=98_120_448,
        patch=14,
        license="Apache-2.0",
        home="https://github.com/Panopticon-FM/panopticon",
        takes_any_bands=True,
    ),
    _torchgeo(
        "dofa-base",
        "DOFABase16_Weights.DOFA_MAE",
        purpose="any optical bands and radar",
        parameters=111_312_128,
        patch=16,
        license="CC-BY-4.0",
        home="https://github.com/zhu-xlab/DOFA",
        takes_any_bands=True,
    ),
    _torchgeo(
        "scalemae-large",
        "ScaleMAELarge16_Weights.FMOW_RGB",
        purpose="satellite images of 0.3 to 10 m",
        parameters=303_301_632,
        patch=16,
        license="CC-BY-NC-4.0",
        home="https://github.com/bair-climate-initiative/scale-mae",
    ),
    _torchgeo(
        "satlas-naip",
        "Swin_V2_B_Weights.NAIP_RGB_SI_SATLAS",
        purpose="aerial images of 0.5 to 2 m",
        image_size=256,
        parameters=86_905_848,
        license="ODC-BY-1.0",
        home="https://github.com/allenai/satlas",
    ),
    _open_clip(
        "remoteclip-vit-b-32",
        "ViT-B-32",
        f"{REMOTE_CLIP}/RemoteCLIP-ViT-B-32.pt",
        sha256="60014e395d930a3f2963d1d89c8522bf4ad56775571e4356e866864789af85c4",
        purpose="images and text",
        parameters=87_849_216,
        patch=32,
        license="Apache-2.0",
        home="https://github.com/ChenDelong1999/RemoteCLIP",
    ),
    _open_clip(
        "remoteclip-vit-l-14",
        "ViT-L-14",
        f"{REMOTE_CLIP}/RemoteCLIP-ViT-L-14.pt",
        purpose="images and text, large",
        parameters=303_966_208,
        patch=14,
        license="Apache-2.0",
        home="https://github.com/ChenDelong1999/RemoteCLIP",
    ),
    _open_clip(
        "georsclip-vit-b-32",
        "ViT-B-32-quickgelu",
        f"{GEORSCLIP}/ckpt/RS5M_ViT-B-32.pt",
        purpose="images and text",
        parameters=87_849_216,
        patch=32,
        license="see its page",
        home=f"{HUB}/Zilun/GeoRSCLIP",
    ),
)
EARTH_MODELS: Mapping[str, Pretrained] = {entry.name: entry for entry in EARTH}


def has_text_tower(backbone: str) -> bool:
    """Whether a backbone of this name has a text tower beside the image tower."""
    return backbone in EARTH_MODELS and EARTH_MODELS[backbone].has_text
