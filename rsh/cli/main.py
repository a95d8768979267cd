"""The command line.

`rsh --help` is printed from here, without the library that reads commands. Each command imports
what it needs when it runs, so that `rsh search` by id does not wait for torch.
"""

import errno
import io
import os
import sys
import warnings
from typing import TextIO

from rsh.cli.layout import columns, wrapped
from rsh.errors import InputError, RshWarning
from rsh.text import escape_control_chars

OVERVIEW = {
    "data": "List, download and check data sets, and cut scenes into tiles.",
    "backbones": "List backbones: parameters, bands, input, license, and whether their weights are "
    "here.",
    "train": "Train a model on tiles or embeddings, with labels or without.",
    "encode": "Encode tiles with a trained model into a gallery folder.",
    "project": "Compute 2D maps of a gallery's feature space and hash space (UMAP), for the "
    "dashboard.",
    "groups": "Find groups of tiles with similar codes, without any label, and store them in the "
    "gallery.",
    "unusual": "List the tiles that are most unlike all others.",
    "export-onnx": "Export a trained network to ONNX, so that images are encoded without torch.",
    "search": "Find the tiles whose codes differ least from the query's.",
    "duplicates": "Find groups of near duplicates: tiles with near codes that look alike, the "
    "most alike first.",
    "leaks": "Find queries and validation tiles with a near duplicate on the other side of the "
    "split.",
    "suggest": "Name the tiles to label next: typical, far apart, and of uncertain class.",
    "classify": "Count the tiles that are probably of each class, by the labels of a few.",
    "learn": "Teach a gallery's codes by labels, and write a new gallery beside it.",
    "gallery": "Inspect, change and index a gallery.",
    "labels": "Give tiles classes, collect them in sets, import and export both.",
    "evaluate": "Evaluate a trained model, and write evaluation.json into its run folder.",
    "compare": "Compare trained models side by side, and state whether their results are "
    "comparable.",
    "dashboard": "Serve the dashboard: pick a tile, search, and inspect the results.",
    "site": "Write a folder of static files that shows a gallery in the browser, without Python.",
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
    words = sys.argv[1:] if argv is None else argv
    _prepare_output()
    try:
        _check_file_names()
        if words in (["--help"], ["-h"]):
            print(overview())
        else:
            run(words)
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
        _drop_output()
        raise SystemExit(141) from None
    except OSError as error:
        if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EIO):
            raise
        _drop_output()
        print(f"rsh: the output cannot be written: {error.strerror}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("rsh: interrupted; finished work is kept", file=sys.stderr)
        raise SystemExit(130) from None


def _prepare_output() -> None:
    """Let output go where there is none, and write what a terminal cannot show as escapes."""
    if sys.stdout is None:  # it was closed
        sys.stdout = open(os.devnull, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Send the rest of the output nowhere, so that its end raises no further error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _check_file_names() -> None:
    """Refuse an environment in which names of files would be read as other names."""
    encoding = sys.getfilesystemencoding()
    if encoding.lower().replace("-", "") != "utf8":
        raise InputError(f"file names are read as {encoding} here: set PYTHONUTF8=1")


def overview() -> str:
    """Return what `rsh --help` prints."""
    listed = columns(
        "commands", [*OVERVIEW.items(), ("-h, --help", "Display this message and exit.")]
    )
    return f"usage: rsh COMMAND\n\n{wrapped(ABOUT)}\n\n{listed}"


def run(words: list[str]) -> None:
    """Run the command that the words name.

    Raises:
        InputError: the words make no sense, or the command raises it.
        SystemExit: help was asked for.
    """
    from rsh.cli import parser
    from rsh.cli.commands import COMMANDS

    parser.call(parser.make_app(COMMANDS, OVERVIEW, about=ABOUT), words)


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
