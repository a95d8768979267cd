"""The view bank: backbone features of many views of each tile, computed once, kept on disk.

With a frozen backbone the features never change, so the head can train on them in seconds.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray

from rsh.cache import cached
from rsh.model import HashNet, fingerprint
from rsh.packed import Tiles, packed_tiles
from rsh.scenes import Scenes
from rsh.views import ViewSpec

Bank = NDArray[np.float16]
DECIDE_PIXELS = ("torch", "timm", "pillow")
VIEWS_AT_A_TIME = 64


def view_bank(net: HashNet, scenes: Scenes, spec: ViewSpec, *, progress: bool = True) -> Bank:
    """Return the backbone features of every view of every tile, from disk where they are known.

    Args:
        net: its backbone is used as it is, in evaluation mode.
        scenes: n tiles.
        spec: which views.
        progress: show a bar on the terminal or in the notebook.

    Returns:
        (n, views, num_features) float16, a read-only memory map.

    Raises:
        InputError: a tile cannot be read, or the cache folder cannot be written.
    """

    def rows(start: int) -> Iterator[Bank]:
        tiles = packed_tiles(scenes, spec.image_size, progress=progress)
        return _features(net, tiles, spec, start)

    return cached(
        "view bank",
        bank_key(net, scenes, spec),
        rows,
        shape=(len(scenes), len(spec), net.head.num_features),
        dtype=np.float16,
        progress=progress,
    )


def bank_key(net: HashNet, scenes: Scenes, spec: ViewSpec) -> str:
    """Return a name for the bank that changes with tiles, backbone, views and library versions."""
    parts = [
        scenes.fingerprint,
        fingerprint(net.backbone),
        json.dumps([asdict(spec), net.backbone.stages, net.backbone.mean, net.backbone.std]),
        json.dumps([(name, version(name)) for name in DECIDE_PIXELS]),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


@torch.inference_mode()
def _features(net: HashNet, tiles: Tiles, spec: ViewSpec, start: int) -> Iterator[Bank]:
    """Yield (tiles, views, num_features) of the tiles from `start` on, batch by batch."""
    device = Fabric(devices=1).device
    backbone = net.backbone.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    step = max(1, VIEWS_AT_A_TIME // len(spec))
    try:
        for first in range(start, len(tiles), step):
            batch = torch.from_numpy(np.array(tiles[first : first + step])).to(device)
            images = net.normalize(spec.of(batch, first).flatten(0, 1))
            features = backbone(images.contiguous(memory_format=torch.channels_last))
            yield features.half().cpu().unflatten(0, (len(batch), -1)).numpy()
    finally:
        backbone.cpu()
