"""The process that reads and encodes the images of one visitor: see `client`.

    python -m rsh.explorer.uploads.worker GALLERY FINGERPRINT RUN

Only this process imports torch or ONNX Runtime and decodes untrusted files, so their memory use and
crashes do not affect the dashboard. It gives up its rights first, and then imports large libraries.
"""

import json
import sys
import tempfile
import warnings
from pathlib import Path

from rsh.explorer.uploads.confinement import MEMORY, confine_files, limit_memory, log


def main(folder: str, fingerprint: str, run: str) -> None:
    """Answer messages with the network of a gallery, from `run` if its own run is gone."""
    warnings.simplefilter("ignore")  # such as how an image was converted
    limit_memory(MEMORY)
    run = find_run(Path(folder)) or run
    readable = [Path(folder), *([Path(run)] if run else [])]
    if not confine_files(readable, Path(tempfile.gettempdir())):
        log("the encoder can read and write what you can: this system has no Landlock")
    from rsh.explorer.uploads.answers import serve  # its libraries start threads

    serve(folder, fingerprint, run)


def find_run(folder: Path) -> str:
    """Return the run folder that a gallery names, read without the libraries of `Gallery`.

    Returns:
        "" if it names none, or if this is gone.
    """
    try:
        run = json.loads((folder / "gallery.json").read_text(encoding="utf-8"))["model"]["run"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # opening the gallery tells what is wrong with it
    return run if isinstance(run, str) and run and Path(run).is_dir() else ""


if __name__ == "__main__":
    main(*sys.argv[1:])
