"""Encodes data sets: in memory, into a new gallery, or into one that is there."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rsh.codes.encodings import Encodings
from rsh.config import check_number
from rsh.data.dataset import Dataset
from rsh.data.image_source import ImageSource
from rsh.data.originals import find_image_source
from rsh.encoding.coordinator import encoded
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import MANIFEST, DataInfo, Manifest, ModelInfo, read_manifest
from rsh.gallery.segment import PREVIEW_SIDES
from rsh.gallery.writer import (
    add_tiles,
    check_new_gallery,
    check_new_tiles,
    refuse_other_labels,
    write_gallery,
)
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
    preview: int | None = None,
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
        preview: longest side of previews, pixels, which are stored beside the thumbnails; 0 stores
            none. By default as in the gallery that is replaced, else none.
        progress: show bars.

    Raises:
        InputError: a tile cannot be read, the folder cannot be written or holds another gallery,
            another process is encoding into it, or the preview is out of range.
    """
    check_input(net, dataset)
    folder = Path(folder)
    path = str(Path(run).resolve()) if run else ""
    settings = net.settings | {"bands": net.bands.names, "units": net.bands.units}
    model = ModelInfo(**settings, fingerprint=fingerprint(net), run=path)
    check_new_gallery(folder)
    preview = _choose_preview(folder, preview)
    if not overwrite:
        _check_same(folder, model.fingerprint, dataset.name)
    encoding = encoded(
        *(net, dataset, folder),
        skip_unreadable=skip_unreadable,
        preview=preview,
        progress=progress,
    )
    with encoding as made:
        if made:
            data = DataInfo(
                dataset.name,
                made.fingerprint,
                dataset.rendering,
                dataset.band_options,
                dataset.composites,
                dataset.has_several,
                _sources(dataset),
            )
            title = name or dataset.name
            manifest = Manifest(title, net.num_bits, model, data, preview=preview)
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
    data = there.manifest.data
    rendering = dataset.rendering
    if dataset.bands and rendering.is_like(there.rendering_for(dataset.band_options)):
        rendering = data.rendering  # in values of the first rasters
    data.rendering.merge(rendering)  # refuses before the work begins
    check_new_tiles(there, dataset.items["id"])
    if there.has_several and dataset.label_source == "auto":
        try:
            dataset = dataset.labeled_by("multi")
        except InputError as error:
            raise InputError(
                f"{error.reason}; or add tiles without labels with --labels none"
            ) from None
    if dataset.has_several and there.label_names and not there.has_several:
        refuse_other_labels(dataset.path, folder)
    if dataset.bands:
        data.check_bands_shown(dataset.composites, dataset.path)
        known = {composite.name for composite in dataset.composites}
        if unknown := [each.name for each in data.composites[1:] if each.name not in known]:
            raise InputError(
                f"{dataset.path} lacks bands for {unknown[0]}, in which {folder} shows its tiles: "
                "encode it into another gallery, then merge both with `rsh gallery merge`"
            )
        change = data.bands.convert_to(dataset.band_options)
        composites = tuple(each.rescaled(*change) for each in data.composites)
        dataset = replace(dataset, composites=composites)
    preview, head = there.manifest.preview, there.learned_head
    with encoded(net, dataset, folder, preview=preview, progress=progress) as made:
        if made:
            tiles = head.encode_tiles(made.tiles) if head else made.tiles
            sources, backgrounds = _sources(dataset), dataset.backgrounds()
            several = dataset.has_several
            add_tiles(folder, tiles, rendering, backgrounds, sources, several_labels=several)
    return Gallery.open(folder)


def _sources(dataset: Dataset) -> tuple[ImageSource, ...]:
    source = find_image_source(dataset)
    return (source,) if source else ()


def _choose_preview(folder: Path, preview: int | None) -> int:
    """Return the longest side of previews, by default that in the gallery of a folder."""
    if preview is None:
        with suppress(InputError):  # no gallery, or none that can be read
            return read_manifest(folder).preview
    if preview:
        check_number("preview", preview, *PREVIEW_SIDES)
    return preview or 0


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
