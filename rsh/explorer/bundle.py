"""Joins JavaScript modules: a widget's code reaches the browser as one text, a site's as one file.

Each module becomes a function that returns its exports, so that names are as free as in modules.
"""

import posixpath
import re
from importlib.resources import files

EXPLORER = files("rsh.explorer")
PANELS = EXPLORER / "panels"
_IMPORT = re.compile(
    r'^import (?:(?P<default>\w+)|\{(?P<names>[^}]*)\}) from "(?P<path>\.\.?/[\w./]+)";\n',
    re.MULTILINE,
)
_EXPORT = re.compile(r"^export (?:async )?(?:function\*?|const|class) (\w+)", re.MULTILINE)


def bundle(name: str) -> str:
    """Return one module with all it imports, each once, in order.

    It exports what the module exports by default, if anything.

    Args:
        name: a file below `rsh/explorer`, such as "panels/cards.js".
    """
    done: dict[str, str] = {}
    _visit(name, done)
    last = f"export default {_variable(name)}.default;\n" if "default:" in done[name] else ""
    return "\n".join([*done.values(), last])


def stylesheet(name: str) -> str:
    """Return a stylesheet of the panels' folder.

    Args:
        name: a file in the folder `panels`, such as "page.css".
    """
    return PANELS.joinpath(name).read_text(encoding="utf-8")


def _visit(name: str, done: dict[str, str]) -> None:
    if name in done:
        return
    text = EXPLORER.joinpath(name).read_text(encoding="utf-8")

    def needed(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), found["path"]))
        _visit(path, done)
        names = f"default: {found['default']}" if found["default"] else found["names"]
        return f"const {{ {' '.join(names.replace(' as ', ': ').split())} }} = {_variable(path)};\n"

    body = _IMPORT.sub(needed, text)
    exports = _EXPORT.findall(body)
    body = re.sub(r"^export (?=async |function|const|class)", "", body, flags=re.MULTILINE)
    body, defaults = re.subn(r"^export default ", "const exported = ", body, flags=re.MULTILINE)
    given = ", ".join([*(["default: exported"] if defaults else []), *exports])
    done[name] = f"const {_variable(name)} = (() => {{\n{body}return {{ {given} }};\n}})();"


def _variable(name: str) -> str:
    """Return the variable that holds the exports of a module."""
    return re.sub(r"\W", "_", name)
