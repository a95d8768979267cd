"""Encoding: images through a trained network into codes, and scenes into a gallery."""

from pathlib import Path

from rsh.codes.encodings import Encodings
from rsh.data.dataset import TileDataset
from rsh.encoding.chunk_encoder import Job
from rsh.encoding.coordinator import stream
from rsh.gallery.gallery import Gallery
from rsh.gallery.segment import GalleryTiles
from rsh.gallery.writer import add_tiles, check_new_gallery, check_new_tiles, write_gallery
from rsh.models.hashnet import HashNet, apply_head, fingerprint, to_encodings
from rsh.training.feature_cache import cached_features


def encode_dataset(net: HashNet, dataset: TileDataset, *, progress: bool = True) -> Encodings:
    """Encode every tile in memory, from the view bank of data that is also trained on.

    Raises:
        InputError: a tile cannot be read.
    """
    plain = cached_features(net, dataset, net.plain, progress=progress)
    embedding = apply_head(net.head, plain)
    return to_encodings(embedding)


def build_gallery(
    net: HashNet,
    dataset: TileDataset,
    folder: str | Path,
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
        dataset: the tiles; those in the split "query" can be asked with but not found.
        folder: where; a gallery that is there is replaced as a whole.
        name: what to call it on a page; the name of the scenes by default.
        run: folder the network was loaded from, so that `gallery.encode` finds it again.
        skip_unreadable: leave out images that cannot be read, and name them in the end.
        progress: show bars.

    Raises:
        InputError: a tile cannot be read, the folder cannot be written, or another process is
            encoding into it.
    """
    folder = Path(folder)
    model = net.settings | {
        "fingerprint": fingerprint(net),
        "run": str(run.resolve()) if run else "",
    }

    def finish(tiles: GalleryTiles, data: str) -> None:
        info = {"name": name or dataset.name, "model": model}
        info["data"] = {"name": dataset.name, "fingerprint": data}
        write_gallery(folder, info=info, num_bits=net.num_bits, tiles=tiles)

    stream(
        Job(net, dataset, folder, skip_unreadable=skip_unreadable, progress=progress),
        check=lambda: check_new_gallery(folder),
        finish=finish,
    )
    return Gallery.open(folder)


def add_dataset(
    net: HashNet, dataset: TileDataset, folder: Path, *, progress: bool = True
) -> Gallery:
    """Encode scenes and add them to a gallery of the same network; else as `build_gallery`.

    Raises:
        InputError: as there, or the gallery already holds one of the tiles.
    """
    stream(
        Job(net, dataset, folder, progress=progress),
        check=lambda: check_new_tiles(Gallery.open(folder), dataset.items["id"]),
        finish=lambda tiles, _: add_tiles(folder, tiles),
    )
    return Gallery.open(folder)
