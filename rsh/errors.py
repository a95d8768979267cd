"""The one exception that speaks to the person at the keyboard."""


class InputError(ValueError):
    """Wrong input: one sentence that names the value and the way out.

    The command line prints it and ends with exit code 2; the page shows it as an alert.
    Anything else that is raised is a defect of ours.
    """
