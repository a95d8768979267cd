"""The one exception that speaks to the person at the keyboard."""

import unicodedata


class InputError(ValueError):
    """Wrong input: one sentence that names the value and the way out.

    The command line prints it and ends with exit code 2; the page shows it as an alert.
    Anything else that is raised is a defect of ours. What it names comes from files of others, so
    characters that cannot be seen are written out: see `one_line`.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class NoData(InputError):
    """A tile on which there is nothing to see, such as the corner of a scene."""


def one_line(text: str) -> str:
    r"""Write line breaks, turns of the writing and the like as escapes, such as \n or \u202e.

    A name must neither end a line, nor steer a terminal, nor read as another.
    """
    return text if text.isprintable() else "".join(map(_seen, text))


def _seen(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode()


def first_words(error: Exception) -> str:
    """Return the first sentence of what a library says, or the kind of error if it says nothing."""
    return (str(error) or type(error).__name__).splitlines()[0].split(". ")[0]
