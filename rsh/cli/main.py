"""The command line: one function a command, in the order of the work.

Each command imports what it needs when it runs, so that `rsh --help` and `rsh search` by id do
not wait for torch.
"""

import os
import sys
import warnings
from collections.abc import Callable
from typing import Any, TextIO

from rsh.cli import data, encode, evaluate, gallery, parser, search, serve, train
from rsh.errors import InputError, RshWarning
from rsh.text import escape_control_chars

COMMANDS: dict[str, Callable[..., Any]] = {
    "data fetch": data.data_fetch,
    "data list": data.data_list,
    "data tiles": data.data_tiles,
    "train": train.train,
    "encode": encode.encode,
    "project": encode.project,
    "export-onnx": encode.export_onnx,
    "search": search.search,
    "gallery info": gallery.gallery_info,
    "gallery check": gallery.gallery_check,
    "gallery add": gallery.gallery_add,
    "gallery remove": gallery.gallery_remove,
    "gallery merge": gallery.gallery_merge,
    "gallery index": gallery.gallery_index,
    "evaluate": evaluate.evaluate,
    "compare": evaluate.compare,
    "dashboard": serve.dashboard,
}
GROUPS = {
    "data": "List and download data sets, and cut scenes into tiles.",
    "gallery": "Inspect, change and index a gallery.",
}
ABOUT = """Remote-sensing image retrieval by deep hashing: tiles become short binary codes, and a
search returns the codes at the smallest Hamming distance.

The usual order: train a model, encode tiles into a gallery, project it, open the dashboard. `rsh
COMMAND --help` explains each step."""

_noted: set[str] = set()  # texts that were shown; several threads may warn


def main(argv: list[str] | None = None) -> None:
    """Run one command; wrong input ends with one sentence and exit code 2."""
    warnings.showwarning = _note
    _noted.clear()
    try:
        app = parser.make_app(COMMANDS, GROUPS, about=ABOUT)
        parser.call(app, sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()  # here, where a closed pipe is no defect
    except InputError as error:
        print(f"rsh: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except PermissionError as error:  # of a folder that may not even be listed
        file = escape_control_chars(str(error.filename))
        hint = "fix the permissions or choose another path"
        print(f"rsh: cannot read {file}: {error.strerror}; {hint}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except KeyboardInterrupt:
        print("rsh: interrupted; finished work is kept", file=sys.stderr)
        raise SystemExit(130) from None


def _note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show our own warnings as notes, each text once; those of libraries are not for the reader."""
    text = escape_control_chars(str(message))
    if issubclass(category, RshWarning) and text not in _noted:
        _noted.add(text)
        print(f"rsh: note: {text}", file=sys.stderr)
