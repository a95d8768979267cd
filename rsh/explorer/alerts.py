"""Errors in handlers: one sentence for the visitor, the traceback for the log only."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from traitlets.log import get_logger

from rsh.errors import InputError

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
        return str(error)
    get_logger().error("in a handler of the dashboard", exc_info=error)
    return OURS


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
