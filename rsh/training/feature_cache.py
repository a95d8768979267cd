"""The view bank: backbone features of many views of each tile, computed once, kept on disk.

With a frozen backbone the features never change, so the head can train on them in seconds.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib.metadata import version

import numpy as np
import torch
from numpy.typing import NDArray

from rsh.data.dataset import TileDataset
from rsh.data.decoded import DecodedTiles, decoded_tiles
from rsh.io.array_cache import cached
from rsh.models.augment import ViewSpec
from rsh.models.hashnet import HashNet, fingerprint
from rsh.training.devices import local_device
from rsh.training.memory import give_back_if_scarce, memory_kept

FeatureArray = NDArray[np.float16]
DECIDE_PIXELS = ("torch", "timm", "pillow")
VIEWS_AT_A_TIME = 64


def cached_features(
    net: HashNet, dataset: TileDataset, spec: ViewSpec, *, progress: bool = True
) -> FeatureArray:
    """Return the backbone features of every view of every tile, from disk where they are known.

    Args:
        net: its backbone is used as it is, in evaluation mode.
        dataset: n tiles.
        spec: which views.
        progress: show a bar on the terminal or in the notebook.

    Returns:
        (n, views, num_features) float16, a read-only memory map.

    Raises:
        InputError: a tile cannot be read, or the cache folder cannot be written.
    """

    def rows(start: int) -> Iterator[FeatureArray]:
        tiles = decoded_tiles(dataset, spec.image_size, progress=progress)
        step = tiles_at_a_time(spec)
        batches = (tiles[first : first + step] for first in range(start, len(tiles), step))
        return extract_features(net, batches, spec, first=start)

    return cached(
        "view bank",
        cache_key(net, dataset, spec),
        rows,
        shape=(len(dataset), len(spec), net.head.num_features),
        dtype=np.float16,
        progress=progress,
    )


def cache_key(net: HashNet, dataset: TileDataset, spec: ViewSpec) -> str:
    """Return a name for the bank that changes with tiles, backbone, views and library versions."""
    parts = [
        dataset.fingerprint,
        fingerprint(net.backbone),
        json.dumps(
            [asdict(spec), net.backbone.feature_stages, net.backbone.mean, net.backbone.std]
        ),
        libraries(),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def libraries() -> str:
    """Return the versions of those that decide what a network makes of an image."""
    return json.dumps([(name, version(name)) for name in DECIDE_PIXELS])


def tiles_at_a_time(spec: ViewSpec) -> int:
    """Return how many tiles make a batch."""
    return max(1, VIEWS_AT_A_TIME // len(spec))


@torch.no_grad()  # in inference mode the backbone's weights, laid out anew, could learn no more
def extract_features(
    net: HashNet, batches: Iterable[DecodedTiles], spec: ViewSpec, *, first: int = 0
) -> Iterator[FeatureArray]:
    """Yield backbone features batch by batch.

    Args:
        net: its backbone is used as it is, in evaluation mode.
        batches: of tiles that follow each other, (n, 3, side, side) uint8.
        spec: which views.
        first: row of the first tile, which with the seed decides the draws.

    Yields:
        (n, views, num_features) float16.
    """
    device = local_device()
    backbone = net.backbone.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    try:
        with memory_kept():
            for tiles in batches:
                batch = torch.from_numpy(np.array(tiles)).to(device)
                images = net.normalize(spec.of(batch, first).flatten(0, 1))
                features = backbone(images.contiguous(memory_format=torch.channels_last))
                yield features.half().cpu().unflatten(0, (len(batch), -1)).numpy()
                first += len(tiles)
                give_back_if_scarce()
    finally:
        backbone.cpu()
