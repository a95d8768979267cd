"""Encoding: pictures through a trained network into codes, and scenes into a gallery."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from rsh.bank import view_bank
from rsh.codes import binarize
from rsh.errors import InputError
from rsh.gallery import Gallery
from rsh.generations import check_new_gallery, write_gallery
from rsh.losses import Embedding
from rsh.model import HashNet, apply_head, apply_net, fingerprint
from rsh.packed import pack_tile
from rsh.pictures import read_picture, to_jpeg
from rsh.run import Run
from rsh.scenes import Scenes
from rsh.segments import Encoded, Tiles, shuffled

THUMB_SIDE = 128  # pixels


def encode_scenes(net: HashNet, scenes: Scenes, *, progress: bool = True) -> Encoded:
    """Encode every tile; backbone features are taken from the cache where they are known.

    Raises:
        InputError: a tile cannot be read.
    """
    plain = view_bank(net, scenes, net.plain, progress=progress)
    embedding = apply_head(net.head, plain)
    return _encoded(embedding)


def encode_pictures(net: HashNet, pictures: Sequence[str | Path | Image.Image]) -> Encoded:
    """Encode pictures that belong to no data set, such as a query of one's own.

    Args:
        net: a trained network.
        pictures: paths or opened pictures, of any size and mode.

    Raises:
        InputError: a picture cannot be read.
    """
    tiles = np.stack([pack_tile(read_picture(picture), net.image_size) for picture in pictures])
    embedding = apply_net(net, tiles)
    return _encoded(embedding)


def build_gallery(
    net: HashNet,
    scenes: Scenes,
    folder: Path,
    *,
    name: str = "",
    run: Path | None = None,
    progress: bool = True,
) -> Gallery:
    """Encode scenes into a gallery folder, in the order of `shuffled`.

    Args:
        net: a trained network.
        scenes: the tiles; those in the split "query" can be asked with but not found.
        folder: where; a gallery that is there is replaced as a whole.
        name: what to call it on a page; the name of the scenes by default.
        run: folder the network was loaded from, so that `gallery.encode` finds it again.
        progress: show bars.

    Raises:
        InputError: a tile cannot be read, or the folder cannot be written.
    """
    check_new_gallery(folder)  # now, not after minutes of work
    info = {
        "name": name or scenes.name,
        "model": net.settings
        | {"fingerprint": fingerprint(net), "run": str(run.resolve()) if run else ""},
        "data": {"name": scenes.name, "fingerprint": scenes.fingerprint},
    }
    tiles = tiles_of(net, scenes, progress=progress)
    return write_gallery(folder, info=info, num_bits=net.num_bits, tiles=tiles)


def tiles_of(net: HashNet, scenes: Scenes, *, progress: bool = True) -> Tiles:
    """Encode scenes into what a gallery holds of them, in the order of `shuffled`.

    Raises:
        InputError: a tile cannot be read.
    """
    encoded = encode_scenes(net, scenes, progress=progress)
    order = shuffled(scenes.items["id"])
    return Tiles(
        items=scenes.items.iloc[order],
        packed=encoded.packed[order],
        relaxed=encoded.relaxed[order],
        features=encoded.features[order],
        thumbs=(to_jpeg(scenes.read(row), side=THUMB_SIDE) for row in order),
    )


def _encoded(embedding: Embedding) -> Encoded:
    return Encoded(
        binarize(embedding.relaxed),
        embedding.relaxed.half().numpy(),
        embedding.feature.half().numpy(),
    )


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
