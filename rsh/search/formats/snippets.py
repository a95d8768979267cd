"""Generate a Python snippet or a shell command that reproduces a search.

Both name the gallery's folder as it was opened. A part of the results is taken again by the Python
snippet; the command prints all results. Tiles that a visitor selected in a map are named.
"""

import shlex
from collections.abc import Iterator
from typing import Any

from rsh.config import DEFAULT_TOP_K
from rsh.errors import InputError
from rsh.gallery.filters import Filter
from rsh.search.results import SearchResult
from rsh.text import escape_control_chars

WIDTH = 100  # characters of a line of Python
MOST_NAMED = 1000  # tiles in a snippet
FLAGS = {
    "top_k": "-k",
    "radius": "--radius",
    "rerank": "--rerank",
    "rerank_depth": "--rerank-depth",
    "look_weight": "--look-weight",
}
PYTHON = "use the Python snippet"


def to_python(result: SearchResult, *, folder: str = "") -> str:
    """Return Python code that finds these tiles again, as `shown`.

    Args:
        result: the tiles.
        folder: where the reader keeps the gallery; by default where it was opened.
    """
    arguments = list(_arguments(result))
    filter_ = result.options.filter
    names = "Condition, Filter" if _needs_conditions(filter_) else "Filter"
    lines = [
        "from rsh import Gallery",
        *([f"from rsh.gallery.filters import {names}"] if filter_ else []),
        "from rsh.search.retrieve import search",
        "",
        f"gallery = Gallery.open({_literal(folder or str(result.gallery.folder))})",
        _call("result = search", ["gallery", *arguments]),
        f"shown = {_selection(result)}",
        "print(result)",
    ]
    return "\n".join(lines) + "\n"


def selection_to_python(result: SearchResult, *, folder: str = "") -> str:
    """Return Python code that finds selected tiles by their ids, as `shown`.

    Args:
        result: the tiles, which no search found.
        folder: where the reader keeps the gallery; by default where it was opened.

    Raises:
        InputError: they are too many to be named.
    """
    if len(result) > MOST_NAMED:
        raise InputError(
            f"{len(result):,} tiles are too many for a snippet, which names at most "
            f"{MOST_NAMED:,}: export them as CSV"
        )
    ids = [result.gallery.ids[row] for row in result.rows.tolist()]
    lines = [
        "from rsh import Gallery",
        "",
        f"gallery = Gallery.open({_literal(folder or str(result.gallery.folder))})",
        "ids = [",
        *(f"    {_literal(tile)}," for tile in ids),
        "]",
        'shown = gallery.items.set_index("id").loc[ids]',
        "print(shown)",
    ]
    return "\n".join(lines) + "\n"


def to_command(result: SearchResult, *, folder: str = "") -> str:
    """Return the command line that prints the results of which these tiles are a selection.

    Args:
        result: the tiles.
        folder: where the reader keeps the gallery; by default where it was opened.

    Raises:
        InputError: an id or a condition cannot be written on a command line.
    """
    options, query = result.options, result.name
    folder = folder or str(result.gallery.folder)
    words = ["rsh", "search", f"./{folder}" if folder.startswith("-") else folder]
    for name, flag in FLAGS.items():
        value = getattr(options, name)
        words += [] if value is None else [flag, str(value)]
    words += ["--include-held-out"] if options.include_held_out else []
    for name, ids in result.feedback().items():
        if any("," in tile or not tile for tile in ids):
            raise InputError(
                f"a command line has commas between ids, {PYTHON}", parameter=name, value=ids
            )
        words += [f"--{name}={','.join(ids)}"] if ids else []
    if _needs_conditions(options.filter):
        raise InputError(
            f"a command line would split it, {PYTHON}", parameter="filter", value=options.filter
        )
    words += [f"--filter={condition}" for condition in options.filter.conditions]
    # A terminal obeys control characters in what is pasted: a line break runs the line.
    if query in ("", "--") or any(word != escape_control_chars(word) for word in (*words, query)):
        raise InputError(f"this cannot be typed, {PYTHON}", parameter="query", value=repr(query))
    if result.query.is_text:
        return shlex.join([*words, f"--text={query}"])
    # After two dashes nothing is read as a flag, whatever the tile is called.
    words += ["--", query] if query.startswith("-") else [query]
    return shlex.join(words)


def _arguments(result: SearchResult) -> Iterator[str]:
    yield f"text={_literal(result.name)}" if result.query.is_text else _literal(result.name)
    for name, value in result.options.given().items():
        yield f"{name}={_filter(value) if name == 'filter' else _literal(value)}"
    for name, ids in result.feedback().items():
        if ids:
            yield f"{name}={_literal(ids)}"


def _filter(filter: Filter) -> str:
    if not _needs_conditions(filter):
        return f"Filter.read({_literal([str(condition) for condition in filter.conditions])})"
    conditions = [repr(condition) for condition in filter.conditions]
    return f"Filter(({', '.join(conditions)},))"


def _needs_conditions(filter: Filter) -> bool:
    """Whether the conditions must be written one by one, as their texts read otherwise."""
    try:
        return Filter.read([str(condition) for condition in filter.conditions]) != filter
    except InputError:
        return True


def _selection(result: SearchResult) -> str:
    """Write which of the results are shown."""
    count, ranks = len(result), result.ranks.tolist()
    if ranks == list(range(1, count + 1)):
        whole = count == (result.options.top_k or DEFAULT_TOP_K)
        return "result" if whole else f"result.take(slice({count}))"
    return f"result.take({[rank - 1 for rank in ranks]})"


def _call(start: str, arguments: list[str]) -> str:
    line = f"{start}({', '.join(arguments)})"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{start}(", *(f"    {argument}," for argument in arguments), ")"])


def _literal(value: Any) -> str:
    """Write a value as Python reads it, texts in double quotes where that needs no escapes."""
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    text = repr(value)
    return f'"{text[1:-1]}"' if text.startswith("'") and '"' not in text else text
