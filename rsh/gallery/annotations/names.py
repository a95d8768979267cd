"""Names of classes, sets and groups, as visitors type them."""

import re
import unicodedata

from rsh.errors import InputError

MAX_NAME = 60  # characters
SEPARATORS = ",;"  # between names of sets in conditions and tables
COLOR = re.compile(r"#[0-9a-f]{6}")


def tidy_name(text: str) -> str:
    """Return a text as a name is written, by which it can be looked up; it may be no name.

    It has no spaces around it, any kind of space becomes a plain one, and letters are composed
    (NFC).
    """
    spaced = "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in text)
    return unicodedata.normalize("NFC", spaced.strip())


def clean_name(text: str, *, parameter: str = "name") -> str:
    """Return a name as `tidy_name` writes it. Markup is allowed; it is shown as text.

    Args:
        text: what was typed.
        parameter: the argument that an error names.

    Raises:
        InputError: the name is empty, longer than 60 characters, or has a character that cannot be
            seen.
    """
    name = tidy_name(text)
    if not 1 <= len(name) <= MAX_NAME:
        raise InputError(
            f"write 1 to {MAX_NAME} characters, not {len(name)}",
            parameter=parameter,
            value=name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}...",
        )
    if not name.isprintable():
        raise InputError("remove what cannot be seen", parameter=parameter, value=name)
    return name


def clean_set_name(text: str, *, parameter: str = "name") -> str:
    """Return the name of a set, see `clean_name`; commas and semicolons stand between such names.

    Raises:
        InputError: as there, or the name has a comma or a semicolon.
    """
    name = clean_name(text, parameter=parameter)
    if any(letter in name for letter in SEPARATORS):
        raise InputError(
            "a set has no comma and no semicolon in its name", parameter=parameter, value=name
        )
    return name


def clean_color(text: str) -> str:
    """Return a color in lower case, such as #1f77b4; "" for none.

    Raises:
        InputError: it is no such color.
    """
    color = text.strip().lower()
    if color and not COLOR.fullmatch(color):
        raise InputError("write it as #1f77b4", parameter="color", value=text)
    return color
