"""The process that learns from labels for the dashboard: see `client`.

    python -m rsh.explorer.learning.worker

It reads one line of JSON, {"gallery", "labels", "output", "name", "seed"}, and answers with lines:
any number of {"fraction", "stage", "seconds_left"}, and last {"report"} or {"error"}. Only this
process imports torch. SIGTERM, or a closed connection, stops it; nothing is left behind then.
"""

import json
import os
import signal
import sys
import threading
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rsh.errors import InputError
from rsh.explorer.uploads.confinement import MEMORY, limit_memory
from rsh.learning.progress import Progress

NICE = 5  # so that the dashboard answers meanwhile


def main() -> None:
    """Answer one request."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # output of libraries must not mix with the answers
    signal.signal(signal.SIGTERM, _stop)
    warnings.simplefilter("ignore")
    limit_memory(MEMORY)
    os.nice(NICE)

    def answer(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    def watch(progress: Progress) -> None:
        answer(progress._asdict())

    watch(Progress(0.0, "starting", None))
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_wait_for_end, daemon=True).start()
    try:
        answer({"report": _learn(request, watch)})
    except InputError as error:
        answer({"error": str(error)})
    except MemoryError:
        answer({"error": "learning takes more memory than there is: close other programs"})


def _learn(request: dict[str, Any], watch: Any) -> dict[str, Any]:
    from rsh.gallery.gallery import Gallery
    from rsh.learning.learn import learn  # torch

    gallery = Gallery.open(request["gallery"])
    labels, output = request["labels"], Path(request["output"])
    done = learn(gallery, labels, output, name=request["name"], seed=request["seed"], watch=watch)
    return asdict(done.report)


def _wait_for_end() -> None:
    """Stop the process when the dashboard closes the connection, or is gone."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()
