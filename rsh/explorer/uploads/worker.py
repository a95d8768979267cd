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
from typing import Any

from rsh.explorer.uploads.confinement import MEMORY, confine_files, limit_memory, log


def main(folder: str, fingerprint: str, run: str) -> None:
    """Answer messages with the network of a gallery, from `run` if its own run is gone."""
    warnings.simplefilter("ignore")  # such as how an image was converted
    limit_memory(MEMORY)
    run = choose_run(Path(folder), run)
    readable = [Path(folder), *([Path(run)] if run else [])]
    if not confine_files(readable, Path(tempfile.gettempdir())):
        log("the encoder can read and write what you can: this system has no Landlock")
    from rsh.explorer.uploads.answers import serve  # its libraries start threads

    serve(folder, fingerprint, run)


def choose_run(folder: Path, given: str) -> str:
    """Return the run that made a gallery, read without the libraries of `Gallery`.

    Args:
        folder: of the gallery.
        given: another run folder, where the gallery's own may have moved; "" for none.

    Returns:
        `given` if its network made the gallery, or if the folder that the gallery names is gone;
        else this folder, "" if there is none.
    """
    model = _read_json(folder / "gallery.json").get("model")
    own = model.get("run") if isinstance(model, dict) else None
    if isinstance(model, dict) and given:
        if _read_json(Path(given) / "config.json").get("fingerprint") == model.get("fingerprint"):
            return given
    return own if isinstance(own, str) and own and Path(own).is_dir() else given


def _read_json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # opening the gallery or the run says what is wrong with it
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    main(*sys.argv[1:])
