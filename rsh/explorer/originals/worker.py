"""The process that reads original images for one visitor: see `client`.

    python -m rsh.explorer.originals.worker GALLERY

It can read the folders of the data sets that the gallery names, which the process that decodes
visitors' files cannot. It gives up its rights first, and then imports large libraries.
"""

import json
import sys
import tempfile
import warnings
from pathlib import Path

from rsh.explorer.uploads.confinement import MEMORY, confine_files, limit_memory, log


def main(folder: str) -> None:
    """Answer messages with the originals of a gallery."""
    warnings.simplefilter("ignore")  # such as how an image was converted
    limit_memory(MEMORY)
    readable = [Path(folder), *map(readable_place, _find_sources(Path(folder)))]
    if not confine_files(readable, Path(tempfile.gettempdir())):
        log("the reader of originals can read and write what you can: this system has no Landlock")
    from rsh.explorer.originals.answers import serve  # its libraries start threads

    serve(Path(folder))


def readable_place(source: Path) -> Path:
    """Return what the process may read of a source: a folder, or that of a file or a pattern."""
    return source if source.is_dir() else source.parent


def _find_sources(folder: Path) -> list[Path]:
    """Return where the data of a gallery lie, read without the libraries of `Gallery`."""
    try:
        data = json.loads((folder / "gallery.json").read_text(encoding="utf-8"))["data"]
        return [Path(source["path"]) for source in data["sources"]]
    except (OSError, ValueError, LookupError, TypeError):
        return []  # opening the gallery tells what is wrong with it


if __name__ == "__main__":
    main(*sys.argv[1:])
