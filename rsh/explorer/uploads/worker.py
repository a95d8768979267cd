"""The process that reads and encodes the images of one visitor: see `client`.

    python -m rsh.explorer.uploads.worker GALLERY FINGERPRINT RUN

Only this process imports torch or ONNX Runtime and decodes untrusted files, so their memory use and
crashes do not affect the dashboard. It gives up its rights first, and then imports large libraries.
"""

import sys
import tempfile
import warnings
from pathlib import Path

from rsh.explorer.uploads.confinement import MEMORY, confine_files, limit_memory, log
from rsh.explorer.uploads.runs import choose_run


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


if __name__ == "__main__":
    main(*sys.argv[1:])
