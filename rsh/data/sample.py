"""The built-in sample: 2,212 tiles of NASA's Blue Marble, and a map of the world."""

from importlib.resources import files
from pathlib import Path

from rsh.errors import InputError

SAMPLE = "bluemarble"
EARTH = Path(str(files("rsh"))) / "assets" / "earth.jpg"  # a map of the world, plate carree


def sample_path() -> Path:
    """Find the built-in sample: in the checkout, or in the installed package."""
    package = Path(str(files("rsh")))
    places = [package.parent / "data" / f"{SAMPLE}.zip", package / "assets" / f"{SAMPLE}.zip"]
    for place in places:
        if place.is_file():
            return place
    raise InputError(f"the built-in sample is missing at {places[0]}: install rsh again")


def _place(where: str | Path) -> Path:
    return sample_path() if str(where) == SAMPLE else Path(where)
