"""Makes a data set of its downloaded files."""

from pathlib import Path

from rsh.data.catalog_entry import CatalogEntry
from rsh.data.published.bigearthnet import build_bigearthnet
from rsh.data.published.label_tables import build_labels
from rsh.data.published.mlrsnet import build_mlrsnet, find_unpacker
from rsh.data.published.named_bands import build_bands


def check_tools(entry: CatalogEntry) -> None:
    """Say what is missing to make a data set, before it is downloaded.

    Raises:
        InputError: names the program.
    """
    if entry.recipe == "mlrsnet":
        find_unpacker(entry)


def build(
    entry: CatalogEntry, files: list[Path], target: Path, *, images: Path | None, progress: bool
) -> None:
    """Make a data set of its downloaded files.

    Args:
        entry: of the data set.
        files: in the order of `entry.files`.
        target: the zip or folder to make, whose parts from an interrupted run are kept.
        images: the data set that the images are from, if `entry.images` names one.
        progress: show a progress bar.

    Raises:
        InputError: a file is damaged or of another data set, or the disk is full.
    """
    if entry.recipe == "bands":
        build_bands(entry, files[0], target, progress=progress)
    elif entry.recipe == "labels" and images:
        build_labels(entry, files, target, images, progress=progress)
    elif entry.recipe == "mlrsnet":
        build_mlrsnet(entry, files, target, progress=progress)
    elif entry.recipe == "bigearthnet":
        build_bigearthnet(entry, files, target, progress=progress)
