"""Encodes data sets: in memory, into a new gallery, or into one that is there."""

from pathlib import Path

from rsh.codes.encodings import Encodings
from rsh.data.dataset import Dataset
from rsh.encoding.coordinator import encoded
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import MANIFEST, DataInfo, Manifest, ModelInfo, read_manifest
from rsh.gallery.writer import add_tiles, check_new_gallery, check_new_tiles, write_gallery
from rsh.models.hashnet import HashNet, apply_head, fingerprint, to_encodings
from rsh.training.feature_cache import cached_features, check_input


def encode_dataset(net: HashNet, dataset: Dataset, *, progress: bool = True) -> Encodings:
    """Encode every tile in memory, from cached backbone features where there are any.

    Raises:
        InputError: a tile cannot be read.
    """
    features = cached_features(net, dataset, net.plain, progress=progress)
    return to_encodings(apply_head(net.head, features))


def build_gallery(
    net: HashNet,
    dataset: Dataset,
    folder: str | Path,
    *,
    name: str = "",
    run: str | Path | None = None,
    skip_unreadable: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> Gallery:
    """Encode a data set into a gallery folder.

    An interrupted call resumes where it stopped when it is repeated. Under `torchrun` all
    processes take part.

    Args:
        net: a trained network.
        dataset: the tiles. A search does not return those of the split "query".
        folder: where. A gallery of the same network and data set is replaced in one step.
        name: of the gallery on the dashboard; the name of the data set by default.
        run: folder of the network, with which a new image is encoded as a query.
        skip_unreadable: skip images that cannot be read, and name them in the end.
        overwrite: replace a gallery of another network or data set, too.
        progress: show bars.

    Raises:
        InputError: a tile cannot be read, the folder cannot be written or holds another gallery, or
            another process is encoding into it.
    """
    check_input(net, dataset)
    folder = Path(folder)
    path = str(Path(run).resolve()) if run else ""
    model = ModelInfo(**net.settings, fingerprint=fingerprint(net), run=path)
    check_new_gallery(folder)
    if not overwrite:
        _check_same(folder, model.fingerprint, dataset.name)
    with encoded(net, dataset, folder, skip_unreadable=skip_unreadable, progress=progress) as made:
        if made:
            data = DataInfo(dataset.name, made.fingerprint, dataset.rendering)
            manifest = Manifest(name or dataset.name, net.num_bits, model, data)
            write_gallery(folder, manifest, made.tiles, dataset.backgrounds())
    return Gallery.open(folder)


def add_dataset(net: HashNet, dataset: Dataset, folder: Path, *, progress: bool = True) -> Gallery:
    """Encode a data set and add it to a gallery of the same network; else as `build_gallery`.

    Raises:
        InputError: as there, or the gallery already holds one of the tiles, or rendered its rasters
            otherwise.
    """
    check_input(net, dataset)
    there = Gallery.open(folder)
    there.manifest.data.rendering.merge(dataset.rendering)  # refuses before the work begins
    check_new_tiles(there, dataset.items["id"])
    head = there.learned_head
    with encoded(net, dataset, folder, progress=progress) as made:
        if made:
            tiles = head.encode_tiles(made.tiles) if head else made.tiles
            add_tiles(folder, tiles, dataset.rendering, dataset.backgrounds())
    return Gallery.open(folder)


def _check_same(folder: Path, model: str, data: str) -> None:
    """Refuse a folder with a gallery of another network or data set."""
    if not (folder / MANIFEST).exists():
        return
    advice = "choose another --output, or replace it with --overwrite"
    try:
        there = read_manifest(folder)
    except InputError as error:
        raise InputError(f"{error}, into another --output or with --overwrite") from None
    if there.learned:
        raise InputError(f"{folder} holds a gallery that labels have changed: {advice}")
    if there.model.fingerprint != model:
        raise InputError(f"{folder} holds a gallery of another network: {advice}")
    if there.data.name != data:
        raise InputError(f"{folder} holds a gallery of {there.data.name!r}: {advice}")
