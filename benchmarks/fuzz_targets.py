"""What is fuzzed: every reader, and the file of benchmarks/ in which it is called.

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
    "image": ("fuzz_files", "an image: JPEG, PNG, TIFF, WebP, GIF, BMP"),
    "zip": ("fuzz_files", "a zip of tiles"),
    "tar": ("fuzz_files", "a WebDataset shard"),
    "scene": ("fuzz_files", "a GeoTIFF scene"),
    "items.csv": ("fuzz_files", "the table of places"),
    "where": ("fuzz_texts", "conditions"),
    "frames": ("fuzz_texts", "messages to the encoder of the page"),
    "address": ("fuzz_galleries", "the page's address"),
    "gallery.json": ("fuzz_galleries", "the head of a gallery"),
    "items.parquet": ("fuzz_galleries", "its table"),
    "projection": ("fuzz_galleries", "its two planes"),
    "codes.npy": ("fuzz_galleries", "its codes"),
    "relaxed.npy": ("fuzz_galleries", "its codes before the sign"),
    "features.npy": ("fuzz_galleries", "its features"),
    "thumbs.npy": ("fuzz_galleries", "where its thumbnails begin"),
    "thumbs.bin": ("fuzz_galleries", "its thumbnails, drawn on a sheet"),
    "engine.npz": ("fuzz_galleries", "its kept index"),
    "config.json": ("fuzz_runs", "the settings of a run"),
    "model.safetensors": ("fuzz_runs", "its weights"),
    "last.ckpt": ("fuzz_runs", "its checkpoint"),
}


def find_target(name: str) -> Target:
    """Import the file of a target, and return the target."""
    targets: dict[str, Target] = import_module(READS[name][0]).TARGETS
    return targets[name]
