"""Encodes images as queries of a gallery."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from rsh.codes.encodings import Encodings
from rsh.data.decoded import decode_tile
from rsh.data.images import read_image
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.models.hashnet import HashNet, apply_net, fingerprint, to_encodings
from rsh.training.run import Run


def encode_images(net: HashNet, images: Sequence[str | Path | Image.Image]) -> Encodings:
    """Encode images that belong to no data set, such as a query of one's own.

    Args:
        net: a trained network.
        images: paths or opened images, of any size and mode.

    Raises:
        InputError: an image cannot be read.
    """
    tiles = np.stack([decode_tile(read_image(image), net.image_size) for image in images])
    embedding = apply_net(net, tiles)
    return to_encodings(embedding)


def model_of(gallery: Gallery, run: str | Path | None = None) -> HashNet:
    """Load the network that made a gallery.

    Args:
        gallery: an opened gallery.
        run: its run folder, if it has moved since.

    Raises:
        InputError: no run is known, it is gone, or it is another model than the gallery's.
    """
    noted = run or gallery.info["model"].get("run")
    if not noted or not isinstance(noted, str | Path):
        raise InputError(f"{gallery.folder} does not say which run made it: name it with --run")
    if not run and not Path(noted).is_dir():
        raise InputError(
            f"{noted}, the run that made {gallery.folder}, is gone: name its new place with --run"
        )
    net = Run.open(noted).net()
    if fingerprint(net) != gallery.info["model"].get("fingerprint"):
        raise InputError(
            f"{noted} is not the model that made {gallery.folder}: its codes would mean "
            "something else; name the right run with --run, or encode again"
        )
    return net
