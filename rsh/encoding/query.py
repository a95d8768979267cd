"""Encodes images and vectors as queries of a gallery."""

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from rsh.codes.encodings import Encodings
from rsh.data.band_values import QueryRaster, resize_values
from rsh.data.bands import Bands
from rsh.data.decoded import DecodedTiles, decode_tile
from rsh.data.images import read_image
from rsh.data.rendering import Rendering
from rsh.errors import InputError, RshWarning
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import DataInfo
from rsh.models.onnx import find_onnx_encoder

if TYPE_CHECKING:
    from rsh.models.hashnet import HashNet

Query = str | Path | BinaryIO | Image.Image
QueryEncoder = Callable[[Sequence[Query]], Encodings]


def open_query_encoder(gallery: Gallery, *, run: str | Path | None = None) -> QueryEncoder:
    """Return what encodes images with the network that made a gallery.

    It is the ONNX encoder if `rsh export-onnx` has left one in the run folder, else the network
    itself, which takes torch. Open it once, and call it as often as needed.

    Args:
        gallery: an opened gallery.
        run: run folder of the network, if it has moved.

    Returns:
        A function from n images (paths or opened, of any size and mode) to their Encodings. It
        reads rasters like the tiles of the gallery, and raises InputError if an image cannot be
        read, or lacks a band that the network takes.

    Raises:
        InputError: the gallery was made from embeddings or names no run, or the network is gone or
            has changed.
    """
    about = gallery.manifest
    if dim := about.model.vector_dim:
        raise InputError(
            f"{gallery.folder} was made from embeddings: search with the id of a tile, or with a "
            f"vector of {dim:,} numbers, such as a .npy file"
        )
    if encoder := find_onnx_encoder(run or about.model.run, about.model.fingerprint):
        encode = encoder.encode_tiles
    else:
        encode = partial(_encode_tiles, load_network(gallery, run))
    corrected, side = make_correction(gallery), about.model.image_size
    read = partial(_read, side=side, bands=about.model.sees, data=about.data)
    return lambda images: corrected(encode(np.stack([read(image) for image in images])))


def _read(image: Query, *, side: int, bands: Bands, data: DataInfo) -> DecodedTiles:
    """Return what a network sees of a query, read like the tiles of a data set."""
    if bands:
        return resize_values(QueryRaster.open(image, data.all_bands, bands).values(), side)
    return decode_tile(read_image(image, rendering=data.rendering), side)


def draw_query(
    gallery: Gallery, image: Query, *, name: str = "", only: str | None = None
) -> dict[str, Image.Image]:
    """Return a query as the tiles of a gallery are shown, in each of its composites.

    Args:
        gallery: an opened gallery.
        image: a path, a binary stream or an opened image.
        name: of a stream, for messages.
        only: a composite, to be drawn beside the first one and no other; all by default.

    Returns:
        By the name of a composite; "" is the first one, or the raster's own bands if it lacks a
        band of that. Others are left out if it lacks a band of them, or holds nothing in one.

    Raises:
        InputError: the image cannot be read, or is in another unit than the network takes.
    """
    data, bands = gallery.manifest.data, gallery.manifest.model.sees
    if not bands:
        return {"": read_image(image, name=name, rendering=data.rendering)}
    raster = QueryRaster.open(image, data.all_bands, bands, name=name)

    def draw(rendering: Rendering) -> Image.Image:
        own = data.convert_rendering(raster.options, rendering)
        return read_image(io.BytesIO(raster.content), name=raster.name, rendering=own)

    drawn = {}
    for number, composite in enumerate(data.composites):
        if number and only not in (None, composite.name):
            continue
        try:
            with warnings.catch_warnings(action="ignore" if number else None):  # as the first
                named = replace(composite.rendering, names=composite.bands)
                drawn[composite.name if number else ""] = draw(named)
        except InputError as error:  # its bands may be all that the network takes
            note = f"{error}: it is not shown in {composite.name}"
            warnings.warn(note, RshWarning, stacklevel=2)
    if "" not in drawn:
        with warnings.catch_warnings(action="ignore"):
            drawn[""] = read_image(io.BytesIO(raster.content), name=raster.name)
    return drawn


