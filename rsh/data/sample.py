"""The built-in sample: 2,212 tiles of NASA's Blue Marble, and a map of the world."""

from importlib.resources import files
from pathlib import Path

from rsh.errors import InputError

SAMPLE = "bluemarble"
EARTH = Path(str(files("rsh"))) / "assets" / "earth.jpg"  # a map of the world, plate carree


def sample_path() -> Path:
    """Return the path of the built-in sample, in the checkout or in the installed package."""
    package = Path(str(files("rsh")))
    paths = [package.parent / "data" / f"{SAMPLE}.zip", package / "assets" / f"{SAMPLE}.zip"]
    for path in paths:
        if path.is_file():
            return path
    raise InputError(f"the built-in sample is missing at {paths[0]}: reinstall rsh")
