"""Weights of the right names and shapes in files of a few kilobytes: each tensor is one number."""

import io
from collections.abc import Mapping

import pytest
import torch
from hub_host import Hub
from torch import Tensor, nn


def constant_state(network: nn.Module) -> dict[str, Tensor]:
    """Return a state in which each tensor holds one number of its own."""
    state = network.state_dict()
    return {
        name: torch.tensor((number % 97) / 97).to(value.dtype).expand(value.shape)
        for number, (name, value) in enumerate(state.items(), 1)
    }


def pickled(state: Mapping[str, object]) -> bytes:
    """Return what torch writes."""
    stream = io.BytesIO()
    torch.save(dict(state), stream)
    return stream.getvalue()


def publish(
    hub: Hub, name: str, content: bytes, monkeypatch: pytest.MonkeyPatch, sha256: str = ""
) -> str:
    """Let a backbone made for the Earth lie on a hub; only its address changes.

    Returns:
        The address.
    """
    from dataclasses import replace

    from torchgeo.models import get_weight

    from rsh.models.pretrained import EARTH_MODELS

    entry = EARTH_MODELS[name]
    if entry.library == "torchgeo":
        weights = get_weight(entry.model).value
        path = weights.url.split("/", 3)[3]
        path = path if sha256 else path.replace("-", "_")  # without the checksum of the real file
        monkeypatch.setattr(weights, "url", f"{hub.url}/{path}")
    else:
        path = entry.url.split("/", 3)[3]
        moved = replace(entry, url=f"{hub.url}/{path}", sha256=sha256)
        monkeypatch.setitem(EARTH_MODELS, name, moved)
    hub.files[path] = content
    return f"{hub.url}/{path}"
