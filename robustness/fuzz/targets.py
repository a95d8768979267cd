"""What is fuzzed: every reader, and the module of this package in which it is called.

A child imports the one file it needs: what torch alone takes is half of the memory it may have.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

Use = Callable[[bytes], None]
Mutator = Callable[[bytes, int, int], bytes]


class Target(NamedTuple):
    """One reader, which may raise InputError and nothing else.

    Attributes:
        seeds: valid inputs, made in a folder.
        use: makes the function that reads an input, in a folder that it may write into.
        mutate: how inputs are changed.
    """

    seeds: Callable[[Path], list[bytes]]
    use: Callable[[Path], Use]
    mutate: Mutator


READS = {  # target: file, and what is read
    "image": ("files", "an image: JPEG, PNG, TIFF, WebP, GIF, BMP"),
    "zip": ("files", "a zip of tiles"),
    "tar": ("files", "a WebDataset shard"),
    "scene": ("files", "a GeoTIFF scene"),
    "items.csv": ("files", "the table of places"),
    "where": ("texts", "conditions"),
    "frames": ("texts", "messages to the encoder of the page"),
    "address": ("galleries", "the page's address"),
    "gallery.json": ("galleries", "the head of a gallery"),
    "items.arrow": ("galleries", "its table"),
    "projection": ("galleries", "its two planes"),
    "groups": ("galleries", "its groups"),
    "codes.npy": ("galleries", "its codes"),
    "relaxed.npy": ("galleries", "its codes continuous code"),
    "features.npy": ("galleries", "its features"),
    "thumbs.npy": ("galleries", "where its thumbnails begin"),
    "thumbs.bin": ("galleries", "its thumbnails, drawn on a sheet"),
    "index.npz": ("galleries", "its kept index"),
    "annotations.log": ("annotations", "what visitors gave"),
    "labels.csv": ("annotations", "labels to import, as CSV"),
    "labels.geojson": ("annotations", "labels to import, as GeoJSON"),
    "labels.parquet": ("annotations", "labels to import, as Parquet"),
    "config.json": ("runs", "the settings of a run"),
    "model.safetensors": ("runs", "its weights"),
    "last.ckpt": ("runs", "its checkpoint"),
}


def find_target(name: str) -> Target:
    """Import the file of a target, and return the target."""
    targets: dict[str, Target] = import_module(f"robustness.fuzz.{READS[name][0]}").TARGETS
    return targets[name]
