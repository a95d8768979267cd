"""Joins a panel's JavaScript modules: a widget's code reaches the browser as one text."""

import posixpath
import re
from importlib.resources import files

PANELS = files("rsh.explorer") / "panels"
_IMPORT = re.compile(r'^import \{[^}]*\} from "(\./[\w./]+)";\n', re.MULTILINE)


def bundle(name: str) -> str:
    """Return one module with all it imports from the panels' folder, each once, in order.

    The files stay standard modules. Top-level names must differ between them, because
    the browser gets them as one.

    Args:
        name: a file in the folder `panels`, such as "cards.js".
    """
    done: dict[str, str] = {}
    _visit(name, done)
    parts = [re.sub(r"^export (?!default)", "", text, flags=re.MULTILINE) for text in done.values()]
    return "\n".join(parts)


def stylesheet(name: str) -> str:
    """Return a stylesheet of the panels' folder.

    Args:
        name: a file in the folder `panels`, such as "page.css".
    """
    return PANELS.joinpath(name).read_text(encoding="utf-8")


def _visit(name: str, done: dict[str, str]) -> None:
    if name in done:
        return
    text = PANELS.joinpath(name).read_text(encoding="utf-8")
    for needed in _IMPORT.findall(text):
        _visit(posixpath.normpath(posixpath.join(posixpath.dirname(name), needed)), done)
    done[name] = _IMPORT.sub("", text)
