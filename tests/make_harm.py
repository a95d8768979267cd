"""Every way to spoil one value of a JSON object, however deep it lies."""

import copy
import json
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from rsh.errors import InputError

VALUES = ("32x", "", 0, -1, 2.5, 10**30, math.nan, True, None, [], {}, {"a": 1})


def survived(file: Path, use: Callable[[str], None]) -> set[str]:
    """Spoil a JSON file in every way, and return the keys with which `use` still works.

    Anything but an InputError goes through to the test.
    """
    works = set()
    for done, spoilt in harmed(json.loads(file.read_text())):
        file.write_text(json.dumps(spoilt))
        with suppress(InputError):
            use(done)
            works.add(done.split()[0])
    return works


def harmed(value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what was done, and the object with one key deleted, renamed or changed."""
    for path in _paths(value):
        where = ".".join(map(str, path))
        for what, new in [("deleted", None), ("renamed", None), *(("changed", v) for v in VALUES)]:
            spoilt = copy.deepcopy(value)
            inner: Any = spoilt
            for key in path[:-1]:
                inner = inner[key]
            old = inner.pop(path[-1])
            if what == "renamed":
                inner[path[-1] + "_"] = old
            elif what == "changed":
                inner[path[-1]] = new
            if spoilt != value or type(new) is not type(old):  # it may have had this value
                yield f"{where} {what} {new!r}", spoilt


def _paths(value: dict[str, Any]) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to every key, through objects and lists of them."""
    for key, inner in value.items():
        yield (key,)
        if isinstance(inner, dict):
            yield from ((key, *path) for path in _paths(inner))
        elif isinstance(inner, list):
            objects = [
                (number, each) for number, each in enumerate(inner) if isinstance(each, dict)
            ]
            yield from ((key, n, *path) for n, each in objects for path in _paths(each))
