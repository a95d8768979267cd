"""Joins the page's JavaScript modules: a widget's code reaches the browser as one text."""

import re
from pathlib import Path

STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)


def bundle(name: str) -> str:
    """Return one module with all it imports from its own folder, each once, in order.

    The files stay standard modules. Top-level names must differ between them, because
    the browser gets them as one.

    Args:
        name: a file in the folder `static`, such as "cards.js".
    """
    done: dict[str, str] = {}
    _visit(name, done)
    parts = [re.sub(r"^export (?!default)", "", text, flags=re.MULTILINE) for text in done.values()]
    return "\n".join(parts)


def _visit(name: str, done: dict[str, str]) -> None:
    if name in done:
        return
    text = (STATIC / name).read_text(encoding="utf-8")
    for needed in _IMPORT.findall(text):
        _visit(needed, done)
    done[name] = _IMPORT.sub("", text)
