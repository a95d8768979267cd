"""Errors in handlers: one sentence for the visitor, the traceback for the log only."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from traitlets.log import get_logger

from rsh.errors import InputError
from rsh.text import escape_control_chars

# Parameters of the library as a visitor knows them; others are called as they are.
WORDS = {
    "rerank": "way to rank",
    "order": "way to rank",
    "labels": "file of labels",
    "positive": "tile",
    "negative": "tile",
    "query": "tile",
    "author": "name of a person",
    "class": "name of a class",
    "set": "name of a set",
    "top_k": "number of tiles",
}
NAMES = ("name", "class", "set")  # parameters that a visitor types a name for
NO_NAME = "type a name first"
QUOTED = "\N{LEFT DOUBLE QUOTATION MARK}{}\N{RIGHT DOUBLE QUOTATION MARK}"
OURS = "Something went wrong on our side. Try again or reload the page."

P = ParamSpec("P")


class Alerting(Protocol):
    """An object that can show an alert; an empty message removes it."""

    def alert(self, message: str) -> None:
        """Show the message."""


A = TypeVar("A", bound=Alerting)


def explain(error: BaseException) -> str:
    """Return the message for an error: that of an InputError, or a general one for a defect.

    The traceback goes to the kernel's own log, which the dashboard does not show; a plain logger
    would print it, with its paths, into the notebook's output.
    """
    if isinstance(error, InputError):
        return in_words(error)
    get_logger().error("in a handler of the dashboard", exc_info=error)
    return OURS


def in_words(error: InputError) -> str:
    """Return the message of wrong input, with the parameter in a visitor's words.

    `filter=nothing: write it as ...` becomes "the filter “nothing”: write it as ...".
    """
    if error.parameter is None:
        return str(error)
    words = WORDS.get(error.parameter, error.parameter.replace("_", " "))
    value = escape_control_chars(str(error.value))
    if error.parameter in NAMES and not value.strip():
        return NO_NAME
    return f"the {words} {QUOTED.format(value)}: {error.reason}"


def guarded(
    handler: Callable[Concatenate[A, P], None],
) -> Callable[Concatenate[A, P], None]:
    """Decorate a method of an `Alerting` object so that it shows its errors as alerts."""

    @functools.wraps(handler)
    def guard(self: A, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            handler(self, *args, **kwargs)
        except Exception as error:
            self.alert(explain(error))

    return guard
