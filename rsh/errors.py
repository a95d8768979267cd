"""Errors and warnings that speak to the user: wrong input, and notes about how it was read."""

from rsh.text import escape_control_chars


class RshWarning(UserWarning):
    """A note of rsh's own, such as a tile that was left out: the command line shows each once."""


class InputError(ValueError):
    """Wrong input: one sentence that names the value and the way out.

    The command line prints it and ends with exit code 2; the page shows it as an alert. Any other
    exception is a defect of rsh. Messages quote files of others, so characters that cannot be seen
    are written out: see `escape_control_chars`.

    Args:
        message: what is wrong and how to fix it. With a parameter, what follows "name=value: ".
        parameter: the argument that is wrong, as the library calls it. The command line puts the
            flag in its place.
        value: what was given for it.

    Attributes:
        reason: the message without parameter and value.
    """

    def __init__(self, message: str, *, parameter: str | None = None, value: object = None) -> None:
        self.parameter, self.value, self.reason = parameter, value, escape_control_chars(message)
        named = "" if parameter is None else f"{parameter}={value}: "
        super().__init__(escape_control_chars(f"{named}{message}"))


class NoData(InputError):
    """A tile on which there is nothing to see, such as the corner of a scene."""
