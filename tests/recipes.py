"""What recipes for publishing say: a reading of Dockerfiles and of nginx's language."""

import json
import re
from pathlib import Path
from typing import Any


def instructions(file: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile with what follows them, each on one line."""
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ")
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in whole.splitlines() if line]


def named(file: Path, word: str) -> list[str]:
    return [rest for first, rest in instructions(file) if first == word]


def command(file: Path) -> list[str]:
    """What a container runs."""
    return [
        part
        for word in ("ENTRYPOINT", "CMD")
        for rest in named(file, word)
        for part in json.loads(rest)
    ]


def health_check(file: Path) -> list[str]:
    """What a container is asked to see whether it is well, as it would be run here."""
    (check,) = named(file, "HEALTHCHECK")
    return list(json.loads(check[check.index("CMD ") + 4 :]))


def directives(text: str) -> list[Any]:
    """Read nginx's language: a directive is its words, and those within it if it has any."""
    tokens = re.findall(r'#[^\n]*|"[^"]*"|[{};]|[^\s{};"#]+', text)
    stack: list[list[Any]] = [[]]
    words: list[str] = []
    for token in tokens:
        if token == ";":
            stack[-1].append((words, []))
            words = []
        elif token == "{":
            inner: list[Any] = []
            stack[-1].append((words, inner))
            stack.append(inner)
            words = []
        elif token == "}":
            assert not words, words
            stack.pop()
        elif not token.startswith("#"):
            words.append(token.strip('"'))
    assert len(stack) == 1
    assert not words
    return stack[0]


def said(file: Path) -> list[list[str]]:
    """All directives of a configuration of nginx, wherever they stand."""

    def flat(some: list[Any]) -> list[list[str]]:
        return [words for first, inner in some for words in [first, *flat(inner)]]

    return flat(directives(file.read_text()))
