"""`refused`: what a refusal must name. Its wording is held in golden/messages.txt alone."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rsh.errors import InputError

ANY = object()


@contextmanager
def refused(
    parameter: str | None = None,
    *,
    value: object = ANY,
    names: object | tuple[object, ...] = (),
    kind: type[InputError] = InputError,
) -> Iterator[pytest.ExceptionInfo[InputError]]:
    """Expect wrong input to be refused.

    Args:
        parameter: the argument that the error must blame, None for errors that blame none.
        value: what the error must say was given for it, by default anything.
        names: what the message must name, such as a file, an id or a number: one or several.
        kind: of error.

    Yields:
        The error as `pytest.raises` has it.
    """
    with pytest.raises(kind) as error:
        yield error
    wrong, message = error.value, str(error.value)
    if parameter is not None:
        assert wrong.parameter == parameter, message
    if value is not ANY:
        assert wrong.value == value, message
    for name in names if isinstance(names, tuple) else (names,):
        text = re.escape(str(name))
        pattern = rf"(?<!\d){text}(?!\d)" if isinstance(name, int | float) else text
        assert re.search(pattern, message), f"{name} is not named: {message}"
