"""The way back to a view: lines of Python, or one line of a shell, that ask the same again.

Both name the gallery's folder as it was opened. What a person has picked out of an answer is picked
again by the lines of Python; the shell prints the whole answer.
"""

import shlex
from collections.abc import Iterator
from typing import Any

from rsh.errors import InputError
from rsh.gallery.filters import Filter
from rsh.search.results import Question, View

WIDTH = 100  # characters of a line of Python
PYTHON = "take the lines of Python"


def to_python(view: View, *, folder: str = "") -> str:
    """Return lines of Python that find the tiles of a view; `hits` are they.

    Args:
        view: what is asked again.
        folder: where the gallery lies for the reader; by default where it was opened.
    """
    asked = view.question.arguments()
    names = "Condition, Filter" if _conditions(view.question.where) else "Filter"
    lines = [
        "from rsh import Gallery",
        "from rsh.search.retrieve import search",
        *([f"from rsh.gallery.filters import {names}"] if "where" in asked else []),
        "",
        f"gallery = Gallery.open({_literal(folder or str(view.gallery.folder))})",
        _call("answer = search", ["gallery", *_arguments(view.question)]),
        f"hits = {_picked(view)}",
        "print(answer)",
    ]
    return "\n".join(lines) + "\n"


def to_command(view: View, *, folder: str = "") -> str:
    """Return the command line that prints the answer of which a view shows tiles.

    Args:
        view: what is asked again.
        folder: where the gallery lies for the reader; by default where it was opened.

    Raises:
        InputError: an id or a condition holds what a command line cannot say.
    """
    question = view.question
    folder = folder or str(view.gallery.folder)
    words = ["rsh", "search", f"./{folder}" if folder.startswith("-") else folder]
    for name, flag in (("top_k", "-k"), ("radius", "--radius"), ("pool", "--pool")):
        value = getattr(question, name)
        words += [] if value is None else [flag, str(value)]
    words += [] if question.rerank is None else ["--rerank", question.rerank]
    for name in ("like", "unlike"):
        ids = getattr(question, name)
        if any("," in tile or not tile for tile in ids):
            raise InputError(
                f"a command line has commas between ids, {PYTHON}", parameter=name, value=ids
            )
        words += [f"--{name}={','.join(ids)}"] if ids else []
    if _conditions(question.where):
        raise InputError(
            f"a command line would split it, {PYTHON}", parameter="where", value=question.where
        )
    words += [f"--where={condition}" for condition in question.where.conditions]
    if question.query in ("", "--") or any("\0" in word for word in (*words, question.query)):
        raise InputError(
            f"this cannot be typed, {PYTHON}", parameter="query", value=repr(question.query)
        )
    # Behind two dashes nothing is a flag, whatever a tile is called.
    words += ["--", question.query] if question.query.startswith("-") else [question.query]
    return shlex.join(words)


def _arguments(question: Question) -> Iterator[str]:
    yield _literal(question.query)
    for name, value in question.arguments().items():
        if name in ("like", "unlike"):
            yield f"{name}={_listed(value)}"
        elif name == "where":
            yield f"where={_where(value)}"
        else:
            yield f"{name}={_literal(value)}"


def _where(where: Filter) -> str:
    if not _conditions(where):
        return f"Filter.read({_listed([str(condition) for condition in where.conditions])})"
    parts = [repr(condition) for condition in where.conditions]
    return f"Filter(({', '.join(parts)},))"


def _conditions(where: Filter) -> bool:
    """Whether conditions have to be written one by one, as their text would be read otherwise."""
    try:
        return Filter.read([str(condition) for condition in where.conditions]) != where
    except InputError:
        return True


def _picked(view: View) -> str:
    """Say which hits of the answer are shown."""
    ranks = [tile.rank for tile in view.tiles]
    if ranks == list(range(1, len(ranks) + 1)):
        return "answer.hits" if len(ranks) == view.question.top_k else f"answer.hits[:{len(ranks)}]"
    return f"[answer.hits[rank - 1] for rank in {ranks}]"


def _call(start: str, arguments: list[str]) -> str:
    line = f"{start}({', '.join(arguments)})"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{start}(", *(f"    {argument}," for argument in arguments), ")"])


def _listed(texts: Any) -> str:
    return f"[{', '.join(map(_literal, texts))}]"


def _literal(value: Any) -> str:
    """Write a value as Python reads it, texts in double quotes where that needs no escapes."""
    text = repr(value)
    return f'"{text[1:-1]}"' if text.startswith("'") and '"' not in text else text
