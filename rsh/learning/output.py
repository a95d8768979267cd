"""Names the folder of a learned gallery: beside the gallery that was taught."""

import re
from contextlib import suppress
from itertools import count
from pathlib import Path

from rsh.gallery.manifest import MANIFEST
from rsh.gallery.writer import LOCK, discard_unfinished
from rsh.io.files import explain_os_error

NAMED = re.compile(r"(.+)-learned-(\d+)")


def learned_from(folder: Path) -> list[Path]:
    """Return the galleries of the name GALLERY-learned-N beside a gallery, in their order."""
    place = folder.resolve()
    found = [NAMED.fullmatch(other.parent.name) for other in place.parent.glob(f"*/{MANIFEST}")]
    numbers = sorted(int(one[2]) for one in found if one and one[1] == place.name)
    return [folder.parent / f"{place.name}-learned-{number}" for number in numbers]


def reserve_output(folder: Path) -> Path:
    """Create the first free folder of the name GALLERY-learned-N beside a gallery, and return it.

    No other process gets the same one. What a killed writer left behind is deleted first. Call
    `rsh.gallery.writer.discard_unfinished` if no gallery is written into it.

    Args:
        folder: of the gallery; of a learned one, the number counts on.

    Raises:
        InputError: the folder cannot be created.
    """
    place = folder.resolve()
    found = NAMED.fullmatch(place.name)
    base = found[1] if found else place.name
    for number in count(1):
        name = folder.parent / f"{base}-learned-{number}"
        if _is_begun(name):
            discard_unfinished(name)
        with explain_os_error(name), suppress(FileExistsError):
            name.mkdir()
            return name
    raise AssertionError("unreachable")


def _is_begun(folder: Path) -> bool:
    """Whether files were written into a folder; one that is empty may have just been reserved."""
    return folder.is_dir() and any(path.name != LOCK for path in folder.iterdir())
