"""The process that encodes the words of one visitor: see `client`.

    python -m rsh.explorer.uploads.text_worker GALLERY FINGERPRINT RUN

It stands beside `worker`, because a text tower takes as much memory as a network, and reads weights
that lie outside the gallery and its run. It reads no file of a visitor.
"""

import os
import sys
import tempfile
import warnings
from pathlib import Path

from rsh.explorer.uploads.confinement import MEMORY, confine_files, limit_memory, log
from rsh.explorer.uploads.runs import choose_run


def main(folder: str, fingerprint: str, run: str) -> None:
    """Answer messages with the text tower of a gallery, from `run` if its own run is gone."""
    warnings.simplefilter("ignore")
    limit_memory(MEMORY)
    run = choose_run(Path(folder), run)
    readable = [Path(folder), *([Path(run)] if run else []), *_weight_folders()]
    if not confine_files(readable, Path(tempfile.gettempdir())):
        log("the encoder can read and write what you can: this system has no Landlock")
    from rsh.explorer.uploads.text_answers import serve  # its libraries start threads

    serve(folder, fingerprint, run)


def _weight_folders() -> list[Path]:
    """Return the folders of weights: ours, and that of the hub's library."""
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    ours = Path(os.environ.get("RSH_CACHE") or user / "rsh")
    hub = Path(os.environ.get("HF_HOME") or user / "huggingface") / "hub"
    return [ours / "backbones", Path(os.environ.get("HF_HUB_CACHE") or hub)]


if __name__ == "__main__":
    main(*sys.argv[1:])
