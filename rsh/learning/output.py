"""Names the folder of a learned gallery: beside the gallery that was taught."""

import re
from itertools import count
from pathlib import Path

from rsh.gallery.manifest import MANIFEST

NAMED = re.compile(r"(.+)-learned-(\d+)")


def learned_from(folder: Path) -> list[Path]:
    """Return the galleries of the name GALLERY-learned-N beside a gallery, in their order."""
    place = folder.resolve()
    found = [NAMED.fullmatch(other.parent.name) for other in place.parent.glob(f"*/{MANIFEST}")]
    numbers = sorted(int(one[2]) for one in found if one and one[1] == place.name)
    return [folder.parent / f"{place.name}-learned-{number}" for number in numbers]


def next_output(folder: Path) -> Path:
    """Return the first free folder of the name GALLERY-learned-N beside a gallery.

    Args:
        folder: of the gallery; of a learned one, the number counts on.
    """
    place = folder.resolve()
    found = NAMED.fullmatch(place.name)
    base = found[1] if found else place.name
    names = (folder.parent / f"{base}-learned-{number}" for number in count(1))
    return next(name for name in names if not name.exists())
