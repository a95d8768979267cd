"""Encoding: pictures through a trained network into codes, and scenes into a gallery."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from rsh.bank import view_bank
from rsh.errors import InputError
from rsh.gallery import Gallery
from rsh.generations import add_tiles, check_new_gallery, check_new_tiles, write_gallery
from rsh.model import HashNet, apply_head, apply_net, fingerprint
from rsh.packed import pack_tile
from rsh.pictures import read_picture
from rsh.pipeline import Job, encoded_of
from rsh.run import Run
from rsh.scenes import Scenes
from rsh.segments import Encoded, Tiles
from rsh.streaming import stream


def encode_scenes(net: HashNet, scenes: Scenes, *, progress: bool = True) -> Encoded:
    """Encode every tile in memory, from the view bank of data that is also trained on.

    Raises:
        InputError: a tile cannot be read.
    """
    plain = view_bank(net, scenes, net.plain, progress=progress)
    embedding = apply_head(net.head, plain)
    return encoded_of(embedding)


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
    return encoded_of(embedding)


def build_gallery(
    net: HashNet,
    scenes: Scenes,
    folder: Path,
    *,
    name: str = "",
    run: Path | None = None,
    skip_unreadable: bool = False,
    progress: bool = True,
) -> Gallery:
    """Encode scenes into a gallery folder, in the order of `shuffled`.

    Interrupted at any moment, it goes on where it stopped when it is called again. Under `torchrun`
    all processes take part.

    Args:
        net: a trained network.
        scenes: the tiles; those in the split "query" can be asked with but not found.
        folder: where; a gallery that is there is replaced as a whole.
        name: what to call it on a page; the name of the scenes by default.
        run: folder the network was loaded from, so that `gallery.encode` finds it again.
        skip_unreadable: leave out pictures that cannot be read, and name them in the end.
        progress: show bars.

    Raises:
        InputError: a tile cannot be read, the folder cannot be written, or another process is
            encoding into it.
    """
    model = net.settings | {
        "fingerprint": fingerprint(net),
        "run": str(run.resolve()) if run else "",
    }

    def finish(tiles: Tiles, data: str) -> None:
        info = {"name": name or scenes.name, "model": model}
        info["data"] = {"name": scenes.name, "fingerprint": data}
        write_gallery(folder, info=info, num_bits=net.num_bits, tiles=tiles)

    stream(
        Job(net, scenes, folder, skip_unreadable=skip_unreadable, progress=progress),
        check=lambda: check_new_gallery(folder),
        finish=finish,
    )
    return Gallery.open(folder)


def add_scenes(net: HashNet, scenes: Scenes, folder: Path, *, progress: bool = True) -> Gallery:
    """Encode scenes and add them to a gallery of the same network; else as `build_gallery`.

    Raises:
        InputError: as there, or the gallery already holds one of the tiles.
    """
    stream(
        Job(net, scenes, folder, progress=progress),
        check=lambda: check_new_tiles(Gallery.open(folder), scenes.items["id"]),
        finish=lambda tiles, _: add_tiles(folder, tiles),
    )
    return Gallery.open(folder)


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