def make_correction(gallery: Gallery) -> Callable[[Encodings], Encodings]:
    """Return what turns the encodings of a network into those of a gallery."""
    return gallery.learned_head.encode if gallery.learned_head else lambda encodings: encodings


def encode_images(net: "HashNet", images: Sequence[str | Path | Image.Image]) -> Encodings:
    """Encode images, paths or opened, of any size and mode, that belong to no data set.

    Raises:
        InputError: an image cannot be read, or the network takes other bands.
    """
    read = partial(_read, side=net.image_size, bands=net.bands, data=DataInfo())
    return _encode_tiles(net, np.stack([read(image) for image in images]))


def _encode_tiles(net: "HashNet", tiles: DecodedTiles) -> Encodings:
    from rsh.models.hashnet import apply_net, to_encodings  # torch, which ONNX does without

    return to_encodings(apply_net(net, tiles))


def encode_vector(
    gallery: Gallery, vector: ArrayLike, *, run: str | Path | None = None
) -> Encodings:
    """Encode a vector with the network that made a gallery from embeddings.

    Args:
        gallery: an opened gallery.
        vector: its numbers, (dim,) or (1, dim), by the model that made the others.
        run: run folder of the network, if it has moved.

    Raises:
        InputError: the gallery was made from images, the vector has another length or a number that
            is not finite, or as for `load_network`.
    """
    dim = gallery.manifest.model.vector_dim
    if not dim:
        raise InputError(
            f"{gallery.folder} was made from images: search with an image, or the id of a tile"
        )
    numbers = np.asarray(vector)
    if numbers.dtype.kind not in "fiu" or numbers.size != max(numbers.shape, default=0):
        raise InputError(
            f"the query is {numbers.dtype} of shape {numbers.shape}: give one vector of {dim:,} "
            "numbers"
        )
    if numbers.size != dim:
        raise InputError(
            f"the query vector has {numbers.size:,} numbers, and those of {gallery.folder} have "
            f"{dim:,}: give one by the model that made them"
        )
    if numbers.dtype.kind in "iu":
        warnings.warn(
            f"the query vector holds whole numbers ({numbers.dtype}): if the vectors of "
            f"{gallery.folder} were multiplied by a scale, multiply it as well",
            RshWarning,
            stacklevel=2,
        )
    with np.errstate(over="ignore"):
        row = numbers.reshape(1, dim).astype(np.float32)
    if not np.isfinite(row).all():
        raise InputError("the query vector lacks a finite number: compute it again")
    from rsh.models.hashnet import apply_net, to_encodings  # torch

    return make_correction(gallery)(to_encodings(apply_net(load_network(gallery, run), row)))


def find_run(gallery: Gallery, run: str | Path | None = None) -> Path:
    """Return the run folder of the network that made a gallery, or `run` if that has moved.

    Raises:
        InputError: the gallery names no run, or the run is gone.
    """
    noted = run or gallery.manifest.model.run
    if not noted:
        raise InputError(f"{gallery.folder} does not say which run made it: name it with --run")
    if not run and not Path(noted).is_dir():
        raise InputError(
            f"{noted}, the run that made {gallery.folder}, is gone: name its new place with --run"
        )
    return Path(noted)


def load_network(gallery: Gallery, run: str | Path | None = None) -> "HashNet":
    """Load the network that made a gallery, from `run` if its run folder has moved.

    Raises:
        InputError: the gallery names no run, the run is gone, or it is another network.
    """
    from rsh.models.hashnet import fingerprint  # torch
    from rsh.training.run import Run

    noted = find_run(gallery, run)
    net = Run.open(noted).net()
    if fingerprint(net) != gallery.manifest.model.fingerprint:
        raise InputError(
            f"{noted} is not the network that made {gallery.folder}: its codes would mean "
            "something else; name the right run with --run, or encode again"
        )
    return net
