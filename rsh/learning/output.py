"""Where a learned gallery goes: beside the one that it was learned from."""

import re
from itertools import count
from pathlib import Path

NAMED = re.compile(r"(.+)-learned-\d+")


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
