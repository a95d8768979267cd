"""Errors in handlers: one sentence for the visitor, the traceback for the log alone."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from traitlets.log import get_logger

from rsh.errors import InputError

OURS = "Something went wrong, and it is not your doing. Try again, or reload the page."

P = ParamSpec("P")


class Alerting(Protocol):
    """Whoever can show an alert; an empty message takes it away."""

    def alert(self, message: str) -> None:
        """Show the message."""


A = TypeVar("A", bound=Alerting)


def explain(error: BaseException) -> str:
    """Say what to show for an error: an InputError speaks for itself, all else is a defect.

    The traceback goes to the kernel's own log, which the page cannot show; a plain logger
    would print it, paths and all, into the notebook's output.
    """
    if isinstance(error, InputError):
        return str(error)
    get_logger().error("in a handler of the page", exc_info=error)
    return OURS


def guarded(
    handler: Callable[Concatenate[A, P], None],
) -> Callable[Concatenate[A, P], None]:
    """Decorate a method of an `Alerting` object so that no error in it goes unseen."""

    @functools.wraps(handler)
    def guard(self: A, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            handler(self, *args, **kwargs)
        except Exception as error:
            self.alert(explain(error))

    return guard
