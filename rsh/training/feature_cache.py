"""Cached features: backbone features of several views of each tile, computed once, kept on disk.

The features of a frozen backbone never change, so a head trains on them in seconds.
"""

import hashlib
import json
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rsh.data.dataset import Dataset
from rsh.data.decoded import DecodedTiles, decoded_tiles
from rsh.data.embeddings import Embeddings
from rsh.data.tiles import TileDataset
from rsh.errors import InputError, RshWarning
from rsh.io.array_cache import cached, find_cached
from rsh.models.augment import ViewSpec
from rsh.models.hashnet import HashNet, fingerprint
from rsh.models.onnx_export import load_onnx_backbone
from rsh.training.devices import local_device
from rsh.training.memory import keep_freed_memory

FeatureArray = NDArray[np.float16]
KIND = "cached features"
FEATURE_LIBRARIES = ("torch", "timm", "pillow")
ONNX_PAYS = 500  # views; with fewer, the export takes longer than torch
CPU_BATCH, GPU_BATCH = 8, 64  # views; of more, glibc returns the memory after every batch
VECTOR_BATCH = 4096  # vectors
MAX_AT_ONCE = 8  # batches on a CPU, so that many cores do not need much memory


def cached_features(
    net: HashNet, dataset: Dataset, spec: ViewSpec, *, progress: bool = True
) -> FeatureArray:
    """Return the backbone features of every view of every tile, read from disk if cached.

    An embedding has one view, the standardized vector.

    Args:
        net: its backbone is applied in evaluation mode.
        dataset: n tiles.
        spec: the views of each tile.
        progress: show a bar in the terminal or notebook.

    Returns:
        (n, views, num_features) float16, a read-only memory map.

    Raises:
        InputError: a tile cannot be read, the cache folder cannot be written, or the network does
            not take such data.
    """
    check_input(net, dataset)
    if isinstance(dataset, Embeddings):
        return _standardized(net, dataset, progress)
    assert isinstance(dataset, TileDataset)
    onnx = _onnx_pays(net, spec, len(dataset) * len(spec))
    try:
        return _cached(net, dataset, spec, onnx, progress)
    except NoOnnxForm as error:
        warnings.warn(f"{error}: torch computes its features", RshWarning, stacklevel=2)
    return _cached(net, dataset, spec, False, progress)


def find_plain_features(net: HashNet, dataset: Dataset) -> FeatureArray | None:
    """Return the features of the plain views of all tiles if a training has left them.

    They are only looked for if the fingerprint of the data set is known, which takes as long as
    reading all tiles.
    """
    if not isinstance(dataset, TileDataset) or "fingerprint" not in vars(dataset):
        return None
    key = cache_key(net, dataset, net.plain)
    shape = (len(dataset), len(net.plain), net.head.num_features)
    return find_cached(KIND, key, shape=shape, dtype=np.float16)


def check_input(net: HashNet, dataset: Dataset) -> None:
    """Refuse data that a network does not take: images, bands or vectors.

    Raises:
        InputError: the data are such.
    """
    takes = "images" if net.takes_images else f"vectors of {net.head.num_features:,} numbers"
    has = f"vectors of {dataset.dim:,} numbers" if isinstance(dataset, Embeddings) else "images"
    if net.bands:
        takes = f"bands {net.bands.described()}"
    if dataset.bands:
        has = f"bands {dataset.bands.described()}"
    if (takes, net.bands) != (has, dataset.bands):
        raise InputError(
            f"{dataset.path} holds {has}, and the network takes {takes}: give data like that of "
            "its training, or train another network"
        )


def _standardized(net: HashNet, dataset: Embeddings, progress: bool) -> FeatureArray:
    """Return standardized vectors, (n, 1, dim), read from disk if cached."""
    dim, backbone = dataset.dim, net.backbone

    def rows(start: int) -> Iterator[FeatureArray]:
        with torch.inference_mode():
            for first in range(start, len(dataset), VECTOR_BATCH):
                part = np.arange(first, min(first + VECTOR_BATCH, len(dataset)))
                vectors = backbone.normalize(torch.from_numpy(dataset.read(part)))
                yield backbone(vectors).half().numpy()[:, None]

    key = hashlib.sha256(f"{dataset.fingerprint} {fingerprint(backbone)}".encode()).hexdigest()
    shape = (len(dataset), 1, dim)
    return cached(KIND, key[:24], rows, shape=shape, dtype=np.float16, progress=progress)


class NoOnnxForm(InputError):
    """A backbone that ONNX Runtime cannot apply."""


