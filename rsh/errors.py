"""The one exception that speaks to the person at the keyboard."""


class InputError(ValueError):
    """Wrong input: one sentence that names the value and the way out.

    The command line prints it and ends with exit code 2; the page shows it as an alert.
    Anything else that is raised is a defect of ours.
    """


class NoData(InputError):
    """A tile on which there is nothing to see, such as the corner of a scene."""


def first_words(error: Exception) -> str:
    """Return the first sentence of what a library says, or the kind of error if it says nothing."""
    return (str(error) or type(error).__name__).splitlines()[0].split(". ")[0]