def _cached(
    net: HashNet, dataset: TileDataset, spec: ViewSpec, onnx: bool, progress: bool
) -> FeatureArray:
    """Return the features that torch or ONNX Runtime computes, read from disk if cached."""

    def rows(start: int) -> Iterator[FeatureArray]:
        apply = None
        if onnx:
            try:
                apply = load_onnx_backbone(net)
            except InputError as error:
                raise NoOnnxForm(str(error)) from error
            if progress:
                print(f"ONNX Runtime {version('onnxruntime')} computes features", file=sys.stderr)
        tiles = decoded_tiles(dataset, spec.image_size, progress=progress)
        step = tiles_at_a_time(spec)
        batches = (tiles[first : first + step] for first in range(start, len(tiles), step))
        return extract_features(net, batches, spec, first=start, apply=apply)

    return cached(
        KIND,
        cache_key(net, dataset, spec, onnx=onnx),
        rows,
        shape=(len(dataset), len(spec), net.head.num_features),
        dtype=np.float16,
        title=f"features of {'augmented' if spec.count else 'plain'} views",
        progress=progress,
    )


def _onnx_pays(net: HashNet, spec: ViewSpec, views: int) -> bool:
    """Whether ONNX Runtime computes the features: of many augmented views, on a CPU.

    Plain views are left to torch, like all encoding, so that a tile has the same code everywhere.
    The time of a trial would depend on what else the machine does, and so would the features.
    """
    return (
        spec.count > 0
        and views >= ONNX_PAYS
        and local_device().type == "cpu"
        and find_spec("onnxruntime") is not None
    )


def cache_key(net: HashNet, dataset: TileDataset, spec: ViewSpec, *, onnx: bool = False) -> str:
    """Return a cache key that changes with tiles, backbone, views and library versions.

    Args:
        net: its backbone counts.
        dataset: the tiles.
        spec: the views.
        onnx: whether ONNX Runtime computes the features, and not torch.
    """
    views = asdict(spec)
    if not spec.units:
        del views["units"]
    parts = [
        dataset.pixel_key,
        fingerprint(net.backbone),
        json.dumps([views, net.backbone.feature_stages, net.backbone.mean, net.backbone.std]),
        libraries(),
        *([f"onnxruntime {version('onnxruntime')}"] if onnx else []),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def libraries() -> str:
    """Return the versions of the libraries that affect features, as JSON."""
    return json.dumps([(name, version(name)) for name in FEATURE_LIBRARIES])


def tiles_at_a_time(spec: ViewSpec) -> int:
    """Return the number of tiles in a batch."""
    views = CPU_BATCH if local_device().type == "cpu" else GPU_BATCH
    return max(1, views // len(spec))


def extract_features(
    net: HashNet,
    batches: Iterable[DecodedTiles],
    spec: ViewSpec,
    *,
    first: int = 0,
    apply: Callable[[Tensor], Tensor] | None = None,
) -> Iterator[FeatureArray]:
    """Yield backbone features batch by batch.

    On a CPU several batches are computed at once, each by a thread of its own: the threads of torch
    share every layer of one batch and wait for each other after each. A short batch is filled up,
    because torch rounds differently in batches of different sizes.

    Args:
        net: its backbone is applied in evaluation mode.
        batches: consecutive tiles, (n, 3, side, side) uint8, at most `tiles_at_a_time` each.
        spec: the views of each tile.
        first: row of the first tile; rows and seed determine the random draws.
        apply: takes the place of the backbone, see `load_onnx_backbone`.

    Yields:
        (n, views, num_features) float16; a tile has the same features in every batch.
    """
    device, threads, size = local_device(), torch.get_num_threads(), tiles_at_a_time(spec)
    at_once = min(threads, MAX_AT_ONCE) if device.type == "cpu" else 1
    backbone = net.backbone.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

    @torch.no_grad()  # weights that change their layout in inference mode cannot be trained later
    def compute(tiles: DecodedTiles, first: int) -> FeatureArray:
        full = np.resize(tiles, (max(size, len(tiles)), *tiles.shape[1:]))  # repeats the tiles
        images = net.backbone.normalize(
            spec.of(torch.from_numpy(full).to(device), first).flatten(0, 1)
        )
        if apply:
            features = apply(images)
        else:
            features = backbone(images.contiguous(memory_format=torch.channels_last))
        rows = features.half().cpu().view(len(full), len(spec), -1)
        return rows[: len(tiles)].numpy()

    waiting: deque[Future[FeatureArray]] = deque()
    pool = ThreadPoolExecutor(
        at_once, initializer=torch.set_num_threads, initargs=(threads // at_once,)
    )
    try:
        with pool, keep_freed_memory(batches) as kept_batches:
            for tiles in kept_batches:
                waiting.append(pool.submit(compute, tiles, first))
                first += len(tiles)
                if len(waiting) > at_once:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:
        torch.set_num_threads(threads)  # threads that start later inherit the last number set
        backbone.cpu()
